"""The page on a port, and browsers that have entered: what it reads comes from the unit tests' lab."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvicorn

from cli.page.app import make
from cli.page.guard import Guard
from cli.page.look import Reader
from cli.page.runs import Runs
from tests.browser.chromium import Tab, browser
from tests.unit.cli.page_lab import Lab


@asynccontextmanager
async def served(lab: Lab, tabs: int = 1) -> AsyncGenerator[tuple[Guard, Runs, list[Tab]]]:
    """The page, served on a port, and a browser that has entered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        runs = Runs(lambda words: ["lab", *words], {})
        guard = Guard(make("rehearsal", Reader("rehearsal"), runs), listening.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(guard, log_level="error", ws="none", timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            async with browser(tabs) as opened:
                await opened[0].go(guard.address)
                await opened[0].wait("document.querySelector('#overview h2')")
                yield guard, runs, opened
        finally:
            lab.end()
            runs.gone("over")
            server.should_exit = True
            await serving


def run(lab: Lab, test: Callable[[Guard, Runs, list[Tab]], Awaitable[None]], tabs: int = 1) -> None:
    async def whole() -> None:
        async with served(lab, tabs) as (guard, runs, opened):
            await test(guard, runs, opened)

    asyncio.run(whole())
