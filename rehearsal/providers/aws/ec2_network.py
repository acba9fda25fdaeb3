"""VPCs, subnets and internet gateways.

Replacement and defaults: Terraform AWS provider 6, resources aws_vpc,
aws_subnet, aws_internet_gateway.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import given, only, pick, tag_map, tag_specification
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.ec2 import Ec2Resource, delete_when_free
from rehearsal.providers.properties import Change, Properties
from rehearsal.providers.protocol import State


class Vpc(Ec2Resource):
    """A virtual private cloud."""

    pulumi_type = "aws:ec2/vpc:Vpc"
    inputs: ClassVar = {
        "cidrBlock": Input(replace=True, computed=True),
        "instanceTenancy": Input(default="default"),
        "enableDnsSupport": Input(default=True),
        "enableDnsHostnames": Input(computed=True),
        "enableNetworkAddressUsageMetrics": Input(computed=True),
    }
    _ATTRIBUTES = ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics")

    def replaces(self, change: Change, spec: Input, old: State, new: Properties) -> bool:
        """Dedicated tenancy can be given up in place, but not taken up."""
        if change.path[0] == "instanceTenancy":
            return old.inputs.get("instanceTenancy") != "dedicated"
        return super().replaces(change, spec, old, new)

    @override
    def make(self, call: Call) -> str:
        made = call.ec2.create_vpc(**given(call.new, "cidrBlock", "instanceTenancy"), **tag_specification(call, "vpc"))
        return made["Vpc"]["VpcId"]

    @override
    def settle(self, call: Call) -> None:
        call.wait(f"{call.id} to be available", lambda: self._available(call), minutes=5)
        if not call.unfinished:
            return
        # AWS's own defaults for a new VPC (EC2 API Reference, ModifyVpcAttribute).
        defaults = {"enableDnsSupport": True}
        for name in self._ATTRIBUTES:
            if call.new.get(name, defaults.get(name, False)) != defaults.get(name, False):
                self._set(call, name)

    def _available(self, call: Call) -> bool | None:
        found = call.ec2.describe_vpcs(VpcIds=[call.id])["Vpcs"][0]
        return True if found["State"] == "available" else None

    def _set(self, call: Call, name: str) -> None:
        attribute = name[:1].upper() + name[1:]
        call.ec2.modify_vpc_attribute(VpcId=call.id, **{attribute: {"Value": bool(call.new.get(name))}})

    @override
    def change(self, call: Call) -> None:
        for name in self._ATTRIBUTES:
            if name in call.changed:
                self._set(call, name)
        if "instanceTenancy" in call.changed:
            call.ec2.modify_vpc_tenancy(VpcId=call.id, InstanceTenancy=call.new["instanceTenancy"])

    @override
    def describe(self, call: Call) -> Properties | None:
        vpc = only(call.ec2.describe_vpcs(VpcIds=[call.id])["Vpcs"])
        if vpc is None:
            return None
        inside = {"Name": "vpc-id", "Values": [call.id]}
        default = {"Name": "default", "Values": ["true"]}
        main = {"Name": "association.main", "Values": ["true"]}
        named_default = {"Name": "group-name", "Values": ["default"]}
        acl = only(call.ec2.describe_network_acls(Filters=[inside, default])["NetworkAcls"])
        table = only(call.ec2.describe_route_tables(Filters=[inside, main])["RouteTables"])
        group = only(call.ec2.describe_security_groups(Filters=[inside, named_default])["SecurityGroups"])
        attributes = {name: self._attribute(call, name) for name in self._ATTRIBUTES}
        return {
            **pick(vpc, "cidrBlock", "instanceTenancy", "ownerId", "dhcpOptionsId"),
            **attributes,
            "arn": call.arn("ec2", f"vpc/{call.id}"),
            "defaultNetworkAclId": acl["NetworkAclId"] if acl else "",
            "mainRouteTableId": table["RouteTableId"] if table else "",
            "defaultRouteTableId": table["RouteTableId"] if table else "",
            "defaultSecurityGroupId": group["GroupId"] if group else "",
            "tags": tag_map(vpc.get("Tags")),
        }

    def _attribute(self, call: Call, name: str) -> bool:
        answer = call.ec2.describe_vpc_attribute(VpcId=call.id, Attribute=name)
        return bool(answer.get(name[:1].upper() + name[1:], {}).get("Value", False))

    @override
    def remove(self, call: Call) -> None:
        delete_when_free(call, "delete_vpc", VpcId=call.id)


class Subnet(Ec2Resource):
    """A subnet in one zone."""

    pulumi_type = "aws:ec2/subnet:Subnet"
    inputs: ClassVar = {
        "vpcId": Input(replace=True),
        "cidrBlock": Input(replace=True),
        "availabilityZone": Input(replace=True, computed=True),
        "availabilityZoneId": Input(replace=True, computed=True),
        "mapPublicIpOnLaunch": Input(default=False),
        "assignIpv6AddressOnCreation": Input(default=False),
        "enableDns64": Input(default=False),
        "enableResourceNameDnsARecordOnLaunch": Input(default=False),
        "enableResourceNameDnsAaaaRecordOnLaunch": Input(default=False),
        "privateDnsHostnameTypeOnLaunch": Input(computed=True),
    }
    _SWITCHES = (
        "mapPublicIpOnLaunch",
        "assignIpv6AddressOnCreation",
        "enableDns64",
        "enableResourceNameDnsARecordOnLaunch",
        "enableResourceNameDnsAaaaRecordOnLaunch",
    )

    @override
    def make(self, call: Call) -> str:
        made = call.ec2.create_subnet(
            **given(call.new, "vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"),
            **tag_specification(call, "subnet"),
        )
        return made["Subnet"]["SubnetId"]

    @override
    def settle(self, call: Call) -> None:
        call.wait(f"{call.id} to be available", lambda: self._available(call), minutes=10)
        if call.unfinished:
            self._set(call, [name for name in self._SWITCHES if call.new.get(name)])
            if call.new.get("privateDnsHostnameTypeOnLaunch"):
                self._set_host_names(call)

    def _available(self, call: Call) -> bool | None:
        found = call.ec2.describe_subnets(SubnetIds=[call.id])["Subnets"][0]
        return True if found["State"] == "available" else None

    def _set(self, call: Call, names: list[str]) -> None:
        for name in names:  # EC2 takes one attribute at a time
            attribute = name[:1].upper() + name[1:]
            call.ec2.modify_subnet_attribute(SubnetId=call.id, **{attribute: {"Value": bool(call.new.get(name))}})

    def _set_host_names(self, call: Call) -> None:
        call.ec2.modify_subnet_attribute(
            SubnetId=call.id, PrivateDnsHostnameTypeOnLaunch=call.new["privateDnsHostnameTypeOnLaunch"]
        )

    @override
    def change(self, call: Call) -> None:
        self._set(call, [name for name in self._SWITCHES if name in call.changed])
        if "privateDnsHostnameTypeOnLaunch" in call.changed:
            self._set_host_names(call)

    @override
    def describe(self, call: Call) -> Properties | None:
        subnet = only(call.ec2.describe_subnets(SubnetIds=[call.id])["Subnets"])
        if subnet is None:
            return None
        launch: dict[str, Any] = subnet.get("PrivateDnsNameOptionsOnLaunch", {})
        return {
            **pick(subnet, "vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ownerId"),
            "mapPublicIpOnLaunch": subnet.get("MapPublicIpOnLaunch", False),
            "assignIpv6AddressOnCreation": subnet.get("AssignIpv6AddressOnCreation", False),
            "enableDns64": subnet.get("EnableDns64", False),
            "enableResourceNameDnsARecordOnLaunch": launch.get("EnableResourceNameDnsARecord", False),
            "enableResourceNameDnsAaaaRecordOnLaunch": launch.get("EnableResourceNameDnsAAAARecord", False),
            "privateDnsHostnameTypeOnLaunch": launch.get("HostnameType", "ip-name"),
            "arn": subnet.get("SubnetArn") or call.arn("ec2", f"subnet/{call.id}"),
            "tags": tag_map(subnet.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        delete_when_free(call, "delete_subnet", SubnetId=call.id)


class InternetGateway(Ec2Resource):
    """A VPC's door to the internet."""

    pulumi_type = "aws:ec2/internetGateway:InternetGateway"
    inputs: ClassVar = {"vpcId": Input(computed=True)}

    @override
    def make(self, call: Call) -> str:
        made = call.ec2.create_internet_gateway(**tag_specification(call, "internet-gateway"))
        return made["InternetGateway"]["InternetGatewayId"]

    @override
    def settle(self, call: Call) -> None:
        seen = self.describe(call) if call.unfinished else None
        if seen and not seen["vpcId"] and call.new.get("vpcId"):
            call.ec2.attach_internet_gateway(InternetGatewayId=call.id, VpcId=call.new["vpcId"])

    @override
    def change(self, call: Call) -> None:
        if call.outputs.get("vpcId"):
            call.ec2.detach_internet_gateway(InternetGatewayId=call.id, VpcId=call.outputs["vpcId"])
        if call.new.get("vpcId"):
            call.ec2.attach_internet_gateway(InternetGatewayId=call.id, VpcId=call.new["vpcId"])

    @override
    def describe(self, call: Call) -> Properties | None:
        found = call.ec2.describe_internet_gateways(InternetGatewayIds=[call.id])["InternetGateways"]
        gateway = only(found)
        if gateway is None:
            return None
        attachment: dict[str, Any] = only(gateway.get("Attachments", [])) or {}
        return {
            "vpcId": attachment.get("VpcId", ""),
            "ownerId": gateway.get("OwnerId") or call.aws.account,
            "arn": call.arn("ec2", f"internet-gateway/{call.id}"),
            "tags": tag_map(gateway.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        seen = self.describe(call)
        if seen and seen["vpcId"]:
            call.ec2.detach_internet_gateway(InternetGatewayId=call.id, VpcId=seen["vpcId"])
        call.ec2.delete_internet_gateway(InternetGatewayId=call.id)
