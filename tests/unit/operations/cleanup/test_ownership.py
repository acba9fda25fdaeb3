"""Whose a thing is: tags, names and places, for this lab, its neighbours and nobody."""

from dataclasses import replace

import pytest

from operations.cleanup import KINDS, Kind, LabIdentity, Leftover, Resource
from operations.cleanup.model import Claim, NameEvidence, Ownership, OwnershipContext
from operations.cleanup.ownership import classify

LAB = LabIdentity("myeks", "ap-northeast-2", "example.com", "Z0123456789ABCDEFGHIJ")
CONTEXT = OwnershipContext(
    vpcs=frozenset({"vpc-1"}),
    other_vpcs=frozenset({"vpc-2"}),
    balancers=frozenset({"k8s-mine-1.ap-northeast-2.elb.amazonaws.com"}),
)
NAMESAKE = replace(CONTEXT, namesake=True, namesake_vpc="vpc-2")
"""A cluster myeks stands in vpc-2, and it is somebody else's."""

BY_NAME = {kind.name: kind for kind in KINDS}
OURS = {"myeks:lab": "ap-northeast-2/myeks"}
OTHERS = {"myeks:lab": "ap-northeast-2/myeks-2"}


def claim(kind: str, resource: Resource, context: OwnershipContext = CONTEXT) -> Claim | None:
    found = classify(resource, BY_NAME[kind], LAB, context)
    return found.claim if found else None


def of_a_cluster() -> list[Kind]:
    """Kinds that EKS or a controller in a cluster makes, in a region."""
    return [kind for kind in KINDS if kind.names is NameEvidence.CLUSTER and not kind.everywhere]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_labs_own_tag_is_a_claim_to_every_kind(kind: Kind) -> None:
    assert claim(kind.name, Resource("id", tags=OURS)) is Claim.TAG
    assert claim(kind.name, Resource("id", tags=OTHERS)) is None
    assert claim(kind.name, Resource("id", tags={"myeks:lab": "eu-west-1/myeks"})) is None
    assert claim(kind.name, Resource("id", tags={"Project": "myeks", "Name": "myeks"})) is None
    assert claim(kind.name, Resource("id")) is None


@pytest.mark.parametrize(
    ("tags", "ours"),
    [
        ({"aws:eks:cluster-name": "myeks"}, True),
        ({"eks:cluster-name": "myeks"}, True),
        ({"elbv2.k8s.aws/cluster": "myeks"}, True),
        ({"ingress.k8s.aws/cluster": "myeks"}, True),
        ({"cluster.k8s.amazonaws.com/name": "myeks"}, True),
        ({"ebs.csi.aws.com/cluster-name": "myeks"}, True),
        ({"KubernetesCluster": "myeks"}, True),
        ({"kubernetes.io/cluster/myeks": "owned"}, True),
        ({"kubernetes.io/cluster/myeks": "shared"}, False),
        ({"kubernetes.io/cluster/myeks-2": "owned"}, False),
        ({"elbv2.k8s.aws/cluster": "myeks-2"}, False),
        ({"elbv2.k8s.aws/cluster": "MYEKS"}, False),
        ({"ebs.csi.aws.com/cluster": "true"}, False),
        # Two owners: not ours to delete.
        ({**OURS, "kubernetes.io/cluster/myeks-2": "owned"}, False),
        ({**OURS, "kubernetes.io/cluster/myeks-2": "shared"}, True),
        ({"myeks:lab": "eu-west-1/myeks", "eks:cluster-name": "myeks"}, False),
    ],
)
def test_a_clusters_tags_are_a_claim_to_what_controllers_make(tags: dict[str, str], ours: bool) -> None:
    by_name = {kind.name: Claim.CLUSTER if kind.data else Claim.NAME for kind in of_a_cluster()}
    for kind in KINDS:
        expected = Claim.TAG if "myeks:lab" in tags else by_name.get(kind.name)
        # An alias or a schedule bears no tags.
        if kind.names is not NameEvidence.LAB:
            assert claim(kind.name, Resource("id", tags=tags)) is (expected if ours else None), kind.name


