"""EC2's filters: names, wildcards and tags, applied to what a Describe call found.

ministack looks at a handful of filters and takes their values literally; the
note's commands use others, and `*`. Everything is filtered here instead, from
one table that says where in an answer each filter looks.

Names: Amazon EC2 API Reference, the Describe actions' "Filter.N", seen 2026-11.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from rehearsal.emulator.errors import AwsError


class Listing(NamedTuple):
    """Where a Describe call's answer holds its items, and what its filters look at."""

    key: str
    """The answer's member, as "Vpcs"; of instances, the member of each reservation."""
    filters: Mapping[str, str]
    """Filter name to path in an item; lists on the way are looked through."""


def _same(*names: str, **paths: str) -> dict[str, str]:
    """Filters whose path is their name in EC2's spelling (vpc-id: VpcId), beside some that are not."""
    plain = {name: "".join(part.capitalize() for part in name.split("-")) for name in names}
    return plain | {name.replace("__", ".").replace("_", "-"): path for name, path in paths.items()}


_PERMISSION: Final = {
    "cidr": "IpRanges.CidrIp",
    "from-port": "FromPort",
    "to-port": "ToPort",
    "protocol": "IpProtocol",
    "group-id": "UserIdGroupPairs.GroupId",
}

LISTINGS: Final[Mapping[str, Listing]] = {
    "DescribeVpcs": Listing(
        "Vpcs",
        _same("vpc-id", "state", "is-default", "owner-id", "dhcp-options-id", cidr="CidrBlock", isDefault="IsDefault"),
    ),
    "DescribeSubnets": Listing(
        "Subnets",
        _same(
            "subnet-id",
            "vpc-id",
            "availability-zone",
            "availability-zone-id",
            "cidr-block",
            "state",
            "default-for-az",
            "map-public-ip-on-launch",
            "owner-id",
            "available-ip-address-count",
            cidr="CidrBlock",
            availabilityZone="AvailabilityZone",
        ),
    ),
    "DescribeSecurityGroups": Listing(
        "SecurityGroups",
        _same("group-id", "group-name", "vpc-id", "description", "owner-id")
        | {f"ip-permission.{name}": f"IpPermissions.{path}" for name, path in _PERMISSION.items()}
        | {f"egress.ip-permission.{name}": f"IpPermissionsEgress.{path}" for name, path in _PERMISSION.items()},
    ),
    "DescribeSecurityGroupRules": Listing(
        "SecurityGroupRules",
        _same("group-id", "security-group-rule-id"),
    ),
    "DescribeInstances": Listing(
        "Instances",
        _same(
            "instance-id",
            "instance-type",
            "image-id",
            "vpc-id",
            "subnet-id",
            "private-ip-address",
            "private-dns-name",
            "key-name",
            "architecture",
            "instance-lifecycle",
            instance_state_name="State.Name",
            instance_state_code="State.Code",
            availability_zone="Placement.AvailabilityZone",
            ip_address="PublicIpAddress",
            dns_name="PublicDnsName",
            instance__group_id="SecurityGroups.GroupId",
            instance__group_name="SecurityGroups.GroupName",
            iam_instance_profile__arn="IamInstanceProfile.Arn",
            network_interface__network_interface_id="NetworkInterfaces.NetworkInterfaceId",
            network_interface__subnet_id="NetworkInterfaces.SubnetId",
            network_interface__vpc_id="NetworkInterfaces.VpcId",
            block_device_mapping__volume_id="BlockDeviceMappings.Ebs.VolumeId",
            metadata_options__http_tokens="MetadataOptions.HttpTokens",
        ),
    ),
    "DescribeRouteTables": Listing(
        "RouteTables",
        _same(
            "route-table-id",
            "vpc-id",
            "owner-id",
            association__main="Associations.Main",
            association__subnet_id="Associations.SubnetId",
            association__route_table_id="Associations.RouteTableId",
            association__route_table_association_id="Associations.RouteTableAssociationId",
            route__destination_cidr_block="Routes.DestinationCidrBlock",
            route__gateway_id="Routes.GatewayId",
            route__nat_gateway_id="Routes.NatGatewayId",
            route__vpc_peering_connection_id="Routes.VpcPeeringConnectionId",
            route__state="Routes.State",
        ),
    ),
    "DescribeInternetGateways": Listing(
        "InternetGateways",
        _same(
            "internet-gateway-id",
            "owner-id",
            attachment__vpc_id="Attachments.VpcId",
            attachment__state="Attachments.State",
        ),
    ),
    "DescribeNatGateways": Listing("NatGateways", _same("nat-gateway-id", "vpc-id", "subnet-id", "state")),
    "DescribeAddresses": Listing(
        "Addresses",
        _same("allocation-id", "association-id", "domain", "instance-id", "public-ip", "network-interface-id"),
    ),
    "DescribeNetworkInterfaces": Listing(
        "NetworkInterfaces",
        _same(
            "network-interface-id",
            "subnet-id",
            "vpc-id",
            "availability-zone",
            "description",
            "status",
            "owner-id",
            "private-ip-address",
            "requester-id",
            "requester-managed",
            "interface-type",
            group_id="Groups.GroupId",
            group_name="Groups.GroupName",
            attachment__instance_id="Attachment.InstanceId",
            attachment__status="Attachment.Status",
            association__public_ip="Association.PublicIp",
        ),
    ),
    "DescribeVpcPeeringConnections": Listing(
        "VpcPeeringConnections",
        _same(
            "vpc-peering-connection-id",
            status_code="Status.Code",
            requester_vpc_info__vpc_id="RequesterVpcInfo.VpcId",
            requester_vpc_info__cidr_block="RequesterVpcInfo.CidrBlock",
            accepter_vpc_info__vpc_id="AccepterVpcInfo.VpcId",
            accepter_vpc_info__cidr_block="AccepterVpcInfo.CidrBlock",
        ),
    ),
    "DescribeLaunchTemplates": Listing("LaunchTemplates", _same("launch-template-name")),
    "DescribeVolumes": Listing(
        "Volumes",
        _same(
            "volume-id",
            "size",
            "encrypted",
            "availability-zone",
            "volume-type",
            status="State",
            attachment__instance_id="Attachments.InstanceId",
            attachment__status="Attachments.State",
            attachment__device="Attachments.Device",
        ),
    ),
    "DescribeKeyPairs": Listing("KeyPairs", _same("key-name", "key-pair-id", fingerprint="KeyFingerprint")),
}


