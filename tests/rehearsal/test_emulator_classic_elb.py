"""Classic load balancers beside those of version 2: listed, tagged, and in the way of their network."""

from typing import Any

from tests.rehearsal import ec2_network
from tests.rehearsal.ec2_network import Network
from tests.rehearsal.played_emulator import REGION, Emulator, refused

emulator = ec2_network.emulator
network = ec2_network.network

NAME = "a0123456789abcdef0123456789abcde"
LISTENERS: list[Any] = [{"Protocol": "TCP", "LoadBalancerPort": 80, "InstanceProtocol": "TCP", "InstancePort": 30080}]


def test_a_classic_load_balancer_keeps_its_subnet_and_group_until_it_is_deleted(
    emulator: Emulator, network: Network
) -> None:
    elb, ec2 = emulator.client("elb"), network.ec2
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.50.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName=f"k8s-elb-{NAME}", Description="x", VpcId=vpc)["GroupId"]
    tags = [{"Key": "kubernetes.io/cluster/myeks", "Value": "owned"}]
    made = {"LoadBalancerName": NAME, "Listeners": LISTENERS, "Subnets": [subnet], "SecurityGroups": [group]}
    address = elb.create_load_balancer(**made, Tags=tags)["DNSName"]
    assert refused(lambda: elb.create_load_balancer(**made))[0] == "DuplicateLoadBalancerName"
    found = elb.describe_load_balancers()["LoadBalancerDescriptions"]
    assert [(each["LoadBalancerName"], each["VPCId"], each["DNSName"]) for each in found] == [(NAME, vpc, address)]
    assert found[0]["CreatedTime"].tzinfo is not None
    assert elb.describe_tags(LoadBalancerNames=[NAME])["TagDescriptions"] == [{"LoadBalancerName": NAME, "Tags": tags}]
    # One endpoint, two APIs.
    assert emulator.client("elbv2").describe_load_balancers()["LoadBalancers"] == []

    for keeps in (lambda: ec2.delete_subnet(SubnetId=subnet), lambda: ec2.delete_security_group(GroupId=group)):
        assert refused(keeps)[0] == "DependencyViolation"
    elb.delete_load_balancer(LoadBalancerName=NAME)
    assert elb.describe_load_balancers()["LoadBalancerDescriptions"] == []
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet)
    # AWS takes the deletion of one that is gone for done.
    elb.delete_load_balancer(LoadBalancerName=NAME)
    ec2.delete_vpc(VpcId=vpc)


def test_a_classic_load_balancer_is_where_its_subnets_are(emulator: Emulator, network: Network) -> None:
    elb, ec2 = emulator.client("elb"), network.ec2
    elb.create_load_balancer(LoadBalancerName="there", Listeners=LISTENERS, Subnets=network.subnets[1:])
    try:
        found = elb.describe_load_balancers()["LoadBalancerDescriptions"][0]
        assert (found["VPCId"], found["AvailabilityZones"]) == (network.vpc, [f"{REGION}b", f"{REGION}c"])
        filters = [{"Name": "vpc-id", "Values": [network.vpc]}, {"Name": "group-name", "Values": ["default"]}]
        default = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
        assert found["SecurityGroups"] == [default]
    finally:
        elb.delete_load_balancer(LoadBalancerName="there")


def test_what_is_not_there_and_what_is_not_played_are_refused(emulator: Emulator) -> None:
    elb = emulator.client("elb")
    for ask in (elb.describe_load_balancers, elb.describe_tags):
        code, message = refused(lambda ask=ask: ask(LoadBalancerNames=["nobodys"]))
        assert (code, "nobodys" in message) == ("LoadBalancerNotFound", True)
    code, message = refused(elb.describe_load_balancer_policies)
    assert code == "InvalidAction"
    assert "DescribeLoadBalancerPolicies" in message
