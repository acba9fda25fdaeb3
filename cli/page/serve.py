"""Serves the page on this machine's own address until Ctrl-C, or until the lab is taken away."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

import uvicorn

from cli.page import look
from cli.page.app import make
from cli.page.guard import Guard
from cli.page.look import EXPECTED, Reader
from cli.page.runs import Runs, command_line
from exercises.texts import Language
from stacks.errors import BadInput

LOOKS_EVERY: Final = 2.0
"""Seconds between two looks whether the lab still stands."""

MISSES: Final = 2
"""Looks in a row that find it gone before the page ends with it."""

Tell = Callable[[str], object]


class _Server(uvicorn.Server):
    """Ends what the page has begun before it ends itself."""

    def __init__(self, config: uvicorn.Config, runs: Runs, tell: Tell) -> None:
        super().__init__(config)
        self._runs, self._tell = runs, tell
        self.why = "The page's server has ended. Start it again with ./lab page."

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Interrupt the command at work, tell every window, and close."""
        if at_work := self._runs.current:
            self._tell(f"Interrupting {at_work.title}, and waiting for its end; Ctrl-C again does not wait.")
            ending = asyncio.create_task(self._runs.end())
            while not ending.done() and not self.force_exit:
                await asyncio.sleep(0.1)
        self._runs.gone(self.why)
        await super().shutdown(sockets)


def listening(port: int) -> socket.socket:
    """A socket on this machine's own address; 0: any free port. Raises BadInput for one that cannot be had."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
        # The address is told before the server is ready: who comes early waits.
        made.listen()
    except OSError as error:
        made.close()
        raise BadInput(f"--port is {port}, which cannot be had: {error.strerror}. Name another, or none.") from error
    return made


def serve(stack: str, sock: socket.socket, language: Language, *, opens: bool, tell: Tell) -> None:
    """Serve the page of a stack to its end.

    Args:
        stack: its name.
        sock: where to listen; closed at the end.
        language: in which the page begins.
        opens: whether to open a browser.
        tell: hears the address, and why the page has ended.
    """
    # Before anything is asked: readings change this process's environment for a while.
    runs, reader = Runs(command_line, dict(os.environ)), Reader(stack)
    guard = Guard(make(stack, reader, runs, language), sock.getsockname()[1], language)
    config = uvicorn.Config(
        guard,
        access_log=False,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=3,
    )
    server = _Server(config, runs, tell)

    async def run() -> None:
        watching = asyncio.create_task(_watch(reader, runs, server))
        # The first reading imports much: it is done while the browser starts.
        warming = asyncio.create_task(reader.ask(look.overview))
        try:
            await server.serve(sockets=[sock])
        finally:
            watching.cancel()
            warming.cancel()

    # A terminal that is closed ends it as Ctrl-C does.
    signal.signal(signal.SIGHUP, server.handle_exit)
    tell(f"The lab is at {guard.address}")
    tell("The address opens one browser, once. Ctrl-C ends it.")
    with _opened(guard.address) if opens else nullcontext(), suppress(KeyboardInterrupt):
        asyncio.run(run())
    tell(server.why)


async def _watch(reader: Reader, runs: Runs, server: _Server) -> None:
    """End the server when the lab that stood is gone; an update of ours may start it anew meanwhile."""
    stood, missed = False, 0
    while missed < MISSES:
        try:
            stands = await reader.ask(look.world_stands)
        except EXPECTED:
            stands = stood  # It answers something; whoever looks at a page is told what.
        if stands is None:
            return
        stood = stood or stands
        missed = missed + 1 if stood and not stands and not runs.current else 0
        await asyncio.sleep(LOOKS_EVERY)
    server.why = "The lab is down, and its page has ended. ./lab up, then ./lab page bring both back."
    server.should_exit = True


@contextmanager
def _opened(address: str) -> Generator[None]:
    """A browser at an address with a token. It gets it by a file of the user's own: command lines are read by all."""
    with tempfile.TemporaryDirectory(prefix="myeks-lab-page-") as directory:
        file = Path(directory, "open.html")
        file.write_text(
            f'<!doctype html><meta charset="utf-8"><title>The myeks lab</title>'
            f'<meta http-equiv="refresh" content="0;url={address}"><a href="{address}">The myeks lab</a>\n'
        )
        file.chmod(0o600)
        opening: Any = threading.Thread(target=webbrowser.open, args=(file.as_uri(),), daemon=True)
        opening.start()
        yield
