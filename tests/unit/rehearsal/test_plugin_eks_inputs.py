"""Which inputs the eks stand-in takes, and what it says about the others."""

import pytest
from pulumi import _types  # pyright: ignore[reportPrivateUsage]  # knows the names on the wire
from pulumi_eks import (
    AccessEntryArgs,
    AddonArgs,
    ClusterArgs,
    CoreDnsAddonOptionsArgs,
    KubeconfigOptionsArgs,
    KubeProxyAddonOptionsArgs,
    ManagedNodeGroupArgs,
    RoleMappingArgs,
    StorageClassArgs,
    UserMappingArgs,
    VpcCniAddonArgs,
    VpcCniOptionsArgs,
)

from rehearsal.providers.eks import shapes
from rehearsal.providers.eks.shapes import Fields, ListOf, MapOf, Shape
from rehearsal.providers.properties import UNKNOWN, ResourceReference, Secret


def sdk_names(args: type) -> set[str]:
    return set(_types.input_type_py_to_pulumi_names(args).values())


@pytest.mark.parametrize(
    ("shape", "args"),
    [
        (shapes.CLUSTER, ClusterArgs),
        (shapes.MANAGED_NODE_GROUP, ManagedNodeGroupArgs),
        (shapes.ADDON, AddonArgs),
        (shapes.VPC_CNI_ADDON, VpcCniAddonArgs),
    ],
)
def test_every_input_of_the_sdk_is_either_played_or_refused(shape: Fields, args: type) -> None:
    assert set(shape.known) | shape.unplayed == sdk_names(args)
    assert not set(shape.known) & shape.unplayed


def inner(shape: Shape) -> Fields:
    while isinstance(shape, (ListOf, MapOf)):
        shape = shape.item if isinstance(shape, ListOf) else shape.value
    assert isinstance(shape, Fields)
    return shape


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("accessEntries", AccessEntryArgs),
        ("corednsAddonOptions", CoreDnsAddonOptionsArgs),
        ("kubeProxyAddonOptions", KubeProxyAddonOptionsArgs),
        ("providerCredentialOpts", KubeconfigOptionsArgs),
        ("roleMappings", RoleMappingArgs),
        ("storageClasses", StorageClassArgs),
        ("userMappings", UserMappingArgs),
        ("vpcCniOptions", VpcCniOptionsArgs),
    ],
)
def test_nested_inputs_are_those_of_the_sdk(name: str, args: type) -> None:
    shape = inner(shapes.CLUSTER.known[name])
    assert set(shape.known) | shape.unplayed == sdk_names(args)


def test_an_unknown_input_is_named_wherever_it_is() -> None:
    inputs = {
        "vpcIdd": "vpc-1",
        "accessEntries": {"ops": {"principalArn": "arn", "accessPolicies": {"all": {"policy": "x"}}}},
        "userMappings": [{"userArn": "arn"}, {"username": "u", "group": ["g"]}],
        "vpcCniOptions": Secret({"warmEniTargets": 1}),
    }
    found = {problem.path for problem in shapes.problems(inputs, shapes.CLUSTER)}
    assert found == {
        "vpcIdd",
        "accessEntries.ops.accessPolicies.all.policy",
        "userMappings[1].group",
        "vpcCniOptions.warmEniTargets",
    }


def test_an_input_that_is_not_played_says_so() -> None:
    (problem,) = shapes.problems({"fargate": True}, shapes.CLUSTER)
    assert problem.path == "fargate"
    assert "does not play 'fargate'" in problem.reason


def test_unknown_values_references_and_free_maps_are_no_problem() -> None:
    inputs = {
        "accessEntries": UNKNOWN,
        "serviceRole": ResourceReference("urn"),
        "tags": {"any": "thing"},
        "storageClasses": "gp2",
        "vpcId": None,
    }
    assert shapes.problems(inputs, shapes.CLUSTER) == []
