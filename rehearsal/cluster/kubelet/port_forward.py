"""`kubectl port-forward` at a kubelet's end: each connection of a client is led to the process that plays the pod.

kubectl speaks SPDY in the messages of a WebSocket. A connection is two streams
of one request: its data, and the error that ended it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from aiohttp import WSMsgType, web

from rehearsal.cluster.kubelet.egress import Way, reach
from rehearsal.cluster.kubelet.framing import BadRequest
from rehearsal.cluster.kubelet.spdy import Connection, Malformed, Stream

PROTOCOL: Final = "SPDY/3.1+portforward.k8s.io"
_CLOSES_WITHIN: Final = 1.0
"""Seconds that a client gets to say goodbye."""
_PIECE: Final = 32 << 10

Find = Callable[[int], Way | None]
"""Takes a port of the pod; None: nothing that runs in it declares it."""


async def serve(request: web.Request, pod: str, find: Find) -> web.StreamResponse:
    """Answer a request; returns when the client has gone. `pod` names it in errors for the client."""
    wanted = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if request.headers.get("Upgrade", "").lower() != "websocket" or PROTOCOL not in wanted:
        raise BadRequest(
            "the rehearsal's kubelet forwards ports over WebSocket alone; use kubectl 1.31 or newer, without "
            "KUBECTL_PORT_FORWARD_WEBSOCKETS=false"
        )
    socket = web.WebSocketResponse(protocols=[PROTOCOL], max_msg_size=0, compress=False, timeout=_CLOSES_WITHIN)
    await socket.prepare(request)
    connection = Connection(_pieces(socket), socket.send_bytes)
    halves: dict[str, dict[str, Stream]] = {}
    tasks: set[asyncio.Task[None]] = set()
    try:
        with contextlib.suppress(ConnectionError, Malformed):
            async for stream in connection.streams():
                number = stream.headers.get("requestid", "")
                pair = halves.setdefault(number, {})
                pair[stream.headers.get("streamtype", "")] = stream
                if pair.keys() >= {"data", "error"}:
                    del halves[number]
                    task = asyncio.create_task(_connection(pair["data"], pair["error"], pod, find))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await socket.close()
    return socket


async def _pieces(socket: web.WebSocketResponse) -> AsyncIterator[bytes]:
    async for message in socket:
        if message.type == WSMsgType.BINARY:
            yield message.data


async def _connection(data: Stream, error: Stream, pod: str, find: Find) -> None:
    """One connection of a client, up to its end."""
    # The client may go at any time.
    with contextlib.suppress(ConnectionError):
        port = data.headers.get("port", "")
        way = find(int(port)) if port.isdecimal() else None
        try:
            if way is None:
                raise ConnectionRefusedError(f"nothing that the rehearsal runs in the pod declares port {port}")
            near, far = await reach(way)
        except ConnectionRefusedError as refused:
            why = f": {refused}" if way is None else ""
            said = f"failed to connect to localhost:{port} inside the pod: connect: connection refused{why}"
            await error.write(f"error forwarding port {port} to pod {pod}: {said}".encode())
        else:
            with contextlib.closing(far):
                await _carry(data, near, far)
        await data.close()
        await error.close()


async def _carry(data: Stream, near: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
    """To and fro, until the process has nothing more to say or the client wants to hear no more."""
    tasks = [asyncio.create_task(_send(data, far)), asyncio.create_task(_receive(near, data))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(data: Stream, far: asyncio.StreamWriter) -> None:
    """Give the process what the client sends; raises ConnectionResetError when that wants to hear no more."""
    while True:
        piece = await data.read()
        # A process that reads no more may still have something to say.
        with contextlib.suppress(OSError):
            if piece:
                far.write(piece)
                await far.drain()
            else:
                far.write_eof()


async def _receive(near: asyncio.StreamReader, data: Stream) -> None:
    while piece := await near.read(_PIECE):
        await data.write(piece)
