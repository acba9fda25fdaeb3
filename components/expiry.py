"""What ends a lab that was forgotten, without any machine of the user's: the lab's end as AWS's own appointments.

EventBridge Scheduler calls any AWS API at a time that was agreed before (its "universal targets"). It needs no
server and no code of ours, and fourteen million calls a month are free (AWS, "Amazon EventBridge pricing", seen
2026-11). So for everything that costs by the hour and that the stack makes there is one schedule that deletes it,
from the lab's end on, every quarter of an hour for six hours: a cluster can only go when its nodes are gone, and a
call that comes too early, or finds nothing left, does no harm.

What controllers make in the cluster has no schedule, for the stack does not know it. Of that the ALB goes with its
Ingresses (see `components.ingress_expiry`); the volumes of a learner's own claims stay and cost, until `lab sweep`
finds them. The KMS key stays too (1 USD a month), until `lab down`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import pulumi
from pulumi_aws import iam, scheduler

from components.base import Component, Tags
from components.policies import Scope, Statement, document

EVERY: Final = "rate(15 minutes)"
FOR: Final = timedelta(hours=6)


@dataclass(frozen=True)
class ExpiryArgs:
    """When the lab ends, and what of it costs by the hour."""

    expires: datetime
    """With its time zone; to the minute."""

    scope: Scope
    cluster_name: str
    node_group_name: str = ""
    """Node group that goes, and the cluster with it; empty: neither is meant."""

    more_node_groups: Sequence[str] = ()
    """Names of others that the cluster has: EKS deletes no cluster before them."""

    instance_ids: Sequence[pulumi.Input[str]] = ()
    nat_gateway_ids: Sequence[pulumi.Input[str]] = ()
    address_ids: Sequence[pulumi.Input[str]] = ()
    """Allocation ids of Elastic IPs; they can be released when what uses them is gone."""

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
    """Schedules, and the role by which they delete these things and nothing else."""

    def __init__(self, name: str, args: ExpiryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Expiry", name, opts)
        self._name, self._args = name, args
        role, rights = self._role()
        start = args.expires.astimezone(UTC)
        for call in self._calls():
            scheduler.Schedule(
                f"{name}-{call.name}",
                # A schedule bears no tags: its name tells which lab it ends.
                name=f"{args.cluster_name}-expiry-{call.name}",
                description=f"The end of the lab: {call.action}",
                schedule_expression=EVERY,
                start_date=_stamp(start),
                end_date=_stamp(start + FOR),
                flexible_time_window=scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=scheduler.ScheduleTargetArgs(
                    arn=pulumi.Output.format("arn:{0}:scheduler:::aws-sdk:{1}", args.scope.partition, call.target),
                    role_arn=role.arn,
                    input=pulumi.Output.from_input(call.identifier).apply(
                        lambda identifier, call=call: _written(call.members, identifier, args.cluster_name)
                    ),
                    # The next quarter of an hour tries again anyway.
                    retry_policy=scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_event_age_in_seconds=600, maximum_retry_attempts=1
                    ),
                ),
                opts=self.child([rights]),
            )
        self.register_outputs({})

    def _calls(self) -> list[_Call]:
        args = self._args
        groups = {"nodes": args.node_group_name, **{f"nodes-{name}": name for name in args.more_node_groups}}
        nodes = [
            _Call(
                call,
                "eks:deleteNodegroup",
                "eks:DeleteNodegroup",
                "nodegroup/{1}/{0}/*",
                {"ClusterName": "{1}", "NodegroupName": "{0}"},
                name,
                "EKS puts a random id into a node group's ARN",
            )
            for call, name in groups.items()
        ]
        cluster = _Call(
            "cluster", "eks:deleteCluster", "eks:DeleteCluster", "cluster/{0}", {"Name": "{0}"}, args.cluster_name
        )
        return [
            *([*nodes, cluster] if args.node_group_name else []),
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

    def _role(self) -> tuple[iam.Role, iam.RolePolicy]:
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
        rights = iam.RolePolicy(
            f"{name}-rights", role=role.id, policy=document(statements, args.scope), opts=self.child()
        )
        return role, rights


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


def _written(members: Mapping[str, str], identifier: str, cluster: str) -> str:
    def filled(text: str) -> str | list[str]:
        if text.startswith("["):
            return [text[1:-1].format(identifier, cluster)]
        return text.format(identifier, cluster)

    return json.dumps({member: filled(text) for member, text in members.items()}, sort_keys=True)
