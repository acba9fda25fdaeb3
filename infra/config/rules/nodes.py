"""Rules about instances: sizes of the node group, instance types, and how many pods fit a node.

Limits: Amazon EKS User Guide, "Service quotas" (450 nodes in a managed node group, 20 instance types);
Amazon EBS User Guide, "gp3 volumes"; 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from infra.config.model import LabConfig
from infra.config.problems import Problem, closest, key_of, listed, shown
from infra.config.rules.rule import Rule, rule
from infra.instance_types import FAMILIES, INSTANCE_TYPES, is_arm

MOST_NODES: Final = 450
MOST_INSTANCE_TYPES: Final = 20
SMALLEST_DISK_GIB: Final = 20
"""The image of Amazon Linux 2023 for EKS has a root volume of this size."""
LARGEST_DISK_GIB: Final = 16_384
FEWEST_PODS: Final = 8
"""Five are taken on every node by daemon sets: aws-node, kube-proxy, the EBS CSI node driver, the Pod
Identity agent and node-exporter."""

_MIN, _DESIRED, _MAX = (key_of("nodeGroup", name) for name in ("minSize", "desiredSize", "maxSize"))


def _type_problem(key: str, name: str) -> Problem | None:
    if name in INSTANCE_TYPES:
        return None
    if is_arm(name):
        return Problem(
            key,
            f"{name} is an Arm type, and the lab's images are x86_64.",
            "Choose an x86_64 type, such as t3.medium.",
        )
    meant = closest(name, INSTANCE_TYPES)
    hint = f"Did you mean {meant}? " if meant else ""
    return Problem(
        key,
        f"{shown(name)} is not an instance type that the lab knows.",
        f"{hint}Choose a size from large up of {listed(FAMILIES)}, or a smaller t2, t3 or t3a.",
    )


@rule("nodeGroup.minSize", "nodeGroup.maxSize")
def bounds(config: LabConfig) -> Iterator[Problem]:
    """The least and the greatest number of nodes."""
    group = config.node_group
    if group.min_size < 0:
        yield Problem(_MIN, f"{group.min_size} is below zero.", "Write 0 or more.")
    if not 1 <= group.max_size <= MOST_NODES:
        yield Problem(_MAX, f"{group.max_size} is no size of a node group.", f"Write a number from 1 to {MOST_NODES}.")
    if group.min_size > group.max_size:
        yield Problem(
            _MIN,
            f"{group.min_size} is more than maxSize, {group.max_size}.",
            f"Lower it, or raise {_MAX} to {group.min_size} or more.",
        )


@rule("nodeGroup.minSize", "nodeGroup.desiredSize", "nodeGroup.maxSize")
def desired(config: LabConfig) -> Iterator[Problem]:
    """The desired number lies between the bounds, when those are bounds."""
    group = config.node_group
    if group.min_size > group.max_size:
        return
    if group.desired_size < group.min_size:
        yield Problem(
            _DESIRED,
            f"{group.desired_size} is less than minSize, {group.min_size}.",
            f"Raise it, or lower {_MIN} to {max(group.desired_size, 0)}.",
        )
    if group.desired_size > group.max_size:
        yield Problem(
            _DESIRED,
            f"{group.desired_size} is more than maxSize, {group.max_size}.",
            f"Lower it, or raise {_MAX} to {group.desired_size}.",
        )


@rule("nodeGroup.instanceTypes")
def node_types(config: LabConfig) -> Iterator[Problem]:
    """Known x86_64 types, at least one, once each."""
    names = config.node_group.instance_types
    if not 1 <= len(names) <= MOST_INSTANCE_TYPES:
        yield Problem(
            key_of("nodeGroup", "instanceTypes"),
            f"There are {len(names)} instance types.",
            f"List at least one and at most {MOST_INSTANCE_TYPES}.",
        )
    for index, name in enumerate(names):
        key = key_of("nodeGroup", "instanceTypes", index)
        if problem := _type_problem(key, name):
            yield problem
        elif name in names[:index]:
            yield Problem(key, f"{name} is listed twice.", "Remove one of them.")


@rule("opsServers.instanceType")
def ops_type(config: LabConfig) -> Iterator[Problem]:
    """A known x86_64 type."""
    if problem := _type_problem(key_of("opsServers", "instanceType"), config.ops_servers.instance_type):
        yield problem


@rule("nodeGroup.maxPods")
def enough_pods(config: LabConfig) -> Iterator[Problem]:
    """Room for more than what runs on every node."""
    if config.node_group.max_pods < FEWEST_PODS:
        yield Problem(
            key_of("nodeGroup", "maxPods"),
            f"{config.node_group.max_pods} pods are not enough: five of them run on every node.",
            f"Write {FEWEST_PODS} or more.",
        )


@rule("nodeGroup.maxPods", "nodeGroup.instanceTypes", "nodeGroup.prefixDelegation")
def pods_fit(config: LabConfig) -> Iterator[Problem]:
    """Every instance type can give each of maxPods pods an address."""
    group = config.node_group
    known = [INSTANCE_TYPES[name] for name in group.instance_types if name in INSTANCE_TYPES]
    if not known:
        return
    tightest = min(known, key=lambda one: one.max_pods(group.prefix_delegation))
    fits = tightest.max_pods(group.prefix_delegation)
    if group.max_pods <= fits:
        return
    how = "with prefix delegation" if group.prefix_delegation else "without prefix delegation"
    if group.prefix_delegation and not tightest.nitro:
        how = "and takes no prefixes, as it is no Nitro type"
    more = min(one.max_pods(prefix_delegation=True) for one in known)
    remedy = f"Write {fits} or less, or choose a larger type."
    if not group.prefix_delegation and more > fits:
        prefixes = key_of("nodeGroup", "prefixDelegation")
        remedy = f"Write {fits} or less, or set {prefixes} to true for up to {more}."
    yield Problem(
        key_of("nodeGroup", "maxPods"),
        f"{group.max_pods} pods do not fit: {tightest.name} holds {fits} {how}.",
        remedy,
    )


@rule("nodeGroup.diskSizeGiB")
def disk(config: LabConfig) -> Iterator[Problem]:
    """A size that holds the image and that gp3 has."""
    size = config.node_group.disk_size_gib
    if not SMALLEST_DISK_GIB <= size <= LARGEST_DISK_GIB:
        yield Problem(
            key_of("nodeGroup", "diskSizeGiB"),
            f"A node's disk cannot have {size} GiB.",
            f"Write a number from {SMALLEST_DISK_GIB} to {LARGEST_DISK_GIB}.",
        )


RULES: Final[tuple[Rule, ...]] = (bounds, desired, node_types, ops_type, enough_pods, pods_fit, disk)
