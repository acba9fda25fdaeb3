"""A network in three zones for a test, and instances in it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.rehearsal.played_emulator import REGION, Emulator

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
