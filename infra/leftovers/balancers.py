"""Load balancers and target groups, which the AWS Load Balancer Controller makes for Ingresses and Services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from infra.leftovers import belonging
from infra.leftovers.answers import pages, tags, when
from infra.leftovers.model import Client, Kind, Lab, Thing

_MOST_ARNS = 20
"""That DescribeTags takes at a time."""


def _tags(elbv2: Any, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(arns), _MOST_ARNS):
        for each in elbv2.describe_tags(ResourceArns=list(arns[start : start + _MOST_ARNS]))["TagDescriptions"]:
            found[each["ResourceArn"]] = tags(each["Tags"])
    return found


def _balancers(client: Client, lab: Lab) -> Iterator[Thing]:
    del lab
    elbv2 = client("elbv2")
    found = list(pages(elbv2, "describe_load_balancers", "LoadBalancers"))
    known = _tags(elbv2, [each["LoadBalancerArn"] for each in found])
    for each in found:
        yield Thing(
            id=each["LoadBalancerArn"],
            name=each["LoadBalancerName"],
            tags=known.get(each["LoadBalancerArn"], {}),
            size=f"{each.get('Type', '')}, {each.get('Scheme', '')}",
            created=when(each.get("CreatedTime")),
            vpc=each.get("VpcId", ""),
            state=each.get("State", {}).get("Code", ""),
            raw={"DNSName": each.get("DNSName", "")},
        )


def _target_groups(client: Client, lab: Lab) -> Iterator[Thing]:
    del lab
    elbv2 = client("elbv2")
    found = list(pages(elbv2, "describe_target_groups", "TargetGroups"))
    known = _tags(elbv2, [each["TargetGroupArn"] for each in found])
    for each in found:
        yield Thing(
            id=each["TargetGroupArn"],
            name=each["TargetGroupName"],
            tags=known.get(each["TargetGroupArn"], {}),
            vpc=each.get("VpcId", ""),
        )


def _delete_balancer(client: Client, thing: Thing) -> None:
    client("elbv2").delete_load_balancer(LoadBalancerArn=thing.id)


def _delete_target_group(client: Client, thing: Thing) -> None:
    client("elbv2").delete_target_group(TargetGroupArn=thing.id)


BALANCERS = Kind(
    "load balancer",
    "load balancers",
    "elbv2",
    ("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags"),
    "billed by the hour, with addresses; keeps the VPC",
    _balancers,
    _delete_balancer,
    belonging.balancer,
)
TARGET_GROUPS = Kind(
    "target group",
    "target groups",
    "elbv2",
    ("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTags"),
    "costs nothing; the region takes 3,000",
    _target_groups,
    _delete_target_group,
    belonging.nameless,
)
KINDS = (BALANCERS, TARGET_GROUPS)
