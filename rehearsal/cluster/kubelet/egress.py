"""The way from the API server into the cluster: to kubelets, and to what runs in pods.

The addresses of nodes and pods are nobody's on this machine, or somebody
else's. So the API server is configured to ask for every connection to them at a
socket of ours (its egress selector), and gets one to the process that plays
what it wants to reach. Where nothing runs, the connection is refused in the
words of a cluster.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rehearsal.cluster.control_plane.settings import EGRESS_SOCKET
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.ports import LOOPBACK

_LONGEST_PATH: Final = 103
"""Bytes of a Unix socket's path that every system takes: macOS 103, Linux 107."""
_LONGEST_REQUEST: Final = 4 << 10
_PIECE: Final = 64 << 10
_LOOK_AGAIN: Final = 0.05
"""Seconds between two tries to reach a process that has just been started."""
_OPEN: Final = b"HTTP/1.1 200 OK\r\n\r\n"


@dataclass(frozen=True)
class Way:
    """Where an address of the cluster is played."""

    port: int
    """On 127.0.0.1."""
    still_starting: Callable[[], bool] = lambda: False
    """Whether the process has been started a moment ago, so that it may be about to listen."""


Find = Callable[[str, int], Awaitable[Way | None]]
"""Takes an IP address and a port of the cluster; None: nothing runs there."""


def listener(directory: Path) -> socket.socket:
    """A socket that only we may use, in `directory`. Raises ControlPlaneError or OSError."""
    path = directory / EGRESS_SOCKET
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if len(os.fsencode(path)) <= _LONGEST_PATH:
            made.bind(str(path))
        elif sys.platform == "linux":
            # A long directory has a short name too.
            handle = os.open(directory, os.O_PATH | os.O_DIRECTORY)
            try:
                made.bind(f"/proc/self/fd/{handle}/{EGRESS_SOCKET}")
            finally:
                os.close(handle)
        else:
            raise ControlPlaneError(
                f"{path} is longer than the {_LONGEST_PATH} bytes that a socket's path may have. "
                "Choose a directory with a shorter path for the rehearsal's world."
            )
        path.chmod(0o600)
    except BaseException:
        made.close()
        raise
    return made


def wanted(request: bytes) -> tuple[str, int] | None:
    """Address and port that an HTTP CONNECT asks for; None when it is no such request."""
    method, _, rest = request.partition(b"\r\n")[0].decode("ascii", "replace").partition(" ")
    host, _, port = rest.partition(" ")[0].rpartition(":")
    if method != "CONNECT" or not host or not port.isdecimal():
        return None
    return host.strip("[]"), int(port)


def _refusal(status: int, why: str) -> bytes:
    return f"HTTP/1.1 {status} {why}\r\nContent-Length: 0\r\n\r\n".encode()


class Egress:
    """The socket of one cluster, from `start` to `stop`."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, listening: socket.socket) -> None:
        """Answer at a bound socket."""
        self._server = await asyncio.start_unix_server(self._accepted, sock=listening, limit=_LONGEST_REQUEST)

    async def stop(self) -> None:
        """Close the socket and every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="egress")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The API server may go away at any time, and so may the process.
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError), contextlib.closing(writer):
            asked = wanted(await reader.readuntil(b"\r\n\r\n"))
            if asked is None:
                writer.write(_refusal(400, "only CONNECT to an address and a port is served"))
                return
            try:
                near, far = await self._connect(*asked)
            except ConnectionError:
                # What a cluster says of an address where nothing listens.
                writer.write(_refusal(502, "connect: connection refused"))
                return
            with contextlib.closing(far):
                writer.write(_OPEN)
                await asyncio.gather(_carry(reader, far), _carry(near, writer))

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to what plays that address. Raises ConnectionError."""
        try:
            way = await self._find(host, port)
        except ControlPlaneError as error:
            raise ConnectionRefusedError(str(error)) from error
        if way is None:
            raise ConnectionRefusedError
        return await reach(way)


async def reach(way: Way) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, for which a process that has just been started is waited for. Raises ConnectionError."""
    while True:
        try:
            return await asyncio.open_connection(LOOPBACK, way.port)
        except ConnectionRefusedError:
            if not way.still_starting():
                raise
        await asyncio.sleep(_LOOK_AGAIN)


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes until there is no more; raises OSError when the other side is gone."""
    while data := await source.read(_PIECE):
        target.write(data)
        await target.drain()
    target.write_eof()
