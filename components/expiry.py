"""What ends a lab that was forgotten, without any machine of the user's: the lab's end as AWS's own appointments.

EventBridge Scheduler calls any AWS API at a time that was agreed before (its "universal targets"). It needs no
server and no code of ours, and fourteen million calls a month are free (AWS, "Amazon EventBridge pricing", seen
2026-11). So for everything that costs by the hour there is one schedule that deletes it, from the lab's end on,
every quarter of an hour for six hours: a cluster can only go when its nodes are gone, and a call that comes too
early, or finds nothing left, does no harm.

An ALB's ARN is not known to the stack, because the controller makes it. It goes first, with its Ingresses, by a
CronJob in the cluster itself, while the controller is still there.

What stays costs nothing by the hour, but for the KMS key (1 USD a month); `lab down` takes it away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pulumi
from pulumi_aws import iam, scheduler
from pulumi_kubernetes.batch import v1 as batch
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac import v1 as rbac

from components.base import Component, Tags
from components.policies import Scope, Statement, document

INGRESSES_FIRST = timedelta(minutes=10)
"""How long before the nodes the Ingresses go; an ALB takes a minute or two."""

EVERY = "rate(15 minutes)"
FOR = timedelta(hours=6)
NAMESPACE = "kube-system"


@dataclass(frozen=True)
class ExpiryArgs:
    """When the lab ends, and what in it costs by the hour."""

    expires: datetime
    """With its time zone; to the minute."""

    scope: Scope
    cluster_name: pulumi.Input[str]
    node_group_name: str
    instance_ids: Sequence[pulumi.Input[str]] = ()
    nat_gateway_ids: Sequence[pulumi.Input[str]] = ()
    address_ids: Sequence[pulumi.Input[str]] = ()
    """Allocation ids of Elastic IPs; they can be released when what uses them is gone."""

    tools_image: str = ""
    """Image with kubectl, for the CronJob that deletes the Ingresses; empty: there are none."""

    tags: Tags = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class _Call:
    """One API call and what may be called on what."""

    name: str
    target: str
    """Universal target: service and action, as "eks:deleteCluster"."""

    action: str
    """IAM action."""

    resource: str
    """Resource part of the ARN, or a pattern; {0} is the identifier, {1} the cluster's name."""

    members: Mapping[str, str]
    """API parameters, which Scheduler wants in PascalCase: name → "{0}", "{1}" or "[{0}]" for a list."""

    identifier: pulumi.Input[str]
    wildcard: str = ""


