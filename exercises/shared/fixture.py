"""Between an exercise and the program: what an exercise's component needs of the lab, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.base import Tags
from components.cluster import Cluster
from components.node_group import NodeGroupArgs
from components.policies import Scope

if TYPE_CHECKING:
    from exercises.identity_mapping.component import ExerciseUser


@dataclass(frozen=True, kw_only=True)
class Context:
    """The lab in which an exercise is made, and the exercise's stage."""

    stage: str
    cluster: Cluster
    nodes: NodeGroupArgs
    """What the lab's nodes are; an exercise's own are like them."""

    scope: Scope
    testuser: ExerciseUser | None
    """None: the exercise that has the user is off."""

    tools_image: str
    """Image with kubectl and a shell."""

    aws_cli_image: str
    """Image whose entrypoint is the AWS CLI, with a shell."""

    tags: Tags
    opts: pulumi.ResourceOptions
    """Of what runs on nodes: with the cluster's Kubernetes provider, after nodes and add-ons."""

    node_opts: pulumi.ResourceOptions
    """Of a node group: as the lab's own, beside which it comes and goes."""


@dataclass(frozen=True)
class Fixture:
    """What an exercise's component made."""

    role_arn: pulumi.Output[str] | None = None
    """Of its IAM role, for the outputs; None: it has none that the checks need."""

    needed: Sequence[pulumi.Resource] = ()
    """What its objects in the cluster need first."""

    needed_by_pods: Sequence[pulumi.Resource] = ()
    """What those of them need first that have pods. The others need not wait for it, nor go before it."""
