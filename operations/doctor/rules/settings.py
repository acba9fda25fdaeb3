"""Rules about the settings: what only AWS knows of them, the Kubernetes version, and the network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from infra.config.loading import OPS_VPC_CIDR, LabConfig
from infra.versions import DEFAULT_KUBERNETES_VERSION
from operations.doctor.findings import Finding, Layer, Status, unchecked
from operations.doctor.observations import Observations, RecordedResources, Unseen
from operations.doctor.quotas import VPC, endpoint_ranges

SUPPORT_WARN: Final = timedelta(days=60)
EXTENDED_PRICE: Final = "0.60 instead of 0.10 USD an hour"
_LAYERS: Final = {"nodeGroup.instanceTypes": Layer.REGION, "opsServers.instanceType": Layer.REGION}


def settings(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """Instance types, key pair, hosted zone and certificate."""

    def layer_of(key: str) -> Layer:
        return _LAYERS.get(key.partition(":")[2], Layer.SETTINGS)

    for problem in seen.settings.problems:
        yield Finding(layer_of(problem.key), Status.FAIL, f"{problem.key}: {problem.what}", problem.remedy)
    for one in seen.settings.unanswered:
        yield unchecked(layer_of(one.key), one.key, Unseen(one.why))
    told = {one.key.partition(":")[2] for one in (*seen.settings.problems, *seen.settings.unanswered)}
    if not told & _LAYERS.keys():
        kinds = ", ".join(config.node_group.instance_types)
        yield Finding(Layer.REGION, Status.OK, f"{kinds} is offered in {', '.join(config.zones)}.")
    for value, key, what in (
        (config.key_name, "keyName", "The key pair is there."),
        (config.hosted_zone_id, "hostedZoneId", "The hosted zone is public and holds the domain."),
        (config.certificate_arn, "certificateArn", "The certificate is issued and covers the pages."),
    ):
        if value and key not in told:
            yield Finding(Layer.SETTINGS, Status.OK, what)


def version(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:
    """How long EKS supports the Kubernetes version."""
    layer, version = Layer.VERSION, config.kubernetes_version
    if isinstance(seen.versions, Unseen):
        yield unchecked(layer, f"Kubernetes {version}", seen.versions)
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


def network(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """Whether a range of the lab overlaps one that is peered."""
    layer, recorded = Layer.NETWORK, seen.recorded
    if isinstance(seen.peerings, Unseen):
        yield unchecked(layer, "Ranges of peered VPCs", seen.peerings)
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
                    yield unchecked(layer, f"{told} Whether that VPC is the stack's own", recorded)
                else:
                    yield Finding(
                        layer,
                        Status.WARN,
                        told,
                        "They can stand side by side but never be peered; choose another range if they shall be.",
                    )
    if not clashes:
        yield Finding(layer, Status.OK, "No range overlaps one that this account peers.")


def endpoint_access(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """Whether the cluster's endpoint will answer this machine: the engine makes what is in the cluster by it."""
    layer, ranges = Layer.NETWORK, endpoint_ranges(config)
    if not ranges or seen.address is None:
        return
    if isinstance(seen.address, Unseen):
        remedy = "See that myeks:operatorCidrs has the address under which the internet sees you."
        yield unchecked(layer, "Whether the cluster's endpoint will answer this machine", seen.address, remedy)
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
