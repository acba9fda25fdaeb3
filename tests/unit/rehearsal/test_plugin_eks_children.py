"""The children that the eks components register, held against the SDK classes of their types."""

import importlib
from typing import Any

import pulumi
import pytest
from pulumi import _types  # pyright: ignore[reportPrivateUsage]  # knows the names on the wire
from pulumi.runtime import Mocks, rpc
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from rehearsal.providers.eks import kubeconfig
from rehearsal.providers.eks.children import ComponentReference, CustomReference, register_references
from rehearsal.providers.eks.cluster import Cluster
from rehearsal.providers.eks.node_group import ManagedNodeGroup

CLUSTER: dict[str, Any] = {
    "name": "myeks",
    "vpcId": "vpc-1",
    "subnetIds": ["subnet-1"],
    "version": "1.36",
    "skipDefaultNodeGroup": True,
    "createInstanceRole": True,
    "createOidcProvider": True,
    "authenticationMode": "API_AND_CONFIG_MAP",
    "accessEntries": {
        "ops": {
            "principalArn": "arn:aws:iam::1:role/ops",
            "username": "ops",
            "kubernetesGroups": ["ops"],
            "type": "STANDARD",
            "tags": {"t": "v"},
            "accessPolicies": {"admin": {"policyArn": "arn", "accessScope": {"type": "cluster"}}},
        }
    },
    "storageClasses": {"gp3": {"type": "gp3", "default": True, "encrypted": True, "iopsPerGb": 3.0}},
    "corednsAddonOptions": {"enabled": True, "configurationValues": {"replicaCount": 2.0}},
    "encryptionConfigKeyArn": "arn:aws:kms:::key/k",
    "kubernetesServiceIpAddressRange": "10.100.0.0/16",
    "enableConfigMapMutable": True,
    "endpointPrivateAccess": True,
    "endpointPublicAccess": True,
    "publicAccessCidrs": ["192.0.2.0/24"],
    "enabledClusterLogTypes": ["api"],
    "upgradePolicy": {"supportType": "STANDARD"},
    "deletionProtection": False,
    "tags": {"owner": "me"},
    "clusterTags": {"Name": "overridden"},
}


class Recording(Mocks):
    """Notes every resource and answers with what the components read."""

    def __init__(self) -> None:
        self.seen: list[MockResourceArgs] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.seen.append(args)
        state = dict(args.inputs)
        if args.typ == "aws:eks/cluster:Cluster":
            state |= {
                "arn": "arn:aws:eks:ap-northeast-2:1:cluster/myeks",
                "endpoint": "https://127.0.0.1:1",
                "certificateAuthority": {"data": "Q0E="},
                "identities": [{"oidcs": [{"issuer": "https://issuer"}]}],
                "vpcConfig": {"clusterSecurityGroupId": "sg-eks"},
            }
        if args.typ == "aws:iam/role:Role":
            state |= {"arn": f"arn:aws:iam::1:role/{args.name}", "name": args.name}
        return f"{args.name}-id", state

    def call(self, args: MockCallArgs) -> Any:
        if args.token.startswith("aws:index/getPartition"):
            return {"partition": "aws-cn"}
        return {"version": f"latest {args.args['addonName']} for {args.args['kubernetesVersion']}"}

    def one(self, name: str, typ: str | None = None) -> MockResourceArgs:
        (found,) = [args for args in self.seen if args.name == name and typ in (None, args.typ)]
        return found


def _no_check() -> None:
    """Stands for the look at PATH, where a test machine may have no AWS CLI."""


