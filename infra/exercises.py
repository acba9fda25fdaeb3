"""Which exercises stand at which stage: the settings, turned into components.

Two calls, because testuser is made before the cluster, whose ConfigMap aws-auth may map the user, and all else
after it. Any stage can follow any other: what a stage does not have is deleted in the order of the edges, the
pods before their service accounts and roles, the access entry and the mapping before the user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import pulumi
import pulumi_eks

from components.cluster import Cluster
from components.node_group import NodeGroupArgs
from components.policies import Scope
from exercises.catalogue import EXERCISES, OFF
from exercises.identity_mapping.component import ExerciseUser, ExerciseUserArgs, user_mappings
from exercises.objects import CLUSTER_NAME, IMAGES, at_stage
from exercises.shared.fixture import Context, Fixture
from exercises.shared.manifest_exercise import ManifestExercise, ManifestExerciseArgs
from grading.check import ExerciseName
from infra import versions
from infra.config.model import LabConfig

BUILDERS: Final[Mapping[ExerciseName, Callable[[Context], Fixture]]] = {
    name: import_module(f"{each.package}.component").build
    for name, each in EXERCISES.items()
    if find_spec(f"{each.package}.component")
}
"""What makes an exercise that is more than Kubernetes objects: `build` of its folder's component.py."""


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


def own_node_groups(config: LabConfig) -> list[str]:
    """Names of the node groups that exercises have for themselves."""
    stages = config.exercises.stages()
    return [each.node_group for name, each in EXERCISES.items() if each.node_group and stages[name] != OFF]


def build(
    config: LabConfig,
    scope: Scope,
    cluster: Cluster,
    group: NodeGroupArgs,
    person: Testuser,
    opts: pulumi.ResourceOptions,
    node_opts: pulumi.ResourceOptions,
) -> Fixtures:
    """Everything else, each exercise by its own component and objects.

    Args:
        config: the lab's settings.
        scope: where the lab stands.
        cluster: the cluster that the exercises are in.
        group: what the lab's nodes are; an exercise's own are like them.
        person: from `testuser`.
        opts: options of what runs on nodes: with the cluster's Kubernetes provider, after nodes and add-ons.
        node_opts: options of a node group, the lab's own.
    """
    tools_image = versions.tools_image(config.kubernetes_version)
    images = dict(zip(IMAGES, (tools_image, versions.AWS_CLI_IMAGE), strict=True))
    images[CLUSTER_NAME] = config.cluster_name
    role_arns: dict[str, pulumi.Output[str]] = {}
    for name, stage in config.exercises.stages().items():
        if stage == OFF:
            continue
        exercise, fixture = EXERCISES[name], Fixture()
        if name in BUILDERS:
            fixture = BUILDERS[name](
                Context(
                    stage=stage,
                    cluster=cluster,
                    nodes=group,
                    scope=scope,
                    testuser=person.user,
                    tools_image=tools_image,
                    aws_cli_image=versions.AWS_CLI_IMAGE,
                    tags=config.tags,
                    opts=opts,
                    node_opts=node_opts,
                )
            )
        if fixture.role_arn is not None:
            role_arns[exercise.key] = fixture.role_arn
        if exercise.from_objects:
            own = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(fixture.needed)))
            objects = at_stage(name, stage, images)
            ManifestExercise(name, ManifestExerciseArgs(objects, fixture.needed_by_pods), own)
    return Fixtures(person, role_arns)
