"""What changes each AWS type in place, and what replaces it."""

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.providers.aws.boto_calls import Aws
from rehearsal.providers.properties import UNKNOWN, Properties
from rehearsal.providers.protocol import Diff, State
from tests.unit.rehearsal.plugin_aws_cases import CASES, TRUST
from tests.unit.rehearsal.plugin_aws_types import CTX, TYPES, check, diff


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
