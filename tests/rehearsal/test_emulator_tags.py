"""Tags that are given, changed and taken away: every Describe call shows what DescribeTags tells."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.rehearsal import ec2_network
from tests.rehearsal.ec2_network import AMI, Network, run
from tests.rehearsal.played_emulator import REGION, Emulator

emulator = ec2_network.emulator
network = ec2_network.network

Tags = dict[str, str]
Make = Callable[[Network, list[dict[str, Any]]], tuple[str, Callable[[], object]]]
"""Makes one with these tag specifications; gives its id and what takes it away again."""


def _specified(kind: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "a", "Value": "1"}]}]


def _vpc(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
    return made, lambda: net.ec2.delete_vpc(VpcId=made)


def _subnet(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_subnet(VpcId=net.vpc, CidrBlock="192.168.9.0/24", TagSpecifications=tags)
    subnet = made["Subnet"]["SubnetId"]
    return subnet, lambda: net.ec2.delete_subnet(SubnetId=subnet)


def _gateway(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_internet_gateway(TagSpecifications=tags)["InternetGateway"]["InternetGatewayId"]
    return made, lambda: net.ec2.delete_internet_gateway(InternetGatewayId=made)


def _group(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_security_group(GroupName="t", Description="t", VpcId=net.vpc, TagSpecifications=tags)
    return made["GroupId"], lambda: net.ec2.delete_security_group(GroupId=made["GroupId"])


def _rule(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    group, gone = _group(net, [])
    permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    made = net.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission], TagSpecifications=tags)
    return made["SecurityGroupRules"][0]["SecurityGroupRuleId"], gone


def _route_table(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_route_table(VpcId=net.vpc, TagSpecifications=tags)["RouteTable"]["RouteTableId"]
    return made, lambda: net.ec2.delete_route_table(RouteTableId=made)


def _address(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.allocate_address(Domain="vpc", TagSpecifications=tags)["AllocationId"]
    return made, lambda: net.ec2.release_address(AllocationId=made)


def _template(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_launch_template(
        LaunchTemplateName="t", LaunchTemplateData={"ImageId": AMI}, TagSpecifications=tags
    )["LaunchTemplate"]["LaunchTemplateId"]
    return made, lambda: net.ec2.delete_launch_template(LaunchTemplateId=made)


def _peering(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    other, gone = _vpc(net, [])
    made = net.ec2.create_vpc_peering_connection(VpcId=net.vpc, PeerVpcId=other, TagSpecifications=tags)
    connection = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    def remove() -> None:
        net.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=connection)
        gone()

    return connection, remove


def _interface(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_network_interface(SubnetId=net.subnets[0], TagSpecifications=tags)
    interface = made["NetworkInterface"]["NetworkInterfaceId"]
    return interface, lambda: net.ec2.delete_network_interface(NetworkInterfaceId=interface)


def _instance(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = run(net, TagSpecifications=tags)["InstanceId"]
    return made, lambda: net.ec2.terminate_instances(InstanceIds=[made])


def _instances_interface(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made, gone = _instance(net, tags)
    found = net.ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]
    return found["NetworkInterfaces"][0]["NetworkInterfaceId"], gone


def _volume(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=tags)["VolumeId"]
    return made, lambda: net.ec2.delete_volume(VolumeId=made)


def _snapshot(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    volume, gone = _volume(net, [])
    made = net.ec2.create_snapshot(VolumeId=volume, TagSpecifications=tags)["SnapshotId"]

    def remove() -> None:
        net.ec2.delete_snapshot(SnapshotId=made)
        gone()

    return made, remove


def _key_pair(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_key_pair(KeyName="t", TagSpecifications=tags)["KeyPairId"]
    return made, lambda: net.ec2.delete_key_pair(KeyName="t")


def _endpoint(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_vpc_endpoint(VpcId=net.vpc, ServiceName=f"com.amazonaws.{REGION}.s3", TagSpecifications=tags)[
        "VpcEndpoint"
    ]["VpcEndpointId"]
    return made, lambda: net.ec2.delete_vpc_endpoints(VpcEndpointIds=[made])


def _prefix_list(net: Network, tags: list[dict[str, Any]]) -> tuple[str, Callable[[], object]]:
    made = net.ec2.create_managed_prefix_list(
        PrefixListName="t", MaxEntries=1, AddressFamily="IPv4", TagSpecifications=tags
    )["PrefixList"]["PrefixListId"]
    return made, lambda: net.ec2.delete_managed_prefix_list(PrefixListId=made)


@pytest.mark.parametrize(
    ("kind", "make", "listing", "key", "name"),
    [
        ("vpc", _vpc, "describe_vpcs", "Vpcs", "VpcId"),
        ("subnet", _subnet, "describe_subnets", "Subnets", "SubnetId"),
        ("internet-gateway", _gateway, "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
        ("security-group", _group, "describe_security_groups", "SecurityGroups", "GroupId"),
        ("security-group-rule", _rule, "describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId"),
        ("route-table", _route_table, "describe_route_tables", "RouteTables", "RouteTableId"),
        ("elastic-ip", _address, "describe_addresses", "Addresses", "AllocationId"),
        ("launch-template", _template, "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
        (
            "vpc-peering-connection",
            _peering,
            "describe_vpc_peering_connections",
            "VpcPeeringConnections",
            "VpcPeeringConnectionId",
        ),
        ("network-interface", _interface, "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
        (
            "network-interface",
            _instances_interface,
            "describe_network_interfaces",
            "NetworkInterfaces",
            "NetworkInterfaceId",
        ),
        ("instance", _instance, "describe_instances", "Instances", "InstanceId"),
        ("volume", _volume, "describe_volumes", "Volumes", "VolumeId"),
        ("snapshot", _snapshot, "describe_snapshots", "Snapshots", "SnapshotId"),
        ("key-pair", _key_pair, "describe_key_pairs", "KeyPairs", "KeyPairId"),
        ("vpc-endpoint", _endpoint, "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
        ("prefix-list", _prefix_list, "describe_managed_prefix_lists", "PrefixLists", "PrefixListId"),
    ],
)
def test_what_is_described_has_the_tags_that_are_told(
    network: Network, kind: str, make: Make, listing: str, key: str, name: str
) -> None:
    ec2 = network.ec2
    resource, remove = make(network, _specified(kind))

    def seen() -> tuple[Tags, Tags]:
        answer = getattr(ec2, listing)()
        items = answer[key] if key in answer else [one for each in answer["Reservations"] for one in each[key]]
        item = next(each for each in items if each[name] == resource)
        told = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])["Tags"]
        shown = item["TagSet"] if "TagSet" in item else item.get("Tags", [])
        return {each["Key"]: each["Value"] for each in shown}, {each["Key"]: each["Value"] for each in told}

    try:
        assert seen() == ({"a": "1"}, {"a": "1"})
        ec2.create_tags(Resources=[resource], Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
        both = {"a": "2", "b": ""}
        assert seen() == (both, both)
        # With a value it is that tag alone: another value, and the empty one, are not meant.
        ec2.delete_tags(Resources=[resource], Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": ""}])
        assert seen() == (both, both)
        ec2.delete_tags(Resources=[resource], Tags=[{"Key": "a"}, {"Key": "b", "Value": ""}])
        assert seen() == ({}, {})
        ec2.create_tags(Resources=[resource], Tags=[{"Key": "c", "Value": "3"}])
        ec2.delete_tags(Resources=[resource])
        assert seen() == ({}, {})
    finally:
        remove()


def test_a_tag_that_was_changed_is_what_filters_look_at(network: Network) -> None:
    ec2 = network.ec2
    template, remove = _template(network, _specified("launch-template"))
    try:
        ec2.create_tags(Resources=[template], Tags=[{"Key": "a", "Value": "2"}])

        def found(value: str) -> list[str]:
            wanted = [{"Name": "tag:a", "Values": [value]}]
            return [
                each["LaunchTemplateId"] for each in ec2.describe_launch_templates(Filters=wanted)["LaunchTemplates"]
            ]

        assert (found("1"), found("2")) == ([], [template])
    finally:
        remove()


def test_tags_of_other_services_are_told_alike_wherever_they_are_asked_for(emulator: Emulator) -> None:
    iam, logs, kms = emulator.client("iam"), emulator.client("logs"), emulator.client("kms")
    iam.create_user(UserName="tagged", Tags=[{"Key": "a", "Value": "1"}])
    logs.create_log_group(logGroupName="/tagged", tags={"a": "1"})
    key = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyMetadata"]
    group = logs.describe_log_groups(logGroupNamePrefix="/tagged")["logGroups"][0]["arn"].removesuffix(":*")

    def seen() -> list[Tags]:
        tagging = emulator.client("resourcegroupstaggingapi")
        found = tagging.get_resources(ResourceTypeFilters=["kms:key"])["ResourceTagMappingList"]
        mapped = {each["ResourceARN"]: each["Tags"] for each in found}
        return [
            {each["Key"]: each["Value"] for each in found}
            for found in (
                iam.get_user(UserName="tagged")["User"].get("Tags", []),
                iam.list_user_tags(UserName="tagged")["Tags"],
                mapped.get(key["Arn"], []),
            )
        ] + [
            {each["TagKey"]: each["TagValue"] for each in kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]},
            logs.list_tags_for_resource(resourceArn=group)["tags"],
            logs.list_tags_log_group(logGroupName="/tagged")["tags"],
        ]

    assert seen() == [{"a": "1"}] * 6
    iam.tag_user(UserName="tagged", Tags=[{"Key": "a", "Value": "2"}])
    kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "a", "TagValue": "2"}])
    logs.tag_resource(resourceArn=group, tags={"a": "2"})
    assert seen() == [{"a": "2"}] * 6
    iam.untag_user(UserName="tagged", TagKeys=["a"])
    kms.untag_resource(KeyId=key["KeyId"], TagKeys=["a"])
    logs.untag_resource(resourceArn=group, tagKeys=["a"])
    assert seen() == [{}] * 6
