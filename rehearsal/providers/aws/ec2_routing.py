"""Route tables, routes, and the peering that routes lead through.

Replacement and defaults: Terraform AWS provider 6, resources aws_route_table,
aws_route, aws_route_table_association, aws_vpc_peering_connection and its options.
"""

from __future__ import annotations

import zlib
from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import given, only, pick, tag_map, tag_specification
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.ec2 import Ec2Resource
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure, ProviderError

# Property of a route → member of EC2's Route. The first three say where to, the others through what.
DESTINATIONS = {
    "destinationCidrBlock": "DestinationCidrBlock",
    "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
    "networkInterfaceId": "NetworkInterfaceId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "transitGatewayId": "TransitGatewayId",
}


def hash_code(text: str) -> int:
    """Terraform's number for a text, which it makes identifiers of."""
    return zlib.crc32(text.encode())


class RouteTable(Ec2Resource):
    """A route table; its routes are resources of their own."""

    pulumi_type = "aws:ec2/routeTable:RouteTable"
    inputs: ClassVar = {"vpcId": Input(replace=True)}

    @override
    def make(self, call: Call) -> str:
        made = call.ec2.create_route_table(VpcId=call.new["vpcId"], **tag_specification(call, "route-table"))
        return made["RouteTable"]["RouteTableId"]

    @override
    def describe(self, call: Call) -> Properties | None:
        table = only(call.ec2.describe_route_tables(RouteTableIds=[call.id])["RouteTables"])
        if table is None:
            return None
        routes = [r for r in table.get("Routes", []) if r.get("GatewayId") != "local"]
        return {
            "vpcId": table["VpcId"],
            "ownerId": table.get("OwnerId") or call.aws.account,
            "routes": [_inline(route) for route in routes],
            "propagatingVgws": [vgw["GatewayId"] for vgw in table.get("PropagatingVgws", [])],
            "arn": call.arn("ec2", f"route-table/{call.id}"),
            "tags": tag_map(table.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        call.ec2.delete_route_table(RouteTableId=call.id)


def _inline(route: dict[str, Any]) -> Properties:
    names = {
        "cidrBlock": "DestinationCidrBlock",
        "ipv6CidrBlock": "DestinationIpv6CidrBlock",
        "destinationPrefixListId": "DestinationPrefixListId",
        **TARGETS,
    }
    return {name: route.get(member, "") for name, member in names.items()}


class Route(Ec2Resource):
    """One route. Its id is made of the table's id and the destination's hash, so it can be found again."""

    pulumi_type = "aws:ec2/route:Route"
    inputs: ClassVar = {
        "routeTableId": Input(replace=True),
        **{name: Input(replace=True) for name in DESTINATIONS},
        **{name: Input() for name in TARGETS if name != "networkInterfaceId"},
        "networkInterfaceId": Input(computed=True),
    }

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        for names in (DESTINATIONS, TARGETS):
            if sum(name in new for name in names) != 1:
                listed = ", ".join(names)
                failures.append(CheckFailure(next(iter(names)), f"one of `{listed}` must be specified"))

    @override
    def make(self, call: Call) -> str:
        arguments = given(call.new, **DESTINATIONS, **TARGETS)
        call.ec2.create_route(RouteTableId=call.new["routeTableId"], **arguments)
        return self._identity(call.new["routeTableId"], self._destination(call.new))

    @staticmethod
    def _destination(properties: Properties) -> str:
        return next(properties[name] for name in DESTINATIONS if properties.get(name))

    @staticmethod
    def _identity(table: str, destination: str) -> str:
        return f"r-{table}{hash_code(destination)}"

    @override
    def settle(self, call: Call) -> None:
        call.wait(f"route {call.id} to be there", lambda: self._find(call), minutes=5)

    @override
    def change(self, call: Call) -> None:
        arguments = given(call.new, **DESTINATIONS, **TARGETS)
        call.ec2.replace_route(RouteTableId=call.new["routeTableId"], **arguments)

    def _find(self, call: Call) -> tuple[str, dict[str, Any]] | None:
        table_id = call.id.removeprefix("r-")[: len("rtb-") + 17]
        table = only(call.ec2.describe_route_tables(RouteTableIds=[table_id])["RouteTables"])
        for route in table.get("Routes", []) if table else []:
            destination = next(route[m] for m in DESTINATIONS.values() if route.get(m))
            if self._identity(table_id, destination) == call.id:
                return table_id, route
        return None

    @override
    def describe(self, call: Call) -> Properties | None:
        found = self._find(call)
        if found is None:
            return None
        table, route = found
        names = {**DESTINATIONS, **TARGETS, "instanceId": "InstanceId", "instanceOwnerId": "InstanceOwnerId"}
        return {
            **{name: route.get(member, "") for name, member in names.items()},
            "routeTableId": table,
            "origin": route.get("Origin", "CreateRoute"),
            "state": route.get("State", "active"),
        }

    @override
    def remove(self, call: Call) -> None:
        destination = given(call.known, **DESTINATIONS)
        destination = {member: value for member, value in destination.items() if value}
        call.ec2.delete_route(RouteTableId=call.known["routeTableId"], **destination)


class RouteTableAssociation(Ec2Resource):
    """Which route table a subnet uses."""

    pulumi_type = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    inputs: ClassVar = {"routeTableId": Input(), "subnetId": Input(replace=True)}

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        if "subnetId" not in new:
            failures.append(CheckFailure("subnetId", "one of `gatewayId, subnetId` must be specified"))

    @override
    def make(self, call: Call) -> str:
        made = call.ec2.associate_route_table(**given(call.new, "routeTableId", "subnetId"))
        return made["AssociationId"]

    def change(self, call: Call) -> None:
        """AWS gives the association another id with another table; the resource's stays, as it must."""
        call.ec2.replace_route_table_association(
            AssociationId=self._current(call)["RouteTableAssociationId"],
            RouteTableId=call.new["routeTableId"],
        )

    def _current(self, call: Call) -> dict[str, Any]:
        for key, value in (
            ("association.route-table-association-id", call.id),
            ("association.subnet-id", call.known.get("subnetId")),
        ):
            wanted = [{"Name": key, "Values": [value]}] if value else []
            tables = call.ec2.describe_route_tables(Filters=wanted)["RouteTables"] if wanted else []
            for association in [a for table in tables for a in table.get("Associations", [])]:
                if value in (association["RouteTableAssociationId"], association.get("SubnetId")):
                    return association
        return {}

    @override
    def describe(self, call: Call) -> Properties | None:
        association = self._current(call)
        return pick(association, "routeTableId", "subnetId") or None

    @override
    def remove(self, call: Call) -> None:
        association = self._current(call)
        if association:
            call.ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])


