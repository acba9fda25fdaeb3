"""Asks AWS for a quota and for what uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from clients.aws import ClientFactory
from operations.doctor.observations import QuotaSeen
from operations.doctor.quotas import (
    ADDRESSES,
    CLUSTERS,
    INTERFACES,
    ON_DEMAND_VCPUS,
    SECURITY_GROUPS,
    SPOT_VCPUS,
    VPCS,
    Quota,
)

STANDARD_FAMILIES: Final = "acdhimrtz"
"""First letters of the instance families that share the vCPU quota."""

Uses = Iterator[tuple[str, int]]
"""Id of what a use is counted by, and how much it is."""


def quota_of(client: ClientFactory, quota: Quota) -> QuotaSeen:
    """A quota and its use; the account's own value, else AWS's default."""
    quotas = client("service-quotas")
    try:
        told = quotas.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
        told = quotas.get_aws_default_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    by = Counter[str]()
    for identifier, amount in _USED[quota](client):
        by[identifier] += amount
    return QuotaSeen(told["Quota"]["Value"], by.total(), by)


def pages(client: Any, operation: str, key: str, **asked: Any) -> Iterator[Any]:
    """Every item below `key`, page by page."""
    for page in client.get_paginator(operation).paginate(**asked):
        yield from page[key]


def _vcpus(client: ClientFactory, *, spot: bool) -> Uses:
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    for reservation in pages(client("ec2"), "describe_instances", "Reservations", Filters=running):
        for instance in reservation["Instances"]:
            if (instance.get("InstanceLifecycle") == "spot") != spot or instance["InstanceType"][0] not in (
                STANDARD_FAMILIES
            ):
                continue
            options = instance.get("CpuOptions", {})
            yield instance.get("VpcId", ""), options.get("CoreCount", 1) * options.get("ThreadsPerCore", 1)


def _by_vpc(operation: str, key: str) -> Callable[[ClientFactory], Uses]:
    return lambda client: ((one.get("VpcId", ""), 1) for one in pages(client("ec2"), operation, key))


_USED: Final[Mapping[Quota, Callable[[ClientFactory], Uses]]] = {
    ON_DEMAND_VCPUS: lambda client: _vcpus(client, spot=False),
    SPOT_VCPUS: lambda client: _vcpus(client, spot=True),
    VPCS: _by_vpc("describe_vpcs", "Vpcs"),
    # Addresses have no pages.
    ADDRESSES: lambda client: (
        (one.get("AllocationId", ""), 1) for one in client("ec2").describe_addresses()["Addresses"]
    ),
    INTERFACES: _by_vpc("describe_network_interfaces", "NetworkInterfaces"),
    SECURITY_GROUPS: _by_vpc("describe_security_groups", "SecurityGroups"),
    CLUSTERS: lambda client: ((name, 1) for name in pages(client("eks"), "list_clusters", "clusters")),
}
"""Quota → what uses it."""
