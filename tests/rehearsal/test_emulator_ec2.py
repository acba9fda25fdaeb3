"""EC2 where the emulator adds to ministack: what is refused, what is found, and who lives where."""

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.rehearsal.played_emulator import REGION, Emulator, refused

AMI = "ami-0123456789abcdef0"


class Network(NamedTuple):
    ec2: Any
    vpc: str
    subnets: list[str]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("ec2") / "world")
    yield running
    running.stop()


def named(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


@pytest.fixture
def network(emulator: Emulator) -> Iterator[Network]:
    ec2 = emulator.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="192.168.0.0/16", TagSpecifications=named("vpc", "myeks-VPC"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"192.168.{number}.0/24",
            AvailabilityZone=f"{REGION}{zone}",
            TagSpecifications=named("subnet", f"myeks-Vpc1PublicSubnet{number}"),
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("abc", 1)
    ]
    ec2.modify_subnet_attribute(SubnetId=subnets[0], MapPublicIpOnLaunch={"Value": True})
    yield Network(ec2, vpc, subnets)
    take_down(ec2, vpc)


def take_down(ec2: Any, vpc: str) -> None:
    """Whatever a test left in its VPC, in the order that AWS asks for."""
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    for reservation in ec2.describe_instances(Filters=inside)["Reservations"]:
        ec2.terminate_instances(InstanceIds=[each["InstanceId"] for each in reservation["Instances"]])
    for group in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]:
        if group["GroupName"] != "default":
            ec2.delete_security_group(GroupId=group["GroupId"])
    for subnet in ec2.describe_subnets(Filters=inside)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)


def run(network: Network, subnet: int = 0, **more: Any) -> dict[str, Any]:
    request = {"ImageId": AMI, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
    if "NetworkInterfaces" not in request:
        request["SubnetId"] = network.subnets[subnet]
    return network.ec2.run_instances(**request)["Instances"][0]


@pytest.mark.parametrize(
    ("cidr", "zone", "code"),
    [
        ("192.168.1.128/25", "a", "InvalidSubnet.Conflict"),
        ("192.168.0.0/16", "a", "InvalidSubnet.Conflict"),
        ("10.0.0.0/24", "a", "InvalidSubnet.Range"),
        ("192.168.20.0/29", "a", "InvalidSubnet.Range"),
        ("192.168.20.0", "a", "InvalidSubnet.Range"),
        ("192.168.20.300/24", "a", "InvalidParameterValue"),
        ("192.168.20.0/24", "x", "InvalidParameterValue"),
    ],
)
def test_a_subnet_has_to_fit(network: Network, cidr: str, zone: str, code: str) -> None:
    where = {"VpcId": network.vpc, "AvailabilityZone": f"{REGION}{zone}"}
    assert refused(lambda: network.ec2.create_subnet(CidrBlock=cidr, **where))[0] == code
    assert len(network.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])["Subnets"]) == 3


@pytest.mark.parametrize(
    ("cidr", "code"), [("10.0.0.0/8", "InvalidVpc.Range"), ("10.0.0.0/33", "InvalidParameterValue")]
)
def test_a_vpc_has_a_size(emulator: Emulator, cidr: str, code: str) -> None:
    assert refused(lambda: emulator.client("ec2").create_vpc(CidrBlock=cidr))[0] == code


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ([("tag:Name", ["myeks-Vpc1PublicSubnet1"])], 1),
        ([("tag:Name", ["myeks-Vpc1Public*"])], 3),
        ([("tag:Name", ["myeks-Vpc1PublicSubnet?"])], 3),
        ([("tag:Name", ["*subnet*"])], 0),
        ([("tag:Name", ["myeks-Vpc1Public*"]), ("availability-zone", [f"{REGION}b"])], 1),
        ([("availability-zone", [f"{REGION}a", f"{REGION}b"]), ("default-for-az", ["false"])], 2),
        ([("cidr-block", ["192.168.2.0/24"])], 1),
        ([("tag-key", ["Name"])], 3),
        ([("map-public-ip-on-launch", ["true"]), ("default-for-az", ["false"])], 1),
    ],
)
def test_filters_and_wildcards_find_what_they_name(
    network: Network, filters: list[tuple[str, list[str]]], count: int
) -> None:
    asked = [{"Name": name, "Values": values} for name, values in filters]
    assert len(network.ec2.describe_subnets(Filters=asked)["Subnets"]) == count


