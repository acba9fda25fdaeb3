"""Makes Elastic Load Balancing have what a group's model says, and nothing else of that group.

In the real controller's order: security group, target groups, load balancer, listeners, rules; what is no longer
wanted goes after, in the opposite order, but for the load balancer, which goes first because it takes its
listeners along.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from rehearsal.cluster.controllers.load_balancer.aws import CLUSTER, RESOURCE, STACK, Aws, listed, patiently
from rehearsal.cluster.controllers.load_balancer.backends import TargetGroup
from rehearsal.cluster.controllers.load_balancer.groups import GroupId
from rehearsal.cluster.controllers.load_balancer.model import TARGET, Action, Desired, Listener
from rehearsal.cluster.controllers.load_balancer.settings import Settings

BALANCER: Final = "LoadBalancer"
TARGETS_GO_WITHIN: Final = 20.0
HEALTH: Final = {
    "HealthCheckEnabled": True,
    "HealthCheckPort": "traffic-port",
    "HealthCheckProtocol": "HTTP",
    "HealthCheckPath": "/",
    "HealthCheckIntervalSeconds": 15,
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 2,
}
"""Of every target group, whatever its codes."""


class Place(NamedTuple):
    """Where a load balancer shall stand."""

    subnets: list[str]
    security_groups: list[str]


class Stack:
    """The resources of one group of Ingresses."""

    def __init__(self, aws: Aws, settings: Settings, group: GroupId) -> None:
        """Asks nothing yet."""
        self._aws = aws
        self._elb = aws.elb
        self._settings = settings
        self._own = {CLUSTER: settings.cluster, STACK: str(group)}

    def _tags(self, resource: str) -> dict[str, str]:
        return {**self._settings.default_tags, **self._own, RESOURCE: resource}

    def _mine(self, operation: str, key: str, arn: str) -> dict[str, dict[str, Any]]:
        """What of the VPC bears the group's tags, by the resource's own tag."""
        every = self._aws.all_of(self._elb, operation, key)
        inside = {each[arn]: each for each in every if each.get("VpcId") == self._settings.vpc}
        tags = self._aws.elb_tags(inside)
        return {
            tags[each][RESOURCE]: {**record, "Tags": tags[each]}
            for each, record in inside.items()
            if self._own.items() <= tags[each].items() and RESOURCE in tags[each]
        }

    def balancer(self) -> dict[str, Any] | None:
        """The group's load balancer, if there is one."""
        return self._mine("describe_load_balancers", "LoadBalancers", "LoadBalancerArn").get(BALANCER)

    def _target_groups(self) -> dict[str, dict[str, Any]]:
        return self._mine("describe_target_groups", "TargetGroups", "TargetGroupArn")

    def make_target_groups(self, desired: Desired) -> dict[str, str]:
        """Every target group; gives their ARNs by their ids."""
        existing = self._target_groups()
        return {
            each.id: self._make_target_group(each, existing.get(each.id)) for each in desired.target_groups.values()
        }

    def _make_target_group(self, wanted: TargetGroup, found: Mapping[str, Any] | None) -> str:
        health = {**HEALTH, "Matcher": {"HttpCode": wanted.codes}}
        tags = self._tags(wanted.id)
        if found is None or found["TargetGroupName"] != wanted.name:
            made = self._elb.create_target_group(
                Name=wanted.name,
                TargetType="ip",
                Port=wanted.port,
                Protocol="HTTP",
                ProtocolVersion="HTTP1",
                VpcId=self._settings.vpc,
                Tags=listed(tags),
                **health,
            )
            arn: str = made["TargetGroups"][0]["TargetGroupArn"]
        else:
            arn = found["TargetGroupArn"]
            self._retag(arn, found["Tags"], tags)
            if any(found.get(name) != value for name, value in health.items()):
                self._elb.modify_target_group(TargetGroupArn=arn, **health)
        self._elb.describe_target_group_attributes(TargetGroupArn=arn)
        return arn

    def make_balancer(self, desired: Desired, place: Place) -> dict[str, Any]:
        """The load balancer, as AWS describes it."""
        found, tags = self.balancer(), self._tags(BALANCER)
        if found and found["Scheme"] != desired.scheme:
            self._elb.delete_load_balancer(LoadBalancerArn=found["LoadBalancerArn"])
            found = None
        if found is None:
            made = self._elb.create_load_balancer(
                Name=desired.name,
                Type="application",
                Scheme=desired.scheme,
                IpAddressType="ipv4",
                SubnetMappings=[{"SubnetId": each} for each in place.subnets],
                SecurityGroups=place.security_groups,
                Tags=listed(tags),
            )
            found = made["LoadBalancers"][0]
            arn: str = found["LoadBalancerArn"]
        else:
            arn = found["LoadBalancerArn"]
            self._retag(arn, found["Tags"], tags)
            if set(found["SecurityGroups"]) != set(place.security_groups):
                self._elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=place.security_groups)
        self._elb.describe_load_balancer_attributes(LoadBalancerArn=arn)
        return found

    def make_listeners(self, balancer: str, listeners: Iterable[Listener], target_groups: Mapping[str, str]) -> None:
        """Every listener with its rules; others of the load balancer go."""
        described = self._aws.all_of(self._elb, "describe_listeners", "Listeners", LoadBalancerArn=balancer)
        existing = {each["Port"]: each for each in described}
        tags = self._aws.elb_tags([each["ListenerArn"] for each in described])
        wanted = {each.port: each for each in listeners}
        for port in existing.keys() - wanted.keys():
            self._elb.delete_listener(ListenerArn=existing[port]["ListenerArn"])
        for port, listener in wanted.items():
            found = existing.get(port)
            arn = self._make_listener(balancer, listener, found, target_groups)
            if found:
                self._retag(arn, tags.get(arn, {}), self._tags(str(port)))
            self._elb.describe_listener_attributes(ListenerArn=arn)
            self._make_rules(arn, listener, target_groups)

    def _make_listener(
        self, balancer: str, wanted: Listener, found: Mapping[str, Any] | None, target_groups: Mapping[str, str]
    ) -> str:
        secure: dict[str, Any] = {}
        if wanted.protocol == "HTTPS":
            secure["Certificates"] = [{"CertificateArn": wanted.certificates[0]}]
            secure["SslPolicy"] = self._settings.ssl_policy
        given = {
            "Port": wanted.port,
            "Protocol": wanted.protocol,
            "DefaultActions": _actions(wanted.default, target_groups),
            **secure,
        }
        if found is None:
            tags = listed(self._tags(str(wanted.port)))
            made = self._elb.create_listener(LoadBalancerArn=balancer, Tags=tags, **given)
            arn: str = made["Listeners"][0]["ListenerArn"]
        else:
            arn = found["ListenerArn"]
            if not _covers(given, found):
                self._elb.modify_listener(ListenerArn=arn, **given)
        if secure:
            self._add_certificates(arn, set(wanted.certificates[1:]), new=found is None)
        return arn

    def _add_certificates(self, arn: str, wanted: set[str], *, new: bool) -> None:
        shown = [] if new else self._elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
        current = {each["CertificateArn"] for each in shown if not each["IsDefault"]}
        for each in sorted(current - wanted):
            self._elb.remove_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": each}])
        for each in sorted(wanted - current):
            self._elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": each}])

    def _make_rules(self, listener: str, wanted: Listener, target_groups: Mapping[str, str]) -> None:
        described = self._aws.all_of(self._elb, "describe_rules", "Rules", ListenerArn=listener)
        existing = {int(each["Priority"]): each for each in described if not each["IsDefault"]}
        tags = self._aws.elb_tags([each["RuleArn"] for each in existing.values()])
        for priority, rule in enumerate(wanted.rules, 1):
            given = {"Conditions": rule.conditions, "Actions": _actions(rule.actions, target_groups)}
            own = self._tags(f"{wanted.port}:{priority}")
            found = existing.get(priority)
            if found is None:
                self._elb.create_rule(ListenerArn=listener, Priority=priority, Tags=listed(own), **given)
                continue
            if not _covers(given, found):
                self._elb.modify_rule(RuleArn=found["RuleArn"], **given)
            self._retag(found["RuleArn"], tags.get(found["RuleArn"], {}), own)
        for priority in existing.keys() - set(range(1, len(wanted.rules) + 1)):
            self._elb.delete_rule(RuleArn=existing[priority]["RuleArn"])

    def delete_balancer(self) -> None:
        """Take the load balancer away, and its listeners with it."""
        if found := self.balancer():
            self._elb.delete_load_balancer(LoadBalancerArn=found["LoadBalancerArn"])

    def delete_target_groups(self, kept: Iterable[str] = ()) -> None:
        """Take the target groups away but for those with these ARNs."""
        keep = set(kept)
        every = self._aws.all_of(self._elb, "describe_target_groups", "TargetGroups")
        inside = [each["TargetGroupArn"] for each in every if each.get("VpcId") == self._settings.vpc]
        for arn, tags in self._aws.elb_tags(inside).items():
            if self._own.items() <= tags.items() and arn not in keep:
                self._delete_target_group(arn)

    def _delete_target_group(self, arn: str) -> None:
        patiently(lambda: self._elb.delete_target_group(TargetGroupArn=arn), "ResourceInUse", TARGETS_GO_WITHIN)

    def _retag(self, arn: str, current: Mapping[str, str], wanted: Mapping[str, str]) -> None:
        missing = {name: value for name, value in wanted.items() if current.get(name) != value}
        if missing:
            self._elb.add_tags(ResourceArns=[arn], Tags=listed(missing))
        extra = sorted(each for each in current if each not in wanted and not each.startswith("aws:"))
        if extra:
            self._elb.remove_tags(ResourceArns=[arn], TagKeys=extra)


def _actions(actions: Iterable[Action], target_groups: Mapping[str, str]) -> list[Action]:
    """Actions as AWS takes them, with the ARNs of their target groups."""
    return [
        {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": target_groups[each[TARGET]]}]}}
        if TARGET in each
        else each
        for each in actions
    ]


def _covers(given: Any, found: Any) -> bool:
    """Whether what AWS tells says all that we would say; it tells more, as defaults."""
    if isinstance(given, dict):
        return isinstance(found, dict) and all(
            name in found and _covers(each, found[name]) for name, each in given.items()
        )
    if isinstance(given, list):
        same = isinstance(found, list) and len(given) == len(found)
        return same and all(_covers(one, other) for one, other in zip(given, found, strict=True))
    return given == found
