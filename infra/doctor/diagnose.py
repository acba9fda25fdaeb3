"""From what was seen to what is told. Pure: no clock, no network, no process; every rule can be tested by a value.

Each rule yields one finding or more about its layer. What nobody answered is told as such and is never a pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Final

from infra.config import OPS_VPC_CIDR, LabConfig
from infra.doctor.findings import Finding, Layer, Status
from infra.doctor.needs import QUOTAS, needs
from infra.doctor.rights import by_action
from infra.doctor.seen import Caller, Leftover, Machine, Seen, Tool, Unseen
from infra.versions import DEFAULT_KUBERNETES_VERSION

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
_SHOWN_ACTIONS: Final = 6


def diagnose(config: LabConfig, seen: Seen, now: datetime) -> tuple[Finding, ...]:
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


def _machine(config: LabConfig, seen: Seen, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
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


def _caller(config: LabConfig, seen: Seen, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    layer, caller = Layer.CREDENTIALS, seen.caller
    if isinstance(caller, Unseen):
        # Without an answer here nothing can be made, whatever the reason.
        yield Finding(
            layer,
            Status.FAIL,
            f"AWS does not say who you are: {caller.why}",
            "Log in (aws sso login, aws configure) or mend aws:profile in the stack's settings.",
        )
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
    yield _clock(caller)


def _expiry(caller: Caller, now: datetime) -> Iterator[Finding]:
    if caller.expires is None:
        return
    left = caller.expires - now
    minutes = max(0, int(left.total_seconds() // 60))
    if left < UP_TAKES:
        yield Finding(
            Layer.CREDENTIALS,
            Status.WARN,
            f"These credentials end in {minutes} minutes.",
            f"Renew them first: `up` may take {UP_TAKES.total_seconds() / 60:.0f} minutes.",
        )
    else:
        yield Finding(Layer.CREDENTIALS, Status.OK, f"These credentials hold for {minutes} minutes.")


def _clock(caller: Caller) -> Finding:
    if caller.clock_ahead is None:
        return Finding(Layer.MACHINE, Status.UNCHECKED, "The clock: AWS told no time.")
    skew = abs(caller.clock_ahead)
    told = f"The clock is {skew:.0f} seconds {'ahead of' if caller.clock_ahead > 0 else 'behind'} AWS's."
    if skew < SKEW_WARN:
        return Finding(Layer.MACHINE, Status.OK, told)
    return Finding(
        Layer.MACHINE,
        Status.FAIL if skew >= SKEW_FAIL else Status.WARN,
        told,
        "Set it by NTP: AWS refuses signatures that are five minutes off.",
    )


def _permissions(config: LabConfig, seen: Seen, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    layer = Layer.PERMISSIONS
    if isinstance(seen.denied, Unseen):
        yield _unchecked(layer, "Your rights", seen.denied, "iam:SimulatePrincipalPolicy tells them.")
        return
    needed = by_action(config)
    if not seen.denied:
        yield Finding(layer, Status.OK, f"You have all {len(needed)} rights that the stack needs.")
        return
    by_type: dict[str, list[str]] = {}
    for denied in seen.denied:
        for kind in needed.get(denied.action, ("other",)):
            by_type.setdefault(kind, []).append(denied.action)
    for kind, actions in sorted(by_type.items()):
        more = f" and {len(actions) - _SHOWN_ACTIONS} more" if len(actions) > _SHOWN_ACTIONS else ""
        yield Finding(
            layer,
            Status.FAIL,
            f"For {kind} you may not {', '.join(actions[:_SHOWN_ACTIONS])}{more}.",
            "Use an administrator's role, or have these allowed.",
        )


def _settings(config: LabConfig, seen: Seen, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
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


def _version(config: LabConfig, seen: Seen, now: datetime) -> Iterator[Finding]:
    layer, version = Layer.VERSION, config.kubernetes_version
    if isinstance(seen.versions, Unseen):
        yield _unchecked(layer, f"Kubernetes {version}", seen.versions)
        return
    newer = f'Set myeks:kubernetesVersion to "{DEFAULT_KUBERNETES_VERSION}".'
    offered = seen.versions.get(version)
    if offered is None or offered.status == "UNSUPPORTED":
        yield Finding(layer, Status.FAIL, f"EKS creates no clusters of Kubernetes {version} any more.", newer)
    elif offered.status == "EXTENDED_SUPPORT":
        yield Finding(layer, Status.WARN, f"{version} is in extended support: {EXTENDED_PRICE}.", newer)
    elif offered.standard_until and offered.standard_until - now.date() <= SUPPORT_WARN:
        yield Finding(
            layer,
            Status.WARN,
            f"Standard support of {version} ends on {offered.standard_until}; from then on {EXTENDED_PRICE}.",
            newer,
        )
    else:
        until = f" until {offered.standard_until}" if offered.standard_until else ""
        yield Finding(layer, Status.OK, f"Kubernetes {version} is in standard support{until}.")


def _quotas(config: LabConfig, seen: Seen, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    if seen.stands is True:
        yield Finding(Layer.QUOTAS, Status.OK, "The stack stands already; what it takes is taken.")
        return
    taken = needs(config)
    for quota in QUOTAS:
        need = taken.get(quota)
        if not need:
            continue
        one = seen.quotas.get(quota.code, Unseen("it was not asked"))
        if isinstance(one, Unseen):
            yield _unchecked(Layer.QUOTAS, quota.what, one)
            continue
        told = f"{quota.what}: {one.used:g} of {one.limit:g} used, the stack takes {need} more."
        if one.used + need > one.limit:
            remedy = f"Free some, or have quota {quota.code} of {quota.service} raised to {one.used + need:g}."
            yield Finding(Layer.QUOTAS, Status.FAIL, told, remedy)
        else:
            yield Finding(Layer.QUOTAS, Status.OK, told)


def _network(config: LabConfig, seen: Seen, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    layer = Layer.NETWORK
    if seen.stands is True:
        # Its own ranges are among the peered ones by now.
        yield Finding(layer, Status.OK, "The stack's VPCs stand already.")
        return
    if isinstance(seen.peerings, Unseen):
        yield _unchecked(layer, "Ranges of peered VPCs", seen.peerings)
        return
    ours = {"myeks:vpcCidr": config.vpc_cidr}
    if config.ops_servers.enabled:
        ours["the ops VPC"] = OPS_VPC_CIDR
    clashes = 0
    for key, cidr in ours.items():
        for peering in seen.peerings:
            if ip_network(cidr).overlaps(ip_network(peering.cidr)):
                clashes += 1
                yield Finding(
                    layer,
                    Status.WARN,
                    f"{key}, {cidr}, overlaps {peering.cidr} of {peering.vpc}, which this account peers.",
                    "They can stand side by side but never be peered; choose another range if they shall be.",
                )
    if not clashes:
        yield Finding(layer, Status.OK, "No range overlaps one that this account peers.")


def _existing(config: LabConfig, seen: Seen, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    layer, name = Layer.EXISTING, config.cluster_name
    if isinstance(seen.stands, Unseen):
        yield _unchecked(layer, "Whether the stack stands", seen.stands)
    if isinstance(seen.cluster, Unseen):
        yield _unchecked(layer, f"Whether there is a cluster {name}", seen.cluster)
    elif seen.cluster is None:
        yield Finding(layer, Status.OK, f"There is no cluster {name} yet.")
    elif seen.stands is True:
        yield Finding(layer, Status.OK, f"The cluster {name} of this stack is {seen.cluster.status}.")
    else:
        yield Finding(
            layer,
            Status.FAIL,
            f"There is a cluster {name} already ({seen.cluster.status}), and it is not in this stack.",
            "Choose another myeks:clusterName, or delete that cluster.",
        )
    if seen.stands is True:
        return
    if isinstance(seen.leftovers, Unseen):
        yield _unchecked(layer, "Leftovers of an earlier lab", seen.leftovers)
    elif seen.leftovers:
        yield from (_leftover(one) for one in seen.leftovers)
    else:
        yield Finding(layer, Status.OK, f"Nothing else bears the name {name}.")


def _leftover(one: Leftover) -> Finding:
    return Finding(
        Layer.EXISTING,
        Status.FAIL,
        f"The {one.kind} {one.name} is there already, and in no stack; `up` could not make it.",
        "Take it away with ./lab sweep, or choose another myeks:clusterName.",
    )


Rule = Callable[[LabConfig, Seen, datetime], Iterator[Finding]]

_RULES: Final[tuple[Rule, ...]] = (
    _machine,
    _caller,
    _permissions,
    _settings,
    _version,
    _quotas,
    _network,
    _existing,
)
