"""What must be made before what, and deleted after it: one test for each edge, with what goes wrong without it.

"Outlives" is asked of the graph as the engine walks it on destroy (see `tests.unit.mocks.Graph.closure`).
"""

from __future__ import annotations

import pytest

from tests.unit.conftest import CERTIFICATE, DOMAIN, ZONE_ID, stack
from tests.unit.mocks import Graph, Node

NODES = "nodes"
CLUSTER = "cluster"

EDGES: list[tuple[str, str, str]] = [
    # (what outlives, what goes first, what happens otherwise)
    # Network
    ("network-igw", "network-public-internet", "the gateway is detached under a route"),
    ("network-public-internet", NODES, "nodes start without a way to their image registry"),
    ("network-public-1-routes", NODES, "nodes start without a way to their image registry"),
    ("network-igw", NODES, "the gateway cannot be detached while nodes hold public addresses"),
    ("network-public-2", NODES, "a subnet cannot go while nodes are in it"),
    ("network-private-3", CLUSTER, "a subnet cannot go while the control plane has interfaces in it"),
    ("network-vpc", "nodes-remote-access", "the VPC cannot go while it has a security group"),
    # Peering
    ("ops-network-vpc", "ops-network-peering", "a VPC cannot go while it is peered"),
    ("network-vpc", "ops-network-peering", "a VPC cannot go while it is peered"),
    ("ops-network-peering", "ops-network-to-lab", "the route would lead nowhere"),
    ("ops-network-peering", "ops-network-from-public", "the route would lead nowhere"),
    ("ops-network-peering", "ops-network-from-private", "the route would lead nowhere"),
    ("ops-network-peering", "ops-network-peering-dns", "options need an active peering"),
    # Ops servers
    ("ops-network-internet", "ops-1", "the first boot finds no internet and installs nothing"),
    ("ops-network-subnet-routes", "ops-2", "the first boot finds no internet and installs nothing"),
    ("ops-network-igw", "ops-1-ip", "the gateway cannot be detached while a public address is in use"),
    ("ops-out", "ops-1", "the first boot finds no internet and installs nothing"),
    ("ops-session-manager", "ops-1", "the agent registers without rights and stays unreachable"),
    ("ops-describe-cluster", "ops-2", "the kubeconfig service meets AccessDenied"),
    ("ops-profile", "ops-1", "a profile cannot go while an instance uses it"),
    ("ops-sg", "ops-2", "a group cannot go while an instance uses it"),
    ("ops-role", "cluster-admin-ops", "the entry would mean a principal that is no more"),
    # Cluster
    ("cluster-secrets", CLUSTER, "the secrets of a cluster whose key is gone cannot be read"),
    ("cluster-logs", CLUSTER, "EKS makes the log group itself and leaves it behind"),
    ("ops-1-ip", CLUSTER, "the address that may reach the endpoint must be known"),
    (CLUSTER, "cluster-oidc", "its URL is the cluster's"),
    (CLUSTER, "cluster-admin-ops", "an entry needs its cluster"),
    (CLUSTER, "cluster-kubernetes", "nobody could delete what is in the cluster"),
    # Nodes
    (CLUSTER, NODES, "a cluster cannot go while it has a node group; and vpc-cni comes with it"),
    ("nodes-worker", NODES, "nodes cannot join, and cannot leave cleanly"),
    ("nodes-registry", NODES, "nodes cannot pull images"),
    ("nodes-remote-access", NODES, "a group cannot go while an instance uses it"),
    ("nodes-ops-172.20.1.100", NODES, "ops servers could not reach a node that is there"),
    ("nodes-template", NODES, "a template cannot go while the node group uses it"),
    ("node-addons-eks-pod-identity-agent", NODES, "aws-node gets no credentials on the first node"),
    ("node-addons-vpc-cni-association", NODES, "aws-node gets no credentials on the first node"),
    ("node-addons-vpc-cni-vpc-cni", NODES, "vpc-cni cannot give network interfaces back"),
    ("node-addons-vpc-cni-vpc-cni", "node-addons-vpc-cni-association", "the first credentials carry no right"),
    ("addons-ebs-csi-ebs-csi", "addons-ebs-csi-association", "the first credentials carry no right"),
    # Add-ons with pods
    (NODES, "addons-coredns", "DEGRADED without a node"),
    (NODES, "addons-metrics-server", "DEGRADED without a node"),
    (NODES, "addons-aws-ebs-csi-driver", "DEGRADED without a node; volumes stay behind"),
    ("addons-ebs-csi-association", "addons-aws-ebs-csi-driver", "its controller starts without credentials"),
    ("addons-ebs-csi-ebs-csi", "addons-aws-ebs-csi-driver", "its controller cannot delete volumes"),
    ("addons-aws-ebs-csi-driver", "storage-gp3", "the default class would name a driver that is not there"),
    # Load balancer controller
    (NODES, "lbc-release", "no pod of it would start"),
    ("cluster-oidc", "lbc-release", "the controller's role cannot be taken"),
    ("lbc-irsa-role", "lbc-release", "the controller cannot delete load balancers"),
    ("lbc-irsa-policy", "lbc-release", "the controller cannot delete load balancers"),
    ("lbc-irsa-own", "lbc-release", "the controller cannot delete load balancers"),
    ("lbc-account", "lbc-release", "its pods are not created"),
    ("addons-coredns", "lbc-release", "the controller cannot resolve AWS's names"),
    ("cluster-kubernetes", "lbc-release", "nobody could uninstall it"),
    ("network-public-internet", "lbc-release", "the controller cannot reach AWS"),
    # ExternalDNS
    ("dns-irsa-own", "dns-release", "records stay in the zone"),
    ("cluster-oidc", "dns-release", "records stay in the zone"),
    ("dns-release", "dns-grace-period", "ExternalDNS is gone before its time is over"),
    (NODES, "dns-grace-period", "nothing runs its pod, and nothing ends it"),
    ("cluster-kubernetes", "dns-grace-period", "nobody could delete it"),
    # Monitoring
    ("monitoring-namespace", "monitoring-release", "the release's objects are cut off by the namespace's end"),
    ("addons-metrics-server", "monitoring-namespace", "the namespace never ends: an API does not answer"),
    (NODES, "monitoring-namespace", "the namespace never ends: an API does not answer"),
    # Pages
    *[
        (survivor, f"pages-{page}", why)
        for page in ("kubeopsview", "prometheus", "grafana")
        for survivor, why in (
            ("lbc-release", "the Ingress keeps its finalizer for ever, the load balancer blocks the VPC"),
            ("lbc-irsa-own", "the load balancer stays"),
            ("lbc-account", "the load balancer stays"),
            ("cluster-oidc", "the load balancer stays"),
            ("dns-release", "records stay in the zone"),
            ("dns-grace-period", "ExternalDNS has no time to remove the last records"),
            ("dns-irsa-own", "records stay in the zone"),
            (NODES, "the load balancer stays"),
            (CLUSTER, "the load balancer stays"),
            ("network-igw", "the load balancer's addresses keep the gateway from being detached"),
            ("network-vpc", "the load balancer stays"),
            ("cluster-kubernetes", "nobody could delete it"),
        )
    ],
    ("monitoring-namespace", "pages-grafana", "the Ingress needs its namespace"),
    # Exercises: testuser
    ("testuser-boundary", "testuser-user", "a policy cannot go while it is a boundary"),
    ("testuser-user", "testuser-administrator", "a user cannot go while a policy is attached"),
    ("testuser-user", "testuser-view-entry", "the entry would mean a principal that is no more"),
    (CLUSTER, "testuser-view-entry", "an entry needs its cluster"),
    ("testuser-view-entry", "testuser-view-view", "the association goes with its entry, and cannot be deleted"),
    # Exercises: RBAC
    *[
        (survivor.format(team), first.format(team), why)
        for team in ("dev", "infra")
        for survivor, first, why in (
            ("addons-metrics-server", "rbac-{}-namespace", "the namespace never ends: an API does not answer"),
            ("rbac-{}-namespace", "rbac-{}-account", "it needs its namespace"),
            ("rbac-{}-namespace", "rbac-{}-role", "it needs its namespace"),
            ("rbac-{}-role", "rbac-{}-binding", "the binding would name a role that is not there"),
            ("rbac-{}-account", "rbac-{}-binding", "the binding would name an account that is not there"),
            ("rbac-{}-account", "rbac-{}-pod", "the pod is rejected"),
            ("rbac-{}-namespace", "rbac-{}-pod", "it needs its namespace"),
            (NODES, "rbac-{}-pod", "nothing runs it, and nothing ends it"),
        )
    ],
    # Exercises: AWS from a pod
    *[
        (survivor, pod, why)
        for pod in ("irsa-test1", "irsa-test2", "irsa-test3", "pod-identity-test4")
        for survivor, why in (
            (NODES, "nothing runs it, and nothing ends it"),
            ("node-addons-eks-pod-identity-agent", "it gets no credentials"),
            ("addons-coredns", "it cannot resolve AWS's names"),
            ("cluster-kubernetes", "nobody could delete it"),
        )
    ],
    ("irsa-account", "irsa-test3", "the pod is rejected, or made without its role"),
    ("irsa-sa-role", "irsa-account", "the account would name a role that is not there"),
    ("irsa-sa-s3", "irsa-test3", "the first credentials carry no right"),
    ("cluster-oidc", "irsa-test3", "the role cannot be taken"),
    ("pod-identity-account", "pod-identity-test4", "the pod is rejected"),
    ("pod-identity-sa-association", "pod-identity-test4", "the pod is made without its role"),
    ("pod-identity-sa-s3", "pod-identity-test4", "the first credentials carry no right"),
    ("pod-identity-sa-role", "pod-identity-sa-association", "the association would name a role that is not there"),
]


