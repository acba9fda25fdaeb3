"""Answers from a policy: who may, by which binding, and where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.requests import ResourceRequest, UrlRequest
from operations.rbac.evaluator import BUILT_IN, Evaluator
from operations.rbac.identities import Identity, NotASubject, parse_subject
from operations.rbac.objects import Binding, Policy, Role, Rule, Subject
from tests.unit.operations.rbac import random_policies
from tests.unit.operations.rbac.aggregation import aggregated

READ = Rule(("get", "list"), ("",), ("pods",))
ALICE = Subject("User", "alice")
DEVS = Subject("Group", "devs")
ROBOT = Subject("ServiceAccount", "robot", "dev-team")
POLICY = Policy(
    (
        Role("Role", "reader", "dev-team", (READ,)),
        Role("Role", "reader", "infra-team", (Rule(("delete",), ("",), ("pods",)),)),
        Role("ClusterRole", "reader", "", (READ, Rule(("get",), non_resource_urls=("/metrics",)))),
        Role("ClusterRole", "one-secret", "", (Rule(("get",), ("",), ("secrets",), ("tls",)),)),
    ),
    (
        Binding("RoleBinding", "own", "dev-team", "Role", "reader", (ROBOT, ROBOT)),
        Binding("RoleBinding", "shared", "infra-team", "ClusterRole", "reader", (DEVS,)),
        Binding("ClusterRoleBinding", "wide", "", "ClusterRole", "reader", (ALICE,)),
        Binding("ClusterRoleBinding", "secret", "", "ClusterRole", "one-secret", (ALICE,)),
        Binding("RoleBinding", "lost", "dev-team", "Role", "gone", (ALICE, DEVS)),
        # A Role of this name is only in other namespaces.
        Binding("RoleBinding", "elsewhere", "default", "Role", "reader", (DEVS,)),
    ),
)
EVALUATOR = Evaluator(POLICY)


def pods(verb: str = "list", namespace: str = "dev-team", name: str = "") -> ResourceRequest:
    return ResourceRequest(verb, "", "pods", name=name, namespace=namespace)


def via(request: ResourceRequest | UrlRequest, anywhere: bool = False) -> list[tuple[str, str]]:
    """Subjects and bindings of who may, without what is built in."""
    built_in, *rest = EVALUATOR.who_can(request, anywhere=anywhere)
    assert built_in is BUILT_IN
    return [(one.subject.name, one.binding.name) for one in rest if one.binding]


def test_bindings_hold_in_their_namespace_and_cluster_wide_ones_everywhere() -> None:
    assert via(pods()) == [("robot", "own"), ("alice", "wide")]
    assert via(pods(namespace="infra-team")) == [("devs", "shared"), ("alice", "wide")]
    assert via(pods(namespace="default")) == [("alice", "wide")]
    assert via(pods(namespace="")) == [("alice", "wide")]
    assert via(pods("delete", "infra-team")) == []


def test_anywhere_takes_every_namespace() -> None:
    assert via(pods(namespace=""), anywhere=True) == [("robot", "own"), ("devs", "shared"), ("alice", "wide")]


def test_a_path_is_in_no_namespace() -> None:
    for anywhere in (False, True):
        assert via(UrlRequest("get", "/metrics"), anywhere) == [("alice", "wide")]


def test_rules_for_names_are_listed_apart() -> None:
    secrets = ResourceRequest("get", "", "secrets", namespace="dev-team")
    assert via(secrets) == []
    (named,) = EVALUATOR.who_can_by_name(secrets)
    assert (named.subject, named.rules[0].resource_names) == (ALICE, ("tls",))
    assert via(ResourceRequest("get", "", "secrets", "", "tls", "dev-team")) == [("alice", "secret")]


def test_masters_may_everything_without_a_binding() -> None:
    root = Identity("anybody", ("system:masters",))
    assert Evaluator(Policy()).allowed_by(root, ResourceRequest("*", "*", "*")) is BUILT_IN
    assert EVALUATOR.rules_of(root) == (BUILT_IN,)
    assert EVALUATOR.allowed_by(Identity("system:masters"), pods()) is None


def test_a_service_account_is_its_user_name_and_its_groups() -> None:
    robot = Identity.of(ROBOT)
    assert robot.user == "system:serviceaccount:dev-team:robot"
    assert robot.groups == ("system:serviceaccounts", "system:serviceaccounts:dev-team", "system:authenticated")
    assert Identity.of(Subject("User", robot.user)) == robot
    assert EVALUATOR.allowed_by(robot, pods())
    assert not EVALUATOR.allowed_by(Identity.of(Subject("ServiceAccount", "robot", "infra-team")), pods())
    assert not EVALUATOR.allowed_by(robot, pods(namespace="infra-team"))


def test_a_user_bound_under_a_service_accounts_name_is_that_account() -> None:
    user = Subject("User", "system:serviceaccount:dev-team:robot")
    binding = Binding("ClusterRoleBinding", "b", "", "ClusterRole", "reader", (user,))
    assert Evaluator(Policy(POLICY.roles, (binding,))).allowed_by(Identity.of(ROBOT), pods("get", "default"))


def test_a_service_account_of_no_namespace_is_nobody() -> None:
    binding = Binding("ClusterRoleBinding", "b", "", "ClusterRole", "reader", (Subject("ServiceAccount", "robot"),))
    evaluator = Evaluator(Policy(POLICY.roles, (binding,)))
    assert evaluator.who_can(pods()) == (BUILT_IN,)
    assert evaluator.allowed_by(Identity(""), pods()) is None


def test_rules_of_a_subject_name_the_binding_and_how_it_applies() -> None:
    identity = Identity.of(ALICE, ["devs"])
    assert [(one.subject.name, one.binding.name) for one in EVALUATOR.rules_of(identity) if one.binding] == [
        ("alice", "wide"),
        ("alice", "secret"),
        ("devs", "shared"),
    ]
    own = EVALUATOR.rules_by_subject(lambda subject: subject.name == "alice")
    assert [one.binding.name for one in own if one.binding] == ["secret", "wide"]


def test_a_role_that_is_missing_is_known() -> None:
    missing = [one.name for one in POLICY.bindings if EVALUATOR.role_of(one) is None]
    assert missing == ["lost", "elsewhere"]


def test_groups_that_nobody_has_to_be_given() -> None:
    assert Identity.of(ALICE).groups == ("system:authenticated",)
    assert Identity.of(Subject("User", "system:anonymous")).groups == ("system:unauthenticated",)
    assert Identity.of(DEVS) == Identity("", ("devs",))


def test_subjects_as_they_are_written() -> None:
    assert parse_subject("user:system:kube-proxy") == Subject("User", "system:kube-proxy")
    assert parse_subject("group:system:masters") == Subject("Group", "system:masters")
    assert parse_subject("sa:dev-team/dev-k8s") == Subject("ServiceAccount", "dev-k8s", "dev-team")


@pytest.mark.parametrize("text", ["alice", "user:", "sa:dev-k8s", "sa:/a", "sa:a/", "sa:a/b/c", "system:masters", ""])
def test_what_is_no_subject_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(NotASubject, match="user:NAME"):
        parse_subject(text)


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_listing_and_asking_agree(seed: int) -> None:
    random = random_policies.dice(seed)
    policy = aggregated(Policy.of(random_policies.objects(random, 30, 30)))
    evaluator = Evaluator(policy)
    who = random_policies.identities(random, policy, 10)
    for identity, request in random_policies.questions(random, policy, who, 60):
        listed = [one for one in evaluator.who_can(request) if identity.is_one_of(one.subject)]
        ours = evaluator.allowed_by(identity, request)
        assert bool(listed) == (ours is not None)
        if ours and ours.binding:
            assert (ours.subject, ours.binding) in [(one.subject, one.binding) for one in listed]


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_anywhere_is_all_namespaces_together(seed: int) -> None:
    random = random_policies.dice(seed)
    policy = aggregated(Policy.of(random_policies.objects(random, 30, 30)))
    evaluator = Evaluator(policy)
    for verb, resource in (("get", "pods"), ("list", "secrets"), ("create", "widgets")):
        request = ResourceRequest(verb, "", resource)
        together = {
            (one.subject, one.binding)
            for namespace in ("", *random_policies.NAMESPACES)
            for one in evaluator.who_can(ResourceRequest(verb, "", resource, namespace=namespace))
        }
        assert {(one.subject, one.binding) for one in evaluator.who_can(request, anywhere=True)} == together
