"""Load balancers: in subnets of the account's own, with network interfaces that hold them.

Codes and texts: Elastic Load Balancing API Reference, version 2015-12-01; Application Load Balancers guide,
"Subnets for your load balancer". Seen 2026-11.
"""

import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from rehearsal.emulator.ec2.interfaces import Interfaces
from rehearsal.emulator.elbv2.state import Record, State, new_id, selected
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend

NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
ZONES: Final = {
    "ap-northeast-1": ("Z14GRHDCWA56QT", "Z31USIVHYNEOWT"),
    "ap-northeast-2": ("ZWKZPGTI48KDX", "ZIBE1TIR4HY56"),
    "ap-southeast-1": ("Z1LMS91P8CMLE5", "ZKVM4W9LS7TM"),
    "eu-central-1": ("Z215JYRZR1TBD5", "Z3F0SRJ5LGBH90"),
    "eu-west-1": ("Z32O12XQLNTSW2", "Z2IFOLAFXWLO4F"),
    "us-east-1": ("Z35SXDOTRQ7X7K", "Z26RNL4JYFTOTI"),
    "us-east-2": ("Z3AADJGX6KTTL2", "ZLMOA37VPKANP"),
    "us-west-2": ("Z1H1FL5HABSF5", "Z18D5FSROUN65G"),
}
"""Route 53's zones of load balancers' own names: of application and of network ones (AWS General Reference,
"Elastic Load Balancing endpoints"). A region that is not here gets us-east-1's."""
ATTRIBUTES: Final = {
    "access_logs.s3.bucket": "",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http2.enabled": "true",
}
"""Of a new application load balancer."""


