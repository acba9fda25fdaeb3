"""The list of rights: complete for what the program registers, and of actions that exist."""

import pytest
from parliament import iam_definition
from sights import lab

from operations.doctor.permissions import OPTIONAL, RIGHTS, by_right
from operations.doctor.rights import IN_VIEW
from tests.unit.conftest import stack
from tests.unit.mocks import Graph

PLATFORM = ("kubernetes:", "pulumi:")


def registered(graph: Graph) -> set[str]:
    return {node.type for node in graph.nodes if (node.custom or node.remote) and not node.type.startswith(PLATFORM)}


def test_every_type_that_the_program_registers_is_in_the_list(full: Graph, nat: Graph, default: Graph):
    found = registered(full) | registered(nat) | registered(stack({"expires": "2999-01-31T09:05Z"}))
    assert found == set(RIGHTS)
    assert registered(default) <= set(RIGHTS)


@pytest.mark.parametrize(
    ("values", "present"),
    [
        ({}, {"opsServers"}),
        ({"opsServers": {"enabled": False}}, set[str]()),
        ({"natGateway": True}, {"opsServers", "natGateway"}),
        ({"exercises": {"identityMapping": "entry"}}, {"opsServers", "identityMapping"}),
        ({"exercises": {"k08": "open"}}, {"opsServers", "k08"}),
    ],
)
def test_what_a_setting_leaves_out_needs_no_rights(values: dict[str, object], present: set[str]):
    """Asked of the program itself: what it registers with these settings is what rights are asked for."""
    needed = {kind for kinds in by_right(lab(**values)).values() for kind in kinds}
    assert registered(stack(values)) <= needed
    assert {OPTIONAL[kind] for kind in needed if kind in OPTIONAL} == present


ACTIONS = {
    f"{service['prefix']}:{privilege['privilege']}" for service in iam_definition for privilege in service["privileges"]
}
"""Every action that AWS has."""


@pytest.mark.parametrize("kind", RIGHTS)
def test_every_action_exists(kind: str):
    assert {right.partition(" ")[0] for right in RIGHTS[kind]} <= ACTIONS


@pytest.mark.parametrize("kind", RIGHTS)
def test_a_right_that_services_divide_names_its_service(kind: str):
    for right in RIGHTS[kind]:
        action, _, service = right.partition(" ")
        assert (action in IN_VIEW) == service.endswith(".amazonaws.com")


def test_what_is_tagged_may_be_tagged(full: Graph, nat: Graph):
    """Also when the tags are given with the thing itself: IAM asks for both rights."""
    tagged = {node.type for node in (*full.nodes, *nat.nodes) if node.inputs.get("tags") and node.type in RIGHTS}
    assert {"aws:ec2/vpc:Vpc", "aws:eks/addon:Addon", "eks:index:ManagedNodeGroup", "aws:iam/user:User"} <= tagged
    for kind in tagged:
        names = {right.partition(":")[2] for right in RIGHTS[kind]}
        assert any(name == "CreateTags" or name.startswith("Tag") for name in names), kind
        assert any(name == "DeleteTags" or name.startswith("Untag") for name in names), kind


@pytest.mark.parametrize(
    ("kind", "rights"),
    [
        # The provider reads a t3's credits, and the root device's name from the image.
        (
            "aws:ec2/instance:Instance",
            {"ec2:DescribeInstanceCreditSpecifications", "ec2:DescribeImages", "ec2:ModifyInstanceAttribute"},
        ),
        # A node group whose launch template is ours is made with the caller's own rights to run it.
        (
            "eks:index:ManagedNodeGroup",
            {"ec2:RunInstances", "ec2:CreateTags", "iam:CreateServiceLinkedRole eks-nodegroup.amazonaws.com"},
        ),
        # Its deletion is forced: everything that hangs on the user is looked for first.
        (
            "aws:iam/user:User",
            {
                "iam:DeleteAccessKey",
                "iam:DeleteLoginProfile",
                "iam:ListMFADevices",
                "iam:ListSSHPublicKeys",
                "iam:ListServiceSpecificCredentials",
                "iam:ListSigningCertificates",
                "iam:ListVirtualMFADevices",
                "iam:DeleteUserPermissionsBoundary",
                "iam:PutUserPermissionsBoundary",
            },
        ),
        # What a later `up` changes in place.
        ("aws:iam/role:Role", {"iam:UpdateAssumeRolePolicy", "iam:UpdateRoleDescription"}),
        ("aws:iam/policy:Policy", {"iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:ListPolicyVersions"}),
        ("aws:scheduler/schedule:Schedule", {"scheduler:UpdateSchedule", "iam:PassRole scheduler.amazonaws.com"}),
        ("eks:index:Cluster", {"eks:UpdateClusterVersion", "iam:PassRole eks.amazonaws.com"}),
        (
            "aws:eks/podIdentityAssociation:PodIdentityAssociation",
            {"eks:UpdatePodIdentityAssociation", "iam:PassRole pods.eks.amazonaws.com"},
        ),
    ],
)
def test_rights_that_only_the_providers_source_tells(kind: str, rights: set[str]):
    assert rights <= set(RIGHTS[kind])