@pytest.fixture
def mocks(monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.setattr(kubeconfig, "require_aws_cli", _no_check)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    recording = Recording()
    pulumi.runtime.set_mocks(recording, preview=False)
    return recording


def build(**changes: Any) -> dict[str, Any]:
    """Construct a cluster to the end, and return the outputs that hold no resources."""
    values: dict[str, Any] = {}

    @pulumi.runtime.test
    def run() -> pulumi.Output[Any]:
        state = Cluster("lab", {**CLUSTER, **changes}, pulumi.ResourceOptions()).state
        plain = {
            key: value
            for key, value in state.items()
            if key != "core" and not isinstance(value, (list, pulumi.Resource))
        }
        return pulumi.Output.all(**plain).apply(values.update)

    run()
    return values


SDK_MODULES = {"iam": "pulumi_aws.iam", "ec2": "pulumi_aws.ec2", "eks": "pulumi_aws.eks"}


def sdk_inputs(token: str) -> set[str] | None:
    """The input names of a type in its SDK; None for components and providers."""
    package, module, name = token.split(":")
    if package == "aws":
        python = SDK_MODULES[module.split("/")[0]]
    elif package == "kubernetes":
        python = {
            "core/v1": "pulumi_kubernetes.core.v1",
            "storage.k8s.io/v1": "pulumi_kubernetes.storage.v1",
        }[module]
    else:
        return None
    module_of_class = importlib.import_module(getattr(importlib.import_module(python), name).__module__)
    args = getattr(module_of_class, f"{name}Args", None) or getattr(module_of_class, f"{name}InitArgs")
    return set(_types.input_type_py_to_pulumi_names(args).values())


def test_children_use_the_names_of_the_providers(mocks: Recording) -> None:
    build()
    assert len(mocks.seen) > 25
    for child in mocks.seen:
        names = sdk_inputs(child.typ)
        if names is not None:
            assert set(child.inputs) <= names, child.typ


def test_children_have_the_components_names(mocks: Recording) -> None:
    build()
    assert {(args.typ.split(":")[-1], args.name) for args in mocks.seen} == {
        ("Cluster", "lab"),
        ("Cluster", "lab-eksCluster"),
        ("ServiceRole", "lab-eksRole"),
        ("Role", "lab-eksRole-role"),
        ("RolePolicyAttachment", "lab-eksRole-4b490823"),
        ("SecurityGroup", "lab-eksClusterSecurityGroup"),
        ("SecurityGroupRule", "lab-eksClusterInternetEgressRule"),
        ("SecurityGroup", "lab-nodeSecurityGroup"),
        ("SecurityGroupRule", "lab-eksNodeIngressRule"),
        ("SecurityGroupRule", "lab-eksNodeClusterIngressRule"),
        ("SecurityGroupRule", "lab-eksExtApiServerClusterIngressRule"),
        ("SecurityGroupRule", "lab-eksNodeInternetEgressRule"),
        ("SecurityGroupRule", "lab-eksClusterIngressRule"),
        ("kubernetes", "lab-eks-k8s"),
        ("ServiceRole", "lab-instanceRole"),
        ("Role", "lab-instanceRole-role"),
        ("RolePolicyAttachment", "lab-instanceRole-03516f97"),
        ("RolePolicyAttachment", "lab-instanceRole-e1b295bd"),
        ("RolePolicyAttachment", "lab-instanceRole-3eb088f2"),
        ("InstanceProfile", "lab-instanceProfile"),
        ("ConfigMap", "lab-nodeAccess"),
        ("AccessEntry", "lab-ops"),
        ("AccessPolicyAssociation", "lab-ops-admin"),
        ("AccessEntry", "lab-defaultNodeGroupInstanceRole"),
        ("StorageClass", "lab-gp3"),
        ("Addon", "lab-kube-proxy"),
        ("VpcCniAddon", "lab-vpc-cni"),
        ("Addon", "lab-vpc-cni"),
        ("Addon", "lab-coredns"),
        ("OpenIdConnectProvider", "lab-oidcProvider"),
    }


def test_the_cluster_itself(mocks: Recording) -> None:
    build()
    cluster = mocks.one("lab-eksCluster").inputs
    assert cluster["roleArn"] == "arn:aws:iam::1:role/lab-eksRole-role"
    assert cluster["vpcConfig"] == {
        "securityGroupIds": ["lab-eksClusterSecurityGroup-id"],
        "subnetIds": ["subnet-1"],
        "endpointPrivateAccess": True,
        "endpointPublicAccess": True,
        "publicAccessCidrs": ["192.0.2.0/24"],
    }
    assert cluster["accessConfig"] == {
        "authenticationMode": "API_AND_CONFIG_MAP",
        "bootstrapClusterCreatorAdminPermissions": True,
    }
    assert cluster["encryptionConfig"] == {
        "provider": {"keyArn": "arn:aws:kms:::key/k"},
        "resources": ["secrets"],
    }
    assert cluster["kubernetesNetworkConfig"] == {"serviceIpv4Cidr": "10.100.0.0/16", "ipFamily": "ipv4"}
    assert cluster["tags"] == {"Name": "overridden", "owner": "me"}
    attachment = mocks.one("lab-eksRole-4b490823").inputs
    assert attachment["policyArn"] == "arn:aws-cn:iam::aws:policy/AmazonEKSClusterPolicy"
    assert mocks.one("lab-kube-proxy").inputs["addonVersion"] == "latest kube-proxy for 1.36"
    assert mocks.one("lab-coredns").inputs["configurationValues"] == '{"replicaCount":2}'
    provider = mocks.one("lab-eks-k8s").inputs
    assert provider["enableConfigMapMutable"] == "true"
    assert mocks.one("lab-nodeAccess").inputs["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}


def test_the_rules_of_the_security_groups(mocks: Recording) -> None:
    build()
    nodes, control_plane = "lab-nodeSecurityGroup-id", "lab-eksClusterSecurityGroup-id"
    rules = {args.name: args.inputs for args in mocks.seen if args.typ.endswith(":SecurityGroupRule")}
    found = {
        name.removeprefix("lab-eks"): (
            *(rule[key] for key in ("type", "protocol", "fromPort", "toPort", "securityGroupId")),
            rule.get("sourceSecurityGroupId") or rule.get("cidrBlocks") or rule.get("self"),
        )
        for name, rule in rules.items()
    }
    assert found == {
        "ClusterInternetEgressRule": ("egress", "-1", 0, 0, control_plane, ["0.0.0.0/0"]),
        "NodeInternetEgressRule": ("egress", "-1", 0, 0, nodes, ["0.0.0.0/0"]),
        "NodeIngressRule": ("ingress", "-1", 0, 0, nodes, True),
        "NodeClusterIngressRule": ("ingress", "tcp", 1025, 65535, nodes, control_plane),
        "ExtApiServerClusterIngressRule": ("ingress", "tcp", 443, 443, nodes, control_plane),
        "ClusterIngressRule": ("ingress", "tcp", 443, 443, control_plane, nodes),
    }
    group = mocks.one("lab-nodeSecurityGroup").inputs
    assert group["tags"] == {
        "Name": "lab-nodeSecurityGroup",
        "kubernetes.io/cluster/myeks": "owned",
        "owner": "me",
    }


def test_without_a_mode_the_cluster_has_no_access_config(mocks: Recording) -> None:
    build(authenticationMode=None, accessEntries=None)
    assert "accessConfig" not in mocks.one("lab-eksCluster").inputs
    assert mocks.one("lab-nodeAccess").inputs["metadata"]["name"] == "aws-auth"


def test_without_default_security_groups_eks_own_group_counts(mocks: Recording) -> None:
    outputs = build(skipDefaultSecurityGroups=True)
    assert not [args for args in mocks.seen if "SecurityGroup" in args.typ]
    assert outputs["clusterSecurityGroupId"] == outputs["nodeSecurityGroupId"] == "sg-eks"
    assert outputs["clusterIngressRuleId"] == ""
    assert "securityGroupIds" not in mocks.one("lab-eksCluster").inputs["vpcConfig"]


def test_coredns_comes_only_when_asked_for(mocks: Recording) -> None:
    build(corednsAddonOptions=None)
    assert not [args for args in mocks.seen if args.name == "lab-coredns"]


def test_in_mode_api_there_is_no_aws_auth(mocks: Recording) -> None:
    build(authenticationMode="API")
    assert not [args for args in mocks.seen if args.typ.endswith(":ConfigMap")]
    assert mocks.one("lab-defaultNodeGroupInstanceRole").inputs["type"] == "EC2_LINUX"


def test_outputs(mocks: Recording) -> None:
    outputs = build()
    assert outputs["oidcIssuer"] == "issuer"
    assert outputs["oidcProviderUrl"] == "https://issuer"
    assert '"server":"https://127.0.0.1:1"' in outputs["kubeconfigJson"]
    assert outputs["autoModeNodeRoleName"] == outputs["fargateProfileId"] == ""


def test_a_node_group_needs_a_role(mocks: Recording) -> None:
    with pytest.raises(pulumi.InputPropertiesError) as error:
        ManagedNodeGroup("ng", {"cluster": {}}, pulumi.ResourceOptions())
    assert [detail["property_path"] for detail in error.value.errors or []] == ["nodeRole"]
    with pytest.raises(pulumi.InputPropertiesError, match="invalid"):
        ManagedNodeGroup("ng", {"cluster": {}, "nodeRole": "r", "nodeRoleArn": "a"}, pulumi.ResourceOptions())


def test_a_reference_asks_the_engine_for_what_it_is_asked(mocks: Recording) -> None:
    asked: dict[str, Any] = {}

    @pulumi.runtime.test
    def run() -> pulumi.Output[Any]:
        role = Cluster("lab", CLUSTER, pulumi.ResourceOptions()).state["instanceRoles"][0]

        def read(urn: str) -> pulumi.Output[Any]:
            reference = CustomReference("aws:iam/role:Role", urn)
            return pulumi.Output.all(reference.get("arn"), reference.id)

        return role.urn.apply(read).apply(lambda known: asked.update(arn=known[0], id=known[1]))

    run()
    assert asked == {
        "arn": "arn:aws:iam::1:role/lab-instanceRole-role",
        "id": "lab-instanceRole-role-id",
    }


def test_references_are_rebuilt_by_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_RESOURCE_MODULES", {})  # the SDKs' own are there in this process
    register_references()

    @pulumi.runtime.test
    def run() -> None:
        for token, kind in (
            ("eks:index:Cluster", ComponentReference),
            ("aws:iam/role:Role", CustomReference),
        ):
            package, module, _ = token.split(":")
            found = rpc.get_resource_module(package, module, "9.9.9")
            assert found is not None
            assert isinstance(found.construct("n", token, f"urn:pulumi:s::p::{token}::n"), kind)

    run()
