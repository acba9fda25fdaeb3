"""The note's plug-in lines in one shell of one lab, as typed; the answers are the API server's own."""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rehearsal.conftest import Lab

NOTE = (
    "kubectl krew install access-matrix rbac-tool ~~rbac-view~~ rolesum whoami",
    "kubectl krew list",
    "kubectl ns default",
    "kubectl whoami",
    "kubectl access-matrix",
    "kubectl access-matrix --namespace default",
    "kubectl rbac-tool lookup",
    "kubectl rbac-tool lookup system:masters",
    "kubectl rbac-tool lookup system:nodes",
    "kubectl rbac-tool lookup system:bootstrappers",
    "kubectl rbac-tool policy-rules",
    "kubectl rbac-tool policy-rules -e '^system:.*'",
    "kubectl rbac-tool policy-rules -e '^system:authenticated'",
    "kubectl rbac-tool whoami",
    "kubectl rolesum -k User system:kube-proxy",
    "kubectl rolesum -k Group system:masters",
    "kubectl rolesum -k Group system:nodes",
    "kubectl rolesum -k Group system:authenticated",
    "kubectl df-pv",
)
OTHERS = (
    "kubectl access-matrix --namespace default --sa dev-team:dev-k8s -o ascii-table",
    "kubectl access-matrix --namespace dev-team --sa dev-k8s -o ascii-table",
    "kubectl rolesum dev-k8s -n dev-team",
    "kubectl rbac-tool who-can get secrets -o json",
    "kubectl rbac-view --render json",
    "kubectl ns dev-team; kubectl ns -c; kubectl ns -",
    "kubectl auth whoami -o json",
    "kubectl get clusterrolebindings,rolebindings -A -o json",
)
REFUSED = (
    "kubectl whoami --context nowhere",
    "kubectl rolesum nobody",
    "ssh -o StrictHostKeyChecking=no ec2-user@$N1 uptime",
    'ping -c 1 "$(kubectl get node -o jsonpath={.items[0].status.addresses[0].address})"',
    "open https://kubeopsview.$MyDomain",
)
Answers = Mapping[str, str]


@pytest.fixture(scope="module")
def up(lab: Lab) -> Lab:
    """A lab with the teams of exercise RBAC."""
    lab.set(exercises={"rbac": "after"})
    lab("up")
    return lab


