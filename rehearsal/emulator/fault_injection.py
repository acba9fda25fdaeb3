"""Faults on demand: what AWS does on a bad day, so that it can be rehearsed what a run makes of it.

A caller with the world's secret posts a list of faults (routes.py); each
waits for the calls that it is about, spoils as many of them as it says, and is
then spent. Nothing else changes: a call that was not spoiled goes its usual way.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from rehearsal.emulator import asgi
from rehearsal.emulator.request_authentication import Refusal, answer_of, signature
from rehearsal.emulator.rest_json_server import RestJson

SLOW_SECONDS: Final = 3.0

EFFECTS: Final[Mapping[str, Refusal]] = {
    "throttled": Refusal(400, "ThrottlingException", "Rate exceeded"),
    "unavailable": Refusal(503, "ServiceUnavailable", "The service is temporarily unable to handle the request."),
    "internal-error": Refusal(500, "InternalFailure", "An internal error has occurred."),
    "expired-credentials": Refusal(403, "ExpiredToken", "The security token included in the request is expired"),
    "access-denied": Refusal(403, "AccessDenied", "User is not authorized to perform this operation."),
    "over-quota": Refusal(400, "LimitExceededException", "A limit of this account is reached."),
}
"""Answers of AWS's own in the place of the right one; codes from its "Common Errors" pages, 2026-11."""

SLOW: Final = "slow"
"""The call is carried out, SLOW_SECONDS late: time to kill whoever waits for it."""

FAILING: Final = "fails-later"
"""The call is accepted, and what it began ends in a failed state: CREATE_FAILED, FAILED."""


@dataclass
class Fault:
    """What happens to which calls."""

    service: str
    """SigV4 signing name, as "eks"."""
    operation: str
    """API name, as "CreateNodegroup"."""
    effect: str
    """One of EFFECTS, SLOW or FAILING."""
    times: int = 1
    """How many calls are spoiled."""
    after: int = 0
    """How many such calls go well before."""
    seen: int = field(default=0)
    """Such calls so far."""
    spoiled: int = field(default=0)
    """Of these, the spoiled ones."""

    def strikes(self, service: str, operation: str) -> bool:
        """Count a call; whether this one is spoiled."""
        if (service, operation) != (self.service, self.operation):
            return False
        self.seen += 1
        if self.seen <= self.after or self.spoiled >= self.times:
            return False
        self.spoiled += 1
        return True

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Fault":
        """From JSON; raises ValueError naming what is wrong."""
        try:
            fault = cls(**raw)
        except TypeError as error:
            raise ValueError(f"A fault has no such member: {error}.") from error
        if fault.effect not in (*EFFECTS, SLOW, FAILING):
            raise ValueError(
                f"There is no effect {fault.effect}. Choose one of {', '.join((*EFFECTS, SLOW, FAILING))}."
            )
        return fault


class Faults:
    """What is to go wrong, and how much of it already has."""

    def __init__(self) -> None:
        self._laid: list[Fault] = []

    def lay(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Put these in the place of all that were; raises ValueError."""
        self._laid = [Fault.of(raw) for raw in faults]

    def laid(self) -> list[dict[str, Any]]:
        """Each with how often it has struck."""
        return [asdict(fault) for fault in self._laid]

    def effect(self, service: str, operation: str) -> str | None:
        """How this call is spoiled; counts it."""
        for fault in self._laid:
            if fault.effect != FAILING and fault.strikes(service, operation):
                return fault.effect
        return None

    def fails_later(self, operation: str) -> bool:
        """Whether what this call to EKS begins is to fail; counts it."""
        return any(fault.effect == FAILING and fault.strikes("eks", operation) for fault in self._laid)


class Spoiler:
    """ASGI middleware that spoils calls."""

    def __init__(self, app: asgi.App, faults: Faults, eks: RestJson) -> None:
        """`eks` tells which operation a path of EKS's is."""
        self._app = app
        self._faults = faults
        self._eks = eks

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Pass a call on, or spoil it."""
        if not self._faults.laid() or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = asgi.headers_of(scope)
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        signed = signature(headers.get("authorization", ""), query)
        body = await asgi.read_body(receive)
        operation = self._operation(signed.service, scope, headers, body, query) if signed else ""
        effect = self._faults.effect(signed.service, operation) if signed else None
        if effect is None or effect == SLOW:
            await asyncio.sleep(SLOW_SECONDS if effect else 0)
            await self._app(scope, asgi.replay(body, receive), send)
        else:
            await asgi.respond(send, answer_of(EFFECTS[effect], signed, headers, query))

    def _operation(
        self,
        service: str,
        scope: asgi.Scope,
        headers: Mapping[str, str],
        body: bytes,
        query: Mapping[str, list[str]],
    ) -> str:
        """API name of the operation that is called; empty where the protocol does not tell."""
        if target := headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        if service == "eks":
            return self._eks.operation(scope["method"], scope["path"]) or ""
        found = parse_qs(body.decode("latin-1")).get("Action") or query.get("Action") or [""]
        return found[0]