def _id(edge: tuple[str, str, str]) -> str:
    return f"{edge[0]} outlives {edge[1]}"


def _node(graph: Graph, name: str) -> Node:
    """By logical name; two names are borne by several types."""
    kinds = {
        "cluster": "eks:index:Cluster",
        "cluster-admin-ops": ":AccessEntry",
        "cluster-secrets": "kms/key:Key",
        NODES: "ManagedNodeGroup",
    }
    return graph.one(kinds[name], name) if name in kinds else graph.named(name)


@pytest.mark.parametrize("edge", EDGES, ids=_id)
def test_order(full: Graph, edge: tuple[str, str, str]) -> None:
    survivor, first, otherwise = edge
    assert full.outlives(_node(full, survivor), _node(full, first)), otherwise


@pytest.mark.parametrize("edge", EDGES, ids=_id)
def test_never_the_other_way_round(full: Graph, edge: tuple[str, str, str]) -> None:
    assert not full.outlives(_node(full, edge[1]), _node(full, edge[0]))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_nat_gateway_goes_before_the_internet_gateway(nat: Graph, number: int) -> None:
    for name in ("network-nat", "network-nat-ip"):
        assert nat.outlives(nat.named("network-igw"), nat.named(name))
        assert nat.outlives(nat.named("network-public-internet"), nat.named(name))
        assert nat.outlives(nat.named(f"network-public-{number}-routes"), nat.named(name))