def select(listing: Listing, items: Iterable[dict[str, Any]], filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items that every filter lets through; raises AwsError for a filter that the call does not have."""
    checks = [(_paths(listing, each["Name"]), each.get("Values", [])) for each in filters]
    return [item for item in items if all(_passes(item, path, values) for path, values in checks)]


def _paths(listing: Listing, name: str) -> str:
    if name.startswith("tag:"):
        return name
    if name == "tag-key":
        return "Tags.Key"
    if name == "tag-value":
        return "Tags.Value"
    if name not in listing.filters:
        raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
    return listing.filters[name]


def _passes(item: dict[str, Any], path: str, wanted: list[str]) -> bool:
    if path.startswith("tag:"):
        key = path.removeprefix("tag:")
        found: list[Any] = [tag.get("Value", "") for tag in item.get("Tags", []) if tag["Key"] == key]
    else:
        found = values_at(item, path.split("."))
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in found]
    return any(_pattern(want).fullmatch(text) for want in wanted for text in texts)


def values_at(item: Any, path: list[str]) -> list[Any]:
    """Every value at a path of members, looking through lists."""
    if isinstance(item, list):
        return [value for part in item for value in values_at(part, path)]
    if not path:
        return [] if item is None else [item]
    return values_at(item.get(path[0]), path[1:]) if isinstance(item, dict) else []


@lru_cache(maxsize=512)
def _pattern(wanted: str) -> re.Pattern[str]:
    """`*` is any text, `?` any character, and a backslash takes their meaning away."""
    parts = re.split(r"(\\[*?\\]|[*?])", wanted)
    meaning = {"*": ".*", "?": "."}
    escaped = (part[1:] if part.startswith("\\") and len(part) == 2 else part for part in parts)
    return re.compile(
        "".join(
            meaning[raw] if raw in meaning else re.escape(plain) for raw, plain in zip(parts, escaped, strict=True)
        ),
        re.DOTALL,
    )
