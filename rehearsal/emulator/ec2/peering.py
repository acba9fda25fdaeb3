"""VPC peering connections with their address ranges and options.

ministack keeps neither: the ranges decide whether a peering can work at all,
and the options carry DNS resolution over it, which the lab switches on.
"""

import ipaddress
from typing import Any

from rehearsal.emulator.ec2.call import Action, Call
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend

OPTIONS = (
    "AllowDnsResolutionFromRemoteVpc",
    "AllowEgressFromLocalClassicLinkToRemoteVpc",
    "AllowEgressFromLocalVpcToRemoteClassicLink",
)
SIDES = {"RequesterPeeringConnectionOptions": "RequesterVpcInfo", "AccepterPeeringConnectionOptions": "AccepterVpcInfo"}


class Peerings:
    """What is known of each peering connection beside ministack's record."""

    def __init__(self, backend: Backend, calls: Calls) -> None:
        """Starts with none."""
        self._backend = backend
        self._calls = calls
        self._sides: dict[str, dict[str, dict[str, Any]]] = {}
        """Members to add, by connection and side ("RequesterVpcInfo", "AccepterVpcInfo")."""

    def actions(self) -> dict[str, Action]:
        """What is answered here in ministack's place."""
        return {
            "CreateVpcPeeringConnection": self._create,
            "AcceptVpcPeeringConnection": self._accept,
            "ModifyVpcPeeringConnectionOptions": self._modify_options,
        }

    def amend(self, connection: dict[str, Any]) -> None:
        """Tell ranges and options of both sides."""
        active = connection["Status"]["Code"] == "active"
        for side, known in self._sides.get(connection["VpcPeeringConnectionId"], {}).items():
            shown = known if active else {name: value for name, value in known.items() if name != "PeeringOptions"}
            connection[side] = {**connection.get(side, {}), **shown}

    async def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        ids = [params["VpcId"], params["PeerVpcId"]]
        vpcs = {vpc["VpcId"]: vpc for vpc in (await self._calls("ec2", "DescribeVpcs", VpcIds=ids))["Vpcs"]}
        requester, accepter = (vpcs[vpc_id]["CidrBlock"] for vpc_id in ids)
        result = await call.forward()
        connection = result["VpcPeeringConnection"]
        self._sides[connection["VpcPeeringConnectionId"]] = {
            "RequesterVpcInfo": _side(requester),
            "AccepterVpcInfo": _side(accepter),
        }
        if ipaddress.ip_network(requester).overlaps(ipaddress.ip_network(accepter)):
            # AWS takes the request and lets the connection fail (VPC Peering Guide, "lifecycle").
            self._backend.fail_peering(connection["VpcPeeringConnectionId"])
            connection["Status"] = {"Code": "failed", "Message": "Failed due to overlapping CIDR ranges"}
        self.amend(connection)
        return result

    async def _accept(self, call: Call) -> dict[str, Any]:
        connection = await self._one(call.params["VpcPeeringConnectionId"])
        if connection["Status"]["Code"] not in ("pending-acceptance", "active"):
            raise AwsError(
                "InvalidStateTransition", f"Invalid state transition for {connection['VpcPeeringConnectionId']}"
            )
        result = await call.forward()
        self.amend(result["VpcPeeringConnection"])
        return result

    async def _one(self, connection_id: str) -> dict[str, Any]:
        found = await self._calls("ec2", "DescribeVpcPeeringConnections", VpcPeeringConnectionIds=[connection_id])
        if not found["VpcPeeringConnections"]:
            raise AwsError(
                "InvalidVpcPeeringConnectionID.NotFound",
                f"The vpcPeeringConnection ID '{connection_id}' does not exist",
            )
        return found["VpcPeeringConnections"][0]

    async def _modify_options(self, call: Call) -> dict[str, Any]:
        connection = await self._one(call.params["VpcPeeringConnectionId"])
        connection_id = connection["VpcPeeringConnectionId"]
        if connection["Status"]["Code"] != "active":
            raise AwsError(
                "OperationNotPermitted",
                f"Peering {connection_id} is not active. Peering options can be added only to active peerings.",
            )
        result: dict[str, Any] = {}
        for parameter, side in SIDES.items():
            if parameter in call.params:
                options = self._sides[connection_id][side]["PeeringOptions"]
                options |= call.params[parameter]
                result[parameter] = dict(options)
        return result


def _side(cidr: str) -> dict[str, Any]:
    return {
        "CidrBlock": cidr,
        "CidrBlockSet": [{"CidrBlock": cidr}],
        "PeeringOptions": dict.fromkeys(OPTIONS, False),
    }
