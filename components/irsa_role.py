"""An IAM role for one Kubernetes service account, by the cluster's OIDC provider (IRSA).

The service account names its role in an annotation. EKS's webhook reads it when a pod is created and never
again: what starts the pods comes after the annotated account, and a pod whose role is replaced must be replaced too.

The role's name is chosen by the engine: a replaced role then has a new ARN, and no trust or mapping
elsewhere can go on meaning the old one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import iam
from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.base import Component, Tags
from components.policies import Scope, Statement, document, web_identity_trust


@dataclass(frozen=True)
class OidcProvider:
    """A cluster's IAM OIDC provider."""

    arn: pulumi.Input[str]
    issuer: pulumi.Input[str]
    """The issuer without `https://`."""


@dataclass(frozen=True)
class IrsaRoleArgs:
    """Who may take the role, and what it may do."""

    oidc_provider: OidcProvider
    namespace: str
    service_account: str
    scope: Scope
    any_account: bool = False
    """Whether every service account of the cluster may take it: an exercise's mistake."""

    statements: Sequence[Statement] = ()
    """Statements of the role's own policy; empty: none is made."""

    managed_policies: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Short name → ARN of an existing policy."""

    tags: Tags = field(default_factory=dict[str, str])


class IrsaRole(Component):
    """Role, policy and attachments; depend on the component to have them all."""

    arn: pulumi.Output[str]
    annotations: dict[str, pulumi.Output[str]]
    """What tells EKS that the service account has this role."""

    def __init__(self, name: str, args: IrsaRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("IrsaRole", name, opts)
        self._args = args
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=web_identity_trust(
                args.oidc_provider.arn,
                args.oidc_provider.issuer,
                args.namespace,
                args.service_account,
                any_account=args.any_account,
            ),
            description=f"{args.namespace}/{args.service_account} by IRSA",
            tags=args.tags,
            opts=self.child(),
        )
        policies = dict(args.managed_policies)
        if args.statements:
            own = iam.Policy(
                f"{name}-policy",
                policy=document(args.statements, args.scope),
                description=f"For {args.namespace}/{args.service_account}",
                tags=args.tags,
                opts=self.child(),
            )
            policies["own"] = own.arn
        for short, policy_arn in policies.items():
            iam.RolePolicyAttachment(f"{name}-{short}", role=role.name, policy_arn=policy_arn, opts=self.child())
        self.arn = role.arn
        self.annotations = {"eks.amazonaws.com/role-arn": role.arn}
        self.register_outputs({"arn": self.arn})

    def service_account(self, name: str, opts: pulumi.ResourceOptions) -> ServiceAccount:
        """The annotated service account, where no chart makes it.

        Args:
            name: logical name.
            opts: with the cluster's Kubernetes provider, or the parent that has it.
        """
        return ServiceAccount(
            name,
            metadata=ObjectMetaArgs(
                name=self._args.service_account, namespace=self._args.namespace, annotations=self.annotations
            ),
            opts=opts,
        )
