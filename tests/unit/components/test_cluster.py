"""The cluster: what pulumi-eks is asked for, and what stands around it."""

import json

from tests.unit.conftest import OPERATOR
from tests.unit.mocks import CLUSTER_SECURITY_GROUP, ISSUER_HOST, Graph


def test_cluster_as_specified(default: Graph) -> None:
    inputs = default.one("eks:index:Cluster").inputs
    assert inputs["name"] == "myeks"
    assert inputs["version"] == "1.36"
    assert inputs["authenticationMode"] == "API_AND_CONFIG_MAP"
    assert inputs["endpointPublicAccess"] is True
    assert inputs["endpointPrivateAccess"] is True
    assert inputs["skipDefaultNodeGroup"] is True
    assert inputs["skipDefaultSecurityGroups"] is True
    assert inputs["enabledClusterLogTypes"] == [
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    ]
    assert inputs["encryptionConfigKeyArn"] == default.one("kms/key:Key").inputs.get(
        "arn", "arn:aws:kms:ap-northeast-2:111122223333:key/cluster-secrets"
    )
    assert inputs["publicSubnetIds"] == [f"network-public-{n}-id" for n in (1, 2, 3)]
    assert inputs["privateSubnetIds"] == [f"network-private-{n}-id" for n in (1, 2, 3)]


def test_creator_gets_no_second_access_entry(default: Graph) -> None:
    assert "accessEntries" not in default.one("eks:index:Cluster").inputs
    assert [entry.name for entry in default.of(":AccessEntry")] == ["cluster-admin-ops"]


def test_key_rotates_and_goes_soon(default: Graph) -> None:
    key = default.one("kms/key:Key").inputs
    assert key["enableKeyRotation"] is True
    assert key["deletionWindowInDays"] == 7


def test_log_group_is_the_one_that_eks_writes_to(default: Graph) -> None:
    group = default.one(":LogGroup").inputs
    assert group["name"] == "/aws/eks/myeks/cluster"
    assert group["retentionInDays"] == 7


def test_endpoint_is_open_to_all_only_when_no_operator_is_given(default: Graph, full: Graph) -> None:
    assert default.one("eks:index:Cluster").inputs["publicAccessCidrs"] == ["0.0.0.0/0"]
    allowed = full.one("eks:index:Cluster").inputs["publicAccessCidrs"]
    assert allowed[:2] == [OPERATOR, "198.51.100.0/28"]
    servers = [f"{ip}/32" for ip in full.outputs["opsServerPublicIps"].value]
    assert allowed[2:] == servers
    assert len(set(servers)) == 2


def test_vpc_cni_enforces_network_policy_and_delegates_prefixes(default: Graph, bare: Graph) -> None:
    options = default.one("eks:index:Cluster").inputs["vpcCniOptions"]
    assert options["enableNetworkPolicy"] is True
    assert options["enablePrefixDelegation"] is True
    assert options["configurationValues"] == {"env": {"WARM_PREFIX_TARGET": "1"}}
    assert options["addonVersion"] == "v1.0.0-vpc-cni"
    assert "enablePrefixDelegation" not in bare.one("eks:index:Cluster").inputs["vpcCniOptions"]
    assert "configurationValues" not in bare.one("eks:index:Cluster").inputs["vpcCniOptions"]


def test_identity_provider_needs_no_thumbprint(default: Graph) -> None:
    provider = default.one(":OpenIdConnectProvider").inputs
    assert provider["url"] == f"https://{ISSUER_HOST}"
    assert provider["clientIdLists"] == ["sts.amazonaws.com"]
    assert "thumbprintLists" not in provider
    assert "createOidcProvider" not in default.one("eks:index:Cluster").inputs


def test_kubernetes_provider_has_the_profile_and_the_output_has_not(default: Graph, bare: Graph) -> None:
    plain = json.loads(default.one("pulumi:providers:kubernetes").inputs["kubeconfig"])
    assert "--profile" not in str(plain)
    scoped = json.loads(bare.one("pulumi:providers:kubernetes").inputs["kubeconfig"])
    assert scoped["users"][0]["user"]["exec"]["args"][-2:] == ["--profile", "lab"]
    assert "--profile" not in str(bare.outputs["kubeconfig"].value)
    # The package's own provider takes the same one, whatever AWS_PROFILE says.
    assert bare.one("eks:index:Cluster").inputs["providerCredentialOpts"] == {"profileName": "lab"}
    assert "providerCredentialOpts" not in default.one("eks:index:Cluster").inputs


def test_a_forgotten_cluster_is_upgraded_rather_than_made_dearer(default: Graph) -> None:
    assert default.one("eks:index:Cluster").inputs["upgradePolicy"] == {"supportType": "STANDARD"}


def test_every_kubernetes_object_names_the_clusters_provider(full: Graph) -> None:
    provider = full.one("pulumi:providers:kubernetes").urn
    objects = [node for node in full.nodes if node.type.startswith("kubernetes:")]
    assert len(objects) == 54
    assert {node.provider for node in objects} == {provider}


def test_no_group_of_ours_is_taken_for_the_clusters(full: Graph) -> None:
    """The load balancer controller wants exactly one group with this tag on a node."""
    for group in full.of(":SecurityGroup"):
        assert "kubernetes.io/cluster/myeks" not in group.inputs["tags"]
    assert {each.name: each.inputs["vpcSecurityGroupIds"] for each in full.of(":LaunchTemplate")} == {
        "nodes-template": [CLUSTER_SECURITY_GROUP, "nodes-remote-access-id"],
        "k07-node-template": [CLUSTER_SECURITY_GROUP, "k07-node-remote-access-id"],
    }
