"""The engine's plan file of a program that ran under mocks, with what pulumi-eks makes inside its components."""

from __future__ import annotations

from typing import Any

from tests.unit.mocks import Graph, Node

INSIDE = {
    "eks:index:Cluster": (
        ("aws:iam/role:Role", "eksRole-role", ()),
        ("aws:eks/cluster:Cluster", "eksCluster", ("eksRole-role",)),
        ("aws:eks/addon:Addon", "kube-proxy", ("eksCluster",)),
        ("aws:eks/addon:Addon", "vpc-cni", ("eksCluster",)),
    ),
    "eks:index:ManagedNodeGroup": (("aws:eks/nodeGroup:NodeGroup", "", ()),),
}
"""Remote component → its resources: type, end of the name, and the ends of the names of those that it needs."""


def plan_of(graph: Graph) -> dict[str, Any]:
    """The graph in the form of `preview --save-plan`."""
    plans = {node.urn: {"goal": _goal(node)} for node in graph.nodes}
    for node in graph.nodes:
        made: dict[str, str] = {}
        for kind, suffix, needs in INSIDE.get(node.type, ()):
            made[suffix] = _inside(node, kind, suffix)
            before = sorted({*node.inputs_from, *(made[one] for one in needs)})
            plans[made[suffix]] = {
                "goal": {"custom": True, "parent": node.urn, "propertyDependencies": {"all": before}}
            }
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
