"""Asks EC2, Elastic Load Balancing, Route 53 and the API server for the lab's layout: what runs where.

For a picture of the lab. Like `status`, it shows what is there now, in the rehearsal and on AWS by the same calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from clients.aws import ClientFactory
from clients.aws_responses import pages, tags
from stacks import cluster_facts
from stacks.errors import CannotAsk

_GONE: Final = frozenset({"terminated", "shutting-down"})


@dataclass(frozen=True)
class Pod:
    """One pod on a node."""

    namespace: str
    name: str
    phase: str
    """In Kubernetes' words: Pending, Running, Succeeded, Failed, Unknown."""

    node: str
    """Empty: it has none yet."""


@dataclass(frozen=True)
class Machine:
    """One EC2 instance."""

    id: str
    name: str
    type: str
    state: str
    """In EC2's words."""

    private_name: str
    """By which the node is called, if it is one."""

    private_ip: str
    public_ip: str


@dataclass(frozen=True)
class Subnet:
    """One subnet with the instances in it."""

    id: str
    name: str
    zone: str
    cidr: str
    machines: tuple[Machine, ...]


@dataclass(frozen=True)
class Network:
    """One VPC with its subnets, by zone, then name."""

    id: str
    name: str
    cidr: str
    subnets: tuple[Subnet, ...]


@dataclass(frozen=True)
class Peering:
    """A connection between the lab's VPC and another one."""

    id: str
    other: str
    """Id of the other VPC."""

    state: str
    """In EC2's words."""


@dataclass(frozen=True)
class LoadBalancer:
    """One load balancer in the lab's VPC."""

    name: str
    address: str
    state: str
    """In Elastic Load Balancing's words."""


@dataclass(frozen=True)
class Record:
    """One record of the lab's hosted zone."""

    name: str
    type: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Landscape:
    """All that stands around and in the cluster."""

    networks: tuple[Network, ...]
    """The lab's VPC first, then those that it is peered with."""

    peerings: tuple[Peering, ...]
    load_balancers: tuple[LoadBalancer, ...]
    records: tuple[Record, ...]
    pods: tuple[Pod, ...]


def look(client: ClientFactory, outputs: Mapping[str, Any]) -> Landscape:
    """What stands of the lab with these outputs, in whose environment this is asked. Raises CannotAsk."""
    vpc, name = str(outputs["vpcId"]), str(outputs["clusterName"])
    try:
        peerings = tuple(_peerings(client("ec2"), vpc))
        found = tuple(_networks(client("ec2"), (vpc, *(each.other for each in peerings))))
        balancers = tuple(_balancers(client("elbv2"), vpc))
        records = tuple(_records(client("route53"), str(outputs.get("hostedZoneId") or "")))
    except (BotoCoreError, ClientError) as error:
        raise CannotAsk(f"AWS could not be asked about {name}: {error}. Check the credentials, try again.") from error
    return Landscape(found, peerings, balancers, records, pods(cluster_facts.entered(outputs)))


def pods(get: cluster_facts.Get) -> tuple[Pod, ...]:
    """Every pod, by namespace, then name. Raises CannotAsk."""
    return tuple(
        sorted(
            (
                Pod(
                    each["metadata"]["namespace"],
                    each["metadata"]["name"],
                    str((each.get("status") or {}).get("phase") or "Unknown"),
                    str((each.get("spec") or {}).get("nodeName") or ""),
                )
                for each in get("/api/v1/pods")["items"]
            ),
            key=lambda pod: (pod.namespace, pod.name),
        )
    )


def _networks(ec2: Any, wanted: Iterable[str]) -> Iterator[Network]:
    ids = list(dict.fromkeys(wanted))
    of_these = [{"Name": "vpc-id", "Values": ids}]
    machines: dict[str, list[Machine]] = {}
    for one in pages(ec2, "describe_instances", "Reservations", Filters=of_these):
        for each in one["Instances"]:
            if each["State"]["Name"] not in _GONE:
                machines.setdefault(str(each.get("SubnetId")), []).append(_machine(each))
    subnets: dict[str, list[Subnet]] = {}
    for each in pages(ec2, "describe_subnets", "Subnets", Filters=of_these):
        here = tuple(sorted(machines.get(each["SubnetId"], ()), key=lambda one: one.name))
        subnets.setdefault(each["VpcId"], []).append(
            Subnet(each["SubnetId"], _name(each), each["AvailabilityZone"], each["CidrBlock"], here)
        )
    found = {each["VpcId"]: each for each in pages(ec2, "describe_vpcs", "Vpcs", Filters=of_these)}
    for vpc in ids:
        if vpc in found:
            inside = sorted(subnets.get(vpc, ()), key=lambda one: (one.zone, one.name))
            yield Network(vpc, _name(found[vpc]), found[vpc]["CidrBlock"], tuple(inside))


def _machine(told: Mapping[str, Any]) -> Machine:
    return Machine(
        told["InstanceId"],
        _name(told),
        told["InstanceType"],
        told["State"]["Name"],
        told.get("PrivateDnsName") or "",
        told.get("PrivateIpAddress") or "",
        told.get("PublicIpAddress") or "",
    )


def _name(told: Mapping[str, Any]) -> str:
    return tags(told.get("Tags") or ()).get("Name", "")


def _peerings(ec2: Any, vpc: str) -> Iterator[Peering]:
    for each in pages(ec2, "describe_vpc_peering_connections", "VpcPeeringConnections"):
        ends = [each[end]["VpcId"] for end in ("RequesterVpcInfo", "AccepterVpcInfo")]
        state = each["Status"]["Code"]
        if vpc in ends and state not in ("deleted", "rejected", "expired", "failed"):
            yield Peering(each["VpcPeeringConnectionId"], next((one for one in ends if one != vpc), vpc), state)


def _balancers(elbv2: Any, vpc: str) -> Iterator[LoadBalancer]:
    for each in pages(elbv2, "describe_load_balancers", "LoadBalancers"):
        if each.get("VpcId") == vpc:
            state = (each.get("State") or {}).get("Code", "")
            yield LoadBalancer(each["LoadBalancerName"], each.get("DNSName", ""), state)


def _records(route53: Any, zone: str) -> Iterator[Record]:
    if not zone:
        return
    for each in pages(route53, "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone):
        alias = (each.get("AliasTarget") or {}).get("DNSName")
        values = [one["Value"] for one in each.get("ResourceRecords") or ()]
        yield Record(each["Name"].rstrip("."), each["Type"], (alias,) if alias else tuple(values))
