"""What was begun, whether AWS has it, and what the engine's state says of it then."""

from typing import Any

import pytest

from operations.cleanup import KINDS, Kind, Leftover, Report, Resource
from operations.cleanup.model import Claim, Ownership
from stacks import pending_operations
from stacks.pending_operations import Operation

URN = "urn:pulumi:mine::myeks::myeks:components:Network$"


def resource(kind: str, inputs: dict[str, Any] | None = None, name: str = "it") -> dict[str, Any]:
    return {"urn": f"{URN}{kind}::{name}", "type": kind, "custom": True, "inputs": inputs or {}, "parent": "urn:p"}


def operation(kind: str, inputs: dict[str, Any] | None = None, name: str = "it", what: str = "creating") -> Operation:
    return Operation(what, resource(kind, inputs, name))


def deployment(*operations: Operation, resources: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "manifest": {"time": "now"},
        "resources": list(resources),
        "pending_operations": [{"type": each.kind, "resource": dict(each.resource)} for each in operations],
    }


def kind(engine_type: str) -> Kind:
    return next(each for each in KINDS if each.engine_type == engine_type)


def left(engine_type: str, resource: Resource, claim: Claim = Claim.TAG, *, recorded: bool = False) -> Leftover:
    return Leftover(kind(engine_type), resource, Ownership(claim, "tag myeks:lab"), recorded)


VPC = "aws:ec2/vpc:Vpc"
ROLE = "aws:iam/role:Role"


def test_components_and_providers_are_nothing_outside_the_state():
    component = Operation("creating", {"urn": "urn:c", "type": "myeks:components:Network", "custom": False})
    provider = operation("pulumi:providers:kubernetes")
    vpc = operation(VPC)
    assert pending_operations.operations(deployment(component, provider, vpc)) == [vpc]
    assert pending_operations.operations({}) == []
    assert vpc.about == "Vpc it"


@pytest.mark.parametrize(
    ("kind", "inputs", "identity"),
    [
        (pending_operations.ADDON, {"clusterName": "myeks", "addonName": "coredns"}, "myeks:coredns"),
        (
            "aws:eks/accessEntry:AccessEntry",
            {"clusterName": "myeks", "principalArn": "arn:aws:iam::1:role/r"},
            "myeks:arn:aws:iam::1:role/r",
        ),
        ("aws:iam/rolePolicy:RolePolicy", {"role": "ops", "name": "describe"}, "ops:describe"),
        # As the provider made it for the way to the internet.
        ("aws:ec2/route:Route", {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}, "r-rtb-11080289494"),
        ("kubernetes:core/v1:Namespace", {"metadata": {"name": "monitoring"}}, "monitoring"),
        ("kubernetes:core/v1:Pod", {"metadata": {"name": "p", "namespace": "default"}}, "default/p"),
        (
            pending_operations.RELEASE,
            {"name": "grafana", "namespace": "monitoring", "chart": "c"},
            "monitoring/grafana",
        ),
        ("kubernetes:core/v1:Pod", {}, ""),
        (pending_operations.ADDON, {"clusterName": "myeks"}, ""),
        (VPC, {"cidrBlock": "192.168.0.0/16"}, ""),
    ],
)
def test_some_ids_follow_from_the_inputs(kind: str, inputs: dict[str, Any], identity: str):
    assert pending_operations.known_id(operation(kind, inputs)) == identity


@pytest.mark.parametrize(
    ("kind", "inputs", "resource", "identity"),
    [
        (VPC, {"tags": {"Name": "myeks-VPC"}}, Resource("vpc-1", "myeks-VPC"), "vpc-1"),
        # A role's description says nothing of which it is.
        (ROLE, {"name": "ops-1", "description": "same"}, Resource("ops-1", "same"), "ops-1"),
        (
            pending_operations.NODE_GROUP,
            {"nodeGroupName": "ng1", "clusterName": "myeks"},
            Resource("ng1", "ng1", recorded_id="myeks:ng1"),
            "myeks:ng1",
        ),
        (
            pending_operations.CLUSTER,
            {"name": "myeks", "tags": {"Name": "cluster-eksCluster"}},
            Resource("myeks", "myeks"),
            "myeks",
        ),
        (
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
            {"url": "https://oidc.example/id/A"},
            Resource("arn:aws:iam::1:oidc-provider/oidc.example/id/A", "oidc.example/id/A"),
            "arn:aws:iam::1:oidc-provider/oidc.example/id/A",
        ),
        ("aws:kms/key:Key", {"description": "secrets of myeks"}, Resource("0a1b", "secrets of myeks"), "0a1b"),
    ],
)
def test_what_aws_has_is_known_by_its_name(kind: str, inputs: dict[str, Any], resource: Resource, identity: str):
    report = Report(left=(left(kind, resource), left(kind, Resource("other", "other"))))
    assert pending_operations.matching(operation(kind, inputs), report) == [identity]