def test_a_filter_that_there_is_not_is_refused(network: Network) -> None:
    code, message = refused(lambda: network.ec2.describe_vpcs(Filters=[{"Name": "colour", "Values": ["red"]}]))
    assert (code, message) == ("InvalidParameterValue", "The filter 'colour' is invalid")


def test_an_instance_lives_in_its_subnet(network: Network) -> None:
    public, private = run(network, 0), run(network, 1)
    assert ipaddress.ip_address(public["PrivateIpAddress"]) in ipaddress.ip_network("192.168.1.0/24")
    assert public["PrivateDnsName"] == f"ip-{public['PrivateIpAddress'].replace('.', '-')}.{REGION}.compute.internal"
    assert public["Placement"]["AvailabilityZone"] == f"{REGION}a"
    assert public["PublicIpAddress"]
    assert private["Placement"]["AvailabilityZone"] == f"{REGION}b"
    assert "PublicIpAddress" not in private
    zone = [{"Name": "availability-zone", "Values": [f"{REGION}b"]}]
    found = network.ec2.describe_instances(Filters=zone)["Reservations"]
    assert [each["InstanceId"] for each in found[0]["Instances"]] == [private["InstanceId"]]
    subnet = network.ec2.describe_subnets(SubnetIds=[network.subnets[0]])["Subnets"][0]
    assert subnet["AvailableIpAddressCount"] == 250
    interfaces = network.ec2.describe_network_interfaces(
        Filters=[{"Name": "attachment.instance-id", "Values": [public["InstanceId"]]}]
    )["NetworkInterfaces"]
    assert [each["Association"]["PublicIp"] for each in interfaces] == [public["PublicIpAddress"]]


def test_a_wanted_address_is_had_or_refused(network: Network) -> None:
    assert run(network, PrivateIpAddress="192.168.1.100")["PrivateIpAddress"] == "192.168.1.100"
    for address, code in [
        ("192.168.1.100", "InvalidIPAddress.InUse"),
        ("192.168.2.5", "InvalidParameterValue"),
        ("192.168.1.3", "InvalidParameterValue"),
        ("192.168.1.255", "InvalidParameterValue"),
    ]:
        assert refused(lambda wanted=address: run(network, PrivateIpAddress=wanted))[0] == code
    assert len(network.ec2.describe_instances()["Reservations"]) >= 1


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"SecurityGroupIds": ["sg-00000000000000000"]}, "InvalidGroup.NotFound"),
        ({"KeyName": "nobody's"}, "InvalidKeyPair.NotFound"),
        ({"IamInstanceProfile": {"Name": "nobody's"}}, "InvalidParameterValue"),
        ({"InstanceType": "t9.huge"}, "InvalidParameterValue"),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-00000000000000000"}}, "InvalidLaunchTemplateId.NotFoundException"),
    ],
)
def test_an_instance_of_what_is_not_there_is_refused(network: Network, request_: dict[str, Any], code: str) -> None:
    before = len(network.ec2.describe_network_interfaces()["NetworkInterfaces"])
    assert refused(lambda: run(network, **request_))[0] == code
    assert len(network.ec2.describe_network_interfaces()["NetworkInterfaces"]) == before


def test_an_unknown_subnet_is_refused(network: Network) -> None:
    request = {"ImageId": AMI, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    code, _ = refused(lambda: network.ec2.run_instances(SubnetId="subnet-0", **request))
    assert code == "InvalidSubnetID.NotFound"


TEMPLATE = {
    "ImageId": AMI,
    "InstanceType": "t3.medium",
    "BlockDeviceMappings": [
        {
            "DeviceName": "/dev/xvda",
            "Ebs": {"VolumeSize": 120, "VolumeType": "gp3", "Iops": 3000, "Throughput": 125, "Encrypted": True},
        }
    ],
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "InstanceMetadataTags": "enabled"},
    "TagSpecifications": named("instance", "from-template") + named("volume", "its-disk"),
    "Monitoring": {"Enabled": True},
}


