"""IAM roles of the cluster and of its nodes, made by the component or handed to it.

Names and policies as in pulumi-eks 4.4.0 (nodejs/eks/servicerole.ts, cluster/cluster.ts).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi

from rehearsal.providers.eks.children import Child, CustomReference, Inputs, compact
from rehearsal.providers.protocol import ProviderError


class ServiceRole(pulumi.ComponentResource):
    """A role for an AWS service, and the managed policies attached to it."""

    def __init__(
        self,
        name: str,
        service: str,
        policies: Sequence[str],
        parent: pulumi.Resource,
        *,
        partition: pulumi.Output[str],
        description: str | None = None,
        actions: Sequence[str] = ("sts:AssumeRole",),
        tags: Any = None,
    ) -> None:
        super().__init__("eks:index:ServiceRole", name, {}, pulumi.ResourceOptions(parent=parent))
        statement = {"Action": list(actions), "Effect": "Allow", "Principal": {"Service": [service]}}
        own = pulumi.ResourceOptions(parent=self)
        self.role = Child(
            "aws:iam/role:Role",
            f"{name}-role",
            {
                "description": description,
                "assumeRolePolicy": compact({"Version": "2012-10-17", "Statement": [statement]}),
                "tags": tags,
            },
            ("arn", "name"),
            own,
        )
        self.attachments = [
            Child(
                "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
                f"{name}-{_short_hash(f'arn:aws:iam::aws:policy/{policy}')}",
                {
                    "policyArn": partition.apply(lambda part, policy=policy: f"arn:{part}:iam::aws:policy/{policy}"),
                    "role": self.role.get("name"),
                },
                (),
                own,
            )
            for policy in policies
        ]
        self.register_outputs({"resolvedRole": self.role, "directRole": self.role})


def _short_hash(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]


def role_arn(role: Any) -> pulumi.Output[str]:
    """The ARN of a role given as a resource, or an output of one. Raises ProviderError otherwise."""
    return pulumi.Output.from_input(role).apply(lambda known: _as_role(known).get("arn"))


def _as_role(role: Any) -> CustomReference:
    if not isinstance(role, CustomReference):
        raise ProviderError(f"A role was given as '{role}', not as the aws.iam.Role itself. Pass the resource.")
    return role


@dataclass(frozen=True)
class InstanceRoles:
    """The nodes' roles: as resources, as ARNs, and as access entries where the nodes need one."""

    roles: Any
    arns: pulumi.Output[list[str]]
    profile: Child | None = None
    entries: dict[str, Inputs] = field(default_factory=dict)

    @classmethod
    def given(cls, roles: Any, default: Any = None) -> InstanceRoles:
        """Roles from the program; `default` is the one that nodes without a role of their own would take."""

        def arns(known: list[Any]) -> pulumi.Output[list[str]]:
            found = pulumi.Output.all(*(_as_role(role).get("arn") for role in known))
            return cast("pulumi.Output[list[str]]", found)

        entries = {} if default is None else _node_entry(role_arn(default))
        return cls(roles, pulumi.Output.from_input(roles).apply(arns), None, entries)

    @classmethod
    def created(cls, name: str, partition: pulumi.Output[str], tags: Any, parent: pulumi.Resource) -> InstanceRoles:
        """A role with what EKS nodes need, and its instance profile."""
        service = ServiceRole(
            f"{name}-instanceRole",
            "ec2.amazonaws.com",
            ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"),
            parent,
            partition=partition,
            tags=tags,
        )
        profile = Child(
            "aws:iam/instanceProfile:InstanceProfile",
            f"{name}-instanceProfile",
            {"role": service.role.get("name")},
            (),
            pulumi.ResourceOptions(parent=parent, depends_on=[*service.attachments]),
        )
        arn = service.role.get("arn")
        return cls([service.role], arn.apply(lambda known: [known]), profile, _node_entry(arn))


def _node_entry(arn: Any) -> dict[str, Inputs]:
    return {"defaultNodeGroupInstanceRole": {"principalArn": arn, "type": "EC2_LINUX"}}
