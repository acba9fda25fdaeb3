"""`lab whocan`: which form an argument list means, what it prints, and how it ends."""

import json
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from rich.console import Console

from cli import app
from cli.commands import whocan
from grading.requests import ResourceRequest
from operations.rbac.api_resources import VERBS, Catalogue, Resource, Subresource
from operations.rbac.cluster_reader import NotAsked, Self
from operations.rbac.iam_principals import AccessPolicy, Principal
from operations.rbac.identities import Identity
from operations.rbac.objects import Binding, Policy, Role, Rule, Subject
from tests.unit.cli.narrow import narrow

ACCOUNT = Subject("ServiceAccount", "dev-k8s", "dev-team")
EVERYTHING = Rule(("*",), ("*",), ("*",))
ARN = "arn:aws:iam::111122223333:user/testuser"
OPERATOR = "arn:aws:iam::111122223333:user/operator"
POLICY = Policy(
    (
        Role("Role", "role-dev-team", "dev-team", (EVERYTHING,)),
        Role("ClusterRole", "metrics", "", (Rule(("get",), non_resource_urls=("/metrics",)),)),
        Role("ClusterRole", "one", "", (Rule(("get",), ("",), ("secrets",), ("tls[a-z]",)),)),
    ),
    (
        Binding("RoleBinding", "roleB-dev-team", "dev-team", "Role", "role-dev-team", (ACCOUNT,)),
        Binding("ClusterRoleBinding", "metrics", "", "ClusterRole", "metrics", (Subject("Group", "devs"),)),
        Binding("ClusterRoleBinding", "one", "", "ClusterRole", "one", (Subject("User", "testuser"),)),
        Binding("ClusterRoleBinding", "lost", "", "ClusterRole", "gone", (Subject("Group", "system:nodes"),)),
    ),
)
PRINCIPALS = (
    Principal(ARN, "aws-auth", "testuser", ("devs",)),
    Principal(OPERATOR, "access entry", OPERATOR, (), (AccessPolicy("AmazonEKSClusterAdminPolicy", None),)),
    Principal(
        "arn:aws:iam::111122223333:user/reader", "access entry", "r", (), (AccessPolicy("AmazonEKSViewPolicy", ("x",)),)
    ),
)
CATALOGUE = Catalogue(
    (
        Resource("pods", "", True, VERBS, "Pod", "pod", ("po",), (Subresource("exec", ("create",)),)),
        Resource("secrets", "", True, VERBS, "Secret", "secret"),
        Resource("namespaces", "", False, VERBS, "Namespace", "namespace"),
        Resource("nodes", "", False, VERBS, "Node", "node"),
    )
)


VERSION = (1, 36)


