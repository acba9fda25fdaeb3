"""From observations to findings. Pure: no clock, no network, no process; every rule can be tested by a value.

Each rule yields one finding or more about its layer. What could not be observed is reported so and is never a pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from infra.config.loading import OPS_VPC_CIDR, LabConfig
from infra.versions import DEFAULT_KUBERNETES_VERSION
from operations.doctor.findings import Finding, Layer, Status
from operations.doctor.observations import (
    CLASSIC_BALANCER,
    SCHEDULE,
    Caller,
    ClusterSeen,
    Denied,
    Machine,
    NameConflict,
    Observations,
    QuotaSeen,
    RecordedResources,
    Refused,
    Tool,
    Unseen,
)
from operations.doctor.permissions import by_right
from operations.doctor.quotas import CLUSTER, QUOTAS, VPC, Quota, endpoint_ranges, needs

OLDEST_PYTHON: Final = (3, 11)
OLDEST: Final = {"pulumi": (3, 0), "go": (1, 26)}
"""Command → its oldest version that the lab can use."""

NEEDED: Final = {
    "go": "Install Go from https://go.dev/dl/: it builds the engine and the control plane.",
    "make": "Install make.",
    "pulumi": "Install the Pulumi CLI from https://www.pulumi.com/docs/install/ and log in.",
    "aws": "Install the AWS CLI version 2; the kubeconfig and pulumi-eks call it.",
}
"""Command without which `up` fails → what to do."""

HELPFUL: Final = {"kubectl": "Install kubectl to use the cluster from here; the ops servers have one."}

SKEW_WARN: Final = 60.0
SKEW_FAIL: Final = 300.0
"""Seconds; AWS refuses a signature that is five minutes old (AWS Signature Version 4, 2026-11)."""

UP_TAKES: Final = timedelta(minutes=45)
"""Within which credentials that end are a risk: `up` takes about 20 minutes, half as long again at times."""

SUPPORT_WARN: Final = timedelta(days=60)
EXTENDED_PRICE: Final = "0.60 instead of 0.10 USD an hour"

_SETTINGS: Final = {"nodeGroup.instanceTypes": Layer.REGION, "opsServers.instanceType": Layer.REGION}
_SHOWN_RIGHTS: Final = 6
_WELL: Final = {"ACTIVE", "CREATING", "UPDATING"}
_RECORDED_AS: Final = {
    "log group": "aws:cloudwatch/logGroup:LogGroup",
    "KMS alias": "aws:kms/alias:Alias",
    SCHEDULE: "aws:scheduler/schedule:Schedule",
}
"""Kind of a conflict whose name is also its id → the engine's type."""


def diagnose(config: LabConfig, seen: Observations, now: datetime) -> tuple[Finding, ...]:
    """Every finding, in the order of the layers.

    Args:
        config: the lab that shall stand.
        seen: what the probes saw.
        now: with a time zone.
    """
    found = [finding for rule in _RULES for finding in rule(config, seen, now)]
    order = list(Layer)
    return tuple(sorted(found, key=lambda finding: order.index(finding.layer)))


def _unchecked(layer: Layer, what: str, unseen: Unseen, remedy: str = "") -> Finding:
    return Finding(layer, Status.UNCHECKED, f"{what}: {unseen.why}", remedy)


