"""Runs a command in a container for a client on a WebSocket: what `kubectl exec` is at a kubelet's end."""

import asyncio
import contextlib
from collections.abc import Sequence

from aiohttp import WSMsgType, web

from rehearsal.kubelet.containers import Container
from rehearsal.kubelet.errors import NotRunning, NotStarted
from rehearsal.kubelet.framing import (
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
from rehearsal.kubelet.processes import Output, Process, Terminal

_WAITING_INPUT = 8 << 20
"""Bytes of input that may wait for a command that does not read it."""
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

    async def feed(self, writer: asyncio.StreamWriter, *, keep_open: bool) -> None:
        """Give it to the command, up to the end."""
        # A command that has ended, or reads no more, is no error.
        with contextlib.suppress(OSError):
            while data := await self._waiting.get():
                writer.write(data)
                await writer.drain()
                self._size -= len(data)
                self._room.set()
            if keep_open:
                # A terminal stays; its end of input is a character.
                writer.write(b"\x04")
                await writer.drain()
            else:
                writer.close()
                await writer.wait_closed()
                return
        self._room.set()
        while await self._waiting.get():
            pass


async def serve(request: web.Request, container: Container, argv: Sequence[str]) -> web.StreamResponse:
    """Answer an exec request; returns when the command has ended or the client has gone."""
    streams = Streams.of(request.query)
    # First, for a client that is refused asks again in another protocol, and shows the second answer.
    await container.running()
    wanted = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if request.headers.get("Upgrade", "").lower() != "websocket" or not set(wanted) & set(PROTOCOLS):
        raise BadRequest(
            "the rehearsal's kubelet runs commands over WebSocket alone; use kubectl 1.31 or newer, without "
            "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false"
        )
    socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=0, compress=False, timeout=_CLOSES_WITHIN)
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
                refusal = await _Session(socket, streams, process, terminal).run(argv)
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


class _ClientGone(Exception):
    """There is nobody left to tell."""


class _Session:
    """One command and one client."""

    def __init__(
        self, socket: web.WebSocketResponse, streams: Streams, process: Process, terminal: Terminal | None
    ) -> None:
        self._socket = socket
        self._streams = streams
        self._process = process
        self._terminal = terminal
        self._input = Input()
        self._ended = asyncio.Event()
        self._sending = asyncio.Lock()

    async def run(self, argv: Sequence[str]) -> bytes:
        """Carry data to and fro until the command has ended; the Status for the client. Raises _ClientGone."""
        tasks = await self._pumps()
        receiving = asyncio.ensure_future(self._receive())
        waiting = asyncio.ensure_future(self._process.wait())
        feeding = [asyncio.ensure_future(each) for each in await self._feeds()]
        pumping = asyncio.gather(*tasks)
        try:
            await asyncio.wait({receiving, waiting, pumping}, return_when=asyncio.FIRST_COMPLETED)
            if pumping.done():
                # Raises when the client could not be reached; otherwise the command has closed its output.
                await pumping
                await asyncio.wait({receiving, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise _ClientGone
            self._ended.set()
            if self._terminal is not None:
                self._terminal.hang_up()
            await pumping
            return ended(exit_code(waiting.result()), argv, self._socket.ws_protocol or "")
        finally:
            for task in (receiving, waiting, pumping, *feeding):
                task.cancel()
            await asyncio.gather(receiving, waiting, pumping, *feeding, return_exceptions=True)

    async def _pumps(self) -> "list[asyncio.Task[None]]":
        outputs = [(STDOUT, self._process.stdout), (STDERR, self._process.stderr)]
        if self._terminal is not None:
            outputs = [(STDOUT, await self._terminal.reader())]
        return [asyncio.create_task(self._pump(channel, stream)) for channel, stream in outputs if stream is not None]

    async def _pump(self, channel: int, stream: asyncio.StreamReader) -> None:
        wanted = self._streams.stdout if channel == STDOUT else self._streams.stderr
        output = Output(stream)
        while data := await output.read(self._ended):
            if wanted:
                async with self._sending:
                    await self._socket.send_bytes(bytes([channel]) + data)

    async def _feeds(self) -> "list[asyncio.Task[None]]":
        if not self._streams.stdin:
            return []
        if self._terminal is not None:
            writer = await self._terminal.writer()
            return [asyncio.create_task(self._input.feed(writer, keep_open=True))]
        if self._process.stdin is None:
            return []
        return [asyncio.create_task(self._input.feed(self._process.stdin, keep_open=False))]

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
                        if self._terminal is not None:
                            self._terminal.resize(width, height)


__all__ = ["NotRunning", "serve"]
