"""The lab's VPC: three public subnets for nodes and load balancers, three private ones that are ready for
more.

Nodes stand in the public subnets, as in the study note, so that no NAT gateway has to be paid; the private
subnets have a way out only when one is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import ec2

from components.base import Component, Tags, named


@dataclass(frozen=True)
class NetworkArgs:
    """Ranges and zones; the n-th public and private subnet stand in the n-th zone."""

    prefix: str
    """Beginning of every `Name` tag: `<prefix>-VPC`, `<prefix>-Vpc1PublicSubnet1`."""

    cidr: str
    zones: Sequence[str]
    public_cidrs: Sequence[str]
    private_cidrs: Sequence[str]
    nat_gateway: bool = False
    """Whether one NAT gateway, in the first public subnet, serves all private subnets."""

    tags: Tags = field(default_factory=dict[str, str])


class Network(Component):
    """VPC, subnets, internet gateway, route tables and, if asked for, a NAT gateway."""

    vpc_id: pulumi.Output[str]
    public_subnet_ids: list[pulumi.Output[str]]
    private_subnet_ids: list[pulumi.Output[str]]
    public_route_table_id: pulumi.Output[str]
    private_route_table_id: pulumi.Output[str]
    nat_gateway_id: pulumi.Output[str] | None = None
    """The NAT gateway, if there is one."""

    nat_address_id: pulumi.Output[str] | None = None
    """Allocation id of its Elastic IP."""

    way_out: list[pulumi.Resource]
    """What an instance in a public subnet needs to reach the internet: it starts after these and goes before
    them. The internet gateway cannot be detached while public addresses are in use."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Network", name, opts)
        self._name, self._args = name, args
        vpc = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=named(args.tags, f"{args.prefix}-VPC"),
            opts=self.child(),
        )
        gateway = ec2.InternetGateway(
            f"{name}-igw", vpc_id=vpc.id, tags=named(args.tags, f"{args.prefix}-IGW"), opts=self.child()
        )
        public = self._subnets(vpc, "public", args.public_cidrs)
        private = self._subnets(vpc, "private", args.private_cidrs)

        public_table, public_associations = self._route_table(vpc, "public", public)
        private_table, _ = self._route_table(vpc, "private", private)
        default_route = ec2.Route(
            f"{name}-public-internet",
            route_table_id=public_table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=self.child(),
        )
        self.way_out = [default_route, *public_associations]
        if args.nat_gateway:
            self._nat_gateway(public[0], private_table)

        self.vpc_id = vpc.id
        self.public_subnet_ids = [subnet.id for subnet in public]
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.public_route_table_id = public_table.id
        self.private_route_table_id = private_table.id
        self.register_outputs({"vpcId": self.vpc_id})

    def _subnets(self, vpc: ec2.Vpc, kind: str, cidrs: Sequence[str]) -> list[ec2.Subnet]:
        public = kind == "public"
        # Where the load balancer controller looks for subnets of a scheme.
        role = "kubernetes.io/role/elb" if public else "kubernetes.io/role/internal-elb"
        return [
            ec2.Subnet(
                f"{self._name}-{kind}-{number}",
                vpc_id=vpc.id,
                cidr_block=cidr,
                availability_zone=zone,
                map_public_ip_on_launch=public,
                tags={
                    **named(self._args.tags, f"{self._args.prefix}-Vpc1{kind.title()}Subnet{number}"),
                    role: "1",
                },
                opts=self.child(),
            )
            for number, (cidr, zone) in enumerate(zip(cidrs, self._args.zones, strict=True), start=1)
        ]

    def _route_table(
        self, vpc: ec2.Vpc, kind: str, subnets: Sequence[ec2.Subnet]
    ) -> tuple[ec2.RouteTable, list[ec2.RouteTableAssociation]]:
        table = ec2.RouteTable(
            f"{self._name}-{kind}-routes",
            vpc_id=vpc.id,
            tags=named(self._args.tags, f"{self._args.prefix}-Vpc1{kind.title()}RouteTable"),
            opts=self.child(),
        )
        associations = [
            ec2.RouteTableAssociation(
                f"{self._name}-{kind}-{number}-routes",
                route_table_id=table.id,
                subnet_id=subnet.id,
                opts=self.child(),
            )
            for number, subnet in enumerate(subnets, start=1)
        ]
        return table, associations

    def _nat_gateway(self, subnet: ec2.Subnet, table: ec2.RouteTable) -> None:
        name, args = self._name, self._args
        address = ec2.Eip(
            f"{name}-nat-ip",
            domain="vpc",
            tags=named(args.tags, f"{args.prefix}-NatGateway"),
            opts=self.child(self.way_out),
        )
        nat = ec2.NatGateway(
            f"{name}-nat",
            subnet_id=subnet.id,
            allocation_id=address.id,
            tags=named(args.tags, f"{args.prefix}-NatGateway"),
            opts=self.child(self.way_out),
        )
        self.nat_gateway_id, self.nat_address_id = nat.id, address.id
        ec2.Route(
            f"{name}-private-internet",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=nat.id,
            opts=self.child(),
        )
