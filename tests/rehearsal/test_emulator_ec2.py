"""EC2's networks where the emulator adds to ministack: what is refused, and what is found."""

import ipaddress
from typing import Any

import pytest

from tests.rehearsal import ec2_network
from tests.rehearsal.ec2_network import Network, run
from tests.rehearsal.played_emulator import REGION, Emulator, refused

emulator = ec2_network.emulator
network = ec2_network.network


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


def test_prefixes_are_free_blocks_of_the_subnet(network: Network) -> None:
    ec2, subnet = network.ec2, network.subnets[1]

    def free() -> int:
        return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]

    before = free()
    first = run(network, subnet=1)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    second = run(network, subnet=1)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    blocks: list[ipaddress.IPv4Network] = []
    for interface in (first, second):
        made = ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, Ipv4PrefixCount=4)
        blocks += [ipaddress.IPv4Network(each["Ipv4Prefix"]) for each in made["AssignedIpv4Prefixes"]]
    assert len(set(blocks)) == 8
    assert {each.prefixlen for each in blocks} == {28}
    # Four prefixes are one block, so that a node's pods can have it as their range.
    assert len(list(ipaddress.collapse_addresses(blocks[:4]))) == 1
    assert free() == before - 2 - 8 * 16
    shown = ec2.describe_instances(Filters=[{"Name": "subnet-id", "Values": [subnet]}])["Reservations"]
    interfaces = [one for each in shown for instance in each["Instances"] for one in instance["NetworkInterfaces"]]
    addresses = [ipaddress.IPv4Address(each["PrivateIpAddress"]) for each in interfaces]
    assert not any(address in block for address in addresses for block in blocks)
    assert {len(each["Ipv4Prefixes"]) for each in interfaces} == {4}
    more = {"NetworkInterfaceId": first, "Ipv4PrefixCount": 7}
    assert refused(lambda: ec2.assign_private_ip_addresses(**more))[0] == "InsufficientCidrBlocks"
    unknown = {"NetworkInterfaceId": "eni-0", "Ipv4PrefixCount": 1}
    assert refused(lambda: ec2.assign_private_ip_addresses(**unknown))[0] == "InvalidNetworkInterfaceID.NotFound"
