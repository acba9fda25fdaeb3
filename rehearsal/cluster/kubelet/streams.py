"""Connects a client on a WebSocket with a process: `kubectl exec` and `kubectl attach` at a kubelet's end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from rehearsal.cluster.kubelet.containers import Container
from rehearsal.cluster.kubelet.errors import NotRunning, NotStarted
from rehearsal.cluster.kubelet.framing import (
    ERROR,
    PROTOCOLS,
    STDERR,
    STDOUT,
    BadRequest,
    Data,
    EndOfInput,
    Resize,
    Streams,
    ended,
    exit_code,
    failed,
    parse,
)
from rehearsal.cluster.kubelet.processes import Output, Process, Readable, Terminal

_WAITING_INPUT = 8 << 20
"""Bytes of input that may wait for a command that does not read it."""
_END_OF_TERMINAL = b"\x04"
"""A terminal stays; its end of input is a character."""
_CLOSES_WITHIN = 1.0
"""Seconds that a client gets to say goodbye."""


class Input:
    """What the client sends, on its way to the command: the client is listened to even when the command is not."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._size = 0
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, data: bytes) -> None:
        """Take some input; waits while there is too much already. b"" is the end."""
        await self._room.wait()
        self._size += len(data)
        if self._size > _WAITING_INPUT:
            self._room.clear()
        self._waiting.put_nowait(data)

    async def feed(self, writer: asyncio.StreamWriter, end: bytes | None) -> None:
        """Give it to the command, up to the end, which is written as `end`; None: `writer` is closed."""
        # A command that has ended, or reads no more, is no error.
        with contextlib.suppress(OSError):
            while data := await self._waiting.get():
                writer.write(data)
                await writer.drain()
                self._size -= len(data)
                self._room.set()
            if end is None:
                writer.close()
                await writer.wait_closed()
                return
            writer.write(end)
            await writer.drain()
        self._room.set()
        while await self._waiting.get():
            pass


@dataclass(frozen=True)
class _Ends:
    """The process's ends of a session."""

    outputs: Sequence[tuple[int, Readable]]
    """Channel and stream of each."""
    writer: asyncio.StreamWriter | None
    end_of_input: bytes | None
    """See Input.feed."""
    wait: Callable[[], Awaitable[int]]
    """Its return code, once it has ended."""
    terminal: Terminal | None
    hang_up: Callable[[], None] = lambda: None
    """Called when it has ended."""

    @classmethod
    async def of(cls, process: Process, terminal: Terminal | None) -> "_Ends":
        """Those of a command that is the session's own."""
        if terminal is not None:
            reader, writer = await terminal.reader(), await terminal.writer()
            return cls([(STDOUT, reader)], writer, _END_OF_TERMINAL, process.wait, terminal, terminal.hang_up)
        outputs = [(STDOUT, process.stdout), (STDERR, process.stderr)]
        return cls([(number, each) for number, each in outputs if each], process.stdin, None, process.wait, None)


async def serve(request: web.Request, container: Container, argv: Sequence[str]) -> web.StreamResponse:
    """Answer an exec request; returns when the command has ended or the client has gone."""
    streams = Streams.of(request.query)
    # First, for a client that is refused asks again in another protocol, and shows the second answer.
    await container.running()
    socket = _socket(request)
    terminal = Terminal() if streams.tty else None
    try:
        process = None
        try:
            process = await container.execute(argv, stdin=streams.stdin, terminal=terminal)
            refusal = b""
        except (NotStarted, OSError) as error:
            refusal = failed(f"failed to exec in container: failed to start exec: {error}")
        try:
            await socket.prepare(request)
            await socket.send_bytes(bytes([streams.first]))
            if process is not None:
                code = await _Session(socket, streams, await _Ends.of(process, terminal)).run()
                refusal = ended(exit_code(code), argv, socket.ws_protocol or "")
            await socket.send_bytes(bytes([ERROR]) + refusal)
        finally:
            if process is not None:
                container.forget(process)
        await socket.close()
    except (ConnectionError, _ClientGone):
        pass
    finally:
        if terminal is not None:
            terminal.close()
    return socket


async def run_to_end(container: Container, argv: Sequence[str]) -> tuple[int, bytes, bytes]:
    """Run a command without a client on a WebSocket: its exit code, output and errors.

    Raises NotRunning, NotStarted, OSError.
    """
    process = await container.execute(argv, stdin=False, terminal=None)
    over = asyncio.Event()

    async def whole(stream: Readable | None) -> bytes:
        pieces: list[bytes] = []
        source = Output(stream) if stream else None
        while source and (data := await source.read(over)):
            pieces.append(data)
        return b"".join(pieces)

    try:
        async with asyncio.TaskGroup() as reading:
            output = reading.create_task(whole(process.stdout))
            errors = reading.create_task(whole(process.stderr))
            code = await process.wait()
            over.set()
        return exit_code(code), output.result(), errors.result()
    finally:
        container.forget(process)