MADE_BY_THE_STACK = (
    "cluster",
    "NAT gateway",
    "Elastic IP address",
    "VPC peering connection",
    "KMS key",
    "subnet",
    "route table",
    "internet gateway",
    "VPC",
    "secret",
)
"""Kinds of which the stack makes and tags every one that is the lab's."""


def test_what_the_stack_tags_is_not_ours_by_name() -> None:
    assert tuple(kind.name for kind in KINDS if kind.names is NameEvidence.NOTHING) == tuple(
        kind.name for kind in KINDS if kind.name in MADE_BY_THE_STACK
    )
    foreign = {"kubernetes.io/cluster/myeks": "owned", "alpha.eksctl.io/cluster-name": "myeks", "Owner": "colleague"}
    for kind in MADE_BY_THE_STACK:
        told = Claim.NAMESAKE if kind == "cluster" else None
        for context in (CONTEXT, NAMESAKE):
            assert claim(kind, Resource("myeks", "myeks", foreign, vpc="vpc-2"), context) is told, kind
            assert claim(kind, Resource("myeks", "myeks", {**foreign, **OURS}, vpc="vpc-2"), context) is Claim.TAG, kind
        assert claim(kind, Resource("myeks", "myeks", OTHERS)) is told


BY_CLUSTERS_NAME = [
    ("node group", Resource("ng1", owner="myeks")),
    ("Auto Scaling group", Resource("eks-ng1-0a", tags={"eks:cluster-name": "myeks"})),
    ("load balancer", Resource("arn", tags={"elbv2.k8s.aws/cluster": "myeks"})),
    ("load balancer", Resource("arn", "myeks-ingress-alb")),
    ("Classic load balancer", Resource("a01", "a01", tags={"kubernetes.io/cluster/myeks": "owned"})),
    ("target group", Resource("arn", tags={"elbv2.k8s.aws/cluster": "myeks"})),
    ("security group", Resource("sg-1", "eks-cluster-sg-myeks-1236106569")),
    ("network interface", Resource("eni-1", "Amazon EKS myeks")),
    ("instance", Resource("i-1", tags={"eks:cluster-name": "myeks"})),
    ("volume", Resource("vol-1", tags={"kubernetes.io/cluster/myeks": "owned"})),
    ("snapshot", Resource("snap-1", tags={"ebs.csi.aws.com/cluster-name": "myeks"})),
    ("log group", Resource("/aws/eks/myeks/cluster", "/aws/eks/myeks/cluster")),
]


@pytest.mark.parametrize(("kind", "resource"), BY_CLUSTERS_NAME)
def test_a_clusters_name_counts_in_the_labs_vpc_and_in_no_other(kind: str, resource: Resource) -> None:
    assert claim(kind, replace(resource, vpc="vpc-1")) is Claim.NAME
    assert claim(kind, replace(resource, vpc="vpc-1"), NAMESAKE) is Claim.NAME
    assert claim(kind, replace(resource, vpc="vpc-2")) is None
    # The other cluster stands in the lab's own VPC.
    assert claim(kind, replace(resource, vpc="vpc-1"), replace(NAMESAKE, namesake_vpc="vpc-1")) is Claim.PLACE


@pytest.mark.parametrize(("kind", "resource"), BY_CLUSTERS_NAME)
def test_outside_of_a_vpc_a_clusters_name_counts_while_no_other_cluster_bears_it(kind: str, resource: Resource) -> None:
    for vpc in ("", "vpc-gone"):
        there = replace(resource, vpc=vpc)
        # Of what holds data nobody knows which cluster of that name left it.
        data = kind in ("volume", "snapshot", "log group")
        assert claim(kind, there) is (Claim.CLUSTER if data else Claim.NAME)
        assert claim(kind, there, NAMESAKE) is Claim.NAMESAKE
        assert claim(kind, replace(there, tags=OURS), NAMESAKE) is Claim.TAG


