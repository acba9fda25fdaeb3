"""What exists in Elastic Load Balancing, and who uses what.

ministack's load balancers have an invented VPC and zone, forget the target
groups of a forward action and the settings that a controller compares, and
hold nothing in use. So the records are kept here, in the shapes that boto3 gives.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.emulator.errors import AwsError

Record = dict[str, Any]
Records = dict[str, Record]


def new_id() -> str:
    """The last part of an ARN: 16 hexadecimal digits."""
    return secrets.token_hex(8)


@dataclass
class State:
    """Every record by its ARN."""

    balancers: Records = field(default_factory=Records)
    target_groups: Records = field(default_factory=Records)
    listeners: Records = field(default_factory=Records)
    rules: Records = field(default_factory=Records)
    targets: dict[str, dict[tuple[str, int], Record]] = field(default_factory=dict[str, dict[tuple[str, int], Record]])
    """A target group's registered targets by id and port."""
    certificates: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """A listener's certificates beside its default one."""
    tags: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    attributes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    interfaces: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """A load balancer's network interfaces: subnet id to interface id."""

    def balancer(self, arn: str) -> Record:
        """A load balancer; raises AwsError when there is none."""
        return _found(self.balancers, arn, "LoadBalancerNotFound", "Load balancer")

    def target_group(self, arn: str) -> Record:
        """A target group; raises AwsError when there is none."""
        return _found(self.target_groups, arn, "TargetGroupNotFound", "Target group")

    def listener(self, arn: str) -> Record:
        """A listener; raises AwsError when there is none."""
        return _found(self.listeners, arn, "ListenerNotFound", "Listener")

    def rule(self, arn: str) -> Record:
        """A rule; raises AwsError when there is none."""
        return _found(self.rules, arn, "RuleNotFound", "Rule")

    def anything(self, arn: str) -> Record:
        """Whatever an ARN names; raises AwsError."""
        kind = arn.split(":", 5)[-1].partition("/")[0]
        match kind:
            case "loadbalancer":
                return self.balancer(arn)
            case "targetgroup":
                return self.target_group(arn)
            case "listener":
                return self.listener(arn)
            case "listener-rule":
                return self.rule(arn)
            case _:
                raise AwsError("ValidationError", f"'{arn}' is not a valid resource ARN")

    def users(self, target_group: str) -> list[str]:
        """ARNs of the load balancers whose listeners or rules lead to a target group."""
        found: list[str] = []
        for listener in self.listeners.values():
            rules = [each["Actions"] for each in self.rules_of(listener["ListenerArn"])]
            for actions in (listener["DefaultActions"], *rules):
                if target_group in groups_of(actions) and listener["LoadBalancerArn"] not in found:
                    found.append(listener["LoadBalancerArn"])
        return found

    def listeners_of(self, balancer: str) -> list[Record]:
        """A load balancer's listeners."""
        return [each for each in self.listeners.values() if each["LoadBalancerArn"] == balancer]

    def rules_of(self, listener: str) -> list[Record]:
        """A listener's rules, the default one among them."""
        start = listener.replace(":listener/", ":listener-rule/", 1) + "/"
        return [each for arn, each in self.rules.items() if arn.startswith(start)]

    def forget_listener(self, arn: str) -> None:
        """Take a listener away with all that belongs to it."""
        for rule in self.rules_of(arn):
            self.forget(self.rules, rule["RuleArn"])
        self.certificates.pop(arn, None)
        self.forget(self.listeners, arn)

    def forget(self, records: Records, arn: str) -> None:
        """Take one record away, with its tags and attributes."""
        records.pop(arn, None)
        self.tags.pop(arn, None)
        self.attributes.pop(arn, None)


def groups_of(actions: Iterable[Mapping[str, Any]]) -> set[str]:
    """ARNs of the target groups that actions lead to."""
    found: set[str] = set()
    for action in actions:
        if arn := action.get("TargetGroupArn"):
            found.add(arn)
        found |= {each["TargetGroupArn"] for each in action.get("ForwardConfig", {}).get("TargetGroups", [])}
    return found


def selected(records: Iterable[Record], key: str, wanted: Iterable[str], missing: str) -> list[Record]:
    """The records whose `key` is wanted, all when nothing is; raises AwsError `missing` for one that is not there."""
    every, names = list(records), list(wanted)
    if not names:
        return every
    found = [each for each in every if each[key] in names]
    absent = set(names) - {each[key] for each in found}
    if absent:
        raise AwsError(missing, f"One or more of '{', '.join(sorted(absent))}' not found")
    return found


def _found(records: Records, arn: str, code: str, label: str) -> Record:
    record = records.get(arn)
    if record is None:
        raise AwsError(code, f"{label} '{arn}' not found")
    return record
