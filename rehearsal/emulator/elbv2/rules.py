"""A listener's rules, in the order of their priorities.

Codes and texts: Elastic Load Balancing API Reference, version 2015-12-01, seen 2026-11.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from rehearsal.emulator.elbv2.listeners import check_actions, shown_actions
from rehearsal.emulator.elbv2.state import Record, State, new_id, selected
from rehearsal.emulator.errors import AwsError

CONFIGS: Final = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}
"""Fields of a condition whose values may be given in two forms, and the newer form's name."""
HIGHEST: Final = 50_000
"""The largest number of a priority."""


class Rules:
    """The actions on rules."""

    def __init__(self, state: State) -> None:
        """Works on what exists."""
        self._state = state

    def actions(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]]:
        """Each action by its name."""
        return {
            "CreateRule": self._create,
            "DescribeRules": self._describe,
            "ModifyRule": self._modify,
            "DeleteRule": self._delete,
            "SetRulePriorities": self._set_priorities,
        }

    def _check(self, listener_arn: str, actions: list[Record]) -> None:
        listener = self._state.listener(listener_arn)
        check_actions(self._state, self._state.balancer(listener["LoadBalancerArn"]), actions)

    async def _create(self, params: dict[str, Any]) -> dict[str, Any]:
        listener = self._state.listener(params["ListenerArn"])
        priority = str(params["Priority"])
        if not 1 <= params["Priority"] <= HIGHEST:
            raise AwsError("ValidationError", f"The priority '{priority}' must be between 1 and {HIGHEST}")
        if any(each["Priority"] == priority for each in self._state.rules_of(listener["ListenerArn"])):
            raise AwsError("PriorityInUse", f"Priority '{priority}' is currently in use")
        actions = shown_actions(params["Actions"])
        self._check(listener["ListenerArn"], actions)
        arn = f"{listener['ListenerArn'].replace(':listener/', ':listener-rule/', 1)}/{new_id()}"
        record: Record = {
            "RuleArn": arn,
            "Priority": priority,
            "Conditions": [_shown(each) for each in params["Conditions"]],
            "Actions": actions,
            "IsDefault": False,
            "Transforms": params.get("Transforms", []),
        }
        self._state.rules[arn] = record
        self._state.tags[arn] = {each["Key"]: each.get("Value", "") for each in params.get("Tags", [])}
        return {"Rules": [record]}

    async def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        found: list[Record] = list(self._state.rules.values())
        if listener := params.get("ListenerArn"):
            self._state.listener(listener)
            found = self._state.rules_of(listener)
        found = selected(found, "RuleArn", params.get("RuleArns", []), "RuleNotFound")
        return {"Rules": sorted(found, key=_order)}

    def _own(self, arn: str, what: str) -> Record:
        record = self._state.rule(arn)
        if record["IsDefault"]:
            raise AwsError("OperationNotPermitted", f"Default rule '{arn}' cannot be {what}")
        return record

    async def _modify(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._own(params["RuleArn"], "modified")
        if params.get("Transforms") and params.get("ResetTransforms"):
            raise AwsError("ValidationError", "Transforms cannot be provided when resetting transforms")
        if params.get("Actions"):
            actions = shown_actions(params["Actions"])
            self._check(_listener_of(record["RuleArn"]), actions)
            record["Actions"] = actions
        if params.get("Conditions"):
            record["Conditions"] = [_shown(each) for each in params["Conditions"]]
        if params.get("Transforms") or params.get("ResetTransforms"):
            record["Transforms"] = params.get("Transforms", [])
        return {"Rules": [record]}

    async def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._own(params["RuleArn"], "deleted")
        self._state.forget(self._state.rules, record["RuleArn"])
        return {}

    async def _set_priorities(self, params: dict[str, Any]) -> dict[str, Any]:
        wanted: dict[str, str] = {each["RuleArn"]: str(each["Priority"]) for each in params["RulePriorities"]}
        changed = [self._own(arn, "modified") for arn in wanted]
        for listener in {_listener_of(arn) for arn in wanted}:
            rules = self._state.rules_of(listener)
            after = [wanted.get(each["RuleArn"]) or str(each["Priority"]) for each in rules]
            twice = sorted({each for each in after if after.count(each) > 1})
            if twice:
                raise AwsError("PriorityInUse", f"Priority '{twice[0]}' is currently in use")
        for record in changed:
            record["Priority"] = wanted[record["RuleArn"]]
        return {"Rules": changed}


def _listener_of(rule: str) -> str:
    return rule.rpartition("/")[0].replace(":listener-rule/", ":listener/", 1)


def _order(rule: Mapping[str, Any]) -> tuple[bool, int]:
    return rule["IsDefault"], 0 if rule["IsDefault"] else int(rule["Priority"])


def _shown(condition: Record) -> Record:
    """A condition as AWS tells it: its values in both forms."""
    name = CONFIGS.get(condition.get("Field", ""))
    if name is None:
        return condition
    config = condition.get(name) or {"Values": condition.get("Values", [])}
    return {**condition, name: config, "Values": config.get("Values", [])}
