"""EventBridge Scheduler's schedules.

Replacement and defaults: Terraform AWS provider 6, resource aws_scheduler_schedule.
The emulator keeps a schedule and never acts on it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.base import AwsResource
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.naming import AutoName
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure

_LONGEST = 64


class Schedule(AwsResource):
    """One schedule; its id is "group/name"."""

    pulumi_type = "aws:scheduler/schedule:Schedule"
    inputs: ClassVar = {
        "name": Input(replace=True, computed=True),
        "groupName": Input(replace=True, default="default"),
        "description": Input(),
        "scheduleExpression": Input(),
        "scheduleExpressionTimezone": Input(default="UTC"),
        "startDate": Input(),
        "endDate": Input(),
        "state": Input(default="ENABLED"),
        "flexibleTimeWindow": Input(plays=frozenset({"mode"})),
        "target": Input(
            plays=frozenset(
                {
                    "arn",
                    "roleArn",
                    "input",
                    "retryPolicy",
                    "retryPolicy.maximumEventAgeInSeconds",
                    "retryPolicy.maximumRetryAttempts",
                }
            ),
        ),
    }
    autoname = AutoName(longest=_LONGEST)

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        for name in ("startDate", "endDate"):
            if isinstance(new.get(name), str):
                try:
                    _moment(new[name])
                except ValueError:
                    failures.append(CheckFailure(name, f"{new[name]} is no time such as 2030-01-01T01:00:00Z"))

    @override
    def make(self, call: Call) -> str:
        call.client("scheduler").create_schedule(**_request(call.new))
        return f"{call.new['groupName']}/{call.new['name']}"

    @override
    def change(self, call: Call) -> None:
        call.client("scheduler").update_schedule(**_request(call.new))

    @override
    def describe(self, call: Call) -> Properties | None:
        group, _, name = call.id.partition("/")
        found = call.client("scheduler").get_schedule(GroupName=group, Name=name)
        target: dict[str, Any] = found["Target"]
        retry: dict[str, Any] = target.get("RetryPolicy") or {}
        return {
            "arn": found["Arn"],
            "name": found["Name"],
            "groupName": found["GroupName"],
            "description": found.get("Description", ""),
            "scheduleExpression": found["ScheduleExpression"],
            "scheduleExpressionTimezone": found.get("ScheduleExpressionTimezone", "UTC"),
            "startDate": _stamp(found.get("StartDate")),
            "endDate": _stamp(found.get("EndDate")),
            "state": found["State"],
            "flexibleTimeWindow": {"mode": found["FlexibleTimeWindow"]["Mode"]},
            "target": {
                "arn": target["Arn"],
                "roleArn": target["RoleArn"],
                "input": target.get("Input", ""),
                **(
                    {
                        "retryPolicy": {
                            "maximumEventAgeInSeconds": retry.get("MaximumEventAgeInSeconds"),
                            "maximumRetryAttempts": retry.get("MaximumRetryAttempts"),
                        }
                    }
                    if retry
                    else {}
                ),
            },
        }

    @override
    def remove(self, call: Call) -> None:
        group, _, name = call.id.partition("/")
        call.client("scheduler").delete_schedule(GroupName=group, Name=name)


def _request(new: Properties) -> dict[str, Any]:
    target = new["target"]
    retry = target.get("retryPolicy") or {}
    policy = {key[0].upper() + key[1:]: int(value) for key, value in retry.items() if value is not None}
    dates = {
        key: _moment(new[name]) for key, name in (("StartDate", "startDate"), ("EndDate", "endDate")) if new.get(name)
    }
    return {
        "Name": new["name"],
        "GroupName": new["groupName"],
        "Description": new.get("description", ""),
        "ScheduleExpression": new["scheduleExpression"],
        "ScheduleExpressionTimezone": new["scheduleExpressionTimezone"],
        "State": new["state"],
        "FlexibleTimeWindow": {"Mode": new["flexibleTimeWindow"]["mode"]},
        "Target": {
            "Arn": target["arn"],
            "RoleArn": target["roleArn"],
            "Input": target.get("input", ""),
            **({"RetryPolicy": policy} if policy else {}),
        },
        **dates,
    }


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _stamp(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
