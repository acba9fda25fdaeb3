"""A browser of a few lines for the page's tests: it calls the application, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.page.guard import ENTRANCE, App, Guard

PORT = 8123
HOST = f"127.0.0.1:{PORT}"
ORIGIN = f"http://{HOST}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    text: str

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


@dataclass
class Browser:
    """Sends what a browser sends; a header that is None is left out."""

    app: App
    cookie: str | None = None
    headers: dict[str, str] = field(default_factory=lambda: {"host": HOST})

    async def ask(
        self, method: str, address: str, content: str = "", headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        path, _, query = address.partition("?")
        sent: dict[str, str | None] = {**self.headers, "cookie": self.cookie, **(headers or {})}
        if method == "POST" and "origin" not in sent:
            sent["origin"] = ORIGIN
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value is not None],
        }
        messages: list[Any] = []
        asked = False
        over = asyncio.Event()

        async def receive() -> Any:
            nonlocal asked
            if asked:
                # Nobody hangs up before the answer is there.
                await over.wait()
                return {"type": "http.disconnect"}
            asked = True
            return {"type": "http.request", "body": content.encode(), "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        over.set()
        start, *parts = messages
        told = [(name.decode(), value.decode()) for name, value in start["headers"]]
        return Answer(start["status"], told, b"".join(each.get("body", b"") for each in parts).decode())

    async def get(self, address: str, **headers: str | None) -> Answer:
        return await self.ask("GET", address, headers=headers)

    async def post(self, address: str, content: str = "", **headers: str | None) -> Answer:
        return await self.ask("POST", address, content, headers)

    async def enter(self, guard: Guard) -> Answer:
        """With the address that `lab page` printed."""
        answer = await self.get(guard.address.removeprefix(guard.origin))
        self.cookie = answer.header("set-cookie").partition(";")[0] or self.cookie
        return answer


def entrance(token: str) -> str:
    return f"{ENTRANCE}?token={token}"


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())