def test_what_is_not_clearly_the_labs_and_new_is_not_taken():
    wanted = operation(ROLE, {"description": "same"})
    named = operation(ROLE, {"name": "ops-1"})
    resource = Resource("ops-1", "same")
    for each in (
        left(ROLE, resource, recorded=True),
        left(ROLE, resource, Claim.PLACE),
        left(ROLE, resource, Claim.CLUSTER),
        left(ROLE, Resource("ops-1", "same", going=True)),
        left("aws:iam/policy:Policy", resource),
        left(ROLE, Resource("ops-2", "same")),
    ):
        assert pending_operations.matching(named, Report(left=(each,))) == []
    both = Report(left=(left(ROLE, resource), left(ROLE, Resource("ops-2", "same"))))
    assert pending_operations.matching(wanted, both) == ["ops-1", "ops-2"]


def test_what_was_being_created_becomes_a_resource():
    inputs = {
        "__defaults": ["x"],
        "name": "myeks",
        "bootstrapSelfManagedAddons": True,
        "vpcConfig": {"__defaults": [], "subnetIds": [{"__defaults": [], "id": "s"}]},
        "password": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"},
    }
    before = resource(VPC, name="vpc")
    made = operation(pending_operations.CLUSTER, inputs)
    now = pending_operations.put_right(deployment(made, resources=(before,)), {made.urn: {"id": "myeks"}})
    assert now["pending_operations"] == []
    assert now["manifest"] == {"time": "now"}
    kept, added = now["resources"]
    assert kept == before
    assert added == {
        **made.resource,
        "id": "myeks",
        "refreshBeforeUpdate": True,
        "outputs": {
            "name": "myeks",
            "bootstrapSelfManagedAddons": True,
            "vpcConfig": {"subnetIds": [{"id": "s"}]},
            "password": inputs["password"],
        },
    }
    assert pending_operations.unread(now, {pending_operations.CLUSTER}) == [added]
    assert pending_operations.unread(now, {VPC}) == []


def test_what_has_no_id_is_forgotten():
    assert pending_operations.put_right(deployment(operation(VPC)), {})["resources"] == []


def test_what_reading_needs_is_there_and_what_it_cannot_tell_is_not():
    peering = operation(pending_operations.PEERING, {"autoAccept": True, "vpcId": "vpc-1"})
    association = operation(pending_operations.POD_IDENTITY, {"clusterName": "myeks"})
    now = pending_operations.put_right(
        deployment(peering, association), {peering.urn: {"id": "pcx-1"}, association.urn: {"id": "a-1"}}
    )
    one, other = now["resources"]
    # The next update accepts a peering that was never accepted.
    assert (one["inputs"], one["outputs"]) == ({"autoAccept": True, "vpcId": "vpc-1"}, {"vpcId": "vpc-1"})
    assert other["outputs"] == {"clusterName": "myeks", "associationId": "a-1"}


def test_what_was_being_changed_is_read_anew_and_what_was_being_read_is_not():
    old = {name: {**resource(VPC, name=name), "id": name} for name in ("updating", "deleting", "reading", "other")}
    begun = [operation(VPC, name=name, what=name) for name in ("updating", "deleting", "reading")]
    now = pending_operations.put_right(deployment(*begun, resources=tuple(old.values())), {})
    assert {each["id"]: each.get("refreshBeforeUpdate", False) for each in now["resources"]} == {
        "updating": True,
        "deleting": True,
        "reading": False,
        "other": False,
    }


