"""Routes that lead somewhere.

ministack takes any target for a route, keeps two for one destination, and
forgets peerings when a route is replaced.
"""

from typing import Any

from rehearsal.emulator.ec2.call import Action, Call, Guard
from rehearsal.emulator.ec2.validation import network_of
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls


class Routes:
    """The checks and changes of routes."""

    def __init__(self, calls: Calls) -> None:
        """`calls` looks things up."""
        self._calls = calls

    def guards(self) -> dict[str, Guard]:
        """Each check by the action that it is made before."""
        return {"CreateRoute": self._check_create}

    def actions(self) -> dict[str, Action]:
        """What is answered here in ministack's place."""
        return {"ReplaceRoute": self._replace, "DeleteRoute": self._delete}

    async def _table(self, table_id: str) -> dict[str, Any]:
        found = (await self._calls("ec2", "DescribeRouteTables", RouteTableIds=[table_id]))["RouteTables"]
        if not found:
            raise AwsError("InvalidRouteTableID.NotFound", f"The routeTable ID '{table_id}' does not exist")
        return found[0]

    async def _check_create(self, call: Call) -> None:
        destination = call.params.get("DestinationCidrBlock", "")
        table = await self._table(call.params["RouteTableId"])
        if network_of(destination) is None:
            message = f"Value ({destination}) for parameter destinationCidrBlock is invalid."
            raise AwsError("InvalidParameterValue", message)
        if any(route.get("DestinationCidrBlock") == destination for route in table["Routes"]):
            raise AwsError("RouteAlreadyExists", f"The route identified by {destination} already exists.")
        await self._check_target(call.params, table)

    async def _check_target(self, params: dict[str, Any], table: dict[str, Any]) -> None:
        gateway_id = params.get("GatewayId", "")
        if gateway_id.startswith("igw-"):
            filters = [{"Name": "attachment.vpc-id", "Values": [table["VpcId"]]}]
            found = (await self._calls("ec2", "DescribeInternetGateways", Filters=filters))["InternetGateways"]
            if all(each["InternetGatewayId"] != gateway_id for each in found):
                message = f"route table {table['RouteTableId']} and network gateway {gateway_id} belong to different "
                raise AwsError("InvalidParameterValue", f"{message}networks")
        if nat_id := params.get("NatGatewayId"):
            filters = [{"Name": "state", "Values": ["pending", "available"]}]
            found = await self._calls("ec2", "DescribeNatGateways", NatGatewayIds=[nat_id], Filter=filters)
            if not found["NatGateways"]:
                raise AwsError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat_id}' does not exist")
        if peering_id := params.get("VpcPeeringConnectionId"):
            filters = [{"Name": "status-code", "Values": ["active", "pending-acceptance"]}]
            found = await self._calls(
                "ec2", "DescribeVpcPeeringConnections", VpcPeeringConnectionIds=[peering_id], Filters=filters
            )
            if not found["VpcPeeringConnections"]:
                message = f"The vpcPeeringConnection ID '{peering_id}' does not exist"
                raise AwsError("InvalidVpcPeeringConnectionID.NotFound", message)

    async def _known(self, call: Call) -> dict[str, Any]:
        destination = call.params.get("DestinationCidrBlock", "")
        table = await self._table(call.params["RouteTableId"])
        if all(route.get("DestinationCidrBlock") != destination for route in table["Routes"]):
            message = f"no route with destination-cidr-block {destination} in route table {table['RouteTableId']}"
            raise AwsError("InvalidRoute.NotFound", message)
        return table

    async def _replace(self, call: Call) -> dict[str, Any]:
        await self._check_target(call.params, await self._known(call))
        await call.ask("DeleteRoute", call.form)
        await call.ask("CreateRoute", call.form)
        return {}

    async def _delete(self, call: Call) -> dict[str, Any]:
        await self._known(call)
        return await call.forward()
