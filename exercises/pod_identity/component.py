"""Exercise Pod Identity: the pod eks-iam-test4 has an IAM role by an association, without an OIDC provider and
without an annotation.

At stage `wide` the role's trust policy does not look at whose pod it is, and an association that nobody needs hands the
role to a service account of another namespace, which every cluster has.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pulumi
from pulumi_aws import eks
from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.base import Component, Tags
from components.pod_identity_role import PodIdentityRole, PodIdentityRoleArgs
from exercises.shared import await_injected_role
from exercises.shared.aws_cli_pods import NAMESPACE, policies, sleeping
from exercises.shared.fixture import Context, Fixture
from exercises.shared.pods import pod

SERVICE_ACCOUNT = "pod-identity-sa"
STRANGER = ("kube-public", "default")
"""Namespace and name of the service account that gets the role too at stage wide: one that every cluster has, and none
of namespace default, where exercise irsa asks two other pods."""


@dataclass(frozen=True)
class PodIdentityExerciseArgs:
    """The cluster, which must run the add-on eks-pod-identity-agent, and the pod's image."""

    image: str
    """Image whose entrypoint is the AWS CLI, with a shell."""

    cluster_name: pulumi.Input[str]
    kubeconfig: pulumi.Input[str]
    """JSON text of a kubeconfig, by which the API server is asked whether it knows the association."""

    partition: pulumi.Input[str]
    wide: bool = False
    """Whether every association of the account may hand the role out, and a second one does: stage wide."""

    tags: Tags = field(default_factory=dict[str, str])


class PodIdentityExercise(Component):
    """Role, association, service account and pod; needs the cluster's Kubernetes provider in `opts`."""

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: PodIdentityExerciseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("PodIdentityExercise", name, opts)
        role = PodIdentityRole(
            f"{name}-sa",
            PodIdentityRoleArgs(
                cluster_name=args.cluster_name,
                namespace=NAMESPACE,
                service_account=SERVICE_ACCOUNT,
                policies=policies(args.partition),
                any_account=args.wide,
                tags=args.tags,
            ),
            opts=self.child(),
        )
        if args.wide:
            eks.PodIdentityAssociation(
                f"{name}-stranger",
                cluster_name=args.cluster_name,
                namespace=STRANGER[0],
                service_account=STRANGER[1],
                role_arn=role.arn,
                tags=args.tags,
                opts=self.child([role]),
            )
        account = ServiceAccount(
            f"{name}-account",
            metadata=ObjectMetaArgs(name=SERVICE_ACCOUNT, namespace=NAMESPACE),
            opts=self.child(),
        )
        pod(
            f"{name}-test4",
            sleeping(4, args.image, account.metadata.apply(lambda metadata: metadata.name or "")),
            # Whether there is an association is looked up when the pod is created. Which role it leads to is asked
            # with every use, so that a new role needs no new pod.
            self.child(
                [role],
                delete_before_replace=True,
                before_create=await_injected_role.hook(
                    f"{name}-role-injected", args.kubeconfig, await_injected_role.ASSOCIATION
                ),
            ),
        )
        self.role_arn = role.arn
        self.register_outputs({"roleArn": self.role_arn})


def build(context: Context) -> Fixture:
    """The exercise at a stage."""
    made = PodIdentityExercise(
        "pod-identity",
        PodIdentityExerciseArgs(
            image=context.aws_cli_image,
            cluster_name=context.cluster.cluster_name,
            kubeconfig=context.cluster.own_kubeconfig,
            partition=context.scope.partition,
            wide=context.stage == "wide",
            tags=context.tags,
        ),
        context.opts,
    )
    return Fixture(made.role_arn)
