"""The eks stand-in under the real engine; AWS and Kubernetes are a provider that takes everything."""

import json
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pytest

from tests.rehearsal.plugin_engine import Engine, Program, failing

RECORDER = [sys.executable, str(Path(__file__).with_name("plugin_recorder.py"))]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record"


@pytest.fixture
def engine(tmp_path: Path, record: Path) -> Engine:
    return Engine(
        tmp_path / "engine",
        {
            "aws": [*RECORDER, "aws", "pulumi-aws", str(record)],
            "kubernetes": [*RECORDER, "kubernetes", "pulumi-kubernetes", str(record)],
            "eks": [sys.executable, "-m", "rehearsal.providers.eks"],
        },
    )


def cluster(**changes: Any) -> eks.Cluster:
    settings: dict[str, Any] = {
        "name": "myeks",
        "vpc_id": "vpc-1",
        "public_subnet_ids": ["subnet-1", "subnet-2"],
        "skip_default_node_group": True,
        "authentication_mode": eks.AuthenticationMode.API_AND_CONFIG_MAP,
        "create_oidc_provider": True,
        "version": "1.36",
        **changes,
    }
    return eks.Cluster("lab", **settings)


def node_group(name: str, of: Any, role: aws.iam.Role) -> eks.ManagedNodeGroup:
    sizes = eks_scaling(3)
    return eks.ManagedNodeGroup(name, cluster=of, node_role=role, scaling_config=sizes)


def eks_scaling(size: int) -> aws.eks.NodeGroupScalingConfigArgs:
    return aws.eks.NodeGroupScalingConfigArgs(min_size=size, desired_size=size, max_size=size)


def lab() -> None:
    role = aws.iam.Role("node", name="node", assume_role_policy="{}")
    made = cluster(
        instance_roles=[role],
        access_entries={
            "ops": eks.AccessEntryArgs(
                principal_arn=role.arn,
                access_policies={
                    "admin": eks.AccessPolicyAssociationArgs(
                        policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                        access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                    )
                },
            )
        },
        user_mappings=[eks.UserMappingArgs(user_arn=role.arn, username="u", groups=["system:masters"])],
    )
    first = node_group("by-cluster", made, role)
    node_group("by-core", made.core, role)
    after_nodes = pulumi.ResourceOptions(depends_on=[first])
    for addon in ("coredns", "metrics-server", "aws-ebs-csi-driver"):
        eks.Addon(addon, cluster=made, addon_name=addon, opts=after_nodes)
    pulumi.export("kubeconfig", made.kubeconfig_json)
    pulumi.export("version", first.node_group.apply(lambda group: group.version))
    pulumi.export("endpoint", made.core.apply(lambda core: core.cluster.endpoint))
    pulumi.export("sg", made.cluster_security_group_id)
    pulumi.export("issuer", made.oidc_issuer)
    pulumi.export("oidc", made.oidc_provider_arn)
    pulumi.export("by-method", made.get_kubeconfig(role_arn="arn:role"))


def entries(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()]


def test_a_lab_from_nothing_to_nothing(engine: Engine, record: Path) -> None:
    previewed = engine.preview(lab)
    assert not record.exists(), "a preview creates nothing"
    done = engine.up(lab)
    assert done.operations == {"create": 37}
    assert previewed.operations == done.operations
    assert previewed.named("create") == done.named("create")

    outputs = done.outputs
    assert outputs["version"] == "1.36"
    assert outputs["endpoint"] == "https://127.0.0.1:6443"
    assert outputs["sg"] == "lab-eksClusterSecurityGroup-id"
    assert outputs["issuer"] == "oidc.eks.ap-northeast-2.amazonaws.com/id/ABC"
    assert outputs["oidc"].endswith("oidc-provider/oidc")
    (user,) = json.loads(outputs["kubeconfig"])["users"]
    assert user["user"]["exec"]["args"][:2] == ["--region", "ap-northeast-2"]
    (other,) = json.loads(outputs["by-method"])["users"]
    assert other["user"]["exec"]["args"][-2:] == ["--role", "arn:role"]

    again = engine.up(lab)
    assert again.steps == []
    assert again.outputs == outputs
    assert engine.preview(lab).steps == []
    assert engine.destroy().operations == {"delete": 37}


