"""The engine's plan file of a program that ran under mocks, with what pulumi-eks makes inside its components."""

from __future__ import annotations

from typing import Any

from tests.unit.mocks import Graph, Node

INSIDE = {
    "eks:index:Cluster": (
        ("aws:iam/role:Role", "eksRole-role"),
        ("aws:eks/cluster:Cluster", "eksCluster"),
        ("aws:eks/addon:Addon", "kube-proxy"),
        ("aws:eks/addon:Addon", "vpc-cni"),
    ),
    "eks:index:ManagedNodeGroup": (("aws:eks/nodeGroup:NodeGroup", ""),),
}
"""Remote component → its resources, each of which needs the one before."""


def plan_of(graph: Graph) -> dict[str, Any]:
    """The graph in the form of `preview --save-plan`."""
    plans = {node.urn: {"goal": _goal(node)} for node in graph.nodes}
    for node in graph.nodes:
        before = set(node.inputs_from)
        for kind, suffix in INSIDE.get(node.type, ()):
            urn = _inside(node, kind, suffix)
            plans[urn] = {"goal": {"custom": True, "parent": node.urn, "propertyDependencies": {"all": sorted(before)}}}
            before = before | {urn}
    return {"resourcePlans": plans}


def _goal(node: Node) -> dict[str, Any]:
    return {
        "custom": node.custom,
        "parent": node.parent,
        "provider": f"{node.provider}::id" if node.provider else "",
        "dependencies": sorted(node.edges - {node.parent, node.provider}),
        "propertyDependencies": {"all": sorted(node.inputs_from)},
    }


def _inside(node: Node, kind: str, suffix: str) -> str:
    head, _, _ = node.urn.rpartition("::")
    return f"{head}${kind}::{node.name}-{suffix}" if suffix else f"{head}${kind}::{node.name}"
