"""EC2: ministack's, with what it lacks laid over it.

Each action is ministack's own unless a part registers something for it: a
guard that may refuse, an action that answers in its place, or an amendment of
what it lists.
"""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from botocore.model import OperationNotFoundError

from rehearsal.emulator.authorization import Authorization
from rehearsal.emulator.ec2 import query_protocol
from rehearsal.emulator.ec2.addresses import Addresses
from rehearsal.emulator.ec2.call import Action, Call, Guard
from rehearsal.emulator.ec2.filters import LISTINGS, Listing, select
from rehearsal.emulator.ec2.instances import Instances
from rehearsal.emulator.ec2.interfaces import Interfaces
from rehearsal.emulator.ec2.peering import Peerings
from rehearsal.emulator.ec2.prefixes import Prefixes
from rehearsal.emulator.ec2.routes import Routes
from rehearsal.emulator.ec2.security_group_rules import Rules
from rehearsal.emulator.ec2.tags import Tags
from rehearsal.emulator.ec2.templates import Templates
from rehearsal.emulator.ec2.validation import Guards
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend

log = logging.getLogger(__name__)

XML = {"Content-Type": "text/xml;charset=UTF-8"}


class Ec2:
    """Answers EC2's calls."""

    def __init__(self, backend: Backend, calls: Calls, authorization: Authorization) -> None:
        """Takes EC2's calls over from ministack; `authorization` asks IAM about tags."""
        self._calls = calls
        self._original = backend.handler("ec2")
        self.interfaces = Interfaces(backend, calls)
        templates = Templates()
        self.instances = Instances(backend, calls, self.interfaces)
        addresses = Addresses(backend, calls, self.interfaces)
        peerings = Peerings(backend, calls)
        routes = Routes(calls)
        rules = Rules(backend)
        guards = Guards(calls, self.interfaces)
        self._tags = Tags(backend, authorization)
        self._guards: dict[str, Guard] = {**guards.guards(), **routes.guards(), **self._tags.guards()}
        self._actions: dict[str, Action] = {
            **self.interfaces.actions(),
            **Prefixes(self.interfaces).actions(),
            **templates.actions(),
            **self.instances.actions(),
            **addresses.actions(),
            **peerings.actions(),
            **routes.actions(),
            **rules.actions(),
            **self._tags.actions(),
        }
        self._amendments: dict[str, Callable[[dict[str, Any]], None]] = {
            "DescribeSubnets": self.interfaces.amend_subnet,
            "DescribeSecurityGroups": rules.amend,
            "DescribeInstances": self.instances.amend,
            "DescribeVolumes": self.instances.amend_volume,
            "DescribeNatGateways": addresses.amend_nat_gateway,
            "DescribeAddresses": addresses.amend_address,
            "DescribeVpcPeeringConnections": peerings.amend,
        }
        backend.replace("ec2", self._handle)

    async def _handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        form = {**query, **parse_qs(body.decode(), keep_blank_values=True)}
        action = form.get("Action", [""])[0]
        ours = self._guards.keys() | self._actions.keys() | LISTINGS.keys()
        if action not in ours:
            return await self._original(method, path, headers, body, query)
        try:
            operation = self._calls.model("ec2").operation_model(action)
            call = Call(self._calls, self._original, operation, headers, form)
            result = await self._answer(call)
        except OperationNotFoundError:
            error = AwsError("InvalidAction", f"The action {action} is not valid for this web service.")
            return error.status, dict(XML), query_protocol.write_error(error)
        except AwsError as error:
            return error.status, dict(XML), query_protocol.write_error(error)
        except Exception as error:
            # Whatever it was, the client gets EC2's form of it: it cannot read another.
            log.exception("EC2 %s failed", action)
            return 500, dict(XML), query_protocol.write_error(AwsError("InternalError", str(error), 500))
        if result is None:
            return await self._original(method, path, headers, body, query)
        return 200, dict(XML), query_protocol.write(operation, result)

    async def _answer(self, call: Call) -> dict[str, Any] | None:
        if guard := self._guards.get(call.action):
            await guard(call)
        if action := self._actions.get(call.action):
            return await action(call)
        if listing := LISTINGS.get(call.action):
            return await self._list(call, listing)
        return None

    async def _list(self, call: Call, listing: Listing) -> dict[str, Any]:
        """ministack's list, amended and then filtered here."""
        paging = ("Filter.", "MaxResults", "NextToken")
        result = await call.forward({name: value for name, value in call.form.items() if not name.startswith(paging)})
        filters: list[dict[str, Any]] = call.params.get("Filters", call.params.get("Filter", []))
        if call.action == "DescribeInstances":
            for reservation in result["Reservations"]:
                reservation["Instances"] = self._selected(call, listing, reservation["Instances"], filters)
            result["Reservations"] = [each for each in result["Reservations"] if each["Instances"]]
        else:
            items = result.get(listing.key, [])
            if call.action == "DescribeNetworkInterfaces":
                items = self.interfaces.listed(items, call.params.get("NetworkInterfaceIds", []))
            result[listing.key] = self._selected(call, listing, items, filters)
        result.pop("NextToken", None)
        return result

    def _selected(
        self, call: Call, listing: Listing, items: list[dict[str, Any]], filters: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        amend = self._amendments.get(call.action)
        for item in items:
            self._tags.amend(call.action, item)
            if amend:
                amend(item)
        return select(listing, items, filters)