_SIDES = ("accepter", "requester")
_GONE_STATES = ("deleted", "deleting", "rejected", "expired", "failed")


def _modify_options(call: Call, sides: tuple[str, ...]) -> None:
    options = {
        f"{side.capitalize()}PeeringConnectionOptions": {
            "AllowDnsResolutionFromRemoteVpc": bool(call.new.get(side, {}).get("allowRemoteVpcDnsResolution", False))
        }
        for side in sides
    }
    if options:
        call.ec2.modify_vpc_peering_connection_options(VpcPeeringConnectionId=call.id, **options)


def _peering(call: Call) -> dict[str, Any] | None:
    found = call.ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[call.id])
    peering = only(found["VpcPeeringConnections"])
    return None if peering is None or peering["Status"]["Code"] in _GONE_STATES else peering


def _options(peering: dict[str, Any], side: str) -> Properties:
    options = peering.get(f"{side.capitalize()}VpcInfo", {}).get("PeeringOptions", {})
    return {"allowRemoteVpcDnsResolution": options.get("AllowDnsResolutionFromRemoteVpc", False)}


class VpcPeeringConnection(Ec2Resource):
    """A private way between two VPCs."""

    pulumi_type = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
    inputs: ClassVar = {
        "vpcId": Input(replace=True),
        "peerVpcId": Input(replace=True),
        "peerOwnerId": Input(replace=True, computed=True),
        "peerRegion": Input(replace=True, computed=True),
        "autoAccept": Input(unread=True),
        "accepter": Input(computed=True, partial=True),
        "requester": Input(computed=True, partial=True),
    }

    @override
    def make(self, call: Call) -> str:
        made = call.ec2.create_vpc_peering_connection(
            **given(call.new, "vpcId", "peerVpcId", "peerOwnerId", "peerRegion"),
            **tag_specification(call, "vpc-peering-connection"),
        )
        return made["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    @override
    def settle(self, call: Call) -> None:
        call.wait(f"{call.id} to be there", lambda: self._waiting_or_active(call), minutes=1)
        if call.new.get("autoAccept"):
            if self._waiting_or_active(call) == "pending-acceptance":
                call.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=call.id)
            call.wait(f"{call.id} to be active", lambda: self._waiting_or_active(call, "active"), minutes=1)
        if call.unfinished:
            _modify_options(call, tuple(side for side in _SIDES if side in call.new))

    def _waiting_or_active(self, call: Call, *wanted: str) -> str | None:
        found = call.ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[call.id])
        status = found["VpcPeeringConnections"][0]["Status"]
        if status["Code"] in _GONE_STATES:
            raise ProviderError(f"{call.id} is {status['Code']}: {status.get('Message', '')}")
        return status["Code"] if status["Code"] in (wanted or ("pending-acceptance", "active")) else None

    @override
    def change(self, call: Call) -> None:
        _modify_options(call, tuple(side for side in _SIDES if side in call.changed))

    @override
    def describe(self, call: Call) -> Properties | None:
        peering = _peering(call)
        if peering is None:
            return None
        accepter = peering["AccepterVpcInfo"]
        return {
            "vpcId": peering["RequesterVpcInfo"]["VpcId"],
            "peerVpcId": accepter["VpcId"],
            "peerOwnerId": accepter.get("OwnerId") or call.aws.account,
            "peerRegion": accepter.get("Region") or call.region,
            "acceptStatus": peering["Status"]["Code"],
            **{side: _options(peering, side) for side in _SIDES},
            "tags": tag_map(peering.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        call.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=call.id)
        call.wait_gone(call.id, lambda: _peering(call), minutes=1)


class PeeringConnectionOptions(Ec2Resource):
    """What the two sides of an active peering let each other do. Deleting it changes nothing in AWS."""

    pulumi_type = "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions"
    inputs: ClassVar = {
        "vpcPeeringConnectionId": Input(replace=True),
        "accepter": Input(computed=True, partial=True),
        "requester": Input(computed=True, partial=True),
    }

    @override
    def make(self, call: Call) -> str:
        call.id = call.new["vpcPeeringConnectionId"]
        _modify_options(call, tuple(side for side in _SIDES if side in call.new))
        return call.id

    @override
    def change(self, call: Call) -> None:
        _modify_options(call, tuple(side for side in _SIDES if side in call.changed))

    @override
    def describe(self, call: Call) -> Properties | None:
        peering = _peering(call)
        if peering is None:
            return None
        return {"vpcPeeringConnectionId": call.id, **{side: _options(peering, side) for side in _SIDES}}

    @override
    def remove(self, call: Call) -> None:
        call.ctx.log(f"The options of {call.id} stay as they are until the peering goes.", "debug")