@pytest.mark.parametrize(
    ("claimed", "ours", "sure"),
    [
        (Claim.TAG, True, True),
        (Claim.NAME, True, True),
        (Claim.CLUSTER, True, False),
        (Claim.NAMESAKE, False, False),
        (Claim.PLACE, False, False),
    ],
)
def test_only_what_is_ours_may_go_and_only_what_is_sure_unseen(claimed: Claim, ours: bool, sure: bool) -> None:
    left = Leftover(KINDS[0], Resource("id"), Ownership(claimed, ""))
    assert (left.ours, left.sure) == (ours, sure)


def test_a_name_that_nothing_else_gives_counts_beside_a_namesake() -> None:
    assert claim("KMS alias", Resource("a", "alias/myeks-eks-secrets"), NAMESAKE) is Claim.NAME
    assert claim("schedule", Resource("s", "myeks-expiry-cluster"), NAMESAKE) is Claim.NAME


def test_every_endpoint_in_the_labs_vpc_is_the_labs() -> None:
    assert claim("VPC endpoint", Resource("vpce-1", tags={"GuardDutyManaged": "true"}, vpc="vpc-1")) is Claim.NAME
    assert claim("VPC endpoint", Resource("vpce-1", vpc="vpc-1")) is Claim.NAME
    assert claim("VPC endpoint", Resource("vpce-1", vpc="vpc-2")) is None
    assert claim("VPC endpoint", Resource("vpce-1", vpc="vpc-gone"), NAMESAKE) is None
    assert claim("security group", Resource("sg-1", "GuardDutyManagedSecurityGroup-vpc-1", vpc="vpc-1")) is Claim.NAME
    assert claim("security group", Resource("sg-1", "GuardDutyManagedSecurityGroup-vpc-2", vpc="vpc-2")) is None


