"""kubectl rbac-tool on a small policy: the rows of each sub-command, as the real one has them."""

import contextlib
import json
from collections.abc import Generator
from typing import Any

import pytest

from grading.requests import ResourceRequest, UrlRequest
from operations.rbac.cluster_reader import Reader, Self
from operations.rbac.evaluator import Evaluator
from operations.rbac.identities import Identity
from operations.rbac.objects import Policy, Subject
from programs import rbac_tool
from programs.cluster import Stopped
from tests.unit.programs.policies import EVALUATOR, POLICY, answering

RBAC = "/apis/rbac.authorization.k8s.io/v1"


def test_lookup_has_a_row_a_binding() -> None:
    rows = rbac_tool.lookup_rows(POLICY, lambda _: True)
    assert rows == [
        ("alice", "User", "ClusterRole", "", "events", "events"),
        ("alice", "User", "ClusterRole", "dev-team", "reader", "read"),
        # A ClusterRole that is not there is shown; a Role in a namespace without roles is not.
        ("bob", "User", "ClusterRole", "", "no-such-role", "lost"),
        ("dev-k8s", "ServiceAccount", "Role", "dev-team", "role-dev-team", "roleB-dev-team"),
        ("system:masters", "Group", "ClusterRole", "", "cluster-admin", "cluster-admin"),
    ]


def test_policy_rules_have_a_row_a_verb_and_a_resource() -> None:
    rows = [one.row() for one in rbac_tool.allowed(EVALUATOR, lambda name: name == "alice")]
    origin = "ClusterRoles>>reader"
    assert sorted(rows) == [
        ("User", "alice", "create", "*", "core", "events", "", "", "ClusterRoles>>events"),
        ("User", "alice", "create", "*", "events.k8s.io", "events", "", "", "ClusterRoles>>events"),
        ("User", "alice", "get", "dev-team", "core", "configmaps", "one,two", "", origin),
        ("User", "alice", "get", "dev-team", "core", "pods", "", "", origin),
        ("User", "alice", "get", "dev-team", "core", "pods/log", "", "", origin),
        ("User", "alice", "list", "dev-team", "core", "pods", "", "", origin),
        ("User", "alice", "list", "dev-team", "core", "pods/log", "", "", origin),
    ]


def test_policy_rules_of_accounts_and_paths() -> None:
    (account,) = rbac_tool.allowed(EVALUATOR, lambda name: name == "dev-k8s")
    assert account.row() == (
        *("ServiceAccount", "dev-team/dev-k8s", "*", "dev-team", "*", "*", "", ""),
        "Roles>>dev-team/role-dev-team",
    )
    masters = [one.row()[2:8] for one in rbac_tool.allowed(EVALUATOR, lambda name: name == "system:masters")]
    assert masters == [("*", "*", "*", "*", "", ""), ("*", "*", "", "", "", "*")]


def test_policy_rules_as_json() -> None:
    assert rbac_tool.by_subject(rbac_tool.allowed(EVALUATOR, lambda name: name == "dev-k8s")) == [
        {
            "kind": "ServiceAccount",
            "name": "dev-k8s",
            "namespace": "dev-team",
            "allowedTo": [
                {
                    "namespace": "dev-team",
                    "verb": "*",
                    "apiGroup": "*",
                    "resource": "*",
                    "originatedFrom": [
                        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "role-dev-team"}
                    ],
                }
            ],
        }
    ]


def test_who_can_takes_every_namespace_and_rules_for_names() -> None:
    def names(request: ResourceRequest | UrlRequest) -> list[str]:
        return [one.name for one in rbac_tool.who_can_subjects(EVALUATOR, request)]

    assert names(ResourceRequest("get", "", "pods")) == ["system:masters", "dev-k8s", "alice"]
    assert names(ResourceRequest("get", "", "configmaps")) == ["system:masters", "dev-k8s", "alice"]
    assert names(ResourceRequest("get", "", "configmaps", name="three")) == ["system:masters", "dev-k8s"]
    assert names(ResourceRequest("delete", "", "nodes")) == ["system:masters", "dev-k8s"]
    assert names(UrlRequest("get", "/metrics")) == ["system:masters"]
    # What is built into the API server is no binding, so the plug-in does not know it.
    assert rbac_tool.who_can_subjects(Evaluator(Policy()), ResourceRequest("get", "", "pods")) == []


