"""Elastic addresses and NAT gateways.

Replacement and defaults: Terraform AWS provider 6, resources aws_eip, aws_nat_gateway.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import given, only, pick, tag_map, tag_specification
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.ec2 import Ec2Resource
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure, ProviderError


class Eip(Ec2Resource):
    """A public address that stays."""

    pulumi_type = "aws:ec2/eip:Eip"
    inputs: ClassVar = {
        "domain": Input(replace=True, computed=True),
        "instance": Input(computed=True),
        "networkInterface": Input(computed=True),
        "associateWithPrivateIp": Input(unread=True),
        "networkBorderGroup": Input(replace=True, computed=True),
        "publicIpv4Pool": Input(replace=True, computed=True),
    }

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        if new.get("domain", "vpc") != "vpc":
            failures.append(CheckFailure("domain", 'expected domain to be "vpc"'))

    @override
    def make(self, call: Call) -> str:
        made = call.ec2.allocate_address(
            Domain="vpc",
            **given(call.new, "networkBorderGroup", "publicIpv4Pool"),
            **tag_specification(call, "elastic-ip"),
        )
        return made["AllocationId"]

    @override
    def settle(self, call: Call) -> None:
        if call.unfinished:
            self._associate(call)

    def _associate(self, call: Call) -> None:
        target = given(
            call.new,
            instance="InstanceId",
            networkInterface="NetworkInterfaceId",
            associateWithPrivateIp="PrivateIpAddress",
        )
        if target:
            call.ec2.associate_address(AllocationId=call.id, AllowReassociation=True, **target)

    @override
    def change(self, call: Call) -> None:
        self._dissociate(call)
        self._associate(call)

    def _dissociate(self, call: Call) -> None:
        seen = self.describe(call)
        if seen and seen["associationId"]:
            call.ec2.disassociate_address(AssociationId=seen["associationId"])

    @override
    def describe(self, call: Call) -> Properties | None:
        address = only(call.ec2.describe_addresses(AllocationIds=[call.id])["Addresses"])
        if address is None:
            return None
        return {
            **pick(address, "allocationId", "domain", "networkBorderGroup", "publicIp", "publicIpv4Pool"),
            "associationId": address.get("AssociationId", ""),
            "instance": address.get("InstanceId", ""),
            "networkInterface": address.get("NetworkInterfaceId", ""),
            "privateIp": address.get("PrivateIpAddress", ""),
            "publicDns": host_name("ec2", address["PublicIp"], f"{call.region}.compute.amazonaws.com"),
            "privateDns": host_name("ip", address.get("PrivateIpAddress", ""), f"{call.region}.compute.internal"),
            "arn": call.arn("ec2", f"elastic-ip/{call.id}"),
            "tags": tag_map(address.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        self._dissociate(call)
        call.ec2.release_address(AllocationId=call.id)


def host_name(kind: str, address: str, domain: str) -> str:
    """The name that EC2 gives an address, such as ("ec2", "1.2.3.4", …) → "ec2-1-2-3-4.…"."""
    return f"{kind}-{address.replace('.', '-')}.{domain}" if address else ""


class NatGateway(Ec2Resource):
    """A way out for private subnets."""

    pulumi_type = "aws:ec2/natGateway:NatGateway"
    inputs: ClassVar = {
        "allocationId": Input(replace=True, computed=True),
        "subnetId": Input(replace=True),
        "connectivityType": Input(replace=True, default="public"),
        "privateIp": Input(replace=True, computed=True),
    }

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        if "subnetId" not in new:
            failures.append(CheckFailure("subnetId", "the rehearsal plays zonal NAT gateways: name a subnet"))

    @override
    def make(self, call: Call) -> str:
        made = call.ec2.create_nat_gateway(
            **given(call.new, "allocationId", "subnetId", "connectivityType", privateIp="PrivateIpAddress"),
            **tag_specification(call, "natgateway"),
        )
        return made["NatGateway"]["NatGatewayId"]

    @override
    def settle(self, call: Call) -> None:

        def poll() -> bool | None:
            gateway = call.ec2.describe_nat_gateways(NatGatewayIds=[call.id])["NatGateways"][0]
            if gateway["State"] == "failed":
                raise ProviderError(f"{gateway.get('FailureCode')}: {gateway.get('FailureMessage')}")
            return True if gateway["State"] == "available" else None

        call.wait(f"{call.id} to be available", poll, minutes=10)

    @override
    def describe(self, call: Call) -> Properties | None:
        gateway = only(call.ec2.describe_nat_gateways(NatGatewayIds=[call.id])["NatGateways"])
        if gateway is None or gateway["State"] in ("deleting", "deleted"):
            return None
        address: dict[str, Any] = only(gateway.get("NatGatewayAddresses", [])) or {}
        return {
            **pick(gateway, "subnetId", "vpcId"),
            "connectivityType": gateway.get("ConnectivityType", "public"),
            "availabilityMode": gateway.get("AvailabilityMode", "zonal"),
            "allocationId": address.get("AllocationId", ""),
            "associationId": address.get("AssociationId", ""),
            "networkInterfaceId": address.get("NetworkInterfaceId", ""),
            "privateIp": address.get("PrivateIp", ""),
            "publicIp": address.get("PublicIp", ""),
            "tags": tag_map(gateway.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        call.ec2.delete_nat_gateway(NatGatewayId=call.id)
        call.wait_gone(call.id, lambda: self.describe(call), minutes=30)
