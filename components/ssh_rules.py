"""The security group rules by which the operator comes by SSH."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi
from pulumi_aws import ec2, vpc

from components.base import Tags


def ssh_rules(
    name: str, group: ec2.SecurityGroup, cidrs: Iterable[str], tags: Tags, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """One rule a range, named after it: removing one of several must not disturb the others."""
    return [
        vpc.SecurityGroupIngressRule(
            f"{name}-ssh-{cidr.replace('/', '-')}",
            security_group_id=group.id,
            description="SSH from the operator",
            ip_protocol="tcp",
            from_port=22,
            to_port=22,
            cidr_ipv4=cidr,
            tags=tags,
            opts=opts,
        )
        for cidr in cidrs
    ]