def test_a_launch_template_is_kept_whole_and_launched(network: Network) -> None:
    ec2 = network.ec2
    made = ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData=TEMPLATE)["LaunchTemplate"]
    template = made["LaunchTemplateId"]
    shown = ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"][0]
    assert shown["LaunchTemplateData"] == TEMPLATE
    ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.large"}
    )
    instance = run(network, LaunchTemplate={"LaunchTemplateId": template, "Version": "2"}, InstanceType="t3.small")
    assert instance["InstanceType"] == "t3.small"
    assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert instance["MetadataOptions"]["InstanceMetadataTags"] == "enabled"
    assert {"Key": "Name", "Value": "from-template"} in instance["Tags"]
    volume = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    disk = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    assert (disk["Size"], disk["VolumeType"], disk["Encrypted"], disk["Throughput"]) == (120, "gp3", True, 125)
    assert disk["Tags"] == [{"Key": "Name", "Value": "its-disk"}]
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert ec2.describe_volumes()["Volumes"] == []
    ec2.delete_launch_template(LaunchTemplateId=template)


def test_an_instances_settings_can_be_changed(network: Network) -> None:
    ec2, instance = network.ec2, run(network)["InstanceId"]
    ec2.modify_instance_metadata_options(InstanceId=instance, HttpPutResponseHopLimit=3)
    ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    change = {"InstanceId": instance, "InstanceType": {"Value": "t3.large"}}
    assert refused(lambda: ec2.modify_instance_attribute(**change))[0] == "IncorrectInstanceState"
    described = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert described["MetadataOptions"]["HttpPutResponseHopLimit"] == 3
    assert described["SourceDestCheck"] is False
    assert refused(lambda: ec2.terminate_instances(InstanceIds=[instance]))[0] == "OperationNotPermitted"
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})


def test_what_is_in_use_cannot_be_deleted(network: Network) -> None:
    ec2, vpc = network.ec2, network.vpc
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    other = ec2.create_security_group(GroupName="o", Description="d", VpcId=vpc)["GroupId"]
    instance = run(network, SecurityGroupIds=[group])["InstanceId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": other}]}]
    )
    assert refused(lambda: ec2.delete_subnet(SubnetId=network.subnets[0]))[0] == "DependencyViolation"
    assert refused(lambda: ec2.delete_security_group(GroupId=group))[0] == "DependencyViolation"
    assert refused(lambda: ec2.delete_security_group(GroupId=other))[0] == "DependencyViolation"
    assert refused(lambda: ec2.delete_vpc(VpcId=vpc))[0] == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.delete_security_group(GroupId=group)
    ec2.delete_security_group(GroupId=other)
    ec2.delete_subnet(SubnetId=network.subnets[0])


def test_the_internet_gateway_stays_while_public_addresses_are_mapped(network: Network) -> None:
    ec2, vpc = network.ec2, network.vpc
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    second = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    assert (
        refused(lambda: ec2.attach_internet_gateway(InternetGatewayId=second, VpcId=vpc))[0] == "InvalidParameterValue"
    )
    ec2.delete_internet_gateway(InternetGatewayId=second)
    instance = run(network)["InstanceId"]
    detach = {"InternetGatewayId": gateway, "VpcId": vpc}
    code, message = refused(lambda: ec2.detach_internet_gateway(**detach))
    assert (code, "mapped public address" in message) == ("DependencyViolation", True)
    assert refused(lambda: ec2.delete_internet_gateway(InternetGatewayId=gateway))[0] == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=[instance])
    assert refused(lambda: ec2.delete_vpc(VpcId=vpc))[0] == "DependencyViolation"
    ec2.detach_internet_gateway(**detach)
    assert refused(lambda: ec2.detach_internet_gateway(**detach))[0] == "Gateway.NotAttached"
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def test_a_nat_gateway_holds_its_address_and_its_subnet(network: Network) -> None:
    ec2 = network.ec2
    address = ec2.allocate_address(Domain="vpc")
    allocation = address["AllocationId"]
    create = {"SubnetId": network.subnets[0], "AllocationId": allocation}
    gateway = ec2.create_nat_gateway(**create)["NatGateway"]["NatGatewayId"]
    shown = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["NatGatewayAddresses"][0]
    assert (shown["PublicIp"], shown["AllocationId"]) == (address["PublicIp"], allocation)
    used = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]
    assert used["NetworkInterfaceId"] == shown["NetworkInterfaceId"]
    assert refused(lambda: ec2.create_nat_gateway(**create))[0] == "Resource.AlreadyAssociated"
    assert refused(lambda: ec2.release_address(AllocationId=allocation))[0] == "InvalidIPAddress.InUse"
    assert refused(lambda: ec2.delete_subnet(SubnetId=network.subnets[0]))[0] == "DependencyViolation"
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    ec2.release_address(AllocationId=allocation)
    assert refused(lambda: ec2.release_address(AllocationId=allocation))[0] == "InvalidAllocationID.NotFound"