def test_releases_do_not_wait_for_the_controller_because_its_webhook_for_services_is_off(full: Graph) -> None:
    controller = full.named("lbc-release")
    assert controller.inputs["values"]["enableServiceMutatorWebhook"] is False
    others = [release for release in full.of(":Release") if release is not controller]
    assert len(others) == 3
    assert not any(full.outlives(controller, other) for other in others)


@pytest.mark.parametrize("shown", [{}, {"monitoring": False}, {"kubeOpsView": False}], ids=str)
def test_external_dns_has_its_time_after_the_last_ingress_whatever_else_is_on(shown: dict[str, bool]) -> None:
    domain = {"domain": DOMAIN, "hostedZoneId": ZONE_ID, "certificateArn": CERTIFICATE, "allowAnyOperatorCidr": True}
    graph = stack({**domain, **shown})
    grace = graph.one("apps/v1:Deployment", "dns-grace-period")
    pages = graph.of(":Ingress")
    assert pages
    for page in pages:
        assert graph.outlives(grace, page), page.name
    assert graph.outlives(graph.named("dns-release"), grace)


def test_a_domain_without_pages_needs_no_order_beside_external_dns_own() -> None:
    domain = {"domain": DOMAIN, "hostedZoneId": ZONE_ID, "certificateArn": CERTIFICATE}
    graph = stack({**domain, "monitoring": False, "kubeOpsView": False})
    assert not graph.of(":Ingress")
    assert graph.outlives(graph.named("dns-release"), graph.named("dns-grace-period"))


def test_releases_do_not_wait_for_external_dns(full: Graph) -> None:
    for name in ("ops-view-release", "monitoring-release"):
        assert not full.outlives(full.named("dns-release"), full.named(name))


def test_nothing_in_the_cluster_outlives_cluster_nodes_or_provider(full: Graph) -> None:
    for node in full.nodes:
        if node.type.startswith("kubernetes:"):
            assert full.outlives(_node(full, CLUSTER), node), node.name
            assert full.outlives(_node(full, NODES), node), node.name
            assert full.outlives(full.named("cluster-kubernetes"), node), node.name


def test_servers_need_not_wait_for_the_cluster(full: Graph) -> None:
    """They start beside it, and ask for it until it is there."""
    for number in (1, 2):
        assert not full.outlives(_node(full, CLUSTER), full.named(f"ops-{number}"))


def test_cluster_needs_no_server_when_its_endpoint_is_open(default: Graph) -> None:
    assert not default.outlives(default.named("ops-1"), _node(default, CLUSTER))


def test_nothing_is_deleted_along_with_something_else(full: Graph) -> None:
    """`deletedWith` would skip an Ingress's or a volume's own end."""
    assert all(not node.options["deletedWith"] for node in full.nodes)


def test_metrics_server_goes_before_nodes_that_are_replaced(full: Graph) -> None:
    """Else its group of the API does not answer, and no namespace of the cluster that is replaced can go."""
    assert any("eks/nodeGroup:NodeGroup" in urn for urn in full.named("addons-metrics-server").inputs_from)
