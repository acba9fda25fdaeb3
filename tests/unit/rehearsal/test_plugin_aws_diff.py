"""What each AWS type takes, what changes it, what replaces it, and what is known before it exists."""

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.plugins.aws.base import DEFAULTS, AwsResource
from rehearsal.plugins.aws.connection import Aws, Call
from rehearsal.plugins.aws.provider import RESOURCES
from rehearsal.plugins.aws.schema import schemas
from rehearsal.plugins.properties import UNKNOWN, Properties, ResourceReference
from rehearsal.plugins.protocol import Autonaming, Context, Diff, InvalidPropertiesError, State
from tests.unit.rehearsal.plugin_aws_cases import CASES, TRUST, TRUST_AGAIN, Case

AWS = Aws("ap-northeast-2", {})
TYPES = {cls.pulumi_type: cls(AWS) for cls in RESOURCES}
CTX = Context(name="thing", random_seed=b"seed")


def check(resource: AwsResource, inputs: Properties, old: Properties | None = None) -> Properties:
    return resource.check(CTX, old, inputs)


def diff(resource: AwsResource, old: Properties, new: Properties, outputs: Properties | None = None) -> Diff:
    """From what the program said to what it says now; outputs as if AWS had chosen nothing."""
    was = check(resource, old)
    return resource.diff(CTX, State("id", was, outputs or {}), check(resource, new, was))


def wrong(resource: AwsResource, inputs: Properties) -> dict[str, str]:
    with pytest.raises(InvalidPropertiesError) as failure:
        check(resource, inputs)
    return {f.property: f.reason for f in failure.value.failures}


def rows(kind: str) -> Iterator[Any]:
    for token, case in sorted(CASES.items()):
        for name, value in getattr(case, kind).items():
            yield pytest.param(token, name, value, id=f"{token.rpartition(':')[2]}-{name}")


def one_change(token: str, name: str, value: Any) -> Diff:
    resource, case = TYPES[token], CASES[token]
    was = check(resource, case.base)
    # Some rows break a rule about inputs together (two targets of a route); the comparison is asked alone.
    new = {**was, name: value}
    return resource.diff(CTX, State("id", was, {}), new)


def test_every_type_has_its_rows_and_every_input_is_in_one():
    assert CASES.keys() == TYPES.keys()
    for token, case in CASES.items():
        listed = [*case.replace, *case.update, *case.switch]
        assert sorted(listed) == sorted(TYPES[token].specs), token


@pytest.mark.parametrize("token", sorted(CASES))
def test_the_base_is_valid_and_equals_itself(token: str):
    assert diff(TYPES[token], CASES[token].base, CASES[token].base).changes == []


@pytest.mark.parametrize(("token", "name", "value"), [*rows("replace")])
def test_what_needs_a_new_resource(token: str, name: str, value: Any):
    found = one_change(token, name, value)
    assert {str(change.path[0]) for change in found.changes} == {name}
    assert any(change.replace for change in found.changes)


@pytest.mark.parametrize(("token", "name", "value"), [*rows("update"), *rows("switch")])
def test_what_changes_in_place(token: str, name: str, value: Any):
    found = one_change(token, name, value)
    assert {str(change.path[0]) for change in found.changes} == {name}
    assert not any(change.replace for change in found.changes)


@pytest.mark.parametrize(("token", "name", "value"), [*rows("same")])
def test_what_says_the_same_in_other_words(token: str, name: str, value: Any):
    resource, case = TYPES[token], CASES[token]
    assert diff(resource, case.base, {**case.base, name: value}).changes == []


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", True),
        ("aws:iam/userPolicyAttachment:UserPolicyAttachment", True),
        ("aws:ec2/securityGroupRule:SecurityGroupRule", True),
        ("aws:ec2/subnet:Subnet", False),
        ("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", False),
    ],
)
def test_which_types_go_before_their_replacement_comes(token: str, expected: bool):
    name, value = next(iter(CASES[token].replace.items()))
    assert one_change(token, name, value).delete_before_replace is expected


def test_a_name_that_the_program_gave_cannot_be_taken_twice():
    group = TYPES["aws:ec2/securityGroup:SecurityGroup"]
    named = {"name": "fixed", "vpcId": "vpc-1"}
    assert diff(group, named, {**named, "vpcId": "vpc-2"}).delete_before_replace
    assert not diff(group, named, {"name": "other", "vpcId": "vpc-2"}).delete_before_replace
    assert not diff(group, {"vpcId": "vpc-1"}, {"vpcId": "vpc-2"}).delete_before_replace


