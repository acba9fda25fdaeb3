"""What exercise K07 has at AWS at each stage: a node of its own, whose metadata service pods reach or do not, and a
role for the account orders by EKS Pod Identity.

Its pods run on that node alone. How far the metadata service answers is a setting of an instance, so on the lab's other
nodes it would change what other exercises show.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import pulumi
from pulumi_aws import eks

from components.base import Component, Tags
from components.node_group import NodeGroup, NodeGroupArgs
from components.pod_identity_role import PodIdentityRole, PodIdentityRoleArgs
from components.policies import managed_policy
from exercises.k07.names import NAMESPACE, NODE_GROUP, ORDERS
from exercises.shared.fixture import Context, Fixture

HOPS: Final = {"open": 2, "closed": 1}
"""Stage → hops that the answer of the metadata service may go: a pod that is not on its node's network is at the
second (Amazon EC2 User Guide, "Configure the Instance Metadata Service options", seen 2026-11)."""


@dataclass(frozen=True)
class OwnNodeArgs:
    """The exercise's stage, and what the lab's nodes are."""

    like: NodeGroupArgs
    """The lab's own node group; the cluster must run the add-on eks-pod-identity-agent."""

    stage: str
    partition: pulumi.Input[str]
    tags: Tags = field(default_factory=dict[str, str])


class OwnNode(Component):
    """One node, and the role; what starts the exercise's pods comes after this."""

    def __init__(self, name: str, args: OwnNodeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("OwnNode", name, opts)
        NodeGroup(
            f"{name}-node",
            replace(
                args.like,
                group_name=NODE_GROUP,
                min_size=1,
                desired_size=1,
                # While a changed template is rolled out EKS adds the new node before the old one goes.
                max_size=2,
                hop_limit=HOPS[args.stage],
                taints=[eks.NodeGroupTaintArgs(key="lab.myeks/exercise", value=name, effect="NO_SCHEDULE")],
                operator_cidrs=(),
                trusted_addresses=(),
            ),
            opts=self.child(),
        )
        PodIdentityRole(
            f"{name}-orders",
            PodIdentityRoleArgs(
                cluster_name=args.like.cluster_name,
                namespace=NAMESPACE,
                service_account=ORDERS,
                policies={"s3": managed_policy(args.partition, "AmazonS3ReadOnlyAccess")},
                tags=args.tags,
            ),
            opts=self.child(),
        )
        self.register_outputs({})


def build(context: Context) -> Fixture:
    """What its pods need at a stage."""
    args = OwnNodeArgs(context.nodes, context.stage, context.scope.partition, context.tags)
    # Its namespaces go first: pods that somebody made there end while their node is still there.
    return Fixture(needed=[OwnNode("k07", args, context.node_opts)])