def test_whoami_is_a_user_info() -> None:
    extra = {"sessionName": ("",), "arn": ("arn:aws:iam::111122223333:user/testuser",)}
    seen = Self(Identity("testuser", ("system:masters", "system:authenticated")), "aws-iam-authenticator:1:A", extra)
    assert rbac_tool.user_info(seen, whole=True).splitlines() == [
        '{Username: "testuser",',
        ' UID:      "aws-iam-authenticator:1:A",',
        ' Groups:   ["system:masters",',
        '            "system:authenticated"],',
        ' Extra:    {arn:         ["arn:aws:iam::111122223333:user/testuser"],',
        '            sessionName: [""]}}',
    ]
    assert rbac_tool.user_info(seen, whole=False).splitlines() == [
        '{Username: "testuser",',
        ' UID:      "",',
        " Groups:   [],",
        " Extra:    {}}",
    ]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The options that kubectl is asked with; its API server has two bindings."""
    asked: list[list[str]] = []
    kind = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}
    bindings = [
        {"metadata": {"name": f"b-{name}"}, "roleRef": kind, "subjects": [{"kind": "Group", "name": name}]}
        for name in ("system:masters", "system:nodes", "devs")
    ]
    roles = [{"metadata": {"name": "r"}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]}]
    lists = {"clusterroles": roles, "roles": [], "clusterrolebindings": bindings, "rolebindings": []}

    @contextlib.contextmanager
    def asking(options: list[str]) -> Generator[Reader]:
        asked.append(options)
        answers: dict[str, tuple[int, Any]] = {
            f"{RBAC}/{name}?limit=500": (200, {"items": items}) for name, items in lists.items()
        }
        yield answering(answers)

    monkeypatch.setattr(rbac_tool, "asking", asking)
    return asked


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (["lookup"], ["devs", "system:masters", "system:nodes"]),
        (["look", "system:nodes"], ["system:nodes"]),
        (["lookup", "system"], []),
        (["lookup", "-e", "^system"], ["system:masters", "system:nodes"]),
        (["lookup", "-ne", "^system:.*"], ["devs"]),
        (["policy-rules"], ["devs", "system:masters", "system:nodes"]),
        (["policy-rules", "-e", "^system:.*"], ["system:masters", "system:nodes"]),
        # A name alone is part of one, in whatever case.
        (["pr", "NODES"], ["system:nodes"]),
    ],
)
def test_who_is_looked_for(
    line: list[str], found: list[str], cluster: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    rbac_tool.main(line)
    rows = [row.split("|") for row in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0 if line[0].startswith("look") else 1].strip() for row in rows] == found
    assert cluster == [[]]


def test_the_context_is_kubectls(cluster: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    rbac_tool.main(["policy-rules", "--cluster-context", "other", "-o", "json"])
    assert cluster == [["--context=other"]]
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["devs", "system:masters", "system:nodes"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["viz"], "viz is not played"),
        (["nothing"], "has no command nothing"),
        (["lookup", "-e", "("], "no regular expression"),
        (["lookup", "--bad"], "unrecognized arguments: --bad"),
        (["who-can", "get"], "required"),
    ],
)
def test_a_bad_line_is_told(line: list[str], said: str) -> None:
    with pytest.raises(Stopped, match=said):
        rbac_tool.main(line)


def test_subjects_of_one_name_stay_apart() -> None:
    subjects = rbac_tool.who_can_subjects(EVALUATOR, ResourceRequest("list", "", "pods"))
    assert subjects[1] == Subject("ServiceAccount", "dev-k8s", "dev-team")