def test_user_data_makes_another_instance_only_when_told_to():
    instance, base = TYPES["aws:ec2/instance:Instance"], CASES["aws:ec2/instance:Instance"].base
    for replace in (True, False):
        old = {**base, "userData": "a", "userDataReplaceOnChange": replace}
        found = diff(instance, old, {**old, "userData": "b"})
        assert [(c.name, c.replace) for c in found.changes] == [("userData", replace)]


@pytest.mark.parametrize(
    ("token", "old", "new", "expected"),
    [
        # What AWS chose when the program said nothing stays when the program says nothing again.
        ("aws:ec2/subnet:Subnet", {"availabilityZone": "ap-northeast-2a"}, {}, []),
        # An optional setting that is taken away goes back to AWS's zero.
        ("aws:iam/role:Role", {"description": "x"}, {}, [("description", False)]),
        ("aws:iam/role:Role", {"description": ""}, {}, []),
        ("aws:kms/key:Key", {"enableKeyRotation": True}, {}, [("enableKeyRotation", False)]),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 7}, {}, [("retentionInDays", False)]),
        ("aws:ec2/vpc:Vpc", {"tags": {"a": "b"}}, {}, [("tags", False)]),
        ("aws:ec2/vpc:Vpc", {"tags": {"a": "b"}}, {"tags": {"a": "c"}}, [("tags.a", False)]),
        # Nested: what the program leaves out is AWS's, or the provider's default.
        (
            "aws:eks/cluster:Cluster",
            {"vpcConfig": {"subnetIds": ["a"], "endpointPublicAccess": False}},
            {"vpcConfig": {"subnetIds": ["a"]}},
            [("vpcConfig.endpointPublicAccess", False)],
        ),
        (
            "aws:eks/cluster:Cluster",
            {"accessConfig": {"authenticationMode": "API"}},
            {"accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}},
            [("accessConfig.bootstrapClusterCreatorAdminPermissions", True)],
        ),
        (
            "aws:eks/cluster:Cluster",
            {"encryptionConfig": {"provider": {"keyArn": "a"}, "resources": ["secrets"]}},
            {},
            [("encryptionConfig", True)],
        ),
        (
            "aws:eks/nodeGroup:NodeGroup",
            {"launchTemplate": {"id": "lt-1", "version": "1"}},
            {"launchTemplate": {"id": "lt-2", "version": "1"}},
            [("launchTemplate.id", True)],
        ),
        (
            "aws:ec2/instance:Instance",
            {"rootBlockDevice": {"volumeSize": 30, "tags": {"a": "b"}}},
            {"rootBlockDevice": {"volumeSize": 30, "encrypted": True, "tags": {"a": "b"}}},
            [("rootBlockDevice.encrypted", True)],
        ),
        # Not known yet: assume the worst, as the real provider does.
        ("aws:ec2/subnet:Subnet", {"vpcId": "vpc-1"}, {"vpcId": UNKNOWN}, [("vpcId", True)]),
        (
            "aws:iam/role:Role",
            {"assumeRolePolicy": TRUST},
            {"assumeRolePolicy": UNKNOWN},
            [("assumeRolePolicy", False)],
        ),
        ("aws:ec2/vpc:Vpc", {"tags": {"a": "b"}}, {"tags": {"a": UNKNOWN}}, [("tags.a", False)]),
    ],
)
def test_changes(token: str, old: Properties, new: Properties, expected: list[tuple[str, bool]]):
    base = CASES[token].base
    found = diff(TYPES[token], {**base, **old}, {**base, **new})
    assert [(change.name, change.replace) for change in found.changes] == expected


def test_the_explicit_value_that_aws_had_chosen_is_no_change():
    subnet = TYPES["aws:ec2/subnet:Subnet"]
    base = CASES[subnet.pulumi_type].base
    outputs = {"availabilityZone": "ap-northeast-2a"}
    assert diff(subnet, base, {**base, "availabilityZone": "ap-northeast-2a"}, outputs).changes == []
    found = diff(subnet, base, {**base, "availabilityZone": "ap-northeast-2b"}, outputs)
    assert [(c.name, c.replace) for c in found.changes] == [("availabilityZone", True)]