def test_routes_lead_somewhere(network: Network) -> None:
    ec2, vpc = network.ec2, network.vpc
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    link = ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[0])["AssociationId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert refused(lambda: ec2.create_route(GatewayId=gateway, **route))[0] == "InvalidParameterValue"
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(GatewayId=gateway, **route)
    assert refused(lambda: ec2.create_route(GatewayId=gateway, **route))[0] == "RouteAlreadyExists"
    assert refused(lambda: ec2.replace_route(NatGatewayId="nat-0", **route))[0] == "InvalidNatGatewayID.NotFound"
    other = {"RouteTableId": table, "DestinationCidrBlock": "10.9.0.0/16"}
    assert refused(lambda: ec2.replace_route(GatewayId=gateway, **other))[0] == "InvalidRoute.NotFound"
    assert refused(lambda: ec2.delete_route(**other))[0] == "InvalidRoute.NotFound"
    assert refused(lambda: ec2.delete_route_table(RouteTableId=table))[0] == "DependencyViolation"
    ec2.disassociate_route_table(AssociationId=link)
    ec2.delete_route_table(RouteTableId=table)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def test_a_peering_carries_names_once_it_is_active(network: Network) -> None:
    ec2, vpc = network.ec2, network.vpc
    ops = ec2.create_vpc(CidrBlock="172.20.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=ops)["VpcPeeringConnection"]
    peering = made["VpcPeeringConnectionId"]
    options = {
        "VpcPeeringConnectionId": peering,
        "RequesterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": True},
        "AccepterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": True},
    }
    assert refused(lambda: ec2.modify_vpc_peering_connection_options(**options))[0] == "OperationNotPermitted"
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    answer = ec2.modify_vpc_peering_connection_options(**options)
    assert answer["AccepterPeeringConnectionOptions"]["AllowDnsResolutionFromRemoteVpc"] is True
    by_vpc = [{"Name": "accepter-vpc-info.vpc-id", "Values": [ops]}]
    shown = ec2.describe_vpc_peering_connections(Filters=by_vpc)["VpcPeeringConnections"][0]
    assert shown["RequesterVpcInfo"]["CidrBlock"] == "192.168.0.0/16"
    assert shown["AccepterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] is True
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "172.20.0.0/16"}
    ec2.create_route(VpcPeeringConnectionId=peering, **route)
    ec2.replace_route(VpcPeeringConnectionId=peering, **route)
    kept = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert peering in [each.get("VpcPeeringConnectionId") for each in kept]
    ec2.delete_route_table(RouteTableId=table)
    assert refused(lambda: ec2.delete_vpc(VpcId=ops))[0] == "DependencyViolation"
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    ec2.delete_vpc(VpcId=ops)


