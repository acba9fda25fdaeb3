"""What EC2 refuses and ministack would do.

Most of it decides the order in which a network can be taken down: whoever
gets that wrong meets DependencyViolation on AWS, and has to meet it here.
Codes and texts: Amazon EC2 API Reference, "Error codes", seen 2026-11.
"""

import ipaddress
from typing import Any

from rehearsal.emulator.ec2.call import Call, Guard
from rehearsal.emulator.ec2.interfaces import Interfaces
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls


def in_use(kind: str, resource_id: str) -> AwsError:
    """EC2's refusal to delete what something else needs."""
    return AwsError("DependencyViolation", f"The {kind} '{resource_id}' has dependencies and cannot be deleted.")


class Guards:
    """The checks before an action."""

    def __init__(self, calls: Calls, interfaces: Interfaces) -> None:
        """`calls` looks things up."""
        self._calls = calls
        self._interfaces = interfaces

    def guards(self) -> dict[str, Guard]:
        """Each check by the action that it is made before."""
        return {
            "CreateVpc": self._create_vpc,
            "CreateSubnet": self._create_subnet,
            "AttachInternetGateway": self._attach_gateway,
            "DeleteVpc": self._delete_vpc,
            "DeleteSubnet": self._delete_subnet,
            "DeleteSecurityGroup": self._delete_group,
            "DeleteRouteTable": self._delete_route_table,
            "DeleteInternetGateway": self._delete_gateway,
            "DetachInternetGateway": self._detach_gateway,
        }

    async def _find(self, action: str, key: str, **filters: str) -> list[dict[str, Any]]:
        wanted = [
            {"Name": name.replace("__", ".").replace("_", "-"), "Values": [value]} for name, value in filters.items()
        ]
        return (await self._calls("ec2", action, Filters=wanted))[key]

    async def _create_vpc(self, call: Call) -> None:
        cidr = call.params.get("CidrBlock", "")
        network = network_of(cidr)
        if network is None:
            message = f"Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
            raise AwsError("InvalidParameterValue", message)
        if not 16 <= network.prefixlen <= 28:
            raise AwsError("InvalidVpc.Range", f"The CIDR '{cidr}' is invalid.")

    async def _create_subnet(self, call: Call) -> None:
        params = call.params
        vpc = (await self._calls("ec2", "DescribeVpcs", VpcIds=[params["VpcId"]]))["Vpcs"][0]
        cidr = params.get("CidrBlock", "")
        network = network_of(cidr)
        if network is None:
            message = f"Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
            raise AwsError("InvalidParameterValue", message)
        outer = ipaddress.IPv4Network(vpc["CidrBlock"], strict=False)
        if not 16 <= network.prefixlen <= 28 or not network.subnet_of(outer):
            raise AwsError("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.")
        others = await self._find("DescribeSubnets", "Subnets", vpc_id=params["VpcId"])
        if any(network.overlaps(ipaddress.IPv4Network(other["CidrBlock"])) for other in others):
            raise AwsError("InvalidSubnet.Conflict", f"The CIDR '{cidr}' conflicts with another subnet")
        zones = [
            zone["ZoneName"] for zone in (await self._calls("ec2", "DescribeAvailabilityZones"))["AvailabilityZones"]
        ]
        zone = params.get("AvailabilityZone", zones[0])
        if zone not in zones:
            raise AwsError(
                "InvalidParameterValue",
                f"Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in "
                f"the following availability zones: {', '.join(zones)}.",
            )

    async def _attach_gateway(self, call: Call) -> None:
        vpc_id = call.params["VpcId"]
        await self._calls("ec2", "DescribeVpcs", VpcIds=[vpc_id])
        if await self._find("DescribeInternetGateways", "InternetGateways", attachment__vpc_id=vpc_id):
            message = f"Network {vpc_id} already has an internet gateway attached"
            raise AwsError("InvalidParameterValue", message)

    async def _delete_vpc(self, call: Call) -> None:
        vpc_id = call.params["VpcId"]
        tables = await self._find("DescribeRouteTables", "RouteTables", vpc_id=vpc_id)
        own_tables = [table for table in tables if not any(link["Main"] for link in table["Associations"])]
        peerings = [
            peering
            for side in ("requester-vpc-info", "accepter-vpc-info")
            for peering in await self._peerings(f"{side}.vpc-id", vpc_id)
        ]
        if own_tables or peerings or self._interfaces.in_vpc(vpc_id):
            raise in_use("vpc", vpc_id)

    async def _peerings(self, name: str, value: str) -> list[dict[str, Any]]:
        """Peering connections that are not gone."""
        filters = [
            {"Name": name, "Values": [value]},
            {"Name": "status-code", "Values": ["active", "pending-acceptance"]},
        ]
        found = await self._calls("ec2", "DescribeVpcPeeringConnections", Filters=filters)
        return found["VpcPeeringConnections"]

    async def _delete_subnet(self, call: Call) -> None:
        subnet_id = call.params["SubnetId"]
        if self._interfaces.in_subnet(subnet_id):
            raise in_use("subnet", subnet_id)

    async def _delete_group(self, call: Call) -> None:
        group_id = call.params.get("GroupId", "")
        groups = (await self._calls("ec2", "DescribeSecurityGroups"))["SecurityGroups"]
        named = [
            group["GroupId"]
            for group in groups
            for permission in (*group["IpPermissions"], *group["IpPermissionsEgress"])
            for pair in permission.get("UserIdGroupPairs", [])
            if pair.get("GroupId") == group_id and group["GroupId"] != group_id
        ]
        if named or self._interfaces.with_group(group_id):
            raise AwsError("DependencyViolation", f"resource {group_id} has a dependent object")

    async def _delete_route_table(self, call: Call) -> None:
        table_id = call.params["RouteTableId"]
        tables = await self._find("DescribeRouteTables", "RouteTables", route_table_id=table_id)
        if tables and tables[0]["Associations"]:
            raise in_use("routeTable", table_id)

    async def _delete_gateway(self, call: Call) -> None:
        gateway_id = call.params["InternetGatewayId"]
        gateways = await self._find("DescribeInternetGateways", "InternetGateways", internet_gateway_id=gateway_id)
        if gateways and gateways[0]["Attachments"]:
            raise in_use("internetGateway", gateway_id)

    async def _detach_gateway(self, call: Call) -> None:
        gateway_id, vpc_id = call.params["InternetGatewayId"], call.params["VpcId"]
        gateways = await self._find("DescribeInternetGateways", "InternetGateways", internet_gateway_id=gateway_id)
        if not gateways:
            message = f"The internetGateway ID '{gateway_id}' does not exist"
            raise AwsError("InvalidInternetGatewayID.NotFound", message)
        if all(attachment["VpcId"] != vpc_id for attachment in gateways[0]["Attachments"]):
            raise AwsError("Gateway.NotAttached", f"resource {gateway_id} is not attached to network {vpc_id}")
        if any("Association" in interface for interface in self._interfaces.in_vpc(vpc_id)):
            raise AwsError(
                "DependencyViolation",
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
                "detaching the gateway.",
            )


def network_of(cidr: str) -> ipaddress.IPv4Network | None:
    """A CIDR block without host bits, None when it is none. AWS clears host bits; who writes them errs."""
    try:
        return ipaddress.IPv4Network(cidr)
    except ValueError:
        return None
