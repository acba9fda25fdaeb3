"""Rules about address ranges: what VPC, EKS and the peering with the ops VPC accept.

Limits: Amazon VPC User Guide, "VPC CIDR blocks" and "Subnet CIDR blocks"; Amazon EKS User Guide, "Networking
requirements for VPC and subnets", "Cluster API server endpoint" and "Assign more IP addresses to nodes with
prefixes"; Elastic Load Balancing, "Application Load Balancers: subnets"; all 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations
from typing import Final

from infra.config.model import OPS_VPC_CIDR, SERVICE_CIDR, LabConfig
from infra.config.problems import Problem, key_of, shown
from infra.config.rules.rule import Rule, rule

LARGEST_PREFIX: Final = 16
SMALLEST_PREFIX: Final = 28
"""AWS makes VPCs and subnets from /16 down to /28."""

SMALLEST_FOR_NODES: Final = 26
"""Smallest subnet that has a whole free /28 in it: AWS keeps the first four addresses and the last one, and
a /27 is no more than the first /28 and the last."""

SMALLEST_FOR_LOAD_BALANCER: Final = 27

WIDEST_OPERATOR_PREFIX: Final = 8
"""Anything wider is the internet in two or more pieces rather than somebody's address."""

MOST_OPERATOR_CIDRS: Final = 38
"""The cluster's public endpoint takes 40 ranges (Amazon EKS service quotas), and the ops servers need two."""

MOST_OPERATOR_CIDRS_WITH_PAGES: Final = 30
"""The load balancer has one rule for each range and for both of its ports, and a security group takes 60 inbound
rules (Amazon VPC quotas)."""

_OPS = IPv4Network(OPS_VPC_CIDR)
_SERVICES = IPv4Network(SERVICE_CIDR)
_NO_VPC = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")))
_NOT_PUBLIC = (
    *_NO_VPC,
    *map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")),
)
_DEFAULTS = LabConfig()
_SUBNETS = (("publicSubnetCidrs", "public"), ("privateSubnetCidrs", "private"))


def network(text: str) -> IPv4Network | None:
    """The IPv4 range that a text writes canonically, or None."""
    try:
        found = ip_network(text)
    except ValueError:
        return None
    return found if isinstance(found, IPv4Network) and str(found) == text else None


def _unreadable(key: str, text: str) -> Problem:
    """Why ``network`` found nothing in the text."""
    try:
        meant: IPv4Network | IPv6Network = ip_network(text, strict=False)
    except ValueError:
        return Problem(key, f"{shown(text)} is not an address range.", "Write one like 192.168.1.0/24.")
    if isinstance(meant, IPv6Network):
        return Problem(key, f"{text} is IPv6, and the lab's networks are IPv4.", "Write an IPv4 range.")
    if "/" not in text:
        return Problem(key, f"{text} has no prefix length.", f"Write {meant} for this one address.")
    return Problem(key, f"{text} is not the usual form of its range.", f"Write {meant}.")


def _size(key: str, found: IPv4Network, what: str, smallest: int = SMALLEST_PREFIX, why: str = "") -> Iterator[Problem]:
    if not LARGEST_PREFIX <= found.prefixlen <= smallest:
        yield Problem(
            key,
            f"{found} has no size that a {what} can have{why}.",
            f"Choose a range from /{LARGEST_PREFIX} to /{smallest}.",
        )


@rule("vpcCidr")
def vpc(config: LabConfig) -> Iterator[Problem]:
    """The VPC's range alone, and against the service range."""
    key = key_of("vpcCidr")
    found = network(config.vpc_cidr)
    if found is None:
        yield _unreadable(key, config.vpc_cidr)
        return
    yield from _size(key, found, "VPC")
    if any(found.overlaps(reserved) for reserved in _NO_VPC):
        yield Problem(key, f"{found} holds addresses that no VPC can have.", "Use a private range, as 192.168.0.0/16.")
    if found.overlaps(_SERVICES):
        yield Problem(
            key,
            f"{found} overlaps the cluster's service range {_SERVICES}.",
            "Choose a range outside it, as 192.168.0.0/16.",
        )


@rule("vpcCidr", "opsServers.enabled")
def vpc_beside_ops(config: LabConfig) -> Iterator[Problem]:
    """Peered VPCs may not overlap."""
    found = network(config.vpc_cidr)
    if config.ops_servers.enabled and found is not None and found.overlaps(_OPS):
        yield Problem(
            key_of("vpcCidr"),
            f"{found} overlaps the ops VPC {_OPS}, and overlapping VPCs cannot be peered.",
            f"Choose a range outside it, or set {key_of('opsServers', 'enabled')} to false.",
        )


def _texts(config: LabConfig, key: str) -> tuple[str, ...]:
    return config.public_subnet_cidrs if key == "publicSubnetCidrs" else config.private_subnet_cidrs


def _subnets_alone(key: str, what: str) -> Rule:
    @rule(key)
    def check(config: LabConfig) -> Iterator[Problem]:
        texts = _texts(config, key)
        if len(texts) != 3:
            yield Problem(
                key_of(key),
                f"There are {len(texts)} {what} subnets, and the lab has one in each of three zones.",
                "List three ranges, for the zones a, b and c.",
            )
        for index, text in enumerate(texts):
            found = network(text)
            if found is None:
                yield _unreadable(key_of(key, index), text)
            else:
                yield from _size(key_of(key, index), found, "subnet")

    return check


