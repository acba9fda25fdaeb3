"""Load balancers and target groups: the AWS Load Balancer Controller's, and Classic ones.

A Service of type LoadBalancer that names no controller gets a Classic load balancer from the cloud controller manager
that EKS runs (kubernetes/cloud-provider-aws, pkg/providers/v1, seen 2026-11): the lab has the load balancer
controller's webhook for Services off. Its name says nothing, its tag `kubernetes.io/cluster/NAME` says whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from clients.aws_responses import pages, tags, when
from operations.cleanup import ownership
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, Resource

_MOST_ARNS = 20
"""ARNs, or names of Classic ones, that DescribeTags takes at a time."""


def _tags(elbv2: Any, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(arns), _MOST_ARNS):
        for each in elbv2.describe_tags(ResourceArns=list(arns[start : start + _MOST_ARNS]))["TagDescriptions"]:
            found[each["ResourceArn"]] = tags(each["Tags"])
    return found


def _balancers(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    elbv2 = client("elbv2")
    found = list(pages(elbv2, "describe_load_balancers", "LoadBalancers"))
    known = _tags(elbv2, [each["LoadBalancerArn"] for each in found])
    for each in found:
        yield Resource(
            id=each["LoadBalancerArn"],
            name=each["LoadBalancerName"],
            tags=known.get(each["LoadBalancerArn"], {}),
            size=f"{each.get('Type', '')}, {each.get('Scheme', '')}",
            created=when(each.get("CreatedTime")),
            vpc=each.get("VpcId", ""),
            state=each.get("State", {}).get("Code", ""),
            raw={"DNSName": each.get("DNSName", "")},
        )


def _target_groups(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    elbv2 = client("elbv2")
    found = list(pages(elbv2, "describe_target_groups", "TargetGroups"))
    known = _tags(elbv2, [each["TargetGroupArn"] for each in found])
    for each in found:
        yield Resource(
            id=each["TargetGroupArn"],
            name=each["TargetGroupName"],
            tags=known.get(each["TargetGroupArn"], {}),
            vpc=each.get("VpcId", ""),
        )


def classic(client: ClientFactory) -> Iterator[Resource]:
    """Every Classic load balancer of the region, with its tags; raises ClientError or BotoCoreError."""
    elb = client("elb")
    found = list(pages(elb, "describe_load_balancers", "LoadBalancerDescriptions"))
    names = [each["LoadBalancerName"] for each in found]
    known: dict[str, dict[str, str]] = {}
    for start in range(0, len(names), _MOST_ARNS):
        asked = elb.describe_tags(LoadBalancerNames=names[start : start + _MOST_ARNS])
        known |= {each["LoadBalancerName"]: tags(each.get("Tags")) for each in asked["TagDescriptions"]}
    for each in found:
        yield Resource(
            id=each["LoadBalancerName"],
            name=each["LoadBalancerName"],
            tags=known.get(each["LoadBalancerName"], {}),
            size=f"classic, {each.get('Scheme', '')}",
            created=when(each.get("CreatedTime")),
            vpc=each.get("VPCId", ""),
            raw={"DNSName": each.get("DNSName", "")},
        )


def _delete_balancer(client: ClientFactory, resource: Resource) -> None:
    client("elbv2").delete_load_balancer(LoadBalancerArn=resource.id)


def _delete_target_group(client: ClientFactory, resource: Resource) -> None:
    client("elbv2").delete_target_group(TargetGroupArn=resource.id)


BALANCERS = Kind(
    "load balancer",
    "load balancers",
    "elbv2",
    ("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags"),
    "billed by the hour, with addresses; keeps the VPC",
    _balancers,
    _delete_balancer,
    ownership.balancer,
)
CLASSIC_BALANCERS = Kind(
    "Classic load balancer",
    "Classic load balancers",
    "elb",
    ("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags"),
    "billed by the hour, with addresses; keeps the VPC",
    lambda client, _: classic(client),
    lambda client, resource: client("elb").delete_load_balancer(LoadBalancerName=resource.id),
    ownership.nameless,
)
TARGET_GROUPS = Kind(
    "target group",
    "target groups",
    "elbv2",
    ("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTags"),
    "costs nothing; the region takes 3,000",
    _target_groups,
    _delete_target_group,
    ownership.nameless,
)
KINDS = (BALANCERS, CLASSIC_BALANCERS, TARGET_GROUPS)
