"""Whose a thing is: tags, names and places, for this lab, its neighbours and nobody."""

import pytest

from infra.leftovers import KINDS, Kind, Lab, Thing
from infra.leftovers.belonging import belonging
from infra.leftovers.model import Claim, Surroundings

LAB = Lab("myeks", "ap-northeast-2", "example.com", "Z0123456789ABCDEFGHIJ")
AROUND = Surroundings(vpcs=frozenset({"vpc-1"}), balancers=frozenset({"k8s-mine-1.ap-northeast-2.elb.amazonaws.com"}))
BY_NAME = {kind.name: kind for kind in KINDS}
OURS = {"myeks:lab": "ap-northeast-2/myeks"}
OTHERS = {"myeks:lab": "ap-northeast-2/myeks-2"}


def claim(kind: str, thing: Thing) -> Claim | None:
    found = belonging(thing, BY_NAME[kind], LAB, AROUND)
    return found.claim if found else None


def regional() -> list[Kind]:
    return [kind for kind in KINDS if not kind.everywhere]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_labs_own_tag_is_a_claim_to_every_kind(kind: Kind) -> None:
    assert claim(kind.name, Thing("id", tags=OURS)) is Claim.TAG
    assert claim(kind.name, Thing("id", tags=OTHERS)) is None
    assert claim(kind.name, Thing("id", tags={"myeks:lab": "eu-west-1/myeks"})) is None
    assert claim(kind.name, Thing("id", tags={"Project": "myeks", "Name": "myeks"})) is None
    assert claim(kind.name, Thing("id")) is None


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
def test_a_clusters_tags_are_a_claim_where_there_is_a_region(tags: dict[str, str], ours: bool) -> None:
    for kind in regional():
        assert (claim(kind.name, Thing("id", tags=tags)) is Claim.TAG) is ours, kind.name
    for kind in set(KINDS) - set(regional()):
        assert (claim(kind.name, Thing("id", tags=tags)) is Claim.TAG) is (ours and "myeks:lab" in tags), kind.name


@pytest.mark.parametrize(
    ("kind", "thing", "ours"),
    [
        ("cluster", Thing("myeks", "myeks"), True),
        ("cluster", Thing("myeks-2", "myeks-2"), False),
        ("node group", Thing("ng1", owner="myeks"), True),
        ("node group", Thing("ng1", owner="myeks-2"), False),
        ("load balancer", Thing("arn", "myeks-ingress-alb"), True),
        ("load balancer", Thing("arn", "myeks-2-ingress-alb"), False),
        ("load balancer", Thing("arn", "myeks-ingress-alb-2"), False),
        ("load balancer", Thing("arn", "myeks-ingress-alb", tags={"elbv2.k8s.aws/cluster": "x"}), False),
        ("target group", Thing("arn", "k8s-monitori-grafana-0123456789"), False),
        ("security group", Thing("sg-1", "eks-cluster-sg-myeks-1236106569"), True),
        ("security group", Thing("sg-1", "eks-cluster-sg-myeks-2-1236106569"), False),
        ("security group", Thing("sg-1", "eks-cluster-sg-myeks"), False),
        ("security group", Thing("sg-1", "myeks-ng1-remoteAccess"), True),
        ("security group", Thing("sg-1", "eksctl-myeks-nodegroup-ng1-remoteAccess"), False),
        ("security group", Thing("sg-1", "k8s-study-0123456789", vpc="vpc-1"), True),
        ("security group", Thing("sg-1", "k8s-traffic-myeks-0123456789", vpc="vpc-1"), True),
        ("security group", Thing("sg-1", "k8s-study-0123456789", vpc="vpc-2"), False),
        ("security group", Thing("sg-1", "k8s-study-0123456789", tags=OTHERS, vpc="vpc-1"), False),
        ("network interface", Thing("eni-1", "Amazon EKS myeks"), True),
        ("network interface", Thing("eni-1", "Amazon EKS myeks-2"), False),
        ("network interface", Thing("eni-1", "aws-K8S-i-0123456789abcdef0", vpc="vpc-1"), True),
        ("network interface", Thing("eni-1", "aws-K8S-i-0123456789abcdef0", vpc="vpc-2"), False),
        ("network interface", Thing("eni-1", "ELB app/myeks-ingress-alb/0123456789abcdef", vpc="vpc-1"), True),
        ("network interface", Thing("eni-1", "ELB app/myeks-ingress-alb/0123456789abcdef"), False),
        ("log group", Thing("/aws/eks/myeks/cluster", "/aws/eks/myeks/cluster"), True),
        ("log group", Thing("/aws/eks/myeks-2/cluster", "/aws/eks/myeks-2/cluster"), False),
        ("log group", Thing("/aws/containerinsights/myeks/dataplane", "/aws/containerinsights/myeks/dataplane"), True),
        ("log group", Thing("/aws/lambda/myeks/x", "/aws/lambda/myeks/x"), False),
        ("KMS alias", Thing("alias/myeks-eks-secrets", "alias/myeks-eks-secrets"), True),
        ("KMS alias", Thing("alias/myeks-2-eks-secrets", "alias/myeks-2-eks-secrets"), False),
        ("schedule", Thing("myeks-expiry-nodes", "myeks-expiry-nodes"), True),
        ("schedule", Thing("myeks-expiry-address-2", "myeks-expiry-address-2"), True),
        # Of a lab that is named myeks-expiry.
        ("schedule", Thing("myeks-expiry-expiry-nodes", "myeks-expiry-expiry-nodes"), False),
        ("role", Thing("myeks", "Nodes of myeks-ng1"), False),
        ("VPC", Thing("vpc-2", "myeks-VPC"), False),
        ("user", Thing("testuser", "testuser"), False),
    ],
)
def test_only_a_whole_name_is_a_claim(kind: str, thing: Thing, ours: bool) -> None:
    assert (claim(kind, thing) is Claim.NAME) is ours


def test_a_regular_expression_in_a_clusters_name_is_none() -> None:
    odd = Lab("my_eks", "ap-northeast-2")
    thing = Thing("alias/my.eks-eks-secrets", "alias/my.eks-eks-secrets")
    assert belonging(thing, BY_NAME["KMS alias"], odd, AROUND) is None


@pytest.mark.parametrize(
    "thing",
    [
        Thing("sg-1", "database", vpc="vpc-1"),
        Thing("pcx-1", vpc="vpc-9", peer_vpc="vpc-1"),
        Thing("sg-1", "database", tags=OTHERS, vpc="vpc-1"),
    ],
)
def test_what_stands_in_the_labs_vpc_is_only_told(thing: Thing) -> None:
    found = belonging(thing, BY_NAME["security group"], LAB, AROUND)
    assert found is not None
    assert found.claim is Claim.PLACE
    assert "vpc-1" in found.evidence
    assert belonging(Thing("sg-1", "database", vpc="vpc-2"), BY_NAME["security group"], LAB, AROUND) is None
