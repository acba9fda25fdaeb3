"""The aws stand-in under the real engine: a cluster with nodes, add-ons and access, and what fails on the way."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest
from pulumi_aws import cloudwatch, ec2, eks, iam, kms

from rehearsal.world import World, leftovers
from tests.rehearsal.plugin_aws_world import REGION, changed, engine, goes_there_and_back, imported, running
from tests.rehearsal.plugin_engine import Engine, failing

TAGS = {"owner": "tests"}
NAME = "plugged"
MANAGED = "arn:aws:iam::aws:policy/"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def trust(service: str, *more: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": ["sts:AssumeRole", *more]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(name: str, service: str, *policies: str, also: tuple[str, ...] = ()) -> tuple[iam.Role, list[pulumi.Resource]]:
    made = iam.Role(name, assume_role_policy=trust(service, *also))
    attached: list[pulumi.Resource] = [
        iam.RolePolicyAttachment(f"{name}-{policy}", role=made.name, policy_arn=f"{MANAGED}{policy}")
        for policy in policies
    ]
    return made, attached


def after(*resources: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=list(resources))


def network() -> tuple[list[ec2.Subnet], list[pulumi.Resource]]:
    net = ec2.Vpc("net", cidr_block="10.0.0.0/16", enable_dns_hostnames=True)
    gateway = ec2.InternetGateway("gateway", vpc_id=net.id)
    table = ec2.RouteTable("table", vpc_id=net.id)
    needs: list[pulumi.Resource] = [
        ec2.Route("out", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
    ]
    subnets: list[ec2.Subnet] = []
    for number, zone in enumerate("abc"):
        subnet = ec2.Subnet(
            f"subnet-{zone}",
            vpc_id=net.id,
            cidr_block=f"10.0.{number}.0/24",
            availability_zone=f"{REGION}{zone}",
            map_public_ip_on_launch=True,
        )
        needs.append(ec2.RouteTableAssociation(f"uses-{zone}", route_table_id=table.id, subnet_id=subnet.id))
        subnets.append(subnet)
    return subnets, needs


def program(
    *,
    desired: int = 3,
    logs: tuple[str, ...] = ("api", "audit"),
    cidrs: tuple[str, ...] = ("0.0.0.0/0",),
    groups: tuple[str, ...] = ("viewers",),
    disk: int = 20,
    label: str = "b",
    tag: str = "tests",
    settings: str = '{"enableNetworkPolicy":"false"}',
    pod_role: str = "pods",
    entry: str = "STANDARD",
    kube_proxy: bool = True,
) -> Callable[[], None]:
    """Every EKS type, as the lab uses it; each argument changes one thing."""

    def make() -> None:
        subnets, routes = network()
        owner, rights = role("cluster-role", "eks.amazonaws.com", "AmazonEKSClusterPolicy")
        key = kms.Key("key", deletion_window_in_days=7)
        group = cloudwatch.LogGroup("logs", name=f"/aws/eks/{NAME}/cluster", retention_in_days=7)
        cluster = eks.Cluster(
            "cluster",
            name=NAME,
            role_arn=owner.arn,
            version="1.36",
            enabled_cluster_log_types=list(logs),
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=[subnet.id for subnet in subnets],
                endpoint_private_access=True,
                public_access_cidrs=list(cidrs),
            ),
            access_config=eks.ClusterAccessConfigArgs(authentication_mode="API_AND_CONFIG_MAP"),
            encryption_config=eks.ClusterEncryptionConfigArgs(
                provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=key.arn), resources=["secrets"]
            ),
            bootstrap_self_managed_addons=False,
            tags={"owner": tag},
            opts=after(*rights, group),
        )
        early: list[pulumi.Resource] = [
            eks.Addon("vpc-cni", cluster_name=cluster.name, addon_name="vpc-cni", configuration_values=settings)
        ]
        if kube_proxy:
            early.append(eks.Addon("kube-proxy", cluster_name=cluster.name, addon_name="kube-proxy"))
        nodes = node_group(cluster, subnets, [*early, *routes], desired, disk, label)
        attached(cluster, nodes, groups, entry, pod_role)
        pulumi.export("endpoint", cluster.endpoint)
        pulumi.export("group", cluster.vpc_config.cluster_security_group_id)
        pulumi.export("ca", cluster.certificate_authority.data)
        pulumi.export("scaling", nodes.resources.apply(lambda found: (found[0].autoscaling_groups or [])[0].name))
        newest = eks.get_addon_version_output(addon_name="coredns", kubernetes_version=cluster.version)
        pulumi.export("newest", newest.version)
        versions = eks.get_cluster_versions(cluster_type="eks").cluster_versions or []
        pulumi.export("versions", [version.cluster_version for version in versions])

    return make


def node_group(
    cluster: eks.Cluster,
    subnets: list[ec2.Subnet],
    needs: list[pulumi.Resource],
    desired: int,
    disk: int,
    label: str,
) -> eks.NodeGroup:
    policies = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy")
    owner, rights = role("node-role", "ec2.amazonaws.com", *policies)
    ebs = ec2.LaunchTemplateBlockDeviceMappingEbsArgs(volume_type="gp3", volume_size=disk)
    template = ec2.LaunchTemplate(
        "template",
        update_default_version=True,
        vpc_security_group_ids=[cluster.vpc_config.apply(lambda config: config.cluster_security_group_id or "")],
        block_device_mappings=[ec2.LaunchTemplateBlockDeviceMappingArgs(device_name="/dev/xvda", ebs=ebs)],
        metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(http_tokens="required"),
    )
    return eks.NodeGroup(
        "nodes",
        cluster_name=cluster.name,
        node_group_name="ng1",
        node_role_arn=owner.arn,
        subnet_ids=[subnet.id for subnet in subnets],
        ami_type="AL2023_x86_64_STANDARD",
        version="1.36",
        instance_types=["t3.medium"],
        labels={"a": label},
        scaling_config=eks.NodeGroupScalingConfigArgs(min_size=3, desired_size=desired, max_size=4),
        launch_template=eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
        tags=TAGS,
        opts=after(*rights, *needs),
    )


def attached(cluster: eks.Cluster, nodes: eks.NodeGroup, groups: tuple[str, ...], entry: str, pod_role: str) -> None:
    eks.Addon("coredns", cluster_name=cluster.name, addon_name="coredns", tags=TAGS, opts=after(nodes))
    agent = eks.Addon("agent", cluster_name=cluster.name, addon_name="eks-pod-identity-agent", opts=after(nodes))
    roles = {
        name: role(name, "pods.eks.amazonaws.com", also=("sts:TagSession",))[0].arn for name in ("pods", "other-pods")
    }
    eks.Addon(
        "ebs",
        cluster_name=cluster.name,
        addon_name="aws-ebs-csi-driver",
        pod_identity_associations=[
            eks.AddonPodIdentityAssociationArgs(role_arn=roles["pods"], service_account="ebs-csi-controller-sa")
        ],
        opts=after(nodes, agent),
    )
    eks.PodIdentityAssociation(
        "identity",
        cluster_name=cluster.name,
        namespace="default",
        service_account="reader",
        role_arn=roles[pod_role],
        tags=TAGS,
    )
    guest, _ = role("guest", "ec2.amazonaws.com")
    standard = entry == "STANDARD"
    allowed = eks.AccessEntry(
        "entry",
        cluster_name=cluster.name,
        principal_arn=guest.arn,
        kubernetes_groups=list(groups) if standard else None,
        type=entry,
        tags=TAGS,
        opts=pulumi.ResourceOptions(delete_before_replace=True),
    )
    if standard:
        eks.AccessPolicyAssociation(
            "view",
            cluster_name=cluster.name,
            principal_arn=guest.arn,
            policy_arn=VIEW,
            access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="namespace", namespaces=["default"]),
            opts=after(allowed),
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("aws") / "world") as made:
        yield made


@pytest.fixture(scope="module")
def lab(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The cluster, stood up; the tests of the module leave it as they found it."""
    made = engine(tmp_path_factory.mktemp("engine") / "e", world)
    first = made.up(program())
    assert set(first.operations) == {"create"}
    assert "waiting for EKS Cluster (plugged) to become ACTIVE" in first.messages
    assert first.outputs["endpoint"].startswith("https://127.0.0.1:")
    assert first.outputs["group"].startswith("sg-")
    assert first.outputs["ca"]
    assert first.outputs["scaling"].startswith("eks-ng1-")
    assert first.outputs["newest"].startswith("v1.")
    assert "1.36" in first.outputs["versions"]
    yield made
    made.destroy()
    assert leftovers(world) == {}