def _machine(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    yield from diagnose_machine(seen.machine)


def diagnose_machine(machine: Machine) -> Iterator[Finding]:
    """What is to be said of the machine alone."""
    python = ".".join(map(str, machine.python))
    if machine.python < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        yield Finding(Layer.MACHINE, Status.FAIL, f"Python is {python}.", f"Use Python {wanted} or newer.")
    else:
        yield Finding(Layer.MACHINE, Status.OK, f"Python is {python}.")
    for tool in machine.tools:
        yield _tool(tool, machine.sdk)


def _tool(tool: Tool, sdk: str) -> Finding:
    remedy = NEEDED.get(tool.name) or HELPFUL.get(tool.name, "")
    if tool.version is None:
        status = Status.FAIL if tool.name in NEEDED else Status.WARN
        return Finding(Layer.MACHINE, status, f"{tool.name} is not on PATH.", remedy)
    if not tool.version:
        return Finding(Layer.MACHINE, Status.UNCHECKED, f"{tool.name} did not tell its version.", remedy)
    oldest = OLDEST.get(tool.name)
    if oldest and _numbers(tool.version) < oldest:
        wanted = ".".join(map(str, oldest))
        return Finding(
            Layer.MACHINE, Status.FAIL, f"{tool.name} is {tool.version}.", f"Update it to {wanted} or newer."
        )
    if tool.name == "pulumi" and _numbers(tool.version) < _numbers(sdk):
        told = f"pulumi is {tool.version}, older than its Python SDK, {sdk}."
        return Finding(
            Layer.MACHINE, Status.WARN, told, "Update the Pulumi CLI: it may not know all that the SDK asks."
        )
    return Finding(Layer.MACHINE, Status.OK, f"{tool.name} is {tool.version}.")


def _numbers(version: str) -> tuple[int, ...]:
    """v3.259.0-alpha → (3, 259); nothing → ()."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _clock(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    if seen.clock_ahead is None:
        yield Finding(Layer.MACHINE, Status.UNCHECKED, "The clock: AWS returned no time.")
        return
    skew = abs(seen.clock_ahead)
    told = f"The clock is {skew:.0f} seconds {'ahead of' if seen.clock_ahead > 0 else 'behind'} AWS's."
    if skew < SKEW_WARN:
        yield Finding(Layer.MACHINE, Status.OK, told)
        return
    yield Finding(
        Layer.MACHINE,
        Status.FAIL if skew >= SKEW_FAIL else Status.WARN,
        told,
        "Set it by NTP: AWS refuses signatures that are five minutes off.",
    )


def _caller(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    layer, caller = Layer.CREDENTIALS, seen.caller
    if isinstance(caller, Unseen):
        yield _unchecked(layer, "Who you are", caller, "Look at this machine's way to AWS, then try again.")
        return
    if isinstance(caller, Refused):
        yield Finding(layer, Status.FAIL, f"AWS does not say who you are: {caller.why}.", _login(caller))
        return
    if caller.arn.endswith(":root"):
        yield Finding(
            layer,
            Status.WARN,
            f"You are the root user of account {caller.account}.",
            "Use an administrator's role or user: what root does cannot be limited.",
        )
    else:
        yield Finding(layer, Status.OK, f"You are {caller.arn} in account {caller.account}.")
    yield from _expiry(caller, now)


def _login(refused: Refused) -> str:
    if refused.profiles is None:
        return "Log in (aws sso login, aws configure) or correct aws:profile in the stack's settings."
    if not refused.profiles:
        return "There is none at all: make it (aws configure), or take aws:profile out of the stack's settings."
    return (
        f"Name one of these in aws:profile of the stack's settings, or in AWS_PROFILE: {', '.join(refused.profiles)}."
    )


def _expiry(caller: Caller, now: datetime) -> Iterator[Finding]:
    layer = Layer.CREDENTIALS
    if isinstance(caller.expires, Unseen):
        remedy = f"See that they hold: `up` may take {UP_TAKES.total_seconds() / 60:.0f} minutes."
        yield _unchecked(layer, "When these credentials end", caller.expires, remedy)
        return
    if caller.expires is None:
        return
    left = caller.expires - now
    minutes = max(0, int(left.total_seconds() // 60))
    if left < UP_TAKES:
        yield Finding(
            layer,
            Status.WARN,
            f"These credentials end in {minutes} minutes.",
            f"Renew them first: `up` may take {UP_TAKES.total_seconds() / 60:.0f} minutes.",
        )
    else:
        yield Finding(layer, Status.OK, f"These credentials hold for {minutes} minutes.")


def _permissions(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    layer = Layer.PERMISSIONS
    if isinstance(seen.denied, Unseen):
        yield _unchecked(layer, "Your rights", seen.denied, "Allow yourself iam:SimulatePrincipalPolicy to see them.")
        return
    needed = by_right(config)
    if not seen.denied:
        yield Finding(layer, Status.OK, f"You have all {len(needed)} rights that the stack needs.")
        return
    by_type: dict[tuple[str, str], list[str]] = {}
    for denied in seen.denied:
        if not denied.missing:
            for kind in needed.get(denied.right, ("other",)):
                by_type.setdefault((kind, denied.decision), []).append(denied.right)
    for (kind, decision), rights in sorted(by_type.items()):
        # What a policy denies no other policy can allow, an administrator's neither.
        outright = decision == "explicitDeny"
        yield Finding(
            layer,
            Status.FAIL,
            f"For {kind} {'a policy denies you' if outright else 'you may not'} {_listed(rights)}.",
            "Have that policy changed (a service control policy or a boundary may be it), or use another account."
            if outright
            else "Use an administrator's role, or have these allowed.",
        )
    yield from _conditional([denied for denied in seen.denied if denied.missing])


def _conditional(denied: Sequence[Denied]) -> Iterator[Finding]:
    if denied:
        rights = _listed([one.right for one in denied])
        keys = ", ".join(sorted({key for one in denied for key in one.missing}))
        yield Finding(
            Layer.PERMISSIONS,
            Status.UNCHECKED,
            f"Whether you may {rights} depends on {keys}, which only the call itself has.",
            "Ask whoever wrote the policies with these conditions, or just try.",
        )


def _listed(rights: Sequence[str]) -> str:
    """iam:GetRole, iam:PassRole to eks.amazonaws.com and 3 more."""
    more = f" and {len(rights) - _SHOWN_RIGHTS} more" if len(rights) > _SHOWN_RIGHTS else ""
    return ", ".join(right.replace(" ", " to ") for right in rights[:_SHOWN_RIGHTS]) + more


def _settings(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    def layer_of(key: str) -> Layer:
        return _SETTINGS.get(key.partition(":")[2], Layer.SETTINGS)

    for problem in seen.settings.problems:
        yield Finding(layer_of(problem.key), Status.FAIL, f"{problem.key}: {problem.what}", problem.remedy)
    for one in seen.settings.unanswered:
        yield _unchecked(layer_of(one.key), one.key, Unseen(one.why))
    told = {one.key.partition(":")[2] for one in (*seen.settings.problems, *seen.settings.unanswered)}
    if not told & _SETTINGS.keys():
        kinds = ", ".join(config.node_group.instance_types)
        yield Finding(Layer.REGION, Status.OK, f"{kinds} is offered in {', '.join(config.zones)}.")
    for value, key, what in (
        (config.key_name, "keyName", "The key pair is there."),
        (config.hosted_zone_id, "hostedZoneId", "The hosted zone is public and holds the domain."),
        (config.certificate_arn, "certificateArn", "The certificate is issued and covers the pages."),
    ):
        if value and key not in told:
            yield Finding(Layer.SETTINGS, Status.OK, what)


def _version(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:
    layer, version = Layer.VERSION, config.kubernetes_version
    if isinstance(seen.versions, Unseen):
        yield _unchecked(layer, f"Kubernetes {version}", seen.versions)
        return
    newer = f'Set myeks:kubernetesVersion to "{DEFAULT_KUBERNETES_VERSION}".'
    offered = seen.versions.get(version)
    if offered is None or offered.status == "UNSUPPORTED":
        yield Finding(layer, Status.FAIL, f"EKS creates no clusters of Kubernetes {version} any more.", newer)
    elif offered.status == "EXTENDED_SUPPORT" and config.support_type == "STANDARD":
        what = f"{version} is in extended support, and myeks:supportType is STANDARD."
        yield Finding(layer, Status.FAIL, what, newer)
    elif offered.status == "EXTENDED_SUPPORT":
        yield Finding(layer, Status.WARN, f"{version} is in extended support: {EXTENDED_PRICE}.", newer)
    elif offered.standard_until and offered.standard_until - now.date() <= SUPPORT_WARN:
        then = EXTENDED_PRICE if config.support_type == "EXTENDED" else "EKS upgrades the cluster by itself"
        what = f"Standard support of {version} ends on {offered.standard_until}; from then on {then}."
        yield Finding(layer, Status.WARN, what, newer)
    else:
        until = f" until {offered.standard_until}" if offered.standard_until else ""
        yield Finding(layer, Status.OK, f"Kubernetes {version} is in standard support{until}.")


def _quotas(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    taken = needs(config)
    for quota in QUOTAS:
        need = taken.get(quota)
        if not need:
            continue
        one = seen.quotas.get(quota.code, Unseen("it was not asked"))
        if isinstance(one, Unseen):
            yield _unchecked(Layer.QUOTAS, quota.what, one)
        else:
            yield _quota(quota, one, need, seen.recorded)


def _quota(quota: Quota, one: QuotaSeen, need: int, recorded: RecordedResources | Unseen) -> Finding:
    """By what the stack takes beside what it has: after a run that failed, or before a change, it has a part."""
    own = 0.0
    if isinstance(recorded, RecordedResources):
        own = sum(amount for each, amount in one.by.items() if recorded.holds(quota.counted_by, each))
    more = max(0.0, need - own)
    told = f"{quota.what}: {one.used:g} of {one.limit:g} used, the stack takes {f'{more:g}' if more else 'no'} more."
    if not more or one.used + more <= one.limit:
        return Finding(Layer.QUOTAS, Status.OK, told)
    if isinstance(recorded, Unseen):
        return _unchecked(Layer.QUOTAS, f"{told} Whether it has some of them already", recorded)
    remedy = f"Free some, or have quota {quota.code} of {quota.service} raised to {one.used + more:g}."
    return Finding(Layer.QUOTAS, Status.FAIL, told, remedy)


def _network(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    layer, recorded = Layer.NETWORK, seen.recorded
    if isinstance(seen.peerings, Unseen):
        yield _unchecked(layer, "Ranges of peered VPCs", seen.peerings)
        return
    ours = {"myeks:vpcCidr": config.vpc_cidr}
    if config.ops_servers.enabled:
        ours["the ops VPC"] = OPS_VPC_CIDR
    clashes = 0
    for key, cidr in ours.items():
        for peering in seen.peerings:
            if isinstance(recorded, RecordedResources) and recorded.holds(VPC, peering.vpc):
                continue
            if ip_network(cidr).overlaps(ip_network(peering.cidr)):
                clashes += 1
                told = f"{key}, {cidr}, overlaps {peering.cidr} of {peering.vpc}, which this account peers."
                if isinstance(recorded, Unseen):
                    yield _unchecked(layer, f"{told} Whether that VPC is the stack's own", recorded)
                else:
                    yield Finding(
                        layer,
                        Status.WARN,
                        told,
                        "They can stand side by side but never be peered; choose another range if they shall be.",
                    )
    if not clashes:
        yield Finding(layer, Status.OK, "No range overlaps one that this account peers.")


def _way_in(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """Whether the cluster's endpoint will answer this machine: the engine makes what is in the cluster by it."""
    layer, ranges = Layer.NETWORK, endpoint_ranges(config)
    if not ranges or seen.address is None:
        return
    if isinstance(seen.address, Unseen):
        remedy = "See that myeks:operatorCidrs has the address under which the internet sees you."
        yield _unchecked(layer, "Whether the cluster's endpoint will answer this machine", seen.address, remedy)
    elif any(ip_address(seen.address) in each for each in ranges):
        yield Finding(layer, Status.OK, f"This machine's address, {seen.address}, is in myeks:operatorCidrs.")
    else:
        yield Finding(
            layer,
            Status.FAIL,
            f"This machine's address, {seen.address}, is not in myeks:operatorCidrs: the cluster's endpoint will not "
            "answer it, and nothing in the cluster can be made.",
            f"Add {seen.address}/32 to myeks:operatorCidrs.",
        )


def _existing(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    layer, name, recorded = Layer.EXISTING, config.cluster_name, seen.recorded
    if isinstance(recorded, Unseen):
        yield _unchecked(layer, "What the engine's state holds of the stack", recorded, "See to pulumi login.")
    yield _named_cluster(name, seen)
    if isinstance(seen.name_conflicts, Unseen):
        yield _unchecked(layer, "Leftovers of an earlier lab", seen.name_conflicts)
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
        return _unchecked(layer, f"Whether there is a cluster {name}", seen.cluster)
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
        return _unchecked(layer, f"{there}. Whether it is this stack's", recorded)
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
        return _unchecked(layer, f"{there}. Whether it is this stack's", recorded)
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


Rule = Callable[[LabConfig, Observations, datetime], Iterator[Finding]]

_RULES: Final[tuple[Rule, ...]] = (
    _machine,
    _clock,
    _caller,
    _permissions,
    _settings,
    _version,
    _quotas,
    _network,
    _way_in,
    _existing,
)
