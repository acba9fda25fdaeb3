"""The operators' own VPC, peered with the lab's, so that bastions reach nodes by private address.

Peering without routes carries nothing: each side's route tables name the other side's range. DNS resolution
is on both ways, so that an instance's public name answers with its private address from across the peering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import ec2

from components.base import Component, Tags, named


@dataclass(frozen=True)
class OpsNetworkArgs:
    """The ops VPC and the VPC that it is peered with."""

    prefix: str
    """Beginning of every `Name` tag."""

    zone: str
    peer_vpc_id: pulumi.Input[str]
    peer_cidr: str
    peer_route_tables: Mapping[str, pulumi.Input[str]]
    """Short name → id of each of the peer's route tables that shall lead here."""

    cidr: str = "172.20.0.0/16"
    subnet_cidr: str = "172.20.1.0/24"
    tags: Tags = field(default_factory=dict[str, str])


class OpsNetwork(Component):
    """VPC with one public subnet, internet gateway, peering and the routes of both sides."""

    vpc_id: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    way_out: list[pulumi.Resource]
    """What an instance in the subnet needs to reach the internet: it starts after these and goes before
    them."""

    def __init__(self, name: str, args: OpsNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("OpsNetwork", name, opts)
        vpc = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=named(args.tags, f"{args.prefix}-OpsVPC"),
            opts=self.child(),
        )
        gateway = ec2.InternetGateway(
            f"{name}-igw", vpc_id=vpc.id, tags=named(args.tags, f"{args.prefix}-OpsIGW"), opts=self.child()
        )
        # No automatic public address: the servers bring one that outlives them.
        subnet = ec2.Subnet(
            f"{name}-subnet",
            vpc_id=vpc.id,
            cidr_block=args.subnet_cidr,
            availability_zone=args.zone,
            tags=named(args.tags, f"{args.prefix}-OpsVpcPublicSubnet1"),
            opts=self.child(),
        )
        table = ec2.RouteTable(
            f"{name}-routes",
            vpc_id=vpc.id,
            tags=named(args.tags, f"{args.prefix}-OpsVpcPublicRouteTable"),
            opts=self.child(),
        )
        association = ec2.RouteTableAssociation(
            f"{name}-subnet-routes", route_table_id=table.id, subnet_id=subnet.id, opts=self.child()
        )
        default_route = ec2.Route(
            f"{name}-internet",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=self.child(),
        )
        self._peer(name, args, vpc, table)
        self.vpc_id = vpc.id
        self.subnet_id = subnet.id
        self.way_out = [default_route, association]
        self.register_outputs({"vpcId": self.vpc_id})

    def _peer(self, name: str, args: OpsNetworkArgs, vpc: ec2.Vpc, table: ec2.RouteTable) -> None:
        peering = ec2.VpcPeeringConnection(
            f"{name}-peering",
            vpc_id=vpc.id,
            peer_vpc_id=args.peer_vpc_id,
            auto_accept=True,
            tags=named(args.tags, f"{args.prefix}-VpcPeering"),
            opts=self.child(),
        )
        ec2.PeeringConnectionOptions(
            f"{name}-peering-dns",
            vpc_peering_connection_id=peering.id,
            requester=ec2.PeeringConnectionOptionsRequesterArgs(allow_remote_vpc_dns_resolution=True),
            accepter=ec2.PeeringConnectionOptionsAccepterArgs(allow_remote_vpc_dns_resolution=True),
            opts=self.child(),
        )
        ec2.Route(
            f"{name}-to-lab",
            route_table_id=table.id,
            destination_cidr_block=args.peer_cidr,
            vpc_peering_connection_id=peering.id,
            opts=self.child(),
        )
        for short, peer_table in args.peer_route_tables.items():
            ec2.Route(
                f"{name}-from-{short}",
                route_table_id=peer_table,
                destination_cidr_block=args.cidr,
                vpc_peering_connection_id=peering.id,
                opts=self.child(),
            )