def test_a_successor_takes_the_place_of_what_was_deleted_for_it():
    made = operation(VPC)
    before = {**resource(VPC), "id": "old", "pendingReplacement": True}
    now = pending_operations.put_right(deployment(made, resources=(before,)), {made.urn: {"id": "new"}})
    assert [each["id"] for each in now["resources"]] == ["new"]
    # Without a successor the engine goes on with what it knows.
    assert pending_operations.put_right(deployment(made, resources=(before,)), {})["resources"] == [before]


def test_what_stands_is_never_given_up_for_what_was_begun():
    made = operation(VPC)
    before = {**resource(VPC), "id": "old"}
    now = pending_operations.put_right(deployment(made, resources=(before,)), {made.urn: {"id": "new"}})
    assert now["resources"] == [before]
    assert pending_operations.standing(deployment(made, resources=(before,))) == {made.urn}


def test_what_goes_stands_in_nobodys_way():
    made = operation(VPC)
    going = {**resource(VPC, {"cidrBlock": "10.0.0.0/16"}), "id": "old", "delete": True}
    deleting = Operation("deleting", going)
    now = pending_operations.put_right(deployment(made, deleting, resources=(going,)), {made.urn: {"id": "new"}})
    assert [(each["id"], each["refreshBeforeUpdate"]) for each in now["resources"]] == [("old", True), ("new", True)]
    assert now["resources"][1]["inputs"] == {}


def test_a_release_that_was_never_installed_whole_has_no_status():
    whole = {**resource(pending_operations.RELEASE), "outputs": {"status": {"status": "deployed"}}}
    assert pending_operations.is_cut_off_release({**resource(pending_operations.RELEASE), "outputs": {"name": "r"}})
    assert not pending_operations.is_cut_off_release(whole)
    assert not pending_operations.is_cut_off_release({**resource(VPC), "outputs": {}})


def test_what_harms_nobody_when_it_is_done_twice():
    assert pending_operations.is_idempotent(operation("aws:iam/rolePolicyAttachment:RolePolicyAttachment"))
    assert not pending_operations.is_idempotent(operation(VPC))


def test_a_subnets_link_to_its_route_table():
    links = [
        {"RouteTableAssociationId": "rtbassoc-1", "SubnetId": "subnet-1", "RouteTableId": "rtb-1"},
        {"RouteTableAssociationId": "rtbassoc-2", "SubnetId": "subnet-2", "RouteTableId": "rtb-1"},
        {"RouteTableAssociationId": "rtbassoc-3", "SubnetId": "subnet-1", "RouteTableId": "rtb-2"},
        {"RouteTableAssociationId": "rtbassoc-4", "Main": True, "RouteTableId": "rtb-1"},
    ]
    answer = {"RouteTables": [{"Associations": links}, {}]}
    assert list(pending_operations.subnet_links(answer, {"subnetId": "subnet-1", "routeTableId": "rtb-1"})) == [
        "rtbassoc-1"
    ]


SSH = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "203.0.113.10/32"}


def rule(**changes: Any) -> dict[str, Any]:
    return {
        "SecurityGroupRuleId": "sgr-1",
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "CidrIpv4": "203.0.113.10/32",
        **changes,
    }


def test_a_rule_of_a_security_group():
    others = [
        rule(IsEgress=True),
        rule(IpProtocol="udp"),
        rule(FromPort=21),
        rule(ToPort=23),
        rule(CidrIpv4="203.0.113.11/32"),
        rule(ReferencedGroupInfo={"GroupId": "sg-2"}),
    ]
    assert list(pending_operations.group_rules({"SecurityGroupRules": [*others, rule()]}, SSH, egress=False)) == [
        "sgr-1"
    ]
    assert list(pending_operations.group_rules({"SecurityGroupRules": others[1:]}, SSH, egress=False)) == []
    everything = rule(IsEgress=True, IpProtocol="-1", FromPort=-1, ToPort=-1, CidrIpv4="0.0.0.0/0")
    wanted = {"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}
    assert list(pending_operations.group_rules({"SecurityGroupRules": [everything]}, wanted, egress=True)) == ["sgr-1"]