class FakeReader:
    """A cluster that is known beforehand."""

    def __init__(self, kubeconfig: object) -> None:
        assert kubeconfig == "the kubeconfig"

    def policy(self) -> Policy:
        return POLICY

    def version(self) -> tuple[int, int]:
        return VERSION

    def catalogue(self) -> Catalogue:
        return CATALOGUE

    def myself(self) -> Self:
        return Self(
            Identity(OPERATOR, ("system:authenticated",)), "1", {"arn": (OPERATOR,), "canonicalArn": (OPERATOR,)}
        )

    def may_i(self, requests: Sequence[ResourceRequest]) -> list[bool]:
        return [one.verb == "get" for one in requests]

    def namespace_exists(self, name: str) -> bool:
        return name != "nix"

    def account_exists(self, namespace: str, name: str) -> bool:
        return namespace != "nix" and name != "nobody"

    def aws_auth(self) -> dict[str, str]:
        return {}


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command line; exit code, stdout, stderr."""

    @contextmanager
    def asking(_: object) -> Generator[dict[str, Any]]:
        yield {"kubeconfig": "the kubeconfig", "clusterName": "myeks", "region": "ap-northeast-2"}

    def of_cluster(name: str, region: str, aws_auth: object) -> tuple[Principal, ...]:
        assert (name, region, aws_auth) == ("myeks", "ap-northeast-2", {})
        return PRINCIPALS

    monkeypatch.setattr(whocan.callers, "asking", asking)
    monkeypatch.setattr(whocan, "Reader", FakeReader)
    monkeypatch.setattr(whocan.iam_principals, "of_cluster", of_cluster)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lab", "whocan", *arguments])
        with pytest.raises(SystemExit) as left:
            app.main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return run


def as_json(lab: Any, *arguments: str) -> Any:
    code, out, _ = lab(*arguments, "--json")
    assert code == 0
    return json.loads(out)


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "pods", "-n", "dev-team"),
        ("-n", "dev-team", "list", "pods"),
        ("ask", "list", "po", "--namespace=dev-team"),
        ("list", "pods", "-A"),
        ("list", "Pod", "web", "-n", "dev-team", "-s", "rehearsal"),
    ],
)
def test_who_may_is_asked_with_and_without_its_word(lab: Any, arguments: tuple[str, ...]) -> None:
    code, out, _ = lab(*arguments)
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    row = "ServiceAccount dev-k8s dev-team RoleBinding roleB-dev-team → Role role-dev-team namespace dev-team"
    assert row.split() in rows
    assert ["Group", "system:masters", "built", "into", "the", "API", "server", "cluster"] in rows


def test_another_namespace_is_another_answer(lab: Any) -> None:
    for arguments in (("list", "pods"), ("list", "pods", "-n", "infra-team"), ("list", "nodes", "-A")):
        assert "dev-k8s" not in lab(*arguments)[1]


def test_who_may_as_json(lab: Any) -> None:
    answer = as_json(lab, "get", "pods/exec", "-n", "dev-team")
    assert answer["request"] == {
        "verb": "get",
        "group": "",
        "resource": "pods",
        "subresource": "exec",
        "name": "",
        "namespace": "dev-team",
        "any_namespace": False,
    }
    built_in, account = answer["who"]
    assert (built_in["name"], built_in["binding"], built_in["scope"]) == ("system:masters", None, "cluster")
    assert account == {
        "kind": "ServiceAccount",
        "name": "dev-k8s",
        "namespace": "dev-team",
        "binding": {"kind": "RoleBinding", "name": "roleB-dev-team", "namespace": "dev-team"},
        "role": {"kind": "Role", "name": "role-dev-team"},
        "scope": "namespace",
    }
    assert [one["principal"] for one in answer["access_policies"]] == [OPERATOR]
    assert answer["access_entries_unread"] is None
    # The server has no such verb there, and says which it has.
    assert any("create" in note for note in answer["notes"])


@pytest.mark.parametrize("version", [(1, 34), (1, 35), (1, 36)])
def test_who_may_exec_depends_on_the_version(lab: Any, monkeypatch: pytest.MonkeyPatch, version: Any) -> None:
    watcher = Subject("User", "watcher")
    role = Role("ClusterRole", "watch", "", (Rule(("get",), ("",), ("pods/exec", "pods/log")),))
    binding = Binding("RoleBinding", "watch", "dev-team", "ClusterRole", "watch", (watcher,))
    policy = Policy((*POLICY.roles, role), (*POLICY.bindings, binding))
    monkeypatch.setattr(FakeReader, "policy", lambda _: policy)
    monkeypatch.setattr(FakeReader, "version", lambda _: version)
    for where in (("-n", "dev-team"), ("-A",)):
        answer = as_json(lab, "create", "pods/exec", *where)
        assert "watcher" not in [one["name"] for one in answer["who"]]
        expected = ["watcher"] if version < (1, 35) else []
        assert [one["name"] for one in answer["who_by_get"]] == expected, "dev-k8s may create it already"
    assert as_json(lab, "create", "pods/exec")["who_by_get"] == [], "in another namespace"
    assert as_json(lab, "create", "pods", "-n", "dev-team")["who_by_get"] == []
    said = "create is not asked for" if version < (1, 35) else "get alone does not let anybody use pods/exec"
    assert any(said in note for note in as_json(lab, "get", "pods/exec", "-n", "dev-team")["notes"])
    assert not any("create" in note for note in as_json(lab, "get", "pods", "-n", "dev-team")["notes"])
    shown = lab("create", "pods/exec", "-n", "dev-team")[1]
    assert ("by get over a WebSocket" in shown) == (version < (1, 35))


def test_a_path(lab: Any) -> None:
    code, out, _ = lab("get", "/metrics")
    assert code == 0
    assert "ClusterRoleBinding metrics" in out
    assert f"{ARN}: user testuser, groups devs (aws-auth)" in out
    assert f"{OPERATOR}: AmazonEKSClusterAdminPolicy on the cluster" in out
    assert "user/reader" not in out


def test_rules_for_names_are_shown_as_they_are_written(lab: Any) -> None:
    _, out, _ = lab("get", "secrets")
    before, after = out.split("Only for objects of these names:")
    assert "testuser" not in before
    assert "tls[a-z]" in after
    assert "testuser" in lab("get", "secrets", "tls[a-z]")[1].split("IAM principals")[0]


def test_a_request_for_a_namespace_is_made_in_it(lab: Any) -> None:
    assert "dev-k8s" in lab("get", "namespaces", "dev-team")[1]
    assert "dev-k8s" not in lab("get", "namespaces", "default")[1]
    assert "dev-k8s" not in lab("list", "namespaces")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "podz"), "no resource podz"),
        (("get", "pods/web"), "no subresource web"),
        (("get", "pods", "-n", "nix"), "no namespace nix"),
        (("get", "pods", "-n", "a", "-A"), "exclude each other"),
        (("get", "/metrics", "-n", "a"), "/metrics is a path"),
        (("get",), "Missing argument"),
        (("rules", "alice"), "Write it as user:NAME"),
        (("rules", "user:alice", "-e", "x"), "exclude each other"),
        (("rules", "-e", "["), "no regular expression"),
        (("matrix", "sa:x"), "Write it as user:NAME"),
        (("matrix", "-n", "nix"), "no namespace nix"),
        (("rules", "sa:nix/nobody"), "no namespace nix"),
        (("rules", "sa:dev-team/nobody"), "no service account nobody in dev-team"),
        (("matrix", "sa:dev-team/nobody"), "no service account nobody in dev-team"),
        (("lookup", "("), "no regular expression"),
        (("me", "too", "much"), "unexpected extra"),
    ],
)
def test_what_makes_no_sense_is_bad_input(lab: Any, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = lab(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_rules_of_a_user_include_those_of_the_groups_that_eks_gives(lab: Any) -> None:
    answer = as_json(lab, "rules", "user:testuser")
    assert answer["groups"] == ["devs", "system:authenticated"]
    assert [one["binding"]["name"] for one in answer["grants"]] == ["one", "metrics"]
    assert answer["grants"][1]["rules"][0]["non_resource_urls"] == ["/metrics"]
    assert [one["arn"] for one in answer["principals"]] == [ARN]


def test_rules_of_a_service_account_and_of_everybody(lab: Any) -> None:
    _, out, _ = lab("rules", "sa:dev-team/dev-k8s")
    row = "ServiceAccount dev-team/dev-k8s namespace dev-team * *.* RoleBinding roleB-dev-team → Role role-dev-team"
    assert row.split() in [line.split() for line in out.splitlines()]
    assert "No rules." in lab("rules", "sa:dev-team/dev-k8s", "-n", "default")[1]
    everybody = as_json(lab, "rules")
    assert {one["name"] for one in everybody["grants"]} == {"system:masters", "dev-k8s", "devs", "testuser"}
    assert [one["name"] for one in as_json(lab, "rules", "-e", "^dev")["grants"]] == ["devs", "dev-k8s"]
    assert as_json(lab, "rules", "user:x", "-g", "devs")["grants"][0]["binding"]["name"] == "metrics"


def test_a_service_account_that_is_bound_before_it_is_there_is_answered_and_told(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeReader, "account_exists", lambda *_: False)
    for arguments in (("rules", "sa:dev-team/dev-k8s"), ("matrix", "sa:dev-team/dev-k8s", "-n", "dev-team")):
        code, out, err = lab(*arguments)
        assert code == 0
        assert out
        assert "Note: There is no service account dev-k8s in dev-team." in err
        assert len(as_json(lab, *arguments)["notes"]) == 1


@pytest.mark.parametrize("width", [30, 60, 80])
def test_names_are_whole_on_a_narrow_terminal(lab: Any, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    name = "system:controller:ephemeral-volume-controller"
    bound = Binding("ClusterRoleBinding", name, "", "ClusterRole", "metrics", (Subject("Group", "devs"),))
    monkeypatch.setattr(FakeReader, "policy", lambda _: Policy(POLICY.roles, (bound,)))
    narrow(monkeypatch, Console(width=width, highlight=False))
    for arguments in (("get", "/metrics"), ("rules", "group:devs"), ("lookup", "devs")):
        _, out, _ = lab(*arguments)
        assert "…" not in out
        assert name in out.split()
    assert OPERATOR in lab("me")[1].split()


def bound(name: str, subject: Subject) -> Binding:
    return Binding("ClusterRoleBinding", name, "", "ClusterRole", "all", (subject,))


def test_people_come_first_and_controllers_are_counted(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    controller = Subject("ServiceAccount", "job-controller", "kube-system")
    own = (
        bound("system:controller:job-controller", controller),
        bound("system:kube-scheduler", Subject("User", "system:kube-scheduler")),
        bound("eks:metrics", Subject("User", "eks:metrics")),
        bound("system:nodes", Subject("Group", "system:nodes")),
        # Somebody has given rights to accounts and names that are not the control plane's to give.
        bound("mine", Subject("ServiceAccount", "other", "kube-system")),
        bound("ours", Subject("User", "alice")),
        bound("theirs", Subject("Group", "devs")),
    )
    everything = Role("ClusterRole", "all", "", (EVERYTHING,))
    monkeypatch.setattr(FakeReader, "policy", lambda _: Policy((everything,), own))
    monkeypatch.setattr(
        whocan.iam_principals,
        "of_cluster",
        lambda *_: (*PRINCIPALS, Principal("arn:aws:iam::1:role/node", "aws-auth", "system:node:x", ("system:nodes",))),
    )
    code, out, _ = lab("list", "pods")
    assert code == 0
    table, rest = out.split("and 3 controllers of the control plane: --all\n")
    rows = [line.split()[:3] for line in table.splitlines()[2:]]
    assert [(kind, name) for kind, name, _ in rows] == [
        ("IAM", "user"),
        ("Group", "devs"),
        ("User", "alice"),
        ("Group", "system:masters"),
        ("Group", "system:nodes"),
        ("ServiceAccount", "other"),
    ]
    assert "testuser" in rows[0]
    assert "comes in as Group devs (aws-auth)" in table
    assert f"{ARN}: user testuser" in rest
    every = lab("list", "pods", "--all")[1]
    assert "controllers of" not in every
    for name in ("job-controller", "system:kube-scheduler", "eks:metrics"):
        assert name in every
        assert name not in out
    assert len(as_json(lab, "list", "pods")["who"]) == len(own) + 1, "a script gets them all"


def test_the_matrix_of_a_subject_is_computed(lab: Any) -> None:
    cells = as_json(lab, "matrix", "sa:dev-team/dev-k8s", "-n", "dev-team", "--subresources")["matrix"]
    assert set(cells["pods"].values()) == {"yes"}
    assert cells["pods/exec"]["create"] == "yes"
    assert cells["pods/exec"]["list"] == "no such verb"
    assert set(as_json(lab, "matrix", "sa:dev-team/dev-k8s")["matrix"]["nodes"].values()) == {"no"}


def test_the_matrix_of_oneself_asks_the_server_for_the_rest(lab: Any) -> None:
    code, out, _ = lab("matrix", "-n", "dev-team")
    assert code == 0
    assert ["pods", "other", *"-------"] in [line.split() for line in out.splitlines()]
    assert "not by RBAC" in out
    assert "AmazonEKSClusterAdminPolicy on the cluster" in out


def test_lookup_finds_by_pattern_and_tells_missing_roles(lab: Any) -> None:
    code, out, _ = lab("lookup", "system:nodes")
    assert code == 0
    assert "ClusterRole gone (there is no such role)" in out
    assert "dev-k8s" not in out
    assert len(as_json(lab, "lookup")["found"]) == len(POLICY.bindings)
    assert [one["arn"] for one in as_json(lab, "lookup", "^devs$")["principals"]] == [ARN]
    assert "No binding names such a subject." in lab("lookup", "nobody-at-all")[1]


def test_a_nodes_rights_are_not_all_in_rbac(lab: Any) -> None:
    assert "Node authorizer" in lab("rules", "group:system:nodes")[1]
    assert "Node authorizer" not in lab("rules", "group:devs")[1]


def test_me(lab: Any) -> None:
    answer = as_json(lab, "me")
    assert (answer["user"], answer["groups"]) == (OPERATOR, ["system:authenticated"])
    assert answer["aws_principal"] == OPERATOR
    assert answer["principal"]["source"] == "access entry"
    _, out, _ = lab("me")
    assert ["access", "policy", "AmazonEKSClusterAdminPolicy", "on", "the", "cluster"] in [
        line.split() for line in out.splitlines()
    ]


def test_somebody_who_did_not_come_by_iam(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    account = Self(Identity("system:serviceaccount:dev-team:dev-k8s", ("system:authenticated",)), "", {})
    monkeypatch.setattr(FakeReader, "myself", lambda _: account)
    assert as_json(lab, "me")["aws_principal"] is None
    assert "you did not come by IAM" in lab("me")[1]


def test_entries_that_could_not_be_asked_for_are_told_and_end_in_3(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NotAsked("EKS could not be asked. Check the credentials.")

    monkeypatch.setattr(whocan.iam_principals, "of_cluster", refuse)
    for arguments in (
        ("list", "pods", "-n", "dev-team"),
        ("rules", "user:testuser"),
        ("lookup",),
        ("me",),
        ("matrix",),
    ):
        code, out, err = lab(*arguments)
        assert code == 3
        # What RBAC says is there all the same.
        assert out
        assert "EKS could not be asked" in err
    code, out, _ = lab("list", "pods", "--json")
    assert code == 3
    assert json.loads(out)["access_entries_unread"]


def test_a_server_that_does_not_answer_is_exit_code_3(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise NotAsked("You may not ask that: roles is forbidden.", 403)

    monkeypatch.setattr(FakeReader, "policy", refuse)
    code, out, err = lab("list", "pods")
    assert (code, out) == (3, "")
    assert "You may not ask that" in err
