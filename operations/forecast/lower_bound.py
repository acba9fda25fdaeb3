"""What the cloud itself makes wait for what: the shortest that any order of this lab could take.

A resource whose inputs are another's outputs comes after it in every program.
Beside these there are orders that AWS and Kubernetes impose without an input
that shows it; they are the rules below. Every other edge of the program's graph
is the lab's own choice, and the prediction is measured against the bound that
is left without these choices.
"""

import re
from dataclasses import dataclass
from typing import Final

from operations.forecast.critical_path import Needs
from operations.forecast.resource_graph import Graph, Resource


@dataclass(frozen=True)
class Rule:
    """Resources that match `later` cannot be made before, or outlive, those that match `earlier`."""

    later: str
    earlier: str
    why: str


POD_RUNNERS: Final = (
    r"kubernetes:helm\.sh/v3:Release |kubernetes:core/v1:Pod |aws:eks/addon:Addon .*(coredns|metrics|ebs)"
)
"""Resources, as "TYPE NAME", that are done only when pods run."""

RULES: Final = (
    Rule(POD_RUNNERS, r"aws:eks/nodeGroup:NodeGroup ", "pods need nodes; coredns is DEGRADED without them"),
    Rule(
        r"aws:eks/nodeGroup:NodeGroup ",
        r"aws:eks/addon:Addon .*vpc-?cni",
        "a node is Ready only with a network plug-in, and takes prefixes only if it is set before",
    ),
    Rule(r"aws:eks/nodeGroup:NodeGroup ", r"aws:ec2/route:Route network-", "a node joins over the internet"),
    Rule(
        r"aws:eks/nodeGroup:NodeGroup ",
        r"aws:iam/rolePolicyAttachment:RolePolicyAttachment nodes-",
        "a node joins with the rights of its role",
    ),
    Rule(
        r"kubernetes:networking\.k8s\.io/v1:Ingress ",
        r"kubernetes:helm\.sh/v3:Release lbc",
        "the controller makes the ALB, and takes it away",
    ),
    Rule(
        r"aws:eks/cluster:Cluster ",
        r"aws:cloudwatch/logGroup:LogGroup cluster-",
        "EKS makes the log group itself when there is none, and that one stays for ever",
    ),
)


def bound_needs(graph: Graph) -> Needs:
    """For each resource what it needs in every possible order of this lab."""
    matching = {rule: _matching(graph, rule.earlier) for rule in RULES}
    needs: dict[str, frozenset[str]] = {}
    for urn, resource in graph.resources.items():
        forced = {one for rule in RULES if re.match(rule.later, _shown(resource)) for one in matching[rule]}
        needs[urn] = (resource.inputs_from | forced) - {urn}
    return needs


def program_needs(graph: Graph) -> Needs:
    """For each resource what it needs in the order that the program has."""
    return {urn: resource.needs for urn, resource in graph.resources.items()}


def _matching(graph: Graph, pattern: str) -> frozenset[str]:
    return frozenset(urn for urn, resource in graph.resources.items() if re.match(pattern, _shown(resource)))


def _shown(resource: Resource) -> str:
    return f"{resource.type} {resource.name}"