def _subnets_in_vpc(key: str) -> Rule:
    @rule("vpcCidr", key)
    def check(config: LabConfig) -> Iterator[Problem]:
        whole = network(config.vpc_cidr)
        for index, text in enumerate(_texts(config, key)):
            found = network(text)
            if whole is not None and found is not None and not found.subnet_of(whole):
                default = ", the default," if _texts(config, key) == _texts(_DEFAULTS, key) else ""
                yield Problem(
                    key_of(key, index),
                    f"{found}{default} is outside the VPC {whole}.",
                    f"Choose a range inside {whole}.",
                )

    return check


@rule("publicSubnetCidrs", "privateSubnetCidrs")
def subnets_apart(config: LabConfig) -> Iterator[Problem]:
    """No two of the six subnets overlap."""
    found = [
        (key_of(key, index), subnet)
        for key, _ in _SUBNETS
        for index, text in enumerate(_texts(config, key))
        if (subnet := network(text)) is not None
    ]
    for (one_key, one), (other_key, other) in combinations(found, 2):
        if one.overlaps(other):
            yield Problem(other_key, f"{other} overlaps {one} of {one_key}.", "Give each subnet a range of its own.")


@rule("publicSubnetCidrs", "nodeGroup.prefixDelegation")
def room_for_prefixes(config: LabConfig) -> Iterator[Problem]:
    """With prefix delegation, the nodes' subnets need whole /28 blocks."""
    if not config.node_group.prefix_delegation:
        return
    for index, text in enumerate(config.public_subnet_cidrs):
        found = network(text)
        if found is not None and SMALLEST_FOR_NODES < found.prefixlen <= SMALLEST_PREFIX:
            yield Problem(
                key_of("publicSubnetCidrs", index),
                f"{found} has no free /28 for prefix delegation, so pods there would get no address.",
                f"Choose /{SMALLEST_FOR_NODES} or larger, or set {key_of('nodeGroup', 'prefixDelegation')} to false.",
            )


@rule("publicSubnetCidrs", "nodeGroup.prefixDelegation", "domain")
def room_for_load_balancer(config: LabConfig) -> Iterator[Problem]:
    """An Application Load Balancer, which is there with a domain, takes no subnet smaller than /27."""
    if config.domain is None or config.node_group.prefix_delegation:  # the latter wants larger ones anyway
        return
    for index, text in enumerate(config.public_subnet_cidrs):
        found = network(text)
        if found is not None and found.prefixlen == SMALLEST_PREFIX:
            yield Problem(
                key_of("publicSubnetCidrs", index),
                f"{found} is too small for the load balancer of the web pages.",
                f"Choose /{SMALLEST_FOR_LOAD_BALANCER} or larger, or set no {key_of('domain')}.",
            )


@rule("operatorCidrs", "allowAnyOperatorCidr", "domain", "certificateArn", "monitoring", "kubeOpsView")
def pages_for_everybody(config: LabConfig) -> Iterator[Problem]:
    """Without operator ranges the web pages are open to the internet, Prometheus and kube-ops-view without any
    login: that needs the same consent as 0.0.0.0/0."""
    open_ones = {"Prometheus": config.monitoring, "kube-ops-view": config.kube_ops_view}
    pages = [name for name, there in open_ones.items() if there]
    published = bool(config.domain and config.certificate_arn and pages)
    if published and not config.operator_cidrs and not config.allow_any_operator_cidr:
        yield Problem(
            key_of("operatorCidrs"),
            f"None is given, and with a domain the whole internet could open {' and '.join(pages)} without a login.",
            f"List your own address as /32, or consent with {key_of('allowAnyOperatorCidr')}: true.",
        )


@rule("operatorCidrs", "allowAnyOperatorCidr", "domain")
def operator(config: LabConfig) -> Iterator[Problem]:
    """Ranges for SSH and the public endpoint: IPv4, public, once each, and the whole internet by consent
    only."""
    texts = config.operator_cidrs
    what, most = "endpoint", MOST_OPERATOR_CIDRS
    if config.domain:
        what, most = "load balancer of the web pages", MOST_OPERATOR_CIDRS_WITH_PAGES
    if len(texts) > most:
        yield Problem(
            key_of("operatorCidrs"),
            f"There are {len(texts)} ranges, and the {what} has room for {most}.",
            "Join them to fewer, larger ones.",
        )
    for index, text in enumerate(texts):
        key = key_of("operatorCidrs", index)
        found = network(text)
        if found is None:
            yield _unreadable(key, text)
        elif text in texts[:index]:
            yield Problem(key, f"{found} is listed twice.", "Remove one of them.")
        elif found.prefixlen < WIDEST_OPERATOR_PREFIX:
            if not config.allow_any_operator_cidr:
                yield Problem(
                    key,
                    f"{found} lets the internet in, to SSH on nodes and ops servers and to the endpoint.",
                    f"Write your own address as /32, or consent with {key_of('allowAnyOperatorCidr')}: true.",
                )
        elif any(found.subnet_of(private) for private in _NOT_PUBLIC):
            yield Problem(
                key,
                f"{found} is a private or reserved range: no request from the internet has such an address.",
                "Write the address under which the internet sees you, as /32.",
            )


RULES: Final[tuple[Rule, ...]] = (
    vpc,
    vpc_beside_ops,
    *(_subnets_alone(key, what) for key, what in _SUBNETS),
    *(_subnets_in_vpc(key) for key, _ in _SUBNETS),
    subnets_apart,
    room_for_prefixes,
    room_for_load_balancer,
    pages_for_everybody,
    operator,
)
