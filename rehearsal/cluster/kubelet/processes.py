"""Starts and ends the processes of containers, on pipes or on a terminal."""

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import sys
import termios
import time
from asyncio.subprocess import DEVNULL, PIPE, SubprocessStreamProtocol
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

_READ = 32 << 10
_BUFFER = 64 << 10
_LATE = 0.5
"""Seconds that output may keep us waiting after its process has ended: a process that it left behind holds it open."""

_LOOK_AGAIN = 0.01
"""Seconds that the kernel gets to take killed processes away."""
_KILLS_FOR = 5.0
"""Seconds after which processes stay that multiply, or that cannot be killed: a pod's end must not wait for them."""


class Readable(Protocol):
    """One stream of output."""

    async def read(self, n: int, /) -> bytes:
        """The next piece, of at most so many bytes; b"" at the end."""
        ...


class Output:
    """One stream of output, read until there is no more."""

    def __init__(self, reader: Readable) -> None:
        self._reader = reader

    async def read(self, ended: asyncio.Event) -> bytes:
        """The next piece, b"" at the end; after `ended` only what comes without delay."""
        reading = asyncio.ensure_future(self._reader.read(_READ))
        ending = asyncio.ensure_future(ended.wait())
        try:
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await asyncio.wait({reading}, timeout=_LATE)
            # A terminal ends with an error, EIO.
            with contextlib.suppress(OSError):
                return reading.result() if reading.done() else b""
            return b""
        finally:
            reading.cancel()
            ending.cancel()


class Terminal:
    """A pseudo-terminal: our end of it, and the name of the other."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        self.name = os.ttyname(self._theirs)
        self._transports: list[asyncio.BaseTransport] = []

    @property
    def other_end(self) -> int:
        """File descriptor for the process."""
        return self._theirs

    def resize(self, width: int, height: int) -> None:
        """Tell the process how large the terminal is."""
        if self._ours < 0:
            return
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    async def reader(self) -> asyncio.StreamReader:
        """What the process writes."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), _file(os.dup(self._ours), "rb")
        )
        self._transports.append(transport)
        return reader

    async def writer(self) -> asyncio.StreamWriter:
        """What the process reads."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, _file(os.dup(self._ours), "wb")
        )
        self._transports.append(transport)
        return asyncio.StreamWriter(transport, protocol, None, loop)

    def hang_up(self) -> None:
        """The process has ended: what it left behind reads no more from us."""
        if self._theirs >= 0:
            os.close(self._theirs)
            self._theirs = -1

    def close(self) -> None:
        """Give everything back; twice is as good as once."""
        self.hang_up()
        for transport in self._transports:
            transport.close()
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1


def _file(descriptor: int, mode: str) -> BinaryIO:
    return os.fdopen(descriptor, mode, buffering=0)  # pyright: ignore[reportReturnType]  # unbuffered is raw, which asyncio takes as well


class _Protocol(SubprocessStreamProtocol):
    """Tells when the process has ended, though another one may still hold its output open."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=_BUFFER, loop=loop)
        self.exited = asyncio.Event()
        self.to_close: asyncio.SubprocessTransport | None = None

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()
        if self.to_close is not None:
            self.to_close.close()


class Process:
    """A process that was started here."""

    def __init__(self, transport: asyncio.SubprocessTransport, protocol: _Protocol) -> None:
        self._transport = transport
        self._protocol = protocol
        self.pid: int = transport.get_pid()
        self.stdin = protocol.stdin
        self.stdout = protocol.stdout
        self.stderr = protocol.stderr

    @property
    def returncode(self) -> int | None:
        """None while it runs; the negative number of the signal that ended it."""
        return self._transport.get_returncode()

    async def wait(self) -> int:
        """Wait until it has ended; its return code."""
        await self._protocol.exited.wait()
        return self.returncode or 0

    def close(self) -> None:
        """Let go of its pipes, at the latest when it has ended."""
        if self.returncode is not None:
            self._transport.close()
        else:
            # Closed now, the transport would bury the child under the eyes of who waits for it.
            self._protocol.to_close = self._transport


async def start(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    *,
    stdin: bool = False,
    terminal: Terminal | None = None,
) -> Process:
    """Start a process that leads a group of its own. Raises OSError."""
    loop = asyncio.get_running_loop()
    streams = (terminal.other_end,) * 3 if terminal else (PIPE if stdin else DEVNULL, PIPE, PIPE)
    transport, protocol = await loop.subprocess_exec(
        lambda: _Protocol(loop),
        *argv,
        env=dict(env),
        cwd=cwd,
        stdin=streams[0],
        stdout=streams[1],
        stderr=streams[2],
        start_new_session=True,
    )
    return Process(transport, protocol)


def kill_tree(pid: int, *, but_itself: bool = False) -> None:
    """Kill a process, its group, and its descendants with theirs; what is gone already is fine.

    With `but_itself` a process that has children is left to end by itself, after them.
    """
    descendants = _descendants(pid)
    for each in descendants if but_itself and descendants else [pid, *descendants]:
        # Of our children each leads a group; of theirs only those that made one.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(each, signal.SIGKILL)


def kill_marked(mark: str) -> None:
    """Kill every process whose environment names `mark`: those that left their parents and groups, too."""
    if sys.platform != "linux":
        return
    # Again while there are some: one may have made another meanwhile.
    end = time.monotonic() + _KILLS_FOR
    while time.monotonic() < end and (found := _marked(mark.encode())):
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_AGAIN)


def _marked(mark: bytes) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if _is_marked(entry, mark)]


def _is_marked(entry: Path, mark: bytes) -> bool:
    if not entry.name.isdigit() or int(entry.name) == os.getpid():
        return False
    # Others' processes cannot be read, and one that is ending has no environment.
    try:
        return mark in (entry / "environ").read_bytes()
    except OSError:
        return False


def _descendants(pid: int) -> list[int]:
    if sys.platform != "linux":
        return []
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (OSError, ValueError):
        return []
    return [each for child in children for each in (child, *_descendants(child))]