def test_children_come_in_order_and_in_the_right_place(engine: Engine, record: Path) -> None:
    engine.up(lab)
    created = entries(record)
    urns = {entry["urn"].split("::", 2)[2]: index for index, entry in enumerate(created) if "urn" in entry}
    place = "eks:index:Cluster$"
    eks_cluster = urns[f"{place}aws:eks/cluster:Cluster::lab-eksCluster"]
    role = f"{place}eks:index:ServiceRole$"
    assert urns[f"{role}aws:iam/rolePolicyAttachment:RolePolicyAttachment::lab-eksRole-4b490823"] < eks_cluster
    aws_auth = urns[f"{place}kubernetes:core/v1:ConfigMap::lab-nodeAccess"]
    cni = urns[f"{place}eks:index:VpcCniAddon$aws:eks/addon:Addon::lab-vpc-cni"]
    assert aws_auth < cni, "who may enter comes before what needs entering"
    nodes = urns["eks:index:ManagedNodeGroup$aws:eks/nodeGroup:NodeGroup::by-cluster"]
    assert aws_auth < nodes, "the nodes' role must be in aws-auth before they come"
    assert nodes < urns[f"{place}eks:index:Addon$aws:eks/addon:Addon::coredns"]
    assert f"{place}aws:eks/accessEntry:AccessEntry::lab-ops" in urns

    state = {resource["urn"].split("::", 2)[2]: resource for resource in engine.export()}
    # The component asks for the versions that it was built with: what it makes has an AWS provider of its own.
    providers = [one["inputs"]["version"] for urn, one in state.items() if urn.startswith("pulumi:providers:aws")]
    assert sorted(providers) == ["7.25.0", metadata.version("pulumi-aws")]
    for child in (
        f"{place}aws:eks/cluster:Cluster::lab-eksCluster",
        "eks:index:ManagedNodeGroup$aws:eks/nodeGroup:NodeGroup::by-cluster",
    ):
        assert "default_7_25_0" in state[child]["provider"]
    assert "default_7_25_0" not in state["aws:iam/role:Role::node"]["provider"]
    (own,) = [urn for urn in state if urn.endswith("pulumi:providers:kubernetes::lab-eks-k8s")]
    assert state[own]["inputs"]["version"] == "4.19.0"
    config_map = state[f"{place}kubernetes:core/v1:ConfigMap::lab-nodeAccess"]
    assert "lab-eks-k8s" in config_map["provider"]
    group = created[nodes]["inputs"]
    assert group["nodeRoleArn"] == "arn:aws:iam::111122223333:role/node"
    assert group["scalingConfig"] == {"minSize": 3, "desiredSize": 3, "maxSize": 3}
    assert group["subnetIds"] == ["subnet-1", "subnet-2"]


def test_creation_only_settings_of_the_cluster_are_no_change(engine: Engine) -> None:
    engine.up(lambda: cluster(bootstrap_self_managed_addons=True) and None)
    assert engine.up(lambda: cluster(bootstrap_self_managed_addons=False) and None).steps == []
    changed = engine.up(lambda: cluster(endpoint_private_access=True) and None)
    assert changed.named("update") == {"lab-eksCluster"}


def test_components_made_at_the_same_time_do_not_wait_for_each_other(engine: Engine, record: Path) -> None:
    engine.env["RECORDER_SLOW_TYPE"] = "aws:eks/addon:Addon"

    def program() -> None:
        made = cluster(use_default_vpc_cni=True, kube_proxy_addon_options={"enabled": False})
        for number in range(6):
            eks.Addon(f"addon-{number}", cluster=made, addon_name=f"addon-{number}")

    engine.up(program)
    started = [entry["at"] for entry in entries(record) if entry["type"] == "aws:eks/addon:Addon"]
    assert len(started) == 6
    assert max(started) - min(started) < 2, "each takes two seconds: all of them began before the first ended"


def wrong_input() -> None:
    cluster(
        fargate=True,
        vpc_cni_options=eks.VpcCniOptionsArgs(security_context_privileged=True),
        storage_classes={"a": {"type": "gp3", "speed": 1}},
    )


def addon_by_core() -> None:
    eks.Addon("coredns", addon_name="coredns", cluster=cluster().core)  # pyright: ignore[reportArgumentType]  # as a mistake


def node_group_without_admission() -> None:
    role = aws.iam.Role("node", assume_role_policy="{}")
    node_group("ng", cluster(authentication_mode=None), role)


def node_group_without_role() -> None:
    eks.ManagedNodeGroup("ng", cluster=cluster())


def forbidden_group() -> None:
    cluster(access_entries={"e": eks.AccessEntryArgs(principal_arn="arn", kubernetes_groups=["system:masters"])})


def cidrs_of_a_closed_endpoint() -> None:
    cluster(endpoint_public_access=False, public_access_cidrs=["192.0.2.0/24"])


def unplayed_type() -> None:
    eks.NodeGroupV2("ng", cluster=cluster())


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (wrong_input, ["'fargate'", "securityContextPrivileged", "storageClasses.a.speed"]),
        (addon_by_core, ["must be the eks.Cluster itself"]),
        (node_group_without_admission, ["without first setting its role in the cluster's instanceRoles"]),
        (node_group_without_role, ["An IAM role, or role ARN must be provided"]),
        (forbidden_group, ["cannot start with system:"]),
        (cidrs_of_a_closed_endpoint, ["can only be set when `endpointPublicAccess` is true"]),
        (unplayed_type, ["does not play the resource type eks:index:NodeGroupV2"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else "said",
)
def test_what_cannot_be_is_refused_by_name(engine: Engine, program: Callable[[], None], said: list[str]) -> None:
    text = failing(engine, program)
    for part in said:
        assert part in text
    assert "rehearsal/providers/eks" not in text, "the user is shown the reason, no traceback of the plugin"


def test_a_refused_cluster_creates_nothing(engine: Engine, record: Path) -> None:
    program: Program = wrong_input
    failing(engine, program)
    assert not record.exists()
