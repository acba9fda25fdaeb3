"""Target groups, and the targets that are registered in them.

Codes and texts: Elastic Load Balancing API Reference, version 2015-12-01, seen 2026-11. A target is healthy as
soon as a load balancer leads to its group: the rehearsal's pods serve nothing.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, Final

from rehearsal.emulator.elbv2.balancers import NAME
from rehearsal.emulator.elbv2.state import Record, State, new_id, selected
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend

DEFAULTS: Final = {
    "HealthCheckProtocol": "HTTP",
    "HealthCheckPort": "traffic-port",
    "HealthCheckEnabled": True,
    "HealthCheckPath": "/",
    "HealthCheckIntervalSeconds": 30,
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 5,
    "UnhealthyThresholdCount": 2,
    "Matcher": {"HttpCode": "200"},
}
"""Health checks of a group for HTTP."""
ATTRIBUTES: Final = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.type": "round_robin",
    "slow_start.duration_seconds": "0",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
}
PRIVATE: Final = tuple(
    ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
)
"""Where a target outside the VPC may be (RFC 1918 and RFC 6598)."""


class Targets:
    """The actions on target groups."""

    def __init__(self, backend: Backend, calls: Calls, state: State) -> None:
        """`calls` looks up networks and instances."""
        self._settings = backend.settings
        self._calls = calls
        self._state = state

    def actions(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]]:
        """Each action by its name."""
        return {
            "CreateTargetGroup": self._create,
            "DescribeTargetGroups": self._describe,
            "ModifyTargetGroup": self._modify,
            "DeleteTargetGroup": self._delete,
            "RegisterTargets": self._register,
            "DeregisterTargets": self._deregister,
            "DescribeTargetHealth": self._health,
        }

    async def _create(self, params: dict[str, Any]) -> dict[str, Any]:
        name, kind = params["Name"], params.get("TargetType", "instance")
        if not NAME.fullmatch(name):
            message = f"Target group name '{name}' must have at most 32 letters, digits and hyphens"
            raise AwsError("ValidationError", message)
        if kind not in ("instance", "ip"):
            raise AwsError("ValidationError", f"The rehearsal does not play target groups of type '{kind}'")
        for needed in ("Protocol", "Port", "VpcId"):
            if needed not in params:
                raise AwsError("ValidationError", f"A {needed} must be specified")
        if any(each["TargetGroupName"] == name for each in self._state.target_groups.values()):
            raise AwsError("DuplicateTargetGroupName", f"A target group with the name '{name}' already exists")
        await self._blocks(params["VpcId"])
        settings = self._settings
        place = f"arn:aws:elasticloadbalancing:{settings.region}:{settings.account_id}"
        arn = f"{place}:targetgroup/{name}/{new_id()}"
        given = {key: params[key] for key in (*DEFAULTS, "Protocol", "Port", "VpcId") if key in params}
        record: Record = {
            "TargetGroupArn": arn,
            "TargetGroupName": name,
            **DEFAULTS,
            "TargetType": kind,
            "IpAddressType": params.get("IpAddressType", "ipv4"),
            **given,
        }
        if params["Protocol"] in ("HTTP", "HTTPS"):
            record["ProtocolVersion"] = params.get("ProtocolVersion", "HTTP1")
        self._state.target_groups[arn] = record
        self._state.targets[arn] = {}
        self._state.tags[arn] = {each["Key"]: each.get("Value", "") for each in params.get("Tags", [])}
        self._state.attributes[arn] = dict(ATTRIBUTES)
        return {"TargetGroups": [self._shown(record)]}

    def _shown(self, record: Record) -> Record:
        return {**record, "LoadBalancerArns": self._state.users(record["TargetGroupArn"])}

    async def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        found: list[Record] = list(self._state.target_groups.values())
        if balancer := params.get("LoadBalancerArn"):
            self._state.balancer(balancer)
            found = [each for each in found if balancer in self._state.users(each["TargetGroupArn"])]
        found = selected(found, "TargetGroupArn", params.get("TargetGroupArns", []), "TargetGroupNotFound")
        found = selected(found, "TargetGroupName", params.get("Names", []), "TargetGroupNotFound")
        return {"TargetGroups": [self._shown(each) for each in found]}

    async def _modify(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._state.target_group(params["TargetGroupArn"])
        record |= {key: params[key] for key in DEFAULTS if key in params}
        return {"TargetGroups": [self._shown(record)]}

    async def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = params["TargetGroupArn"]
        if self._state.users(arn):
            message = f"Target group '{arn}' is currently in use by a listener or a rule"
            raise AwsError("ResourceInUse", message)
        self._state.targets.pop(arn, None)
        self._state.forget(self._state.target_groups, arn)
        return {}

    async def _register(self, params: dict[str, Any]) -> dict[str, Any]:
        group = self._state.target_group(params["TargetGroupArn"])
        blocks = await self._blocks(group["VpcId"])
        for target in params["Targets"]:
            if group["TargetType"] == "ip":
                _check_address(target, blocks)
            else:
                await self._check_instance(target["Id"])
        targets = self._state.targets[group["TargetGroupArn"]]
        for target in params["Targets"]:
            port = target.get("Port", group["Port"])
            targets[target["Id"], port] = {**target, "Port": port}
        return {}

    async def _deregister(self, params: dict[str, Any]) -> dict[str, Any]:
        group = self._state.target_group(params["TargetGroupArn"])
        targets = self._state.targets[group["TargetGroupArn"]]
        for target in params["Targets"]:
            # Without a port every registration of that id goes; one that is not there is no error.
            for key in [each for each in targets if each[0] == target["Id"]]:
                if key[1] == target.get("Port", key[1]):
                    del targets[key]
        return {}

    async def _health(self, params: dict[str, Any]) -> dict[str, Any]:
        group = self._state.target_group(params["TargetGroupArn"])
        arn = group["TargetGroupArn"]
        health: Record = {"State": "healthy"}
        if not self._state.users(arn):
            description = "Target group is not configured to receive traffic from the load balancer"
            health = {"State": "unused", "Reason": "Target.NotInUse", "Description": description}
        wanted = {(each["Id"], each.get("Port", group["Port"])) for each in params.get("Targets", [])}
        return {
            "TargetHealthDescriptions": [
                {"Target": target, "HealthCheckPort": str(target["Port"]), "TargetHealth": health}
                for key, target in self._state.targets[arn].items()
                if not wanted or key in wanted
            ]
        }

    async def _blocks(self, vpc_id: str) -> list[ipaddress.IPv4Network]:
        """A VPC's address ranges; raises AwsError when there is no such VPC."""
        try:
            vpc = (await self._calls("ec2", "DescribeVpcs", VpcIds=[vpc_id]))["Vpcs"][0]
        except AwsError as error:
            raise AwsError("ValidationError", f"The VPC ID '{vpc_id}' is not found") from error
        blocks = [each["CidrBlock"] for each in vpc.get("CidrBlockAssociationSet", [])] or [vpc["CidrBlock"]]
        return [ipaddress.IPv4Network(block) for block in blocks]

    async def _check_instance(self, instance_id: str) -> None:
        try:
            await self._calls("ec2", "DescribeInstances", InstanceIds=[instance_id])
        except AwsError as error:
            raise AwsError("InvalidTarget", f"The following targets do not exist: '{instance_id}'") from error


def _check_address(target: Record, blocks: list[ipaddress.IPv4Network]) -> None:
    """Raises AwsError for an address that a group of this VPC cannot have."""
    try:
        address = ipaddress.IPv4Address(target["Id"])
    except ValueError as error:
        message = f"The IP address '{target['Id']}' is not a valid IPv4 address"
        raise AwsError("ValidationError", message) from error
    if any(address in block for block in blocks):
        return
    if not any(address in block for block in PRIVATE):
        raise AwsError("InvalidTarget", f"The IP address '{address}' is not within a private range")
    if target.get("AvailabilityZone") != "all":
        message = f"The IP address '{address}' is outside the VPC: you must specify an Availability Zone 'all'"
        raise AwsError("InvalidTarget", message)
