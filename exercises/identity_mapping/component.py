"""Exercise identity mapping: the IAM user testuser, and the ways in which a cluster lets an IAM user in.

IAM tells who somebody is; what they may do in the cluster is told there. The stages:

- masters and authenticated: the ConfigMap aws-auth maps the user to a group. pulumi-eks owns aws-auth, so the
  mapping goes to the cluster as an argument (`user_mappings`).
- unmapped: the user exists, and the cluster does not know them.
- entry: an access entry of EKS with an access policy. For one principal it wins over aws-auth, so no stage has
  both; and it cannot name a group that begins with `system:`, so the first two stages have none.

The user has all rights over AWS, as in the study note, but for a permissions boundary. A key is no part of
this: it would stay in the engine's state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_eks
from pulumi_aws import eks, iam

from components.base import Component, Tags
from components.policies import Scope, Statement, document, managed_policy
from exercises.shared.fixture import Context, Fixture

USER_NAME = "testuser"
GROUPS = {"masters": "system:masters", "authenticated": "system:authenticated"}
"""Stage → the group that aws-auth maps the user to."""

VIEW_POLICY = "arn:{0}:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def boundary_statements(cluster_name: str) -> tuple[Statement, ...]:
    """The most that testuser can do, whatever is attached to them: what the exercise's commands ask of AWS."""
    return (
        Statement(
            sid="DescribeTheCluster",
            actions=["eks:DescribeCluster"],
            resources=["arn:{partition}:eks:{region}:{account}:cluster/" + cluster_name],
        ),
        Statement(
            sid="LookAround",
            actions=["eks:List*", "sts:GetCallerIdentity", "ec2:DescribeInstances"],
            wildcard="Lists of the whole account; most of them cannot be narrowed, and none of them changes anything.",
        ),
    )


@dataclass(frozen=True)
class ExerciseUserArgs:
    """The cluster that the user is to enter."""

    cluster_name: str
    scope: Scope
    boundary: bool = True
    """Whether a permissions boundary limits the user to what the exercise needs."""

    tags: Tags = field(default_factory=dict[str, str])


class ExerciseUser(Component):
    """User, attachment and, if asked for, boundary. Made before the cluster, which may map the user."""

    arn: pulumi.Output[str]
    unique_id: pulumi.Output[str]
    """IAM's own id of the user: another one for a user that was made anew under the same name."""

    def __init__(self, name: str, args: ExerciseUserArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ExerciseUser", name, opts)
        user = iam.User(
            f"{name}-user",
            name=USER_NAME,
            permissions_boundary=self._boundary(name, args).arn if args.boundary else None,
            # A key that somebody made would keep the user from being deleted.
            force_destroy=True,
            tags=args.tags,
            opts=self.child(delete_before_replace=True),
        )
        iam.UserPolicyAttachment(
            f"{name}-administrator",
            user=user.name,
            policy_arn=managed_policy(args.scope.partition, "AdministratorAccess"),
            opts=self.child(),
        )
        self.arn, self.unique_id = user.arn, user.unique_id
        self.register_outputs({"arn": self.arn})

    def _boundary(self, name: str, args: ExerciseUserArgs) -> iam.Policy:
        return iam.Policy(
            f"{name}-boundary",
            policy=document(boundary_statements(args.cluster_name), args.scope),
            description=f"The most that {USER_NAME} can do",
            tags=args.tags,
            opts=self.child(),
        )


def user_mappings(stage: str, user: ExerciseUser) -> Sequence[pulumi_eks.UserMappingArgs]:
    """What aws-auth tells of the user at a stage; nothing at the stages that do without it."""
    if stage not in GROUPS:
        return ()
    return [pulumi_eks.UserMappingArgs(user_arn=user.arn, username=USER_NAME, groups=[GROUPS[stage]])]


@dataclass(frozen=True)
class ViewEntryArgs:
    """Who may read what."""

    user: ExerciseUser
    cluster_name: pulumi.Input[str]
    partition: pulumi.Input[str]
    namespace: str = "default"
    tags: Tags = field(default_factory=dict[str, str])


class ViewEntry(Component):
    """The access entry of stage entry, with the right to read one namespace."""

    def __init__(self, name: str, args: ViewEntryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ViewEntry", name, opts)
        entry = eks.AccessEntry(
            f"{name}-entry",
            cluster_name=args.cluster_name,
            principal_arn=args.user.arn,
            type="STANDARD",
            tags=args.tags,
            # An entry means the user that it was made for, not their name: one that was made anew needs another.
            opts=self.child(delete_before_replace=True, replacement_trigger=args.user.unique_id),
        )
        eks.AccessPolicyAssociation(
            f"{name}-view",
            cluster_name=args.cluster_name,
            principal_arn=entry.principal_arn,
            policy_arn=pulumi.Output.format(VIEW_POLICY, args.partition),
            access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="namespace", namespaces=[args.namespace]),
            # With another entry under the same principal, the association would be gone.
            opts=self.child([entry], delete_before_replace=True, replacement_trigger=args.user.unique_id),
        )
        self.register_outputs({})


def build(context: Context) -> Fixture:
    """What it has beside the user, whom the program makes before the cluster."""
    if context.testuser and context.stage == "entry":
        ViewEntry(
            "testuser-view",
            ViewEntryArgs(
                user=context.testuser,
                cluster_name=context.cluster.cluster_name,
                partition=context.scope.partition,
                tags=context.tags,
            ),
        )
    return Fixture()
