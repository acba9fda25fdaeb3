"""The emulator's own routes, below /_rehearsal/, beside those of AWS.

Who starts the emulator needs to prove that it is the emulator, to look into
it and to end it; the API servers that it runs need to ask who a token is and
what a user may do; what runs in pods needs what AWS has at addresses of every
node's. None of that is AWS's API, so none of it is signed: a bearer secret, or
a secret in the path, stands in for it.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from rehearsal.emulator import asgi
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.fault_injection import Faults
from rehearsal.emulator.settings import Settings

PREFIX: Final = "/_rehearsal/"

Status = Callable[[], Mapping[str, Any]]
Restore = Callable[[], Awaitable[list[str]]]
"""Puts the operator's user, key and files right; what was damaged, in a few words each."""
Webhook = Callable[[str, str, dict[str, Any]], Awaitable[dict[str, Any] | None]]
"""(kind, secret of the cluster, review) -> review with its status; None when there is no such cluster."""
Node = Callable[[str, str, Sequence[str], Mapping[str, str]], Awaitable[asgi.Response | None]]
"""(method, secret of the node, rest of the path, headers) -> answer; None when nothing ever comes."""

PATIENCE: Final = 10.0
"""Seconds after which a request that gets no answer is given up; clients of AWS's do so before."""


class Routes:
    """ASGI app: the routes below PREFIX, everything else to `app`."""

    def __init__(
        self,
        app: asgi.App,
        settings: Settings,
        *,
        status: Status,
        shutdown: Callable[[], None],
        operator: Restore,
        webhook: Webhook,
        node: Node,
        faults: Faults,
    ) -> None:
        """`status` gives the JSON of /_rehearsal/status, `shutdown` begins the end of the process."""
        self._app = app
        self._settings = settings
        self._status = status
        self._shutdown = shutdown
        self._operator = operator
        self._webhook = webhook
        self._node = node
        self._faults = faults

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer one of the routes, or pass the request on."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(PREFIX):
            body = await asgi.read_body(receive)
            answer = await self._answer(scope, body)
            if answer is None:
                await _until_gone(receive)
                answer = asgi.Response(504)
            await asgi.respond(send, answer)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: asgi.Scope, body: bytes) -> asgi.Response | None:
        headers = asgi.headers_of(scope)
        if headers.get("host") != self._settings.host:
            return asgi.json_response({"message": "This emulator does not answer for that host."}, 421)
        where = (scope["method"], *scope["path"].removeprefix(PREFIX).split("/"))
        match where:
            case ("GET", "identity"):
                settings = self._settings
                identity = {"id": settings.world_id, "account_id": settings.account_id, "region": settings.region}
                return asgi.json_response(identity)
            case ("GET", "status") if self._trusted(headers):
                return asgi.json_response(self._status())
            case ("POST", "shutdown") if self._trusted(headers):
                self._shutdown()
                return asgi.json_response({}, 202)
            case ("POST", "operator") if self._trusted(headers):
                return await self._restore()
            case ("GET", "faults") if self._trusted(headers):
                return asgi.json_response(self._faults.laid())
            case ("POST", "faults") if self._trusted(headers):
                return self._lay(body)
            case ("GET", "status" | "faults") | ("POST", "shutdown" | "operator" | "faults"):
                return asgi.json_response({"message": "The world's secret is missing or wrong."}, 401)
            case ("POST", "webhook", secret, kind):
                return await self._review(secret, kind, body)
            case (method, "node", secret, *rest):
                return await self._node(method, secret, rest, headers)
            case _:
                return asgi.json_response({"message": "There is no such path."}, 404)

    def _trusted(self, headers: Mapping[str, str]) -> bool:
        expected = f"Bearer {self._settings.secret}"
        return secrets.compare_digest(headers.get("authorization", "").encode(), expected.encode())

    async def _restore(self) -> asgi.Response:
        try:
            return asgi.json_response({"restored": await self._operator()})
        except (AwsError, OSError) as error:
            return asgi.json_response({"message": str(error)}, 500)

    def _lay(self, body: bytes) -> asgi.Response:
        try:
            self._faults.lay(json.loads(body))
        except (ValueError, TypeError) as error:
            return asgi.json_response({"message": str(error)}, 400)
        return asgi.json_response({})

    async def _review(self, secret: str, kind: str, body: bytes) -> asgi.Response:
        try:
            review = json.loads(body)
        except ValueError:
            review = None
        if not isinstance(review, dict):
            return asgi.json_response({"message": "The body is not a review."}, 400)
        answer = await self._webhook(kind, secret, review)
        if answer is None:
            return asgi.json_response({"message": "There is no such path."}, 404)
        return asgi.json_response(answer)


async def _until_gone(receive: asgi.Receive) -> None:
    """Wait until the client has given up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while (await receive())["type"] != "http.disconnect":
                pass


async def _lifespan(receive: asgi.Receive, send: asgi.Send) -> None:
    """Take the server's start and end as done: what they need is done around the server."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
