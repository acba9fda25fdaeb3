"""An IAM role for one Kubernetes service account, by an EKS Pod Identity association.

No OIDC provider and no annotation: the cluster's eks-pod-identity-agent hands out the credentials. So an
add-on can have its role before its own version or configuration is known, and vpc-cni can have one at all
(its add-on is made together with the cluster, when there is no issuer to trust yet).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import eks, iam

from components.base import Component, Tags
from components.policies import pod_identity_trust


@dataclass(frozen=True)
class PodIdentityRoleArgs:
    """Who gets the role, and what it may do."""

    cluster_name: pulumi.Input[str]
    namespace: str
    service_account: str
    policies: Mapping[str, pulumi.Input[str]]
    """Short name → ARN of a policy."""

    any_account: bool = False
    """Whether every association of the account may hand the role out: the mistake that exercise pod-identity is
    about."""

    tags: Tags = field(default_factory=dict[str, str])


class PodIdentityRole(Component):
    """Role, attachments and association; depend on the component to have them all.

    A pod gets its credentials at creation only: what starts the pods comes after this.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: PodIdentityRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("PodIdentityRole", name, opts)
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=pod_identity_trust(args.namespace, args.service_account, any_account=args.any_account),
            description=f"{args.namespace}/{args.service_account} by EKS Pod Identity",
            tags=args.tags,
            opts=self.child(),
        )
        attachments = [
            iam.RolePolicyAttachment(f"{name}-{short}", role=role.name, policy_arn=arn, opts=self.child())
            for short, arn in args.policies.items()
        ]
        eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            tags=args.tags,
            # The first credentials that the agent hands out already carry the rights.
            opts=self.child(attachments),
        )
        self.arn = role.arn
        self.register_outputs({"arn": self.arn})
