"""Classic load balancers, as far as they keep a network from being deleted.

ministack has Elastic Load Balancing of version 2 alone. Both versions have one endpoint and one signing name, and a
request says by its API version which one it means. On AWS the cloud controller manager of EKS makes a Classic load
balancer for a Service that names no controller; here nobody does, so it stands for what such a lab left behind: it is
listed with its tags, it has an interface in each of its subnets, and it goes when it is asked to.

Elastic Load Balancing API Reference, version 2012-06-01, seen 2026-11.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

from botocore.model import OperationNotFoundError

from rehearsal.emulator import query
from rehearsal.emulator.ec2.interfaces import Interfaces
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend, Params

VERSION: Final = "2012-06-01"


@dataclass(frozen=True)
class Balancer:
    """One load balancer."""

    description: dict[str, Any]
    """As DescribeLoadBalancers gives it."""

    tags: dict[str, str]
    interface_ids: tuple[str, ...]


class ClassicBalancers:
    """Answers the calls of API version 2012-06-01; all others go to who answered them before."""

    def __init__(self, backend: Backend, calls: Calls, interfaces: Interfaces) -> None:
        """Takes the calls over; whoever answers version 2015-12-01 must be in place already."""
        self._settings = backend.settings
        self._calls = calls
        self._interfaces = interfaces
        self._next = backend.handler("elasticloadbalancing")
        self._all: dict[str, Balancer] = {}
        self._actions = {
            "CreateLoadBalancer": self._create,
            "DescribeLoadBalancers": self._describe,
            "DescribeTags": self._describe_tags,
            "DeleteLoadBalancer": self._delete,
        }
        backend.replace("elasticloadbalancing", self._handle)

    async def _handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, sent: Params
    ) -> tuple[int, dict[str, str], bytes]:
        form = {**sent, **parse_qs(body.decode(), keep_blank_values=True)}
        if form.get("Version") != [VERSION]:
            return await self._next(method, path, headers, body, sent)
        action = form.get("Action", [""])[0]
        try:
            model = self._calls.model("elb")
            operation = model.operation_model(action)
            if action not in self._actions:
                raise AwsError("InvalidAction", f"The rehearsal does not play {action} of Classic load balancers.")
            result = await self._actions[action](query.read(operation, form))
        except OperationNotFoundError:
            error = AwsError("InvalidAction", f"Could not find operation {action} for version {VERSION}")
            return error.status, dict(query.XML), query.write_error(error)
        except AwsError as error:
            return error.status, dict(query.XML), query.write_error(error)
        return 200, dict(query.XML), query.write(model, operation, result)

    async def _create(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name: str = params["LoadBalancerName"]
        if name in self._all:
            raise AwsError("DuplicateLoadBalancerName", f"There is already a load balancer named {name}")
        if not params.get("Subnets"):
            raise AwsError("ValidationError", "At least one subnet must be specified")
        subnets = [await self._interfaces.subnet(each) for each in params["Subnets"]]
        vpc_id = subnets[0]["VpcId"]
        groups: list[str] = params.get("SecurityGroups") or [await self._interfaces.default_group(vpc_id)]
        made = [
            self._interfaces.attach(each, groups, description=f"ELB {name}", requester="amazon-elb") for each in subnets
        ]
        scheme = params.get("Scheme", "internet-facing")
        address = f"{name}-1234567890.{self._settings.region}.elb.amazonaws.com"
        description = {
            "LoadBalancerName": name,
            "DNSName": address,
            "Scheme": scheme,
            "VPCId": vpc_id,
            "AvailabilityZones": [each["AvailabilityZone"] for each in subnets],
            "Subnets": params["Subnets"],
            "SecurityGroups": groups,
            "ListenerDescriptions": [{"Listener": each} for each in params["Listeners"]],
            "CreatedTime": datetime.now(UTC),
        }
        tags = {each["Key"]: each.get("Value", "") for each in params.get("Tags", [])}
        self._all[name] = Balancer(description, tags, tuple(each["NetworkInterfaceId"] for each in made))
        return {"DNSName": address}

    async def _describe(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"LoadBalancerDescriptions": [each.description for each in self._named(params)]}

    async def _describe_tags(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "TagDescriptions": [
                {
                    "LoadBalancerName": each.description["LoadBalancerName"],
                    "Tags": [{"Key": key, "Value": value} for key, value in each.tags.items()],
                }
                for each in self._named(params)
            ]
        }

    async def _delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """One that is gone, or was never there, is no error."""
        gone = self._all.pop(params["LoadBalancerName"], None)
        for each in gone.interface_ids if gone else ():
            self._interfaces.release(each)
        return {}

    def _named(self, params: Mapping[str, Any]) -> list[Balancer]:
        names: list[str] = params.get("LoadBalancerNames") or list(self._all)
        for name in names:
            if name not in self._all:
                raise AwsError("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{name}'")
        return [self._all[name] for name in names]