@pytest.fixture(scope="module")
def answers(up: Lab, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What each line has shown, in one shell: stdout, stderr and `code=N`."""
    script = tmp_path_factory.mktemp("note") / "lines"
    lines = (*NOTE, *OTHERS, *REFUSED)
    script.write_text("".join(f"echo '== {number}'\n{line}\necho code=$?\n" for number, line in enumerate(lines)))
    shown = up.sh(f". {script} 2>&1").split("== ")[1:]
    return {line: text.partition("\n")[2] for line, text in zip(lines, shown, strict=True)}


@pytest.mark.parametrize("line", [*NOTE, *OTHERS])
def test_each_line_works_as_typed(line: str, answers: Answers) -> None:
    assert answers[line].endswith("code=0\n"), answers[line]


def test_the_caller_is_whom_the_api_server_takes_it_for(answers: Answers) -> None:
    seen = json.loads(answers["kubectl auth whoami -o json"].rpartition("code=")[0])["status"]["userInfo"]
    assert answers["kubectl whoami"] == f"{seen['username']}\ncode=0\n"
    told = answers["kubectl rbac-tool whoami"]
    assert f'{{Username: "{seen["username"]}",' in told
    assert all(f'"{group}"' in told for group in seen["groups"])
    assert "canonicalArn:" in told


def cells(answer: str) -> set[str]:
    """All cells of an ASCII table, without the heads and the names."""
    return {cell for line in answer.splitlines()[1:-1] for cell in line.split()[1:]}


def test_the_matrix_of_an_account_is_its_roles(answers: Answers) -> None:
    # Exercise RBAC: everything in its own namespace, nothing elsewhere.
    elsewhere, own, *_ = OTHERS
    assert cells(answers[elsewhere]) == {"no", "n/a"}
    assert cells(answers[own]) == {"yes", "n/a"}
    assert re.search(r"(?m)^pods +no +no +no +no$", answers[elsewhere])
    assert "configmaps" in answers[own]


def test_the_callers_own_matrix_has_what_no_role_says(answers: Answers) -> None:
    # The operator comes in by an access policy of EKS, which RBAC does not show.
    assert re.search(r"(?m)^clusterroles\S* +✔ +✔ +✔ +✔$", answers["kubectl access-matrix"])
    assert "No namespace given" in answers["kubectl access-matrix"]
    namespaced = answers["kubectl access-matrix --namespace default"]
    assert re.search(r"(?m)^deployments\.apps +✔ +✔ +✔ +✔$", namespaced)
    assert not re.search(r"(?m)^nodes ", namespaced)


def test_every_bound_subject_is_found(answers: Answers) -> None:
    items = json.loads(answers[OTHERS[-1]].rpartition("code=")[0])["items"]
    bound = {(one["name"], item["metadata"]["name"]) for item in items for one in item.get("subjects") or ()}
    rows = [[cell.strip() for cell in line.split("|")] for line in answers["kubectl rbac-tool lookup"].splitlines()]
    assert {(row[0], row[-1]) for row in rows if len(row) == 6} - {("SUBJECT", "BINDING")} == bound
    nodes = answers["kubectl rbac-tool lookup system:nodes"]
    assert re.search(r"system:nodes +\| Group +\| ClusterRole +\| +\| eks:node-bootstrapper ", nodes)
    assert len(nodes.splitlines()) == 4


def test_rules_and_roles(answers: Answers) -> None:
    rules = answers["kubectl rbac-tool policy-rules -e '^system:authenticated'"]
    assert re.search(r"Group \| system:authenticated \| create \| \* +\| authorization\.k8s\.io +\| selfsubject", rules)
    assert "system:masters" not in rules
    assert "• [CRB] */cluster-admin ⟶  [CR] */cluster-admin" in answers["kubectl rolesum -k Group system:masters"]
    assert "• [RB] dev-team/roleB-dev-team ⟶  [R] dev-team/role-dev-team" in answers[OTHERS[2]]
    able = {(one["kind"], one["name"]) for one in json.loads(answers[OTHERS[3]].rpartition("code=")[0])}
    assert ("ServiceAccount", "dev-k8s") in able
    assert ("Group", "system:authenticated") not in able
    assert answers[OTHERS[5]].splitlines()[:3] == [
        '✔ Active namespace is "dev-team"',
        "dev-team",
        '✔ Active namespace is "default"',
    ]


@pytest.mark.parametrize(
    ("line", "told", "code"),
    [
        (REFUSED[0], 'error: context "nowhere" does not exist', 1),
        (REFUSED[1], 'error: ServiceAccount "default/nobody" not found', 1),
        (REFUSED[2], r"ssh: [\d.]+ is the node ip-\S+, which is played: .*kubectl get node ip-\S+ -o wide", 255),
        (REFUSED[3], r"ping: [\d.]+ is the node ip-\S+, which is played", 1),
        (REFUSED[4], r"open: https://kubeopsview\. is not served here", 1),
    ],
)
def test_what_cannot_be_is_one_line(line: str, told: str, code: int, answers: Answers) -> None:
    first, *rest = answers[line].splitlines()
    assert re.match(told, first), first
    assert [one for one in rest if not one.startswith("INFO")] == [f"code={code}"]


def test_they_act_as_whoever_the_shell_is(up: Lab) -> None:
    assert up("as", "dev-k8s", "--", "kubectl", "whoami").stdout == "system:serviceaccount:dev-team:dev-k8s\n"
    asked = up("as", "dev-k8s", "--", "kubectl", "rbac-tool", "lookup", code=1)
    assert "forbidden" in asked.stderr
    assert asked.stdout == ""
    # May not make a TokenReview: then the real plug-in knows the name alone.
    told = up("as", "dev-k8s", "--", "kubectl", "rbac-tool", "whoami").stdout
    assert told.splitlines()[2:] == [" Groups:   [],", " Extra:    {}}"]
    denied = up("as", "dev-k8s", "--", "kubectl", "access-matrix", "--sa", "default:default", code=1)
    assert "cannot impersonate" in denied.stderr


HOLDING = """
import sys, time
sys.path.insert(0, sys.argv[1])
from programs.cluster import asking
with asking() as reader:
    reader.get("/version")
    print("asked", flush=True)
    time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_proxy_outlives_its_call(number: signal.Signals, up: Lab) -> None:
    if number == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux ends a child with its parent")
    process = up.start("shell", "--", sys.executable, "-c", HOLDING, str(up.checkout))
    try:
        assert process.stdout
        assert any(line == "asked\n" for line in process.stdout)
        (caller,) = (
            int(line.split()[0]) for line in up.processes() if "from programs.cluster" in line and "-m cli" not in line
        )
        assert proxies(up)
        os.kill(caller, number)
        deadline = time.monotonic() + 30
        while proxies(up) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert proxies(up) == []
    finally:
        process.terminate()
        process.wait(60)


def proxies(up: Lab) -> list[str]:
    return [line for line in up.processes() if "kubectl proxy" in line]


def test_launchers_are_the_shells_own_and_end_with_it(up: Lab) -> None:
    place = Path(up.sh("command -v kubectl-access_matrix").strip())
    assert place.is_relative_to(Path(up.env["MYEKS_LAB_CACHE"], "shells"))
    assert not place.exists()
