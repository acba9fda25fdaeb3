"""EC2's instances: who lives where, launched from what."""

import ipaddress
from typing import Any

import pytest

from tests.rehearsal import ec2_network
from tests.rehearsal.ec2_network import AMI, Network, named, run
from tests.rehearsal.played_emulator import REGION, Emulator, refused

emulator = ec2_network.emulator
network = ec2_network.network


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


def test_instance_types_have_their_true_size(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    medium = ec2.describe_instance_types(InstanceTypes=["t3.medium"])["InstanceTypes"][0]
    assert (medium["VCpuInfo"]["DefaultVCpus"], medium["MemoryInfo"]["SizeInMiB"]) == (2, 4096)
    assert medium["NetworkInfo"]["Ipv4AddressesPerInterface"] == 6
    assert refused(lambda: ec2.describe_instance_types(InstanceTypes=["t9.huge"]))[0] == "InvalidInstanceType"


def test_instance_types_are_offered_in_every_zone_and_no_unknown_one_is(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    asked = [{"Name": "instance-type", "Values": ["t3.medium", "t9.huge"]}]
    found = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=asked)
    offered = {(each["InstanceType"], each["Location"]) for each in found["InstanceTypeOfferings"]}
    assert {("t3.medium", f"ap-northeast-2{letter}") for letter in "abc"} <= offered
    assert {name for name, _ in offered} == {"t3.medium"}
    assert refused(lambda: ec2.describe_instance_type_offerings(LocationType="outpost"))[0] == "InvalidParameterValue"
