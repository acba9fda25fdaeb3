"""Everything that the stack makes on AWS tells which lab it is of: by its tag or, where AWS takes none, by its name."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.config.loading import ConfigError, parse
from infra.lab_tag import LAB_TAG
from operations.cleanup import KINDS, LabIdentity, Resource
from operations.cleanup.model import OwnershipContext
from operations.cleanup.ownership import classify
from tests.unit.conftest import stack
from tests.unit.mocks import Graph

UNTAGGED = {
    "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions": "VPC peering connection",
    "aws:ec2/route:Route": "route table",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "route table",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": "cluster",
    "aws:iam/rolePolicy:RolePolicy": "role",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "role",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "user",
    "aws:kms/alias:Alias": "KMS alias",
    "aws:scheduler/schedule:Schedule": "schedule",
    "aws:secretsmanager/secretVersion:SecretVersion": "secret",
}
"""Type that takes no tags → the kind that is known by its name, or with which it goes."""

UNMADE = {
    "aws:ebs/volume:Volume",
    "aws:ebs/snapshot:Snapshot",
    "aws:ec2/networkInterface:NetworkInterface",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
}
"""Types of kinds that the stack does not make: should it begin to, the state will tell them."""

MADE_BY_EKS_COMPONENT = {"aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"}
"""Children of pulumi-eks's components, which are no part of the program's own graph."""


@pytest.fixture(scope="module")
def expiring() -> Graph:
    ends = datetime.now(UTC) + timedelta(hours=4)
    return stack({"expires": ends.strftime("%Y-%m-%dT%H:%MZ"), "natGateway": True})


def test_every_aws_resource_bears_the_labs_tag(full: Graph, nat: Graph, expiring: Graph) -> None:
    for graph in (full, nat, expiring):
        for node in graph.nodes:
            if node.type.startswith("aws:") and node.custom and node.type not in UNTAGGED:
                assert node.inputs["tags"][LAB_TAG] == "ap-northeast-2/myeks", node.urn


def test_what_is_made_outside_the_program_is_given_the_tag(full: Graph) -> None:
    groups, templates = full.of("eks:index:ManagedNodeGroup"), full.of(":LaunchTemplate")
    assert len(groups) == len(templates) == 2, "the lab's and an exercise's own"
    for node in (full.one("eks:index:Cluster"), *groups):
        assert node.inputs["tags"][LAB_TAG] == "ap-northeast-2/myeks"
    for template in templates:
        specified = template.inputs["tagSpecifications"]
        assert {each["resourceType"] for each in specified if each["tags"][LAB_TAG]} == {
            "instance",
            "volume",
            "network-interface",
        }
    for server in full.of("ec2/instance:Instance"):
        assert server.inputs["rootBlockDevice"]["tags"][LAB_TAG]


def test_the_tag_tells_labs_apart(bare: Graph) -> None:
    assert bare.one("ec2/vpc:Vpc").inputs["tags"][LAB_TAG] == "eu-west-1/other"


def test_what_takes_no_tags_is_known_by_its_name(expiring: Graph) -> None:
    lab = LabIdentity("myeks", "ap-northeast-2")
    names = [("KMS alias", node.inputs["name"]) for node in expiring.of(":Alias")]
    names += [("schedule", node.inputs["name"]) for node in expiring.of(":Schedule")]
    assert len(names) > 5
    for kind_name, name in names:
        kind = next(kind for kind in KINDS if kind.name == kind_name)
        assert classify(Resource(name, name), kind, lab, OwnershipContext()), name


def test_the_kinds_name_types_of_the_engine(full: Graph, expiring: Graph) -> None:
    made = {node.type for graph in (full, expiring) for node in graph.nodes}
    named = {kind.engine_type for kind in KINDS if kind.engine_type}
    assert named - made == UNMADE | MADE_BY_EKS_COMPONENT


def test_every_type_that_is_made_is_a_kind_or_goes_with_one(full: Graph, expiring: Graph) -> None:
    """Whoever adds a resource to the stack adds its kind to the search."""
    goes_with = {
        "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/addon:Addon",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    }
    made = {
        node.type for graph in (full, expiring) for node in graph.nodes if node.type.startswith("aws:") and node.custom
    }
    assert made - {kind.engine_type for kind in KINDS} - UNTAGGED.keys() <= goes_with


@pytest.mark.parametrize("key", ["myeks:lab", "MyEKS:owner"])
def test_a_user_cannot_give_the_labs_own_tags(key: str) -> None:
    with pytest.raises(ConfigError, match="The lab itself gives this tag"):
        parse({"tags": {key: "x"}}, "ap-northeast-2")