class Balancers:
    """The actions on load balancers themselves."""

    def __init__(self, backend: Backend, calls: Calls, interfaces: Interfaces, state: State) -> None:
        """`interfaces` holds what sits in subnets."""
        self._settings = backend.settings
        self._backend = backend
        self._calls = calls
        self._interfaces = interfaces
        self._state = state

    def actions(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]]:
        """Each action by its name."""
        return {
            "CreateLoadBalancer": self._create,
            "DescribeLoadBalancers": self._describe,
            "DeleteLoadBalancer": self._delete,
            "SetSubnets": self._set_subnets,
            "SetSecurityGroups": self._set_groups,
            "SetIpAddressType": self._set_address_type,
        }

    async def _create(self, params: dict[str, Any]) -> dict[str, Any]:
        name, kind = params["Name"], params.get("Type", "application")
        scheme = params.get("Scheme", "internet-facing")
        if kind not in ("application", "network"):
            raise AwsError("ValidationError", f"The rehearsal does not play load balancers of type '{kind}'")
        if not NAME.fullmatch(name) or name.startswith("internal-"):
            raise AwsError(
                "ValidationError",
                f"The load balancer name '{name}' must have at most 32 letters, digits and hyphens, and must not begin "
                "or end with a hyphen or begin with 'internal-'",
            )
        if any(each["LoadBalancerName"] == name for each in self._state.balancers.values()):
            raise AwsError("DuplicateLoadBalancerName", f"A load balancer with name '{name}' already exists")
        subnets = await self._subnets(params, kind)
        vpc_id = subnets[0]["VpcId"]
        if scheme == "internet-facing":
            await self._check_gateway(vpc_id)
        groups = params.get("SecurityGroups", [])
        if kind == "application":
            groups = groups or [await self._interfaces.default_group(vpc_id)]
        self._check_groups(groups, vpc_id)
        region, short = self._settings.region, "app" if kind == "application" else "net"
        path = f"{short}/{name}/{new_id()}"
        arn = f"arn:aws:elasticloadbalancing:{region}:{self._settings.account_id}:loadbalancer/{path}"
        host = f"{name}-{secrets.randbelow(9 * 10**9) + 10**9}"
        if kind == "network":
            host = f"{name}-{arn.rpartition('/')[2]}"
        prefix = "internal-" if scheme == "internal" and kind == "application" else ""
        domain = f"{region}.elb.amazonaws.com" if kind == "application" else f"elb.{region}.amazonaws.com"
        record: Record = {
            "LoadBalancerArn": arn,
            "LoadBalancerName": name,
            "DNSName": f"{prefix}{host}.{domain}",
            "CanonicalHostedZoneId": ZONES.get(region, ZONES["us-east-1"])[kind == "network"],
            "CreatedTime": datetime.now(UTC),
            "Scheme": scheme,
            "VpcId": vpc_id,
            "State": {"Code": "active"},
            "Type": kind,
            "IpAddressType": params.get("IpAddressType", "ipv4"),
            "SecurityGroups": groups,
        }
        self._place(record, path, subnets)
        self._state.balancers[arn] = record
        self._state.tags[arn] = {each["Key"]: each.get("Value", "") for each in params.get("Tags", [])}
        self._state.attributes[arn] = dict(ATTRIBUTES)
        return {"LoadBalancers": [record]}

    def _place(self, record: Record, path: str, subnets: list[dict[str, Any]]) -> None:
        """Give a load balancer an interface in each of its subnets and none elsewhere."""
        held = self._state.interfaces.setdefault(record["LoadBalancerArn"], {})
        wanted = {each["SubnetId"] for each in subnets}
        for subnet_id in [each for each in held if each not in wanted]:
            self._interfaces.release(held.pop(subnet_id))
        for subnet in subnets:
            if subnet["SubnetId"] not in held:
                public = record["Scheme"] == "internet-facing"
                made = self._interfaces.attach(
                    subnet,
                    record["SecurityGroups"],
                    description=f"ELB {path}",
                    requester="amazon-elb",
                    public_ip=self._interfaces.public_address() if public else "",
                )
                held[subnet["SubnetId"]] = made["NetworkInterfaceId"]
        record["AvailabilityZones"] = [
            {"ZoneName": each["AvailabilityZone"], "SubnetId": each["SubnetId"], "LoadBalancerAddresses": []}
            for each in subnets
        ]

    async def _subnets(self, params: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        """The subnets that a request names, in either of its two forms; raises AwsError as AWS refuses them."""
        ids = params.get("Subnets") or [each["SubnetId"] for each in params.get("SubnetMappings", [])]
        if not ids:
            raise AwsError("ValidationError", "At least one subnet must be specified")
        subnets: list[dict[str, Any]] = []
        for subnet_id in ids:
            try:
                subnets.append(await self._interfaces.subnet(subnet_id))
            except AwsError as error:
                raise AwsError("SubnetNotFound", f"The subnet ID '{subnet_id}' does not exist") from error
        if len({each["VpcId"] for each in subnets}) > 1:
            raise AwsError("InvalidConfigurationRequest", "All subnets must belong to the same VPC")
        zones = {each["AvailabilityZone"] for each in subnets}
        if len(zones) < len(subnets):
            raise AwsError(
                "InvalidConfigurationRequest",
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            )
        if kind == "application" and len(zones) < 2:
            message = "At least two subnets in two different Availability Zones must be specified"
            raise AwsError("ValidationError", message)
        return subnets

    async def _check_gateway(self, vpc_id: str) -> None:
        wanted = [{"Name": "attachment.vpc-id", "Values": [vpc_id]}]
        if not (await self._calls("ec2", "DescribeInternetGateways", Filters=wanted))["InternetGateways"]:
            raise AwsError("InvalidSubnet", f"VPC {vpc_id} has no internet gateway")

    def _check_groups(self, groups: list[str], vpc_id: str) -> None:
        for group in groups:
            record = self._backend.security_groups.get(group)
            if record is None or record["VpcId"] != vpc_id:
                raise AwsError("InvalidSecurityGroup", f"One or more security groups are invalid: {group}")

    async def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        found = selected(
            self._state.balancers.values(),
            "LoadBalancerArn",
            params.get("LoadBalancerArns", []),
            "LoadBalancerNotFound",
        )
        return {"LoadBalancers": selected(found, "LoadBalancerName", params.get("Names", []), "LoadBalancerNotFound")}

    async def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = params["LoadBalancerArn"]
        if self._state.attributes.get(arn, {}).get("deletion_protection.enabled") == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            raise AwsError("OperationNotPermitted", message)
        for listener in self._state.listeners_of(arn):
            self._state.forget_listener(listener["ListenerArn"])
        for interface_id in self._state.interfaces.pop(arn, {}).values():
            self._interfaces.release(interface_id)
        self._state.forget(self._state.balancers, arn)
        return {}

    async def _set_subnets(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._state.balancer(params["LoadBalancerArn"])
        subnets = await self._subnets(params, record["Type"])
        if subnets[0]["VpcId"] != record["VpcId"]:
            message = "The subnets must belong to the VPC of the load balancer"
            raise AwsError("InvalidConfigurationRequest", message)
        self._place(record, record["LoadBalancerArn"].partition(":loadbalancer/")[2], subnets)
        return {"AvailabilityZones": record["AvailabilityZones"], "IpAddressType": record["IpAddressType"]}

    async def _set_groups(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._state.balancer(params["LoadBalancerArn"])
        groups: list[str] = params["SecurityGroups"]
        self._check_groups(groups, record["VpcId"])
        record["SecurityGroups"] = groups
        for interface_id in self._state.interfaces[record["LoadBalancerArn"]].values():
            interface = self._interfaces.get(interface_id)
            if interface:
                interface["Groups"] = [self._interfaces.group(group) for group in groups]
        return {"SecurityGroupIds": groups}

    async def _set_address_type(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._state.balancer(params["LoadBalancerArn"])
        if params["IpAddressType"] != "ipv4":
            raise AwsError("InvalidConfigurationRequest", "The rehearsal's subnets have no IPv6 addresses")
        return {"IpAddressType": record["IpAddressType"]}