def test_a_second_run_a_preview_and_a_refresh_change_nothing(lab: Engine):
    assert changed(lab.up(program())) == set()
    assert changed(lab.preview(program())) == set()
    lab.refresh(program())
    assert changed(lab.preview(program())) == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            {
                "desired": 4,
                "logs": ("api", "audit", "scheduler"),
                "groups": ("viewers", "others"),
                "label": "c",
                "tag": "others",
                "settings": '{"enableNetworkPolicy":"true"}',
                "pod_role": "other-pods",
            },
            {("update", name) for name in ("nodes", "cluster", "entry", "vpc-cni", "identity")},
            id="in place",
        ),
        pytest.param(
            {"disk": 30, "cidrs": ("192.0.2.0/24", "198.51.100.0/24")},
            {("update", "template"), ("update", "nodes"), ("update", "cluster")},
            id="with what depends on it",
        ),
    ],
)
def test_a_change_is_what_aws_would_make_of_it(lab: Engine, change: dict[str, Any], expected: set[tuple[str, str]]):
    goes_there_and_back(lab, program, change, expected)


def test_an_entry_of_another_type_is_another_entry(lab: Engine):
    assert changed(lab.up(program(entry="EC2_LINUX"))) == {("replace", "entry"), ("delete", "view")}
    assert changed(lab.up(program())) == {("replace", "entry"), ("create", "view")}
    assert changed(lab.preview(program())) == set()


def test_an_id_alone_tells_the_whole_resource(lab: Engine, world: World):
    """So that a creation of which the engine never heard can be taken over."""
    seen = {name: (changes, differing) for name, changes, differing in imported(lab, world)}
    assert {name: changes for name, (changes, _) in seen.items() if changes} == {
        "cluster": [("bootstrapSelfManagedAddons", False)],
        "key": [("deletionWindowInDays", False)],
        "template": [("updateDefaultVersion", False)],
    }
    unsaid = {"deletionWindowInDays", "updateDefaultVersion", "bootstrapSelfManagedAddons"}
    assert {name: left for name, (_, differing) in seen.items() if (left := differing - unsaid)} == {}


def test_nodes_that_fail_are_kept_in_mind_and_made_again(
    world: World, lab: Engine, tmp_path_factory: pytest.TempPathFactory
):
    lab.destroy()
    made = engine(tmp_path_factory.mktemp("failing") / "e", world)
    said = failing(made, program(kube_proxy=False))
    assert "unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'" in said
    assert "kube-proxy" in said
    (nodes,) = [r for r in made.export() if r["urn"].endswith("::nodes")]
    assert nodes["id"] == f"{NAME}:ng1"
    assert nodes["outputs"]["status"] == "CREATE_FAILED"
    again = made.up(program())
    assert ("replace", "nodes") in changed(again)
    assert changed(made.preview(program())) == set()
    made.destroy()
    assert leftovers(world) == {}
