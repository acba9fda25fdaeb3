"""Exercise IRSA: the same question to AWS from three pods, of which one has an IAM role.

The stage `account` has the role and the service account alone, as `eksctl create iamserviceaccount` leaves them.
Stage `on` adds the pods: eks-iam-test1 has no service-account token and eks-iam-test2 that of `default`, so that both
are the node to AWS, which denies them S3. eks-iam-test3 runs as `my-sa`, whose role may read S3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.core.v1 import ServiceAccount

from components.base import Component, Tags
from components.irsa_role import IrsaRole, IrsaRoleArgs, OidcProvider
from components.policies import Scope
from exercises.shared import await_injected_role
from exercises.shared.aws_cli_pods import NAMESPACE, listing_buckets, policies, sleeping
from exercises.shared.fixture import Context, Fixture
from exercises.shared.pods import pod

SERVICE_ACCOUNT = "my-sa"


@dataclass(frozen=True)
class IrsaExerciseArgs:
    """The cluster's OIDC provider, and the pods' image."""

    image: str
    """Image whose entrypoint is the AWS CLI, with a shell."""

    oidc_provider: OidcProvider
    kubeconfig: pulumi.Input[str]
    """JSON text of a kubeconfig, by which the API server is asked whether pods get the role."""

    scope: Scope
    pods: bool = True
    """Whether the three pods are there too."""

    wide: bool = False
    """Whether every service account of the cluster may take the role: stage wide."""

    tags: Tags = field(default_factory=dict[str, str])


class IrsaExercise(Component):
    """Role, service account and, if asked for, pods; needs the cluster's Kubernetes provider in `opts`."""

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: IrsaExerciseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("IrsaExercise", name, opts)
        role = IrsaRole(
            f"{name}-sa",
            IrsaRoleArgs(
                oidc_provider=args.oidc_provider,
                namespace=NAMESPACE,
                service_account=SERVICE_ACCOUNT,
                managed_policies=policies(args.scope.partition),
                scope=args.scope,
                any_account=args.wide,
                tags=args.tags,
            ),
            opts=self.child(),
        )
        account = role.service_account(f"{name}-account", self.child())
        if args.pods:
            self._pods(name, args, role, account)
        self.role_arn = role.arn
        self.register_outputs({"roleArn": self.role_arn})

    def _pods(self, name: str, args: IrsaExerciseArgs, role: IrsaRole, account: ServiceAccount) -> None:
        pod(f"{name}-test1", listing_buckets(1, args.image), self.child(delete_before_replace=True))
        pod(f"{name}-test2", sleeping(2, args.image), self.child(delete_before_replace=True))
        told = role.arn.apply(await_injected_role.annotation)
        pod(
            f"{name}-test3",
            sleeping(3, args.image, account.metadata.apply(lambda metadata: metadata.name or "")),
            # The webhook writes the role's ARN into the pod once; a pod made for another role keeps the old one.
            self.child(
                [role],
                delete_before_replace=True,
                replacement_trigger=role.arn,
                before_create=await_injected_role.hook(f"{name}-role-injected", args.kubeconfig, told),
            ),
        )


def build(context: Context) -> Fixture:
    """The exercise at a stage."""
    made = IrsaExercise(
        "irsa",
        IrsaExerciseArgs(
            image=context.aws_cli_image,
            oidc_provider=context.cluster.oidc_provider,
            kubeconfig=context.cluster.own_kubeconfig,
            scope=context.scope,
            pods=context.stage == "on",
            wide=context.stage == "wide",
            tags=context.tags,
        ),
        context.opts,
    )
    return Fixture(made.role_arn)