def test_a_resource_that_failed_at_its_creation_is_made_again():
    cluster = TYPES["aws:eks/cluster:Cluster"]
    base = CASES[cluster.pulumi_type].base
    found = diff(cluster, base, base, {"status": "CREATE_FAILED"})
    assert [(c.name, c.replace) for c in found.changes] == [("status", True)]
    assert found.delete_before_replace
    assert diff(cluster, base, base, {"status": "ACTIVE"}).changes == []


def test_default_tags_are_put_on_and_a_change_of_them_shows():
    vpc = type(TYPES["aws:ec2/vpc:Vpc"])(Aws("ap-northeast-2", {"team": "a", "owner": "lab"}))
    inputs = {"cidrBlock": "10.0.0.0/16", "tags": {"owner": "me"}}
    checked = check(vpc, inputs)
    assert checked["tags"] == {"owner": "me"}
    assert vpc.preview(CTX, None, checked)["tagsAll"] == {"team": "a", "owner": "me"}
    old = State("id", checked, {"tagsAll": {"team": "b", "owner": "me"}, "tags": {"owner": "me"}})
    assert [c.name for c in vpc.diff(CTX, old, checked).changes] == ["tagsAll.team"]


# -- inputs


@pytest.mark.parametrize("token", sorted(CASES))
def test_an_unknown_input_is_named_and_so_is_one_that_is_not_played(token: str):
    resource, case = TYPES[token], CASES[token]
    assert wrong(resource, {**case.base, "noSuch": 1}) == {"noSuch": f"{token} has no such property"}
    for name in schemas()[token].inputs.keys() - resource.specs.keys():
        assert name in wrong(resource, {**case.base, name: "x"})


@pytest.mark.parametrize("token", [token for token in sorted(CASES) if schemas()[token].required])
def test_required_inputs_are_named(token: str):
    assert {name for name in wrong(TYPES[token], {})} >= set(schemas()[token].required)


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


# -- names


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


# -- outputs


@pytest.mark.parametrize("token", sorted(CASES))
def test_a_preview_has_every_output_of_the_sdk(token: str):
    resource = TYPES[token]
    inputs = check(resource, CASES[token].base)
    outputs = resource.preview(CTX, None, inputs)
    assert outputs.keys() == schemas()[token].outputs.keys()
    for name, value in inputs.items():
        if name not in (DEFAULTS, "region") and not resource.specs[name].partial:
            assert outputs[name] == value


def test_before_it_exists_only_what_aws_chooses_is_unknown():
    role = TYPES["aws:iam/role:Role"]
    outputs = role.preview(CTX, None, check(role, {"assumeRolePolicy": TRUST, "tags": {"a": "b"}}))
    unknown = {name for name, value in outputs.items() if value is UNKNOWN}
    assert unknown == {"arn", "createDate", "inlinePolicies", "managedPolicyArns", "namePrefix", "uniqueId"}
    assert outputs["description"] == ""
    assert outputs["tagsAll"] == {"a": "b"}


def test_an_update_keeps_what_it_does_not_touch():
    template = TYPES["aws:ec2/launchTemplate:LaunchTemplate"]
    old_inputs = check(template, {"userData": "YQ==", "updateDefaultVersion": True})
    outputs = {"arn": "arn:x", "latestVersion": 3, "defaultVersion": 3, "metadataOptions": {"httpTokens": "optional"}}
    new = check(template, {"userData": "Yg==", "updateDefaultVersion": True}, old_inputs)
    seen = template.preview(CTX, State("lt-1", old_inputs, outputs), new)
    assert (seen["arn"], seen["userData"]) == ("arn:x", "Yg==")
    assert seen["latestVersion"] is UNKNOWN
    assert seen["defaultVersion"] is UNKNOWN
    assert seen["metadataOptions"] == {"httpTokens": "optional"}
    kept = check(template, {"userData": "Yg=="}, old_inputs)
    assert template.preview(CTX, State("lt-1", old_inputs, outputs), kept)["defaultVersion"] == 3
    tags = check(template, {"userData": "YQ==", "updateDefaultVersion": True, "tags": {"a": "b"}}, old_inputs)
    assert template.preview(CTX, State("lt-1", old_inputs, outputs), tags)["latestVersion"] == 3


