"""What one run of a container reads and writes: its log has all of it, and so has whoever is attached.

A container's own process has one input and one output, and clients of
`kubectl attach` come and go. Each gets what is written from then on; what the
container wrote before is in its log.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final

from rehearsal.cluster.kubelet.framing import STDERR, STDOUT
from rehearsal.cluster.kubelet.logs import Log
from rehearsal.cluster.kubelet.processes import Output, Process, Terminal

_MARK: Final = b"."
"""What a sandbox writes when all is laid out, before the container's own command begins."""
_PIECES: Final = 64
"""Pieces of output, of 32 KiB at most, that wait for a client that does not read; then the container waits, as on a
cluster."""
_LATE: Final = 0.5


class Copy:
    """A client's copy of one stream of output."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(_PIECES)
        self._gone = False

    async def put(self, data: bytes) -> None:
        """Take a piece; waits while the client has many that it did not read."""
        if not self._gone:
            await self._pieces.put(data)

    async def read(self, n: int, /) -> bytes:
        """The next piece, as it was written."""
        del n
        return await self._pieces.get()

    def close(self) -> None:
        """The client has gone: nothing waits for it."""
        self._gone = True
        while not self._pieces.empty():
            self._pieces.get_nowait()


@dataclass(frozen=True, eq=False)
class Attached:
    """One client's copies of the output."""

    stdout: Copy = field(default_factory=Copy)
    stderr: Copy = field(default_factory=Copy)

    async def put(self, channel: int, data: bytes) -> None:
        """Take a piece of the output; b"" ends the stream."""
        await (self.stdout if channel == STDOUT else self.stderr).put(data)

    def close(self) -> None:
        """The client has gone."""
        self.stdout.close()
        self.stderr.close()


class Console:
    """The streams of one process; made by `of`."""

    def __init__(
        self,
        process: Process,
        terminal: Terminal | None,
        outputs: list[tuple[int, asyncio.StreamReader]],
        writer: asyncio.StreamWriter | None,
    ) -> None:
        self._process = process
        self._outputs = outputs
        self._attached: set[Attached] = set()
        self.terminal = terminal
        self.writer = writer
        """Where the process reads from; None when its container has no standard input."""

    @classmethod
    async def of(cls, process: Process, terminal: Terminal | None) -> "Console":
        """The console of a process that has been started a moment ago."""
        if terminal is not None:
            return cls(process, terminal, [(STDOUT, await terminal.reader())], await terminal.writer())
        outputs = [(STDOUT, process.stdout), (STDERR, process.stderr)]
        return cls(process, None, [(channel, each) for channel, each in outputs if each], process.stdin)

    async def prepared(self) -> str | None:
        """Wait for the sandbox's mark; None when it came, else what was said in its place."""
        reading = asyncio.ensure_future(self._outputs[0][1].read(1))
        ending = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({reading}, timeout=_LATE)
            first = reading.result() if reading.done() else b""
        finally:
            reading.cancel()
            ending.cancel()
        if first == _MARK:
            return None
        await self._process.wait()
        over = asyncio.Event()
        over.set()
        said = await Output(self._outputs[-1][1]).read(over)
        return (first + said).decode(errors="replace").strip()

    def attach(self) -> Attached:
        """Copies of what is written from now on; `detach` gives them back."""
        made = Attached()
        self._attached.add(made)
        return made

    def detach(self, client: Attached) -> None:
        """A client has gone."""
        self._attached.discard(client)
        client.close()

    def wait(self) -> Awaitable[int]:
        """The process's return code, once it has ended."""
        return self._process.wait()

    async def follow(self, log: Log) -> int:
        """Give what the process writes to its log and to the clients until it ends; its return code."""
        ended = asyncio.Event()
        pumps = [asyncio.ensure_future(self._pump(channel, stream, log, ended)) for channel, stream in self._outputs]
        try:
            code = await self._process.wait()
            ended.set()
            if self.terminal is not None:
                self.terminal.hang_up()
            await asyncio.gather(*pumps)
            return code
        finally:
            for pump in pumps:
                pump.cancel()
            for client in self._attached:
                client.close()

    async def _pump(self, channel: int, stream: asyncio.StreamReader, log: Log, ended: asyncio.Event) -> None:
        output = Output(stream)
        while True:
            data = await output.read(ended)
            if data:
                log.write("stdout" if channel == STDOUT else "stderr", data)
            for client in list(self._attached):
                await client.put(channel, data)
            if not data:
                return

    def close(self) -> None:
        """Let go of the process's pipes, or of its terminal."""
        self._process.close()
        if self.terminal is not None:
            self.terminal.close()
