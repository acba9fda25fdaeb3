"""Which exercises stand at which stage: the settings, turned into components.

Two calls, because testuser is made before the cluster, whose ConfigMap aws-auth may map the user, and all else
after it. Any stage can follow any other: what a stage does not have is deleted in the order of the edges, the
pods before their service accounts and roles, the access entry and the mapping before the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_eks

from components.cluster import Cluster
from components.node_group import NodeGroupArgs
from components.policies import Scope
from exercises.catalogue import EXERCISES, OFF
from exercises.crypto.component import CryptoExercise, CryptoExerciseArgs
from exercises.identity_mapping.component import ExerciseUser, ExerciseUserArgs, ViewEntry, ViewEntryArgs, user_mappings
from exercises.irsa.component import IrsaExercise, IrsaExerciseArgs
from exercises.k07.component import OwnNode, OwnNodeArgs
from exercises.k07.names import NODE_GROUP
from exercises.k08.component import PaymentKey, PaymentKeyArgs
from exercises.objects import CLUSTER_NAME, IMAGES, at_stage
from exercises.pod_identity.component import PodIdentityExercise, PodIdentityExerciseArgs
from exercises.rbac.component import STAGES, RbacExercise, RbacExerciseArgs
from exercises.shared.manifest_exercise import ManifestExercise, ManifestExerciseArgs
from grading.check import ExerciseName
from infra import versions
from infra.config.model import LabConfig


@dataclass(frozen=True)
class Testuser:
    """testuser, if an exercise has them, and what aws-auth is to tell of them."""

    user: ExerciseUser | None = None
    mappings: Sequence[pulumi_eks.UserMappingArgs] = ()

    @property
    def arn(self) -> pulumi.Input[str]:
        """The user's ARN; empty without one."""
        return self.user.arn if self.user else ""


@dataclass(frozen=True)
class Fixtures:
    """What was made for the exercises, for the outputs."""

    testuser: Testuser
    role_arns: Mapping[str, pulumi.Output[str]]
    """Name of an exercise that has an IAM role → the role's ARN."""


def testuser(config: LabConfig, scope: Scope) -> Testuser:
    """The IAM user, unless the exercise is off; needs no cluster."""
    stage = config.exercises.stages()["identity-mapping"]
    if stage == OFF:
        return Testuser()
    user = ExerciseUser(
        "testuser",
        ExerciseUserArgs(
            cluster_name=config.cluster_name,
            scope=scope,
            boundary=config.exercises.testuser_boundary,
            tags=config.tags,
        ),
    )
    return Testuser(user, user_mappings(stage, user))


def own_node_group(config: LabConfig) -> str:
    """Name of the node group that an exercise has for itself; empty: none has one."""
    return "" if config.exercises.stages()["k07"] == OFF else NODE_GROUP


def build(
    config: LabConfig,
    scope: Scope,
    cluster: Cluster,
    group: NodeGroupArgs,
    person: Testuser,
    opts: pulumi.ResourceOptions,
) -> Fixtures:
    """Everything else.

    Args:
        config: the lab's settings.
        scope: where the lab stands.
        cluster: the cluster that the exercises are in.
        group: what the lab's nodes are; an exercise's own are like them.
        person: from `testuser`.
        opts: options of what runs on nodes: with the cluster's Kubernetes provider, after nodes and add-ons.
    """
    wanted = config.exercises.stages()
    if wanted["identity-mapping"] == "entry" and person.user:
        ViewEntry(
            "testuser-view",
            ViewEntryArgs(
                user=person.user,
                cluster_name=cluster.cluster_name,
                partition=scope.partition,
                tags=config.tags,
            ),
        )
    if wanted["rbac"] != OFF:
        RbacExercise(
            "rbac",
            RbacExerciseArgs(
                image=versions.tools_image(config.kubernetes_version),
                verbs=STAGES[wanted["rbac"]],
            ),
            opts,
        )
    role_arns: dict[str, pulumi.Output[str]] = {}
    if wanted["irsa"] != OFF:
        role_arns["irsa"] = IrsaExercise(
            "irsa",
            IrsaExerciseArgs(
                image=versions.AWS_CLI_IMAGE,
                pods=wanted["irsa"] == "on",
                wide=wanted["irsa"] == "wide",
                oidc_provider=cluster.oidc_provider,
                kubeconfig=cluster.own_kubeconfig,
                scope=scope,
                tags=config.tags,
            ),
            opts,
        ).role_arn
    if wanted["pod-identity"] != OFF:
        role_arns["podIdentity"] = PodIdentityExercise(
            "pod-identity",
            PodIdentityExerciseArgs(
                image=versions.AWS_CLI_IMAGE,
                cluster_name=cluster.cluster_name,
                kubeconfig=cluster.own_kubeconfig,
                partition=scope.partition,
                wide=wanted["pod-identity"] == "wide",
                tags=config.tags,
            ),
            opts,
        ).role_arn
    if wanted["crypto"] != OFF:
        CryptoExercise(
            "crypto",
            CryptoExerciseArgs(
                cluster_name=cluster.cluster_name,
                issuer=cluster.oidc_issuer,
                oidc_provider=cluster.oidc_provider,
                kubeconfig=cluster.own_kubeconfig,
                scope=scope,
                solved=wanted["crypto"] == "closed",
                tags=config.tags,
            ),
            opts,
        )
    before: dict[ExerciseName, list[pulumi.Resource]] = {}
    if wanted["k07"] != OFF:
        before["k07"] = [OwnNode("k07", OwnNodeArgs(group, wanted["k07"], scope.partition, config.tags), opts)]
    if wanted["k08"] != OFF:
        before["k08"] = [PaymentKey("k08", PaymentKeyArgs(cluster.cluster_name, scope, config.tags), opts)]
    images: dict[str, str] = dict(
        zip(IMAGES, (versions.tools_image(config.kubernetes_version), versions.AWS_CLI_IMAGE), strict=True)
    )
    images[CLUSTER_NAME] = config.cluster_name
    for name, exercise in EXERCISES.items():
        if exercise.from_objects and wanted[name] != OFF:
            own = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=before.get(name)))
            ManifestExercise(name, ManifestExerciseArgs(at_stage(name, wanted[name], images)), own)
    return Fixtures(person, role_arns)
