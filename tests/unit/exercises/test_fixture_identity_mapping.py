"""Exercise identity mapping at each stage: the user, and the one way in that the stage gives."""

import json

import pytest

from tests.unit.conftest import LAB, stack
from tests.unit.mocks import ACCOUNT, REGION, Graph

STAGES = ("off", "masters", "authenticated", "unmapped", "entry")
ARN = f"arn:aws:iam::{ACCOUNT}:user/testuser"
"""The lab's own tag."""


@pytest.fixture(scope="module")
def graphs() -> dict[str, Graph]:
    """Stage → the stack at it."""
    return {stage: stack({"exercises": {"identityMapping": stage}}) for stage in STAGES}


def _ours(graph: Graph) -> set[str]:
    return {node.name for node in graph.nodes if node.name.startswith("testuser") and node.custom}


USER = {"testuser-user", "testuser-administrator", "testuser-boundary"}


def test_each_stage_makes_the_user_and_entry_alone_an_entry(graphs: dict[str, Graph]) -> None:
    assert {stage: _ours(graph) for stage, graph in graphs.items()} == {
        "off": set(),
        "masters": USER,
        "authenticated": USER,
        "unmapped": USER,
        "entry": USER | {"testuser-view-entry", "testuser-view-view"},
    }


def test_aws_auth_maps_the_user_at_two_stages(graphs: dict[str, Graph]) -> None:
    mapped = {stage: graph.one("eks:index:Cluster").inputs.get("userMappings") for stage, graph in graphs.items()}
    assert mapped == {
        "off": [],
        "masters": [{"userArn": ARN, "username": "testuser", "groups": ["system:masters"]}],
        "authenticated": [{"userArn": ARN, "username": "testuser", "groups": ["system:authenticated"]}],
        "unmapped": [],
        "entry": [],
    }


def test_at_every_stage_aws_auth_maps_the_nodes_role_as_eks_does(graphs: dict[str, Graph]) -> None:
    """Otherwise the first change of the users takes EKS's own entry away."""
    for graph in graphs.values():
        cluster, nodes = graph.one("eks:index:Cluster"), graph.one("eks:index:ManagedNodeGroup")
        assert cluster.inputs["roleMappings"] == [
            {
                "roleArn": nodes.inputs["nodeRoleArn"],
                "username": "system:node:{{EC2PrivateDNSName}}",
                "groups": ["system:bootstrappers", "system:nodes"],
            }
        ]
        assert graph.named("nodes-role").urn in cluster.inputs_from


def test_nothing_else_writes_aws_auth(graphs: dict[str, Graph]) -> None:
    for graph in graphs.values():
        assert not graph.of(":ConfigMap")
        assert not graph.of(":ConfigMapPatch")
        assert "accessEntries" not in graph.one("eks:index:Cluster").inputs


@pytest.mark.parametrize("stage", ["masters", "authenticated"])
def test_a_mapping_goes_before_the_user(graphs: dict[str, Graph], stage: str) -> None:
    """Somebody who makes another user of that name must not get in by it."""
    graph = graphs[stage]
    assert graph.named("testuser-user").urn in graph.one("eks:index:Cluster").inputs_from


@pytest.mark.parametrize("stage", ["off", "unmapped", "entry"])
def test_the_cluster_does_not_wait_for_a_user_whom_it_does_not_map(graphs: dict[str, Graph], stage: str) -> None:
    graph = graphs[stage]
    assert not [urn for urn in graph.closure(graph.one("eks:index:Cluster")) if "testuser" in urn]


def test_the_entry_reads_one_namespace_and_names_no_group(graphs: dict[str, Graph]) -> None:
    entry = graphs["entry"].named("testuser-view-entry")
    assert entry.inputs == {
        "clusterName": "myeks",
        "principalArn": ARN,
        "type": "STANDARD",
        "tags": LAB,
    }
    assert graphs["entry"].named("testuser-view-view").inputs == {
        "clusterName": "myeks",
        "principalArn": ARN,
        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
        "accessScope": {"type": "namespace", "namespaces": ["default"]},
    }


def test_a_user_made_anew_gets_another_entry(graphs: dict[str, Graph]) -> None:
    """EKS ties an entry to the principal's own id, which a new user of the same name does not have."""
    for name in ("testuser-view-entry", "testuser-view-view"):
        options = graphs["entry"].named(name).options
        assert options["replacementTrigger"] == "testuser-user-unique"
        assert options["deleteBeforeReplace"] is True


def test_the_user_has_all_rights_within_the_boundary(graphs: dict[str, Graph]) -> None:
    graph = graphs["unmapped"]
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/testuser-boundary"
    assert graph.named("testuser-user").inputs == {
        "name": "testuser",
        "forceDestroy": True,
        "permissionsBoundary": boundary,
        "tags": LAB,
    }
    assert graph.named("testuser-user").options["deleteBeforeReplace"] is True
    assert graph.named("testuser-administrator").inputs == {
        "user": "testuser",
        "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
    }
    document = json.loads(graph.named("testuser-boundary").inputs["policy"])
    assert [(one["Action"], one["Resource"]) for one in document["Statement"]] == [
        (["eks:DescribeCluster"], [f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/myeks"]),
        (["eks:List*", "sts:GetCallerIdentity", "ec2:DescribeInstances"], ["*"]),
    ]


def test_the_boundary_can_be_left_out() -> None:
    graph = stack({"exercises": {"identityMapping": "unmapped", "testuserBoundary": False}})
    assert _ours(graph) == USER - {"testuser-boundary"}
    assert "permissionsBoundary" not in graph.named("testuser-user").inputs


def test_no_stage_holds_a_key_or_a_password(graphs: dict[str, Graph]) -> None:
    for graph in graphs.values():
        assert not graph.of(":AccessKey")
        assert not graph.of(":UserLoginProfile")
        assert not [name for name, output in graph.outputs.items() if output.secret]
        assert "AKIA" not in str([node.raw for node in graph.nodes])