def test_a_peering_of_overlapping_ranges_fails(network: Network) -> None:
    ec2 = network.ec2
    other = ec2.create_vpc(CidrBlock="192.168.128.0/17")["Vpc"]["VpcId"]
    made = ec2.create_vpc_peering_connection(VpcId=network.vpc, PeerVpcId=other)["VpcPeeringConnection"]
    assert made["Status"]["Code"] == "failed"
    peering = made["VpcPeeringConnectionId"]
    accept = refused(lambda: ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering))
    assert accept[0] == "InvalidStateTransition"
    ec2.delete_vpc(VpcId=other)


def test_a_group_takes_each_rule_once_and_is_found_by_wildcard(network: Network) -> None:
    ec2 = network.ec2
    group = ec2.create_security_group(GroupName="myeks-ng1-remoteAccess", Description="d", VpcId=network.vpc)["GroupId"]
    rule = {
        "GroupId": group,
        "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "203.0.113.5/32"}]}
        ],
    }
    ec2.authorize_security_group_ingress(**rule)
    assert refused(lambda: ec2.authorize_security_group_ingress(**rule))[0] == "InvalidPermission.Duplicate"
    found = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["*remoteAccess*"]}])
    assert [each["GroupId"] for each in found["SecurityGroups"]] == [group]
    by_port = [{"Name": "ip-permission.from-port", "Values": ["22"]}]
    assert len(ec2.describe_security_groups(Filters=by_port)["SecurityGroups"]) == 1
    more: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    more["IpRanges"] = [{"CidrIp": "172.20.1.100/32"}, {"CidrIp": "172.20.1.200/32", "Description": "ops"}]
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[more])["SecurityGroupRules"]
    assert len({each["SecurityGroupRuleId"] for each in made}) == 2
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert [len(permission["IpRanges"]) for permission in shown] == [3]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert len([each for each in rules if not each["IsEgress"]]) == 3
    by_id = {"GroupId": group, "SecurityGroupRuleIds": [made[0]["SecurityGroupRuleId"]]}
    ec2.revoke_security_group_ingress(**by_id)
    assert refused(lambda: ec2.revoke_security_group_ingress(**by_id))[0] == "InvalidSecurityGroupRuleId.NotFound"
    ec2.revoke_security_group_ingress(**rule)
    assert refused(lambda: ec2.revoke_security_group_ingress(**rule))[0] == "InvalidPermission.NotFound"


@pytest.mark.parametrize(
    ("peer", "code"),
    [
        ({"IpRanges": [{"CidrIp": "203.0.113.5/24"}]}, "InvalidParameterValue"),
        ({"IpRanges": [{"CidrIp": "everywhere"}]}, "InvalidParameterValue"),
        ({"UserIdGroupPairs": [{"GroupId": "sg-00000000000000000"}]}, "InvalidGroup.NotFound"),
        ({}, "MissingParameter"),
    ],
)
def test_a_rule_needs_a_peer_that_is_one(network: Network, peer: dict[str, Any], code: str) -> None:
    group = network.ec2.create_security_group(GroupName="g", Description="d", VpcId=network.vpc)["GroupId"]
    request = {"GroupId": group, "IpPermissions": [{"IpProtocol": "-1", **peer}]}
    assert refused(lambda: network.ec2.authorize_security_group_ingress(**request))[0] == code


def test_everybody_may_be_reached_from_the_start(network: Network) -> None:
    group = network.ec2.create_security_group(GroupName="g", Description="d", VpcId=network.vpc)["GroupId"]
    request = {"GroupId": group, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
    code, _ = refused(lambda: network.ec2.authorize_security_group_egress(**request))
    assert code == "InvalidPermission.Duplicate"
    network.ec2.revoke_security_group_egress(**request)
    network.ec2.authorize_security_group_egress(**request)


def test_instance_types_have_their_true_size(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    medium = ec2.describe_instance_types(InstanceTypes=["t3.medium"])["InstanceTypes"][0]
    assert (medium["VCpuInfo"]["DefaultVCpus"], medium["MemoryInfo"]["SizeInMiB"]) == (2, 4096)
    assert medium["NetworkInfo"]["Ipv4AddressesPerInterface"] == 6
    assert refused(lambda: ec2.describe_instance_types(InstanceTypes=["t9.huge"]))[0] == "InvalidInstanceType"
