"""What each AWS type takes, and which names it makes up: whatever is wrong is named."""

import pytest

from rehearsal.providers.aws.base import DEFAULTS
from rehearsal.providers.aws.schema import schemas
from rehearsal.providers.properties import UNKNOWN, Properties, ResourceReference
from rehearsal.providers.protocol import Autonaming, Context, InvalidPropertiesError
from tests.unit.rehearsal.plugin_aws_cases import CASES, TRUST
from tests.unit.rehearsal.plugin_aws_types import TYPES, check, wrong


@pytest.mark.parametrize("token", sorted(CASES))
def test_an_unknown_input_is_named_and_so_is_one_that_is_not_played(token: str):
    resource, case = TYPES[token], CASES[token]
    assert wrong(resource, {**case.base, "noSuch": 1}) == {"noSuch": f"{token} has no such property"}
    for name in schemas()[token].inputs.keys() - resource.specs.keys():
        assert name in wrong(resource, {**case.base, name: "x"})


@pytest.mark.parametrize("token", [token for token in sorted(CASES) if schemas()[token].required])
def test_required_inputs_are_named(token: str):
    assert set(wrong(TYPES[token], {})) >= set(schemas()[token].required)


@pytest.mark.parametrize(
    ("token", "inputs", "where"),
    [
        ("aws:eks/cluster:Cluster", {"vpcConfig": {"subnetIds": ["a"], "noSuch": 1}}, "vpcConfig.noSuch"),
        ("aws:eks/cluster:Cluster", {"vpcConfig": {}}, "vpcConfig.subnetIds"),
        ("aws:eks/cluster:Cluster", {"kubernetesNetworkConfig": {"elasticLoadBalancing": {"enabled": True}}},
         "kubernetesNetworkConfig.elasticLoadBalancing"),
        ("aws:ec2/launchTemplate:LaunchTemplate",
         {"blockDeviceMappings": [{"deviceName": "/dev/xvda"}, {"ebs": {"size": 3}}]},
         "blockDeviceMappings[1].ebs.size"),
        ("aws:ec2/launchTemplate:LaunchTemplate",
         {"blockDeviceMappings": [{"ebs": {"kmsKeyId": "a"}}]}, "blockDeviceMappings[0].ebs.kmsKeyId"),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"metadataOptions": {"httpToken": "a"}}, "metadataOptions.httpToken"),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"metadataOptions": "x"}, "metadataOptions"),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"vpcSecurityGroupIds": "sg-1"}, "vpcSecurityGroupIds"),
        ("aws:ec2/subnet:Subnet", {"mapPublicIpOnLaunch": "perhaps"}, "mapPublicIpOnLaunch"),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": "week"}, "retentionInDays"),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 7.5}, "retentionInDays"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "no json"}, "assumeRolePolicy"),
        ("aws:iam/role:Role", {"assumeRolePolicy": 5}, "assumeRolePolicy"),
        ("aws:kms/key:Key", {"deletionWindowInDays": 3}, "deletionWindowInDays"),
        ("aws:kms/alias:Alias", {"name": "mine"}, "name"),
        ("aws:ec2/route:Route", {"natGatewayId": "nat-1"}, "gatewayId"),
        ("aws:ec2/securityGroupRule:SecurityGroupRule", {"cidrBlocks": []}, "cidrBlocks"),
        ("aws:ec2/securityGroupRule:SecurityGroupRule", {"type": "sideways"}, "type"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"cidrIpv6": "::/0"}, "cidrIpv4"),
        ("aws:ec2/instance:Instance", {"userData": "a", "userDataBase64": "Yg=="}, "userData"),
        ("aws:ec2/eip:Eip", {"domain": "standard"}, "domain"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_named_with_their_path(token: str, inputs: Properties, where: str):
    assert where in wrong(TYPES[token], {**CASES[token].base, **inputs})


def test_all_wrong_inputs_are_named_at_once():
    found = wrong(TYPES["aws:ec2/subnet:Subnet"], {"noSuch": 1, "mapPublicIpOnLaunch": "perhaps"})
    assert found.keys() == {"noSuch", "mapPublicIpOnLaunch", "vpcId"}


def test_inputs_are_converted_as_the_real_provider_does():
    checked = check(
        TYPES["aws:ec2/subnet:Subnet"],
        {"vpcId": ResourceReference("urn", "vpc-1"), "mapPublicIpOnLaunch": "true", "cidrBlock": UNKNOWN, "tags": None},
    )
    assert checked["vpcId"] == "vpc-1"
    assert checked["mapPublicIpOnLaunch"] is True
    assert checked["cidrBlock"] is UNKNOWN
    assert "tags" not in checked
    assert check(TYPES["aws:cloudwatch/logGroup:LogGroup"], {"retentionInDays": "7"})["retentionInDays"] == 7


def test_defaults_are_filled_in_and_marked():
    checked = check(TYPES["aws:ec2/vpc:Vpc"], {"cidrBlock": "10.0.0.0/16"})
    assert checked == {
        "cidrBlock": "10.0.0.0/16",
        "instanceTenancy": "default",
        "enableDnsSupport": True,
        "region": "ap-northeast-2",
        DEFAULTS: ["enableDnsSupport", "instanceTenancy"],
    }


def test_a_name_is_made_once_and_kept():
    role = TYPES["aws:iam/role:Role"]
    first = check(role, {"assumeRolePolicy": TRUST})
    assert first["name"].startswith("thing-")
    assert len(first["name"]) == len("thing-") + 7
    again = role.check(Context(name="thing", random_seed=b"another"), first, {"assumeRolePolicy": TRUST})
    assert again["name"] == first["name"]
    fresh = role.check(Context(name="thing", random_seed=b"another"), None, {"assumeRolePolicy": TRUST})
    assert fresh["name"] != first["name"]
    assert "name" in check(role, {"assumeRolePolicy": TRUST, "name": "mine"}).keys() - {DEFAULTS}
    assert "name" not in check(role, {"assumeRolePolicy": TRUST, "namePrefix": "mine-"})


def test_a_name_that_the_program_once_gave_is_not_kept():
    role = TYPES["aws:iam/role:Role"]
    named = check(role, {"assumeRolePolicy": TRUST, "name": "mine"})
    assert check(role, {"assumeRolePolicy": TRUST}, named)["name"].startswith("thing-")


@pytest.mark.parametrize(
    ("token", "name", "longest"),
    [
        ("aws:iam/role:Role", "name", 64),
        ("aws:eks/nodeGroup:NodeGroup", "nodeGroupName", 255),
        ("aws:kms/alias:Alias", "name", 238),
    ],
)
def test_names_have_their_limits(token: str, name: str, longest: int):
    resource, base = TYPES[token], CASES[token].base
    begins = len("alias/") if token.endswith("Alias") else 0
    fits = Context(name="x" * (longest - 8 - begins))
    assert len(resource.check(fits, None, base)[name]) == longest
    with pytest.raises(InvalidPropertiesError, match="longer than maximum length"):
        resource.check(Context(name=fits.name + "x"), None, base)


def test_an_alias_is_made_with_its_prefix():
    assert check(TYPES["aws:kms/alias:Alias"], {"targetKeyId": "k"})["name"].startswith("alias/thing-")


def test_the_stacks_own_rule_for_names_goes_first():
    role, inputs = TYPES["aws:iam/role:Role"], {"assumeRolePolicy": TRUST}
    assert role.check(Context(autonaming=Autonaming("plain", "enforce")), None, inputs)["name"] == "plain"
    with pytest.raises(InvalidPropertiesError, match="disabled"):
        role.check(Context(autonaming=Autonaming("", "disable")), None, inputs)
