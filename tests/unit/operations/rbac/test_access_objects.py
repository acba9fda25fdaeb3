"""Roles and bindings from JSON, and the rules of aggregated ones."""

from typing import Any

import pytest

from operations.rbac.objects import Policy, Requirement, Rule, Subject
from tests.unit.operations.rbac.aggregation import aggregated

Object = dict[str, Any]


def cluster_role(
    name: str, *, labels: Object | None = None, selectors: list[Object] | None = None, verb: str = ""
) -> Object:
    rules = [{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]}] if verb else None
    role: Object = {"kind": "ClusterRole", "metadata": {"name": name, "labels": labels}, "rules": rules}
    if selectors is not None:
        role["aggregationRule"] = {"clusterRoleSelectors": selectors}
    return role


def verbs(policy: Policy) -> dict[str, list[str]]:
    return {role.name: [verb for rule in role.rules for verb in rule.verbs] for role in policy.roles}


def test_what_the_api_leaves_out_is_empty() -> None:
    policy = Policy.of(
        [
            {"kind": "ClusterRole", "metadata": {"name": "none"}, "rules": None},
            {
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "b"},
                "roleRef": {"kind": "ClusterRole", "name": "none"},
            },
            {"kind": "Pod", "metadata": {"name": "no role"}},
        ]
    )
    (role,), (binding,) = policy.roles, policy.bindings
    assert (role.rules, role.aggregates, binding.subjects) == ((), None, ())


def test_a_rule_keeps_every_part() -> None:
    item = {
        "kind": "Role",
        "metadata": {"name": "r", "namespace": "n"},
        "rules": [
            {"verbs": ["get"], "apiGroups": ["", "apps"], "resources": ["pods/log"], "resourceNames": ["one"]},
            {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
        ],
    }
    (role,) = Policy.of([item]).roles
    assert (role.kind, role.namespace) == ("Role", "n")
    assert role.rules == (
        Rule(("get",), ("", "apps"), ("pods/log",), ("one",)),
        Rule(("get",), non_resource_urls=("/metrics",)),
    )


@pytest.mark.parametrize(("kind", "expected"), [("RoleBinding", "dev-team"), ("ClusterRoleBinding", "")])
def test_an_account_without_a_namespace_is_of_the_bindings(kind: str, expected: str) -> None:
    item = {
        "kind": kind,
        "metadata": {"name": "b", "namespace": "dev-team"},
        "roleRef": {"kind": "ClusterRole", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot"}, {"kind": "User", "name": "u", "namespace": "x"}],
    }
    (binding,) = Policy.of([item]).bindings
    assert binding.subjects == (Subject("ServiceAccount", "robot", expected), Subject("User", "u"))


@pytest.mark.parametrize(
    ("requirement", "holds"),
    [
        (Requirement("a", "In", ("1", "2")), True),
        (Requirement("a", "In", ("3",)), False),
        (Requirement("b", "In", ("1",)), False),
        (Requirement("a", "NotIn", ("1",)), False),
        (Requirement("a", "NotIn", ("3",)), True),
        (Requirement("b", "NotIn", ("1",)), True),
        (Requirement("a", "Exists"), True),
        (Requirement("b", "Exists"), False),
        (Requirement("b", "DoesNotExist"), True),
        (Requirement("a", "DoesNotExist"), False),
    ],
)
def test_label_conditions(requirement: Requirement, holds: bool) -> None:
    assert requirement.holds({"a": "1"}) is holds


def test_aggregated_roles_collect_each_selectors_roles_by_name_once() -> None:
    policy = aggregated(
        Policy.of(
            [
                cluster_role(
                    "all", selectors=[{"matchLabels": {"to": "b"}}, {"matchLabels": {"to": "a"}}], verb="stale"
                ),
                cluster_role("z", labels={"to": "a"}, verb="list"),
                cluster_role("y", labels={"to": "a"}, verb="get"),
                cluster_role("x", labels={"to": "b"}, verb="list"),
                cluster_role("w", labels={"to": "c"}, verb="delete"),
            ]
        )
    )
    assert verbs(policy)["all"] == ["list", "get"]
    assert verbs(policy)["z"] == ["list"]


def test_aggregation_goes_through_aggregated_roles() -> None:
    policy = aggregated(
        Policy.of(
            [
                cluster_role("a", selectors=[{"matchLabels": {"to": "a"}}]),
                cluster_role("b", labels={"to": "a"}, selectors=[{"matchLabels": {"to": "b"}}]),
                cluster_role("c", labels={"to": "b"}, selectors=[{"matchLabels": {"to": "c"}}]),
                cluster_role("d", labels={"to": "c"}, verb="get"),
            ]
        )
    )
    assert verbs(policy) == {"a": ["get"], "b": ["get"], "c": ["get"], "d": ["get"]}


def test_a_circle_adds_nothing_and_ends() -> None:
    policy = aggregated(
        Policy.of(
            [
                cluster_role("a", labels={"to": "b"}, selectors=[{"matchLabels": {"to": "a"}}], verb="stale"),
                cluster_role("b", labels={"to": "a"}, selectors=[{"matchLabels": {"to": "b"}}]),
                cluster_role("c", labels={"to": "a"}, verb="get"),
            ]
        )
    )
    assert verbs(policy) == {"a": ["get"], "b": ["get"], "c": ["get"]}


def test_an_empty_selector_takes_every_other_cluster_role_and_no_selector_none() -> None:
    policy = aggregated(
        Policy.of(
            [
                cluster_role("all", selectors=[{}]),
                cluster_role("none", selectors=[]),
                cluster_role("a", verb="get"),
                {"kind": "Role", "metadata": {"name": "r", "namespace": "n"}, "rules": [{"verbs": ["delete"]}]},
            ]
        )
    )
    assert verbs(policy) == {"all": ["get"], "none": [], "a": ["get"], "r": ["delete"]}
