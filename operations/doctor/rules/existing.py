"""Rules about what AWS has already: the cluster of the lab's name, and other names that the lab needs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from infra.config.loading import LabConfig
from operations.doctor.findings import Finding, Layer, Status, unchecked
from operations.doctor.observations import (
    CLASSIC_BALANCER,
    SCHEDULE,
    ClusterSeen,
    NameConflict,
    Observations,
    RecordedResources,
    Unseen,
)
from operations.doctor.quotas import CLUSTER, VPC

_WELL: Final = {"ACTIVE", "CREATING", "UPDATING"}
_RECORDED_AS: Final = {
    "log group": "aws:cloudwatch/logGroup:LogGroup",
    "KMS alias": "aws:kms/alias:Alias",
    SCHEDULE: "aws:scheduler/schedule:Schedule",
}
"""Kind of a conflict whose name is also its id → the engine's type."""


def existing(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """The cluster of the lab's name, and the other names that `up` gives."""
    layer, name, recorded = Layer.EXISTING, config.cluster_name, seen.recorded
    if isinstance(recorded, Unseen):
        yield unchecked(layer, "What the engine's state holds of the stack", recorded, "See to pulumi login.")
    yield _named_cluster(name, seen)
    if isinstance(seen.name_conflicts, Unseen):
        yield unchecked(layer, "Leftovers of an earlier lab", seen.name_conflicts)
        return
    others = [
        one
        for one in seen.name_conflicts
        # While a cluster of that name stands, or may stand, it is that one's.
        if not (_is_own(one, name, recorded) or (one.kind == CLASSIC_BALANCER and seen.cluster is not None))
    ]
    if others:
        yield from (_name_conflict(one, name, seen) for one in others)
    else:
        yield Finding(layer, Status.OK, "No other name that `up` gives is taken by something else.")


def _named_cluster(name: str, seen: Observations) -> Finding:
    layer, recorded = Layer.EXISTING, seen.recorded
    if isinstance(seen.cluster, Unseen):
        return unchecked(layer, f"Whether there is a cluster {name}", seen.cluster)
    if seen.cluster is None:
        if isinstance(recorded, RecordedResources) and recorded.holds(CLUSTER, name):
            return Finding(
                layer,
                Status.WARN,
                f"The engine's state holds the cluster {name}, and EKS has none.",
                f"Take away the rest first, which `up` cannot reach any more: ./lab down -s {seen.stack}",
            )
        return Finding(layer, Status.OK, f"There is no cluster {name} yet.")
    status = seen.cluster.status
    there = f"There is a cluster {name} already ({status})"
    if isinstance(recorded, Unseen):
        return unchecked(layer, f"{there}. Whether it is this stack's", recorded)
    if recorded.holds(CLUSTER, name):
        if status in _WELL:
            return Finding(layer, Status.OK, f"The cluster {name} of this stack is {status}.")
        return Finding(
            layer,
            Status.WARN,
            f"The cluster {name} of this stack is {status}.",
            f"If `up` cannot repair it, delete it first: ./lab down -s {seen.stack}",
        )
    if recorded.holds(VPC, seen.cluster.vpc):
        return Finding(
            layer,
            Status.FAIL,
            f"{there} in this stack's VPC, and the engine's state does not hold it: a run was broken off.",
            f"Delete it with ./lab sweep -s {seen.stack} --delete; `up` then creates it again.",
        )
    return Finding(
        layer,
        Status.FAIL,
        f"{there}, and it is not in this stack.",
        "Choose another myeks:clusterName, or name the stack that it belongs to.",
    )


def _is_own(one: NameConflict, name: str, recorded: RecordedResources | Unseen) -> bool:
    if isinstance(recorded, Unseen):
        return False
    if one.vpc:
        # What the cluster itself made is in no state.
        return recorded.holds(CLUSTER, name) and recorded.holds(VPC, one.vpc)
    return recorded.holds(_RECORDED_AS.get(one.kind, ""), one.name)


def _name_conflict(one: NameConflict, name: str, seen: Observations) -> Finding:
    layer, recorded = Layer.EXISTING, seen.recorded
    there = f"The {one.kind} {one.name} is there already"
    sweep = f"./lab sweep -s {seen.stack}"
    if isinstance(recorded, Unseen):
        return unchecked(layer, f"{there}. Whether it is this stack's", recorded)
    if one.kind == CLASSIC_BALANCER:
        return Finding(
            layer,
            Status.WARN,
            f"{there}, made for a Service of an earlier cluster {name}: it costs by the hour and keeps its VPC.",
            f"If that was a lab of yours, {sweep} --delete takes it away.",
        )
    cluster = seen.cluster
    if cluster is not None and not recorded.holds(CLUSTER, name):
        # Another's lab may stand by that name; what has its names is then not ours to delete.
        ours = isinstance(cluster, ClusterSeen) and recorded.holds(VPC, cluster.vpc)
        if not ours:
            return Finding(
                layer,
                Status.FAIL,
                f"{there}, and not in this stack; `up` could not make it.",
                "Choose another myeks:clusterName, or name the stack that it belongs to.",
            )
    if one.remains:
        return Finding(
            layer,
            Status.WARN,
            f"{there}: EKS made it for its last lines after an earlier lab was gone.",
            f"`up` takes it away first. If it fails on it, {sweep} --delete does.",
        )
    harm = "it would end the new lab" if one.kind == SCHEDULE else "`up` could not make it"
    return Finding(
        layer,
        Status.FAIL,
        f"{there}, and not in this stack; {harm}.",
        f"If it is left of a lab of yours, {sweep} --delete takes it away. Otherwise choose another myeks:clusterName.",
    )