async def attach(request: web.Request, container: Container) -> web.StreamResponse:
    """Answer an attach request; returns when the container's process has ended or the client has gone."""
    streams = Streams.of(request.query)
    console = await container.console()
    socket = _socket(request)
    once = bool(container.spec.get("stdinOnce"))
    client = console.attach()
    end_of_input = b"" if not once else _END_OF_TERMINAL if console.terminal else None
    try:
        await socket.prepare(request)
        await socket.send_bytes(bytes([streams.first]))
        outputs = [(STDOUT, client.stdout)] if console.terminal else [(STDOUT, client.stdout), (STDERR, client.stderr)]
        await _Session(
            socket, streams, _Ends(outputs, console.writer, end_of_input, console.wait, console.terminal)
        ).run()
        # Only the pod's status says how the process ended.
        await socket.send_bytes(bytes([ERROR]) + ended(0, [], socket.ws_protocol or ""))
        await socket.close()
    except (ConnectionError, _ClientGone):
        pass
    finally:
        console.detach(client)
        if once and streams.stdin and console.terminal is None and console.writer is not None:
            console.writer.close()
    return socket


def _socket(request: web.Request) -> web.WebSocketResponse:
    """Raises BadRequest for a client that speaks another protocol."""
    wanted = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if request.headers.get("Upgrade", "").lower() != "websocket" or not set(wanted) & set(PROTOCOLS):
        raise BadRequest(
            "the rehearsal's kubelet runs commands over WebSocket alone; use kubectl 1.31 or newer, without "
            "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false"
        )
    return web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=0, compress=False, timeout=_CLOSES_WITHIN)


class _ClientGone(Exception):
    """There is nobody left to tell."""


class _Session:
    """One process and one client."""

    def __init__(self, socket: web.WebSocketResponse, streams: Streams, ends: _Ends) -> None:
        self._socket = socket
        self._streams = streams
        self._ends = ends
        self._input = Input()
        self._ended = asyncio.Event()
        self._sending = asyncio.Lock()

    async def run(self) -> int:
        """Carry data to and fro until the process has ended; its return code. Raises _ClientGone."""
        ends = self._ends
        receiving = asyncio.ensure_future(self._receive())
        waiting = asyncio.ensure_future(ends.wait())
        feeding: list[asyncio.Task[None]] = []
        if self._streams.stdin and ends.writer is not None:
            feeding.append(asyncio.create_task(self._input.feed(ends.writer, ends.end_of_input)))
        pumping = asyncio.gather(*(self._pump(channel, stream) for channel, stream in ends.outputs))
        try:
            await asyncio.wait({receiving, waiting, pumping}, return_when=asyncio.FIRST_COMPLETED)
            if pumping.done():
                # Raises when the client could not be reached; otherwise the command has closed its output.
                await pumping
                await asyncio.wait({receiving, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise _ClientGone
            self._ended.set()
            ends.hang_up()
            await pumping
            return waiting.result()
        finally:
            for task in (receiving, waiting, pumping, *feeding):
                task.cancel()
            await asyncio.gather(receiving, waiting, pumping, *feeding, return_exceptions=True)

    async def _pump(self, channel: int, stream: Readable) -> None:
        wanted = self._streams.stdout if channel == STDOUT else self._streams.stderr
        output = Output(stream)
        while data := await output.read(self._ended):
            if wanted:
                async with self._sending:
                    await self._socket.send_bytes(bytes([channel]) + data)

    async def _receive(self) -> None:
        """Take what the client says until it goes away."""
        async for message in self._socket:
            if message.type == WSMsgType.TEXT:
                # The Python client's way to send a text.
                data = message.data.encode()
            elif message.type == WSMsgType.BINARY:
                data = message.data
            else:
                return
            try:
                parsed = parse(self._socket.ws_protocol or "", data)
            except BadRequest:
                return
            for each in parsed:
                match each:
                    case Data(piece):
                        if self._streams.stdin:
                            await self._input.put(piece)
                    case EndOfInput():
                        await self._input.put(b"")
                    case Resize(width, height):
                        if self._ends.terminal is not None:
                            self._ends.terminal.resize(width, height)


__all__ = ["NotRunning", "attach", "serve"]