def test_a_partly_given_object_keeps_aws_choices_in_an_update():
    cluster = TYPES["aws:eks/cluster:Cluster"]
    base = CASES[cluster.pulumi_type].base
    old = State("c", check(cluster, base), {"vpcConfig": {**base["vpcConfig"], "clusterSecurityGroupId": "sg-1"}})
    changed = {**base, "vpcConfig": {**base["vpcConfig"], "publicAccessCidrs": ["192.168.0.0/16"]}}
    seen = cluster.preview(CTX, old, check(cluster, changed, old.inputs))
    assert seen["vpcConfig"]["clusterSecurityGroupId"] == "sg-1"
    assert seen["vpcConfig"]["publicAccessCidrs"] == ["192.168.0.0/16"]
    assert cluster.preview(CTX, None, check(cluster, base))["vpcConfig"] is UNKNOWN


# -- reading


def described(monkeypatch: pytest.MonkeyPatch, token: str, answer: Properties | None) -> AwsResource:
    resource = TYPES[token]

    def describe(_self: AwsResource, _call: Call) -> Properties | None:
        return answer

    monkeypatch.setattr(type(resource), "describe", describe)
    return resource


ROLE = {
    "name": "thing-0123456",
    "assumeRolePolicy": TRUST_AGAIN,
    "path": "/",
    "description": "",
    "maxSessionDuration": 3600,
    "permissionsBoundary": "",
    "arn": "arn:aws:iam::111122223333:role/thing-0123456",
    "tags": {"a": "b", "aws:made": "by AWS"},
}


def read(resource: AwsResource, inputs: Properties, outputs: Properties) -> State:
    state = resource.read(CTX, "id", State("id", inputs, outputs) if inputs else None)
    assert state is not None
    return state


def test_a_refresh_of_what_is_unchanged_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    role = described(monkeypatch, "aws:iam/role:Role", ROLE)
    inputs = {**check(role, {"assumeRolePolicy": TRUST, "tags": {"a": "b"}}), "name": "thing-0123456"}
    state = read(role, inputs, {"arn": "old"})
    assert state.inputs == inputs
    assert state.outputs.keys() == schemas()["aws:iam/role:Role"].outputs.keys()
    assert state.outputs["assumeRolePolicy"] == TRUST
    assert state.outputs["tagsAll"] == state.outputs["tags"] == {"a": "b"}
    assert role.diff(CTX, state, inputs).changes == []


def test_a_refresh_finds_what_somebody_changed_and_the_next_update_puts_it_right(monkeypatch: pytest.MonkeyPatch):
    role = described(monkeypatch, "aws:iam/role:Role", {**ROLE, "maxSessionDuration": 7200, "description": "theirs"})
    inputs = {**check(role, {"assumeRolePolicy": TRUST, "tags": {"a": "b"}}), "name": "thing-0123456"}
    state = read(role, inputs, {})
    assert (state.inputs["maxSessionDuration"], state.inputs["description"]) == (7200, "theirs")
    found = role.diff(CTX, state, inputs)
    assert {(c.name, c.kind) for c in found.changes} == {("maxSessionDuration", "update"), ("description", "delete")}


def test_an_import_has_complete_inputs_and_a_made_name_stays_made(monkeypatch: pytest.MonkeyPatch):
    role = described(monkeypatch, "aws:iam/role:Role", ROLE)
    state = read(role, {}, {})
    assert state.inputs == {
        "name": "thing-0123456",
        "assumeRolePolicy": TRUST_AGAIN,
        "path": "/",
        "maxSessionDuration": 3600,
        "tags": {"a": "b"},
        DEFAULTS: ["name"],
    }
    new = role.check(
        Context(name="thing", random_seed=b"x"), state.inputs, {"assumeRolePolicy": TRUST, "tags": {"a": "b"}}
    )
    assert role.diff(CTX, state, new).changes == []


def test_an_import_does_not_know_the_providers_own_switches(monkeypatch: pytest.MonkeyPatch):
    template = described(
        monkeypatch, "aws:ec2/launchTemplate:LaunchTemplate", {"name": "thing-0123456", "latestVersion": 1}
    )
    state = read(template, {}, {})
    new = check(template, {"namePrefix": "thing-", "updateDefaultVersion": True}, state.inputs)
    found = template.diff(CTX, state, new)
    assert {(c.name, c.replace) for c in found.changes} == {("updateDefaultVersion", False), ("namePrefix", False)}


def test_what_is_gone_reads_as_nothing(monkeypatch: pytest.MonkeyPatch):
    role = described(monkeypatch, "aws:iam/role:Role", None)
    assert role.read(CTX, "id", None) is None


def test_a_case_names_only_inputs_of_its_type():
    for token, case in CASES.items():
        assert isinstance(case, Case)
        assert case.same.keys() <= TYPES[token].specs.keys()
