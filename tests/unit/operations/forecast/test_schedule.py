"""The arithmetic of waiting: what needs what, the longest chain, and the bound without the lab's own choices."""

from __future__ import annotations

import graphlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.forecast import forecast, gantt
from operations.forecast.critical_path import backwards, schedule
from operations.forecast.durations import DURATIONS, OTHER_SECONDS, create_seconds, delete_seconds
from operations.forecast.lower_bound import RULES, bound_needs, program_needs
from operations.forecast.resource_graph import Graph

HEAD = "urn:pulumi:dev::myeks::"


def urn(kind: str, name: str) -> str:
    return f"{HEAD}{kind}::{name}"


VPC = urn("aws:ec2/vpc:Vpc", "network-vpc")
CLUSTER = urn("eks:index:Cluster$aws:eks/cluster:Cluster", "cluster-eksCluster")
REMOTE = urn("eks:index:Cluster", "cluster")
PROVIDER = urn("pulumi:providers:kubernetes", "cluster-kubernetes")
GROUP = urn("myeks:components:Group", "group")
MEMBER = urn("myeks:components:Group$aws:iam/role:Role", "member")
NODES = urn("aws:eks/nodeGroup:NodeGroup", "nodes")
RELEASE = urn("kubernetes:helm.sh/v3:Release", "view")


def plan(**changes: Any) -> dict[str, Any]:
    goals: dict[str, dict[str, Any]] = {
        VPC: {"custom": True},
        REMOTE: {"custom": False, "propertyDependencies": {"vpcId": [VPC]}},
        CLUSTER: {"custom": True, "parent": REMOTE, "propertyDependencies": {"vpc": [VPC]}},
        PROVIDER: {"custom": True, "propertyDependencies": {"kubeconfig": [REMOTE]}},
        GROUP: {"custom": False, "dependencies": [NODES]},
        MEMBER: {"custom": True, "parent": GROUP},
        NODES: {"custom": True, "propertyDependencies": {"clusterName": [REMOTE]}},
        RELEASE: {"custom": True, "provider": f"{PROVIDER}::04da6b54", "dependencies": [GROUP]},
    }
    return {"resourcePlans": {one: {"goal": goal} for one, goal in goals.items()} | changes}


def test_only_what_somebody_has_to_make_is_in_the_graph() -> None:
    assert set(Graph.from_plan(plan()).resources) == {VPC, CLUSTER, MEMBER, NODES, RELEASE}


def test_a_remote_component_stands_for_everything_in_it() -> None:
    assert Graph.from_plan(plan()).resources[NODES].needs == {CLUSTER}


def test_a_child_waits_for_what_its_component_waits_for() -> None:
    member = Graph.from_plan(plan()).resources[MEMBER]
    assert member.needs == {NODES}
    assert member.inputs_from == frozenset()


def test_a_provider_stands_for_what_it_is_configured_with() -> None:
    release = Graph.from_plan(plan()).resources[RELEASE]
    assert release.inputs_from == {CLUSTER}
    assert release.needs == {CLUSTER, MEMBER}


def test_a_resource_that_is_to_be_deleted_has_no_goal_and_is_left_out() -> None:
    assert VPC not in Graph.from_plan(plan(**{VPC: {"steps": ["delete"]}})).resources


def test_the_bound_keeps_rules_and_inputs_and_drops_the_labs_own_choices() -> None:
    graph = Graph.from_plan(plan())
    assert program_needs(graph)[RELEASE] == {CLUSTER, MEMBER}
    assert bound_needs(graph)[RELEASE] == {CLUSTER, NODES}


def test_the_longest_chain_decides() -> None:
    needs = {"a": frozenset[str](), "b": frozenset({"a"}), "c": frozenset({"a"}), "d": frozenset({"b", "c"})}
    took = {"a": 1.0, "b": 10.0, "c": 2.0, "d": 3.0}
    found = schedule(needs, took.__getitem__)
    assert found.seconds == 14
    assert [bar.urn for bar in found.critical] == ["a", "b", "d"]
    assert {bar.urn: (bar.start, bar.end) for bar in found.bars} == {
        "a": (0, 1),
        "b": (1, 11),
        "c": (1, 3),
        "d": (11, 14),
    }


def test_taking_away_walks_the_same_chain_backwards() -> None:
    needs = {"vpc": frozenset[str](), "cluster": frozenset({"vpc"}), "nodes": frozenset({"cluster"})}
    found = schedule(backwards(needs), {"vpc": 1.0, "cluster": 5.0, "nodes": 7.0}.__getitem__)
    assert [bar.urn for bar in found.critical] == ["nodes", "cluster", "vpc"]
    assert found.seconds == 13


def test_a_circle_is_an_error() -> None:
    with pytest.raises(graphlib.CycleError):
        schedule({"a": frozenset({"b"}), "b": frozenset({"a"})}, lambda _: 1.0)


def test_nothing_takes_no_time() -> None:
    assert schedule({}, lambda _: 1.0).seconds == 0


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), max_size=30), st.data())
def test_nobody_starts_before_its_needs_end_and_the_critical_path_has_no_gap(
    shape: list[list[int]], data: st.DataObject
) -> None:
    needs = {str(i): frozenset(str(one) for one in before if one < i) for i, before in enumerate(shape)}
    took = {urn_: float(data.draw(st.integers(0, 100))) for urn_ in needs}
    found = schedule(needs, took.__getitem__)
    ends = {bar.urn: bar.end for bar in found.bars}
    for bar in found.bars:
        assert all(ends[one] <= bar.start for one in needs[bar.urn])
    chain = found.critical
    assert sum(bar.end - bar.start for bar in chain) == found.seconds


def test_every_row_of_the_table_can_be_found_and_the_rest_has_a_value() -> None:
    assert create_seconds("aws:eks/addon:Addon", "addons-coredns") == 15
    assert create_seconds("aws:eks/addon:Addon", "cluster-vpc-cni") == 35
    assert create_seconds("kubernetes:helm.sh/v3:Release", "monitoring-release") == 137
    assert create_seconds("kubernetes:helm.sh/v3:Release", "lbc-release") == 34
    assert delete_seconds("aws:eks/nodeGroup:NodeGroup", "nodes") == 380
    assert create_seconds("aws:iam/role:Role", "any") == OTHER_SECONDS
    assert all(row.runs != (0, 0) or row.note for row in DURATIONS), "an assumption says what it assumes"
    assert all(rule.why for rule in RULES)


def test_the_svg_shows_the_critical_path() -> None:
    way = forecast.up(Graph.from_plan(plan()))
    document = gantt.svg("lab up", way.predicted)
    assert f">lab up: {way.predicted.seconds / 60:.1f} min</text>" in document
    assert ">eks Cluster cluster-eksCluster</text>" in document
    assert document.count(f'fill="{gantt.COLOURS[True]}"') == len(way.predicted.critical)
