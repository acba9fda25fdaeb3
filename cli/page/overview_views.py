"""What the overview draws: networks, zones, subnets, and the nodes in them with their pods; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cli.page.look import Overview
from stacks.cluster_facts import Node
from stacks.landscape import Machine, Network, Peering, Pod


@dataclass(frozen=True)
class MachineSeen:
    """One instance; a node of the cluster where `node` is set."""

    machine: Machine
    node: Node | None
    pods: Mapping[str, tuple[Pod, ...]]
    """Namespace → its pods on this node."""

    @property
    def count(self) -> int:
        """How many pods run on it."""
        return sum(map(len, self.pods.values()))


@dataclass(frozen=True)
class SubnetSeen:
    """One subnet."""

    name: str
    cidr: str
    machines: tuple[MachineSeen, ...]


@dataclass(frozen=True)
class ZoneSeen:
    """One availability zone with its subnets."""

    name: str
    subnets: tuple[SubnetSeen, ...]


@dataclass(frozen=True)
class NetworkSeen:
    """One VPC."""

    name: str
    id: str
    cidr: str
    peering: Peering | None
    """To the lab's own VPC; None: it is that one."""

    zones: tuple[ZoneSeen, ...]


@dataclass(frozen=True)
class View:
    """The picture."""

    networks: tuple[NetworkSeen, ...]
    elsewhere: tuple[Node, ...]
    """Nodes for which no instance was found."""

    waiting: tuple[Pod, ...]
    """Pods that have no node."""

    phases: Mapping[str, int]
    """Phase → how many pods are in it."""


def view(overview: Overview) -> View | None:
    """The picture; None where nothing could be asked."""
    if overview.seen is None or overview.facts is None:
        return None
    seen, nodes = overview.seen, {each.name: each for each in overview.facts.nodes}
    peerings = {each.other: each for each in seen.peerings}
    networks = tuple(_network(each, peerings.get(each.id), nodes, seen.pods) for each in seen.networks)
    drawn = {each.node.name for network in networks for each in _machines(network) if each.node}
    return View(
        networks,
        tuple(each for name, each in nodes.items() if name not in drawn),
        tuple(each for each in seen.pods if not each.node),
        Counter(each.phase for each in seen.pods),
    )


def _network(of: Network, peering: Peering | None, nodes: Mapping[str, Node], pods: Sequence[Pod]) -> NetworkSeen:
    zones: dict[str, list[SubnetSeen]] = {}
    for each in of.subnets:
        machines = tuple(_machine(one, nodes.get(one.private_name), pods) for one in each.machines)
        zones.setdefault(each.zone, []).append(SubnetSeen(each.name or each.id, each.cidr, machines))
    drawn = tuple(ZoneSeen(zone, tuple(subnets)) for zone, subnets in zones.items())
    return NetworkSeen(of.name or of.id, of.id, of.cidr, peering, drawn)


def _machine(of: Machine, node: Node | None, pods: Sequence[Pod]) -> MachineSeen:
    here: dict[str, list[Pod]] = {}
    for each in pods:
        if node and each.node == node.name:
            here.setdefault(each.namespace, []).append(each)
    return MachineSeen(of, node, {namespace: tuple(found) for namespace, found in here.items()})


def _machines(network: NetworkSeen) -> list[MachineSeen]:
    return [one for zone in network.zones for subnet in zone.subnets for one in subnet.machines]
