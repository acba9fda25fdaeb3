"""Whose a resource is, from its tags, its name and its place: the decision that everything else rests on.

It errs on the safe side, for `myeks` is what everybody calls their cluster. What the stack makes itself bears the
lab's tag, so that without it a name says nothing. What EKS and the controllers in a cluster make bears the cluster's
name: it counts in the lab's own VPC, never in another, and outside of any only while no cluster of that name stands
that is not the lab's. A tag that names another cluster outweighs every name; a name counts only where a whole,
unambiguous form of it fits (`myeks-2` begins with `myeks`, and is another lab); in IAM and Route 53, which know no
region, a cluster's name alone counts for nothing. What is merely in the lab's VPC is reported and never deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from infra.lab_tag import LAB_TAG
from operations.cleanup.model import Claim, Kind, LabIdentity, NameEvidence, Ownership, OwnershipContext, Resource

NAMING_TAGS: Final = (
    "aws:eks:cluster-name",
    "eks:cluster-name",
    "elbv2.k8s.aws/cluster",
    "ingress.k8s.aws/cluster",
    "cluster.k8s.amazonaws.com/name",
    "ebs.csi.aws.com/cluster-name",
    "KubernetesCluster",
)
"""Tags whose value is a cluster's name. Given by EKS, the AWS Load Balancer Controller (its
pkg/deploy/tracking/provider.go), the VPC CNI and the EBS CSI driver (their documentation of tags), seen 2026-11."""

CLUSTER_TAG: Final = "kubernetes.io/cluster/"
"""Followed by a cluster's name. Its value is `owned` for what goes with the cluster, and `shared` for a subnet or a
group that several clusters use (Amazon EKS User Guide, "Subnet tagging")."""


def classify(resource: Resource, kind: Kind, lab: LabIdentity, context: OwnershipContext) -> Ownership | None:
    """Why a resource is the lab's; None when it is not, or when that cannot be told."""
    ours, others = _owners(resource.tags, lab, everywhere=kind.everywhere)
    place = next((vpc for vpc in (resource.vpc, resource.peer_vpc) if vpc in context.vpcs), "")
    if LAB_TAG in ours and not others:
        return Ownership(Claim.TAG, f"tag {LAB_TAG}")
    named = kind.named(resource, lab, context)
    if kind.names is NameEvidence.NOTHING:
        if named:
            return Ownership(Claim.NAMESAKE, named)
    elif not others and (evidence := f"tag {ours[0]}" if ours else named):
        claim = _by_name(resource, kind, context)
        if claim:
            return Ownership(claim, evidence)
    return Ownership(Claim.PLACE, f"in {place}") if place else None


def _by_name(resource: Resource, kind: Kind, context: OwnershipContext) -> Claim | None:
    """What the cluster's name on a resource amounts to; None when it is another cluster's."""
    if kind.names is NameEvidence.LAB:
        return Claim.NAME
    if resource.vpc in context.vpcs:
        return Claim.NAME if resource.vpc != context.namesake_vpc else None
    if resource.vpc in context.other_vpcs:
        return None
    if context.namesake:
        return Claim.NAMESAKE
    return Claim.CLUSTER if kind.data else Claim.NAME


def _owners(tags: Mapping[str, str], lab: LabIdentity, *, everywhere: bool) -> tuple[list[str], list[str]]:
    """The tags that name this lab, and those that name another."""
    ours: list[str] = []
    others: list[str] = []
    for key, mine in _naming(tags, lab):
        if not mine:
            others.append(key)
        elif key == LAB_TAG or not everywhere:
            ours.append(key)
    return ours, others


def _naming(tags: Mapping[str, str], lab: LabIdentity) -> Iterator[tuple[str, bool]]:
    """Each tag that names an owner, and whether it names this lab; the lab's own tag first."""
    if LAB_TAG in tags:
        yield LAB_TAG, tags[LAB_TAG] == lab.id
    for key in NAMING_TAGS:
        if key in tags:
            yield key, tags[key] == lab.cluster
    for key, value in tags.items():
        if key.startswith(CLUSTER_TAG) and value != "shared":
            yield key, key.removeprefix(CLUSTER_TAG) == lab.cluster


def nameless(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """For a kind that only tags tell: its names are the engine's, a controller's, or none."""
    del resource, lab, context
    return ""


def _whole(pattern: str, resource: Resource, what: str = "name") -> str:
    return f"{what} {resource.name}" if re.fullmatch(pattern, resource.name) else ""


def cluster(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """A cluster's name is given once in a region and account; without the lab's tag somebody else has it."""
    del context
    return _whole(re.escape(lab.cluster), resource)


def of_cluster(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """What is listed under a cluster is the cluster's."""
    del context
    return f"cluster {lab.cluster}" if resource.owner == lab.cluster else ""


def balancer(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """The web pages' load balancer has the name that the Ingresses give it."""
    del context
    return _whole(f"{re.escape(lab.cluster)}-ingress-alb", resource)


def security_group(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """EKS's own group of the cluster, the load balancer controller's, a Classic load balancer's, and that of
    GuardDuty's endpoint in the VPC.

    The controller cuts and shortens names (pkg/ingress/model_build_managed_sg.go, pkg/networking/
    backend_sg_provider.go), and a Classic load balancer's group is named by a Service's UID (kubernetes/
    cloud-provider-aws, pkg/providers/v1/aws.go): these names say "this cluster" only within the lab's VPC.
    """
    name = re.escape(lab.cluster)
    if found := _whole(rf"eks-cluster-sg-{name}-[0-9]+", resource):
        return found
    if resource.vpc in context.vpcs:
        own = rf"k8s-[0-9A-Za-z-]+-[0-9a-f]{{10}}|k8s-elb-a[0-9a-f]{{31}}|GuardDutyManagedSecurityGroup-{resource.vpc}"
        return _whole(own, resource, f"in {resource.vpc}, name")
    return ""


def interface(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """By its description: EKS's name the cluster; the VPC CNI's and a load balancer's say so within its VPC."""
    if found := _whole(f"Amazon EKS {re.escape(lab.cluster)}", resource, "description"):
        return found
    if resource.vpc in context.vpcs:
        return _whole(r"aws-K8S-i-[0-9a-f]+|ELB (app|net)/.+|ELB [^/]+", resource, f"in {resource.vpc}, description")
    return ""


def endpoint(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """The stack makes none: GuardDuty does, for the agents in a VPC, and whoever works in it; none outlives the VPC."""
    del lab
    return f"in {resource.vpc}" if resource.vpc in context.vpcs else ""


def log_group(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """EKS and Container Insights name theirs after the cluster, between slashes."""
    del context
    return _whole(rf"/aws/(eks|containerinsights)/{re.escape(lab.cluster)}/.+", resource)


def key_alias(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """An alias bears no tags, and the lab's has the cluster's name."""
    del context
    return _whole(f"alias/{re.escape(lab.cluster)}-eks-secrets", resource)


def schedule(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """A schedule bears no tags either; those of the lab's end have its name."""
    del context
    return _whole(rf"{re.escape(lab.cluster)}-expiry-(nodes|cluster|(instance|nat|address)-[0-9]+)", resource)
