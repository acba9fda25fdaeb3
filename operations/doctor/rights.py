"""Asks IAM which of the rights that the stack needs the caller does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from clients.aws import ClientFactory
from infra.config.loading import LabConfig
from operations.doctor.observations import Caller, Denied
from operations.doctor.permissions import by_right

MOST_ACTIONS: Final = 100
"""Actions that are simulated in one request."""

IAM_REGION: Final = "us-east-1"
"""Where every call to IAM goes (IAM User Guide, aws:RequestedRegion, 2026-11); the lab's regions are all of this
partition."""

IN_VIEW: Final = {"iam:PassRole": "iam:PassedToService", "iam:CreateServiceLinkedRole": "iam:AWSServiceName"}
"""Action → the condition key that names the service for which it is taken; no other action has that key."""


def denials(client: ClientFactory, who: Caller, config: LabConfig) -> tuple[Denied, ...]:
    """The rights of the stack that IAM would not allow the caller; root may do everything."""
    if who.arn.endswith(":root"):
        return ()
    source = principal(client, who.arn)
    groups: dict[tuple[str, str], list[str]] = {}
    for right in by_right(config):
        action, _, service = right.partition(" ")
        # A role is passed with the call that takes it, so to that call's region.
        global_ = action.startswith("iam:") and action != "iam:PassRole"
        groups.setdefault((IAM_REGION if global_ else config.region, service), []).append(action)
    found: list[Denied] = []
    for (region, service), actions in groups.items():
        for start in range(0, len(actions), MOST_ACTIONS):
            part = actions[start : start + MOST_ACTIONS]
            found.extend(_simulated(client, source, part, region, service))
    return tuple(found)


def _simulated(client: ClientFactory, source: str, actions: list[str], region: str, service: str) -> Iterator[Denied]:
    entries = [_entry("aws:RequestedRegion", region), _entry("aws:SecureTransport", "true", "boolean")]
    entries += [_entry(IN_VIEW[action], service) for action in actions if service]
    pages = (
        client("iam")
        .get_paginator("simulate_principal_policy")
        .paginate(PolicySourceArn=source, ActionNames=actions, ContextEntries=entries)
    )
    for page in pages:
        for result in page["EvaluationResults"]:
            if result["EvalDecision"] != "allowed":
                action = result["EvalActionName"]
                missing = tuple(key for key in result.get("MissingContextValues", ()) if _may_matter(key, action))
                yield Denied(f"{action} {service}".strip(), result["EvalDecision"], missing)


def _entry(key: str, value: str, kind: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}


def _may_matter(key: str, action: str) -> bool:
    """Whether a condition key can decide about an action: IAM lists what any policy of the caller asks for."""
    if key.lower() in {known.lower() for known in IN_VIEW.values()}:
        return False
    return key.partition(":")[0].lower() in ("aws", action.partition(":")[0])


def principal(client: ClientFactory, arn: str) -> str:
    """The user or role behind a caller: a session's ARN has the role's name but not its path."""
    head, _, resource = arn.rpartition(":")
    if resource.startswith("assumed-role/"):
        return client("iam").get_role(RoleName=resource.split("/")[1])["Role"]["Arn"]
    return f"{head}:{resource}"
