"""Answers Elastic Load Balancing's calls: reads the form, asks the part that knows, writes the XML."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from botocore.model import OperationNotFoundError

from rehearsal.emulator import query
from rehearsal.emulator.authorization import Authorization, tag_keys
from rehearsal.emulator.ec2.interfaces import Interfaces
from rehearsal.emulator.elbv2.balancers import Balancers
from rehearsal.emulator.elbv2.listeners import Listeners
from rehearsal.emulator.elbv2.rules import Rules
from rehearsal.emulator.elbv2.settings import Settings
from rehearsal.emulator.elbv2.state import State
from rehearsal.emulator.elbv2.targets import Targets
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend, Params

log = logging.getLogger(__name__)

Action = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Gives an operation's result from its parameters, both as boto3 has them; raises AwsError."""

CREATES: Final = {
    "CreateLoadBalancer": "loadbalancer/app/*/*",
    "CreateTargetGroup": "targetgroup/*/*",
    "CreateListener": "listener/app/*/*/*",
    "CreateRule": "listener-rule/app/*/*/*/*",
}
"""Actions that may tag what they make, and what of it is known before it is there."""
TAGS: Final = ("AddTags", "RemoveTags")


class LoadBalancing:
    """Answers the calls of API version 2015-12-01."""

    def __init__(self, backend: Backend, calls: Calls, interfaces: Interfaces, authorization: Authorization) -> None:
        """Takes the calls over from ministack; IAM has let them pass."""
        self._backend = backend
        self._calls = calls
        self._authorization = authorization
        self.state = State()
        state = self.state
        self._actions: dict[str, Action] = {
            **Balancers(backend, calls, interfaces, state).actions(),
            **Targets(backend, calls, state).actions(),
            **Listeners(calls, state).actions(),
            **Rules(state).actions(),
            **Settings(state).actions(),
        }
        authorization.know_tags("elasticloadbalancing", self._tagged)
        authorization.know_resource("elasticloadbalancing", _resource)
        backend.replace("elasticloadbalancing", self._handle)

    def _tagged(self) -> Iterable[tuple[str, Mapping[str, str]]]:
        return list(self.state.tags.items())

    async def _handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, sent: Params
    ) -> tuple[int, dict[str, str], bytes]:
        del method, path
        form = {**sent, **parse_qs(body.decode(), keep_blank_values=True)}
        action = form.get("Action", [""])[0]
        try:
            model = self._calls.model("elbv2")
            operation = model.operation_model(action)
            if action not in self._actions:
                raise AwsError("InvalidAction", f"The rehearsal does not play {action} of Elastic Load Balancing.")
            params = query.read(operation, form)
            self._demand(action, headers, sent, params)
            result = await self._actions[action](params)
        except OperationNotFoundError:
            error = AwsError("InvalidAction", f"Could not find operation {action} for version 2015-12-01")
            return error.status, dict(query.XML), query.write_error(error)
        except AwsError as error:
            return error.status, dict(query.XML), query.write_error(error)
        except Exception as error:
            # Whatever it was, the client gets the protocol's form of it: it cannot read another.
            log.exception("%s failed", action)
            return 500, dict(query.XML), query.write_error(AwsError("InternalFailure", str(error), 500))
        return 200, dict(query.XML), query.write(model, operation, result)

    def _demand(self, action: str, headers: Mapping[str, str], sent: Params, params: Mapping[str, Any]) -> None:
        """Ask IAM for what a call needs beside its own action on its first resource."""
        settings = self._backend.settings
        if action in CREATES and params.get("Tags"):
            keys = tag_keys({each["Key"]: each.get("Value", "") for each in params["Tags"]})
            keys["elasticloadbalancing:CreateAction"] = action
            arn = f"arn:aws:elasticloadbalancing:{settings.region}:{settings.account_id}:{CREATES[action]}"
            self._authorization.demand(headers, sent, "elasticloadbalancing:AddTags", arn, keys)
        if action in TAGS:
            keys = tag_keys({each["Key"]: each.get("Value", "") for each in params.get("Tags", [])})
            for arn in params["ResourceArns"][1:]:
                self._authorization.demand(headers, sent, f"elasticloadbalancing:{action}", arn, keys)


def _resource(form: Params) -> str:
    """The resource of a call that ministack does not find: a rule's, or the first that is tagged."""
    for name in ("ResourceArns.member.1", "RuleArn", "RulePriorities.member.1.RuleArn"):
        if values := form.get(name):
            return values[0]
    return ""
