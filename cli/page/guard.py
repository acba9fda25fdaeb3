"""Who gets an answer of the page: the one browser that came with the address that `lab page` printed.

A server on 127.0.0.1 is reached by every program of this machine, and by every web site that its user visits: a site
may send requests there, or have a name of its own lead there (DNS rebinding). So each request must name this address as
its host, come from this page if it changes anything, and bring a cookie that was given out once.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

from cli.messages import told
from cli.page.words import say
from exercises.texts import Language

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ENTRANCE: Final = "/enter"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    # With "no-referrer" browsers would send `Origin: null` with our own forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_READING: Final = frozenset({"GET", "HEAD"})
_AGAIN: Final = "Run ./lab page again, and open the address that it prints."


class Guard:
    """Stands before the page's application, and lets one browser in."""

    def __init__(self, app: App, port: int, language: Language = "en") -> None:
        self._app = app
        self._language: Language = language
        self.host = f"127.0.0.1:{port}"
        self.origin = f"http://{self.host}"
        self._cookie = f"lab-page-{port}"
        self._token: str | None = secrets.token_urlsafe(32)
        self._session: str | None = None

    @property
    def address(self) -> str:
        """What opens the page, once."""
        return f"{self.origin}{ENTRANCE}?token={self._token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
            await send(message)

        if refused := self._refused(scope):
            await self._answer(guarded, *refused)
        elif scope["path"] == ENTRANCE:
            await self._enter(scope, guarded)
        elif not self._knows(scope):
            await self._answer(guarded, 403, f"This page is for the browser that opened it. {_AGAIN}")
        else:
            await self._app(scope, receive, guarded)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        """Status and text for a request that no browser of this page sends."""
        if _values(scope, b"host") != [self.host]:
            return 421, "This server answers at its own address alone."
        origins, method = _values(scope, b"origin"), scope["method"]
        if method not in _READING and method != "POST":
            return 405, "There is no such method here."
        if origins not in ([], [self.origin]) or (method == "POST" and not origins):
            return 403, "This request comes from another site."
        if method == "POST" and _values(scope, b"sec-fetch-site") not in ([], ["same-origin"]):
            return 403, "This request comes from another site."
        return None

    async def _enter(self, scope: Scope, send: Send) -> None:
        if self._knows(scope):
            await self._onward(send, [])
            return
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if scope["method"] != "GET" or self._token is None or not _same(given, self._token):
            await self._answer(send, 403, f"This address is not right, or was used already. {_AGAIN}")
            return
        self._token, self._session = None, secrets.token_urlsafe(32)
        cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
        await self._onward(send, [(b"set-cookie", cookie.encode())])

    def _knows(self, scope: Scope) -> bool:
        if self._session is None:
            return False
        for line in _values(scope, b"cookie"):
            try:
                told = SimpleCookie(line).get(self._cookie)
            except CookieError:
                continue
            if told and _same(told.value, self._session):
                return True
        return False

    async def _onward(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        # A redirect would be the other site's request still, or the terminal's: a strict cookie does not go with that.
        name = say("The myeks lab", self._language)
        page = (
            f'<!doctype html><html lang="{self._language}"><head><meta charset="utf-8"><title>{name}</title>'
            f'<meta http-equiv="refresh" content="0;url=/"></head><body><p><a href="/">{name}</a></p></body></html>'
        )
        await _send(send, 200, page, "text/html; charset=utf-8", headers)

    async def _answer(self, send: Send, status: int, text: str) -> None:
        await _send(send, status, f"{told(text, self._language)}\n", "text/plain; charset=utf-8", [])


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


async def _send(send: Send, status: int, text: str, kind: str, headers: list[tuple[bytes, bytes]]) -> None:
    content = text.encode()
    told = [(b"content-type", kind.encode()), (b"content-length", str(len(content)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": content})
