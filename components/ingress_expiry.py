"""What ends the pages of a lab that was forgotten, shortly before AWS's own appointments end the rest of it.

The load balancer controller makes the ALB, so the stack does not know its ARN and no schedule of
`components.expiry` can name it. It goes with its Ingresses, as long as the controller is there: a CronJob in the
cluster deletes them in time. If its image cannot be pulled then, the ALB stays, and `lab sweep` finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import pulumi
from pulumi_kubernetes.batch import v1 as batch
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac import v1 as rbac

from components.base import Component

AHEAD: Final = timedelta(minutes=10)
"""How long before the nodes the Ingresses go; an ALB takes a minute or two."""

NAME: Final = "lab-expiry"
NAMESPACE: Final = "kube-system"


@dataclass(frozen=True)
class IngressExpiryArgs:
    """When the lab ends."""

    expires: datetime
    """With its time zone; to the minute."""

    tools_image: str
    """Image with kubectl."""


class IngressExpiry(Component):
    """CronJob, and its service account's right to delete Ingresses; needs the cluster's provider in `opts`."""

    def __init__(self, name: str, args: IngressExpiryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("IngressExpiry", name, opts)
        account = core.ServiceAccount(
            f"{name}-account", metadata=ObjectMetaArgs(name=NAME, namespace=NAMESPACE), opts=self.child()
        )
        role = rbac.ClusterRole(
            f"{name}-rights",
            metadata=ObjectMetaArgs(name=NAME),
            rules=[
                rbac.PolicyRuleArgs(
                    api_groups=["networking.k8s.io"],
                    resources=["ingresses"],
                    verbs=["get", "list", "watch", "delete"],
                )
            ],
            opts=self.child(),
        )
        binding = rbac.ClusterRoleBinding(
            f"{name}-rights",
            metadata=ObjectMetaArgs(name=NAME),
            role_ref=rbac.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=NAME),
            subjects=[rbac.SubjectArgs(kind="ServiceAccount", name=NAME, namespace=NAMESPACE)],
            opts=self.child([role, account]),
        )
        pod = core.PodSpecArgs(
            service_account_name=NAME,
            restart_policy="Never",
            containers=[
                core.ContainerArgs(
                    name="kubectl",
                    image=args.tools_image,
                    command=["kubectl", "delete", "ingress", "--all", "--all-namespaces", "--timeout=5m"],
                )
            ],
        )
        job = batch.JobSpecArgs(backoff_limit=3, template=core.PodTemplateSpecArgs(spec=pod))
        at = args.expires.astimezone(UTC) - AHEAD
        batch.CronJob(
            f"{name}-job",
            metadata=ObjectMetaArgs(name=NAME, namespace=NAMESPACE),
            spec=batch.CronJobSpecArgs(
                schedule=f"{at.minute} {at.hour} {at.day} {at.month} *",
                time_zone="Etc/UTC",
                concurrency_policy="Forbid",
                job_template=batch.JobTemplateSpecArgs(spec=job),
            ),
            opts=self.child([binding]),
        )
        self.register_outputs({})
