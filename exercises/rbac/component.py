"""Exercise RBAC: two teams with a namespace, a service account and a pod with kubectl each.

Before their roles are granted, the accounts may do nothing; afterwards they may do everything in their own
namespace (after), or what they need (least), and nothing anywhere else. The pods are the same in all stages: a right
counts from the next request on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs, Role, RoleBinding, RoleRefArgs, SubjectArgs

from components.base import Component
from exercises.shared.fixture import Context, Fixture
from exercises.shared.pods import FORCED, PodShape, pod

TEAMS = ("dev", "infra")
EVERYTHING = "*"
STAGES: Mapping[str, Sequence[str] | None] = {
    "before": None,
    "after": (EVERYTHING,),
    "least": ("get", "list", "watch", "create", "delete"),
}
"""Stage → the verbs of the teams' Roles."""


@dataclass(frozen=True)
class RbacExerciseArgs:
    """The teams' tools, and whether they have their roles."""

    image: str
    """Image with kubectl and a shell."""

    verbs: Sequence[str] | None = None
    """What each team's Role lets it do with pods, stage `least`; `*`: everything with everything, stage `after`; None:
    there is no Role, stage `before`."""


class RbacExercise(Component):
    """Namespaces, accounts, pods and, if granted, roles; needs the cluster's Kubernetes provider in `opts`.

    Depend on the nodes, and on metrics-server: a namespace cannot end while an API that somebody registered does
    not answer.
    """

    def __init__(self, name: str, args: RbacExerciseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("RbacExercise", name, opts)
        for team in TEAMS:
            self._team(f"{name}-{team}", team, args)
        self.register_outputs({})

    def _team(self, name: str, team: str, args: RbacExerciseArgs) -> None:
        # The objects name each other by outputs: so each comes after those that it names and goes before them.
        namespace = _name(
            Namespace(f"{name}-namespace", metadata=ObjectMetaArgs(name=f"{team}-team"), opts=self.child())
        )
        account = ServiceAccount(
            f"{name}-account", metadata=ObjectMetaArgs(name=f"{team}-k8s", namespace=namespace), opts=self.child()
        )
        if args.verbs:
            self._grant(name, team, namespace, account, args.verbs)
        pod(
            f"{name}-pod",
            PodShape(
                name=f"{team}-kubectl",
                namespace=namespace,
                container="kubectl-pod",
                image=args.image,
                command=["tail"],
                args=["-f", "/dev/null"],
                service_account=_name(account),
            ),
            self.child(delete_before_replace=True),
        )

    def _grant(
        self, name: str, team: str, namespace: pulumi.Output[str], account: ServiceAccount, verbs: Sequence[str]
    ) -> None:
        all_of_it = EVERYTHING in verbs
        role = Role(
            f"{name}-role",
            # Another stage has other rules: it takes them back from whoever changed the Role by hand.
            metadata=ObjectMetaArgs(name=f"role-{team}-team", namespace=namespace, annotations=FORCED),
            rules=[
                PolicyRuleArgs(
                    api_groups=[EVERYTHING if all_of_it else ""],
                    resources=[EVERYTHING if all_of_it else "pods"],
                    verbs=list(verbs),
                )
            ],
            opts=self.child(),
        )
        RoleBinding(
            f"{name}-binding",
            metadata=ObjectMetaArgs(name=f"roleB-{team}-team", namespace=namespace),
            role_ref=RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=_name(role)),
            subjects=[SubjectArgs(kind="ServiceAccount", name=_name(account), namespace=namespace)],
            opts=self.child(),
        )


def _name(made: Namespace | ServiceAccount | Role) -> pulumi.Output[str]:
    return made.metadata.apply(lambda metadata: metadata.name or "")


def build(context: Context) -> Fixture:
    """The exercise at a stage."""
    RbacExercise("rbac", RbacExerciseArgs(context.tools_image, STAGES[context.stage]), context.opts)
    return Fixture()