@pytest.mark.parametrize(
    ("kind", "resource", "ours"),
    [
        ("cluster", Resource("myeks", "myeks"), False),
        ("cluster", Resource("myeks-2", "myeks-2"), False),
        ("node group", Resource("ng1", owner="myeks"), True),
        ("node group", Resource("ng1", owner="myeks-2"), False),
        ("load balancer", Resource("arn", "myeks-ingress-alb"), True),
        ("load balancer", Resource("arn", "myeks-2-ingress-alb"), False),
        ("load balancer", Resource("arn", "myeks-ingress-alb-2"), False),
        ("load balancer", Resource("arn", "myeks-ingress-alb", tags={"elbv2.k8s.aws/cluster": "x"}), False),
        ("Classic load balancer", Resource("myeks", "myeks"), False),
        (
            "Classic load balancer",
            Resource("a01", "a01", tags={"kubernetes.io/cluster/myeks-2": "owned"}, vpc="vpc-1"),
            False,
        ),
        ("target group", Resource("arn", "k8s-monitori-grafana-0123456789"), False),
        ("security group", Resource("sg-1", "eks-cluster-sg-myeks-1236106569"), True),
        ("security group", Resource("sg-1", "eks-cluster-sg-myeks-2-1236106569"), False),
        ("security group", Resource("sg-1", "eks-cluster-sg-myeks"), False),
        ("security group", Resource("sg-1", "myeks-ng1-remoteAccess"), False),
        ("security group", Resource("sg-1", "eksctl-myeks-nodegroup-ng1-remoteAccess"), False),
        ("security group", Resource("sg-1", "k8s-study-0123456789", vpc="vpc-1"), True),
        ("security group", Resource("sg-1", "k8s-traffic-myeks-0123456789", vpc="vpc-1"), True),
        ("security group", Resource("sg-1", f"k8s-elb-a{'0f' * 15}1", vpc="vpc-1"), True),
        ("security group", Resource("sg-1", f"k8s-elb-a{'0f' * 15}1", vpc="vpc-2"), False),
        ("security group", Resource("sg-1", "k8s-elb-mine", vpc="vpc-1"), False),
        ("security group", Resource("sg-1", "k8s-study-0123456789", vpc="vpc-2"), False),
        ("security group", Resource("sg-1", "k8s-study-0123456789", tags=OTHERS, vpc="vpc-1"), False),
        ("network interface", Resource("eni-1", "Amazon EKS myeks"), True),
        ("network interface", Resource("eni-1", "Amazon EKS myeks-2"), False),
        ("network interface", Resource("eni-1", "aws-K8S-i-0123456789abcdef0", vpc="vpc-1"), True),
        ("network interface", Resource("eni-1", "aws-K8S-i-0123456789abcdef0", vpc="vpc-2"), False),
        ("network interface", Resource("eni-1", "ELB app/myeks-ingress-alb/0123456789abcdef", vpc="vpc-1"), True),
        ("network interface", Resource("eni-1", "ELB app/myeks-ingress-alb/0123456789abcdef"), False),
        ("log group", Resource("/aws/eks/myeks/cluster", "/aws/eks/myeks/cluster"), True),
        ("log group", Resource("/aws/eks/myeks-2/cluster", "/aws/eks/myeks-2/cluster"), False),
        (
            "log group",
            Resource("/aws/containerinsights/myeks/dataplane", "/aws/containerinsights/myeks/dataplane"),
            True,
        ),
        ("log group", Resource("/aws/lambda/myeks/x", "/aws/lambda/myeks/x"), False),
        ("KMS alias", Resource("alias/myeks-eks-secrets", "alias/myeks-eks-secrets"), True),
        ("KMS alias", Resource("alias/myeks-2-eks-secrets", "alias/myeks-2-eks-secrets"), False),
        ("schedule", Resource("myeks-expiry-nodes", "myeks-expiry-nodes"), True),
        ("schedule", Resource("myeks-expiry-address-2", "myeks-expiry-address-2"), True),
        # Of a lab that is named myeks-expiry.
        ("schedule", Resource("myeks-expiry-expiry-nodes", "myeks-expiry-expiry-nodes"), False),
        ("role", Resource("myeks", "Nodes of myeks-ng1"), False),
        ("VPC", Resource("vpc-2", "myeks-VPC"), False),
        ("user", Resource("testuser", "testuser"), False),
    ],
)
def test_only_a_whole_name_is_a_claim(kind: str, resource: Resource, ours: bool) -> None:
    by_name = Claim.CLUSTER if BY_NAME[kind].data else Claim.NAME
    assert (claim(kind, resource) is by_name) is ours


def test_a_regular_expression_in_a_clusters_name_is_none() -> None:
    odd = LabIdentity("my_eks", "ap-northeast-2")
    resource = Resource("alias/my.eks-eks-secrets", "alias/my.eks-eks-secrets")
    assert classify(resource, BY_NAME["KMS alias"], odd, CONTEXT) is None


@pytest.mark.parametrize(
    "resource",
    [
        Resource("sg-1", "database", vpc="vpc-1"),
        Resource("pcx-1", vpc="vpc-9", peer_vpc="vpc-1"),
        Resource("sg-1", "database", tags=OTHERS, vpc="vpc-1"),
    ],
)
def test_what_stands_in_the_labs_vpc_is_only_told(resource: Resource) -> None:
    found = classify(resource, BY_NAME["security group"], LAB, CONTEXT)
    assert found is not None
    assert found.claim is Claim.PLACE
    assert "vpc-1" in found.evidence
    assert classify(Resource("sg-1", "database", vpc="vpc-2"), BY_NAME["security group"], LAB, CONTEXT) is None
