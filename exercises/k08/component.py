"""What exercise K08 has at AWS at each stage: the shop's key in Secrets Manager, and a role for the account shop alone,
by EKS Pod Identity. Whether the shop takes it from there is what the stages differ in."""

from __future__ import annotations

from dataclasses import dataclass, field

import pulumi
from pulumi_aws import iam, secretsmanager

from components.base import Component, Tags
from components.pod_identity_role import PodIdentityRole, PodIdentityRoleArgs
from components.policies import Scope, Statement, document
from exercises.k08.names import NAMESPACE, SHOP, VALUE, at_aws
from exercises.shared.fixture import Context, Fixture


@dataclass(frozen=True)
class PaymentKeyArgs:
    """The cluster, which must run the add-on eks-pod-identity-agent."""

    cluster_name: pulumi.Input[str]
    scope: Scope
    tags: Tags = field(default_factory=dict[str, str])


class PaymentKey(Component):
    """The secret, its value, and the role that reads it; what starts the shop's pods comes after this."""

    def __init__(self, name: str, args: PaymentKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("PaymentKey", name, opts)
        secret = secretsmanager.Secret(
            f"{name}-payment",
            name=pulumi.Output.from_input(args.cluster_name).apply(at_aws),
            description="An invented key for payments, of exercise K08",
            # It is deleted at once: a deletion that can be taken back would keep its name for a week at least.
            recovery_window_in_days=0,
            tags=args.tags,
            opts=self.child(),
        )
        value = secretsmanager.SecretVersion(
            f"{name}-payment-value", secret_id=secret.id, secret_string=VALUE, opts=self.child()
        )
        reads = Statement("ReadPaymentKey", ("secretsmanager:GetSecretValue",), (secret.arn,))
        policy = iam.Policy(
            f"{name}-payment-policy",
            description=f"Exercise K08: the account {SHOP} reads its key",
            policy=document([reads], args.scope),
            tags=args.tags,
            opts=self.child(),
        )
        PodIdentityRole(
            f"{name}-shop",
            PodIdentityRoleArgs(
                cluster_name=args.cluster_name,
                namespace=NAMESPACE,
                service_account=SHOP,
                policies={"payment": policy.arn},
                tags=args.tags,
            ),
            opts=self.child([value]),
        )
        self.register_outputs({})


def build(context: Context) -> Fixture:
    """What its pods need at a stage."""
    args = PaymentKeyArgs(context.cluster.cluster_name, context.scope, context.tags)
    return Fixture(needed_by_pods=[PaymentKey("k08", args, context.opts)])