class Expiry(Component):
    """Role, schedules, and the CronJob where there are Ingresses."""

    def __init__(self, name: str, args: ExpiryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Expiry", name, opts)
        self._name, self._args = name, args
        role = self._role()
        start = args.expires.astimezone(UTC)
        for call in self._calls():
            scheduler.Schedule(
                f"{name}-{call.name}",
                # A schedule bears no tags: its name tells which lab it ends.
                name=pulumi.Output.format("{0}-expiry-{1}", args.cluster_name, call.name),
                description=f"The end of the lab: {call.action}",
                schedule_expression=EVERY,
                start_date=_stamp(start),
                end_date=_stamp(start + FOR),
                flexible_time_window=scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=scheduler.ScheduleTargetArgs(
                    arn=pulumi.Output.format("arn:{0}:scheduler:::aws-sdk:{1}", args.scope.partition, call.target),
                    role_arn=role.arn,
                    input=pulumi.Output.all(call.identifier, args.cluster_name).apply(
                        lambda values, call=call: _written(call.members, values)
                    ),
                    # The next quarter of an hour tries again anyway.
                    retry_policy=scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_event_age_in_seconds=600, maximum_retry_attempts=1
                    ),
                ),
                opts=self.child(),
            )
        if args.tools_image:
            self._ingresses_first(start - INGRESSES_FIRST, args.tools_image)
        self.register_outputs({})

    def _calls(self) -> list[_Call]:
        args = self._args
        cluster = {"ClusterName": "{1}"}
        unique = "EKS puts a random id into a node group's ARN"
        return [
            _Call(
                "nodes",
                "eks:deleteNodegroup",
                "eks:DeleteNodegroup",
                "nodegroup/{1}/{0}/*",
                {**cluster, "NodegroupName": "{0}"},
                args.node_group_name,
                unique,
            ),
            _Call(
                "cluster", "eks:deleteCluster", "eks:DeleteCluster", "cluster/{0}", {"Name": "{0}"}, args.cluster_name
            ),
            *(
                _Call(
                    f"instance-{number}",
                    "ec2:terminateInstances",
                    "ec2:TerminateInstances",
                    "instance/{0}",
                    {"InstanceIds": "[{0}]"},
                    identifier,
                )
                for number, identifier in enumerate(args.instance_ids, 1)
            ),
            *(
                _Call(
                    f"nat-{number}",
                    "ec2:deleteNatGateway",
                    "ec2:DeleteNatGateway",
                    "natgateway/{0}",
                    {"NatGatewayId": "{0}"},
                    identifier,
                )
                for number, identifier in enumerate(args.nat_gateway_ids, 1)
            ),
            *(
                _Call(
                    f"address-{number}",
                    "ec2:releaseAddress",
                    "ec2:ReleaseAddress",
                    "elastic-ip/{0}",
                    {"AllocationId": "{0}"},
                    identifier,
                )
                for number, identifier in enumerate(args.address_ids, 1)
            ),
        ]

    def _role(self) -> iam.Role:
        name, args = self._name, self._args
        trust = args.scope.account
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=pulumi.Output.from_input(trust).apply(_trust),
            description=f"The end of the lab at {_stamp(args.expires.astimezone(UTC))}",
            tags=args.tags,
            opts=self.child(),
        )
        statements = [
            Statement(
                sid="".join(part.title() for part in call.name.split("-")),
                actions=[call.action],
                resources=[
                    args.scope.arn(
                        call.action.partition(":")[0],
                        pulumi.Output.format(call.resource, call.identifier, args.cluster_name),
                    )
                ],
                wildcard=call.wildcard,
            )
            for call in self._calls()
        ]
        iam.RolePolicy(f"{name}-rights", role=role.id, policy=document(statements, args.scope), opts=self.child())
        return role

    def _ingresses_first(self, at: datetime, image: str) -> None:
        name = self._name
        called = "lab-expiry"
        account = core.ServiceAccount(
            f"{name}-account", metadata=ObjectMetaArgs(name=called, namespace=NAMESPACE), opts=self.child()
        )
        role = rbac.ClusterRole(
            f"{name}-ingresses",
            metadata=ObjectMetaArgs(name=called),
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
            f"{name}-ingresses",
            metadata=ObjectMetaArgs(name=called),
            role_ref=rbac.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=called),
            subjects=[rbac.SubjectArgs(kind="ServiceAccount", name=called, namespace=NAMESPACE)],
            opts=self.child([role, account]),
        )
        pod = core.PodSpecArgs(
            service_account_name=called,
            restart_policy="Never",
            containers=[
                core.ContainerArgs(
                    name="kubectl",
                    image=image,
                    command=["kubectl", "delete", "ingress", "--all", "--all-namespaces", "--timeout=5m"],
                )
            ],
        )
        job = batch.JobSpecArgs(backoff_limit=3, template=core.PodTemplateSpecArgs(spec=pod))
        batch.CronJob(
            f"{name}-ingresses",
            metadata=ObjectMetaArgs(name=called, namespace=NAMESPACE),
            spec=batch.CronJobSpecArgs(
                schedule=f"{at.minute} {at.hour} {at.day} {at.month} *",
                time_zone="Etc/UTC",
                concurrency_policy="Forbid",
                job_template=batch.JobTemplateSpecArgs(spec=job),
            ),
            opts=self.child([binding]),
        )


def _stamp(moment: datetime) -> str:
    """As Scheduler reads a time: 2026-11-24T21:30:00Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:00Z")


def _trust(account: str) -> str:
    """Only schedules of this account may take the role (EventBridge Scheduler User Guide, "confused deputy")."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _written(members: Mapping[str, str], values: Sequence[str]) -> str:
    identifier, cluster = values

    def filled(text: str) -> str | list[str]:
        if text.startswith("["):
            return [text[1:-1].format(identifier, cluster)]
        return text.format(identifier, cluster)

    return json.dumps({member: filled(text) for member, text in members.items()}, sort_keys=True)
