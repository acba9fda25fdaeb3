"""The server's side of SPDY/3.1, as far as Kubernetes uses it: streams of bytes over one connection.

`kubectl port-forward` has no other protocol, also where a WebSocket carries it.
No Python library speaks it. Frames are those of the SPDY/3.1 draft; as in
Kubernetes' own library nobody counts windows, so a stream that is not read
holds up the others of its connection.
"""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

_VERSION: Final = 0x8003
_DATA: Final = 0
_SYN_STREAM: Final = 1
_SYN_REPLY: Final = 2
_RST_STREAM: Final = 3
_PING: Final = 6
_GO_AWAY: Final = 7
_FIN: Final = 1
_HEAD: Final = 8
"""Bytes before the body of a frame."""
_LARGEST: Final = 1 << 20
"""Bytes of a frame's body; Kubernetes sends 32 KiB at a time."""
_MOST: Final = 1 << 16
"""Bytes of a header block, unpacked."""
_WAITING: Final = 64
"""Pieces of one stream that wait for being read."""

_WORDS: Final = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_NAMES: Final = (
    *_WORDS.split(),
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
)
_REST: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY: Final = b"".join(struct.pack(">I", len(name)) + name.encode() for name in _NAMES) + _REST.encode()
"""What both sides know of headers before the first one (SPDY/3.1, section 2.6.10.1)."""

Send = Callable[[bytes], Awaitable[None]]
"""Sends bytes to the client, as one piece; raises ConnectionError when it is gone."""


class Malformed(Exception):
    """The other side does not speak SPDY/3.1."""


class Stream:
    """One stream that the client has opened."""

    def __init__(self, number: int, headers: Mapping[str, str], send: Send, forget: Callable[[int], object]) -> None:
        """`headers`: by their names in lower case; `forget` is called with `number` when the stream is closed."""
        self.headers = headers
        self._number = number
        self._send = send
        self._forget = forget
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)

    async def put(self, data: bytes) -> None:
        """Take what the client sent; b"" is the end. Waits while much is unread."""
        await self._pieces.put(data)

    def reset(self) -> None:
        """The client neither reads nor writes it any more."""
        self._discard()
        self._pieces.put_nowait(None)

    def _discard(self) -> None:
        while not self._pieces.empty():
            self._pieces.get_nowait()

    async def read(self) -> bytes:
        """The next piece; b"" once, at the end. Raises ConnectionResetError when the client has reset the stream."""
        piece = await self._pieces.get()
        if piece is None:
            raise ConnectionResetError
        return piece

    async def write(self, data: bytes) -> None:
        """Send to the client; raises ConnectionError when it is gone."""
        await self._send(_frame(self._number, 0, data))

    async def close(self) -> None:
        """Send nothing more, and drop what still comes. Raises ConnectionError when the client is gone."""
        self._forget(self._number)
        # Whoever waits in `put` goes on.
        self._discard()
        await self._send(_frame(self._number, _FIN, b""))


class Connection:
    """One client's connection."""

    def __init__(self, pieces: AsyncIterable[bytes], send: Send) -> None:
        """`pieces`: what comes from the client, cut anywhere."""
        self._pieces = pieces
        self._send = send
        self._packer = zlib.compressobj(zdict=DICTIONARY)
        self._unpacker = zlib.decompressobj(zdict=DICTIONARY)
        self._streams: dict[int, Stream] = {}

    async def streams(self) -> AsyncIterator[Stream]:
        """Every stream that the client opens, until it goes. Raises Malformed or ConnectionError.

        What comes on streams is taken between two of them: whoever asks here for the next one keeps all alive.
        """
        async for first, flags, body in _frames(self._pieces):
            kind, number = _kind(first), first
            if kind != _DATA:
                if len(body) < 4:
                    raise Malformed(f"a frame of kind {kind} with {len(body)} bytes")
                number = int.from_bytes(body[:4]) & 0x7FFFFFFF
            if kind == _GO_AWAY:
                return
            if kind == _SYN_STREAM:
                yield await self._opened(number, flags, body[10:])
            elif kind == _PING and number & 1:
                # Of the client's own, which are odd.
                await self._send(_control(_PING, body))
            elif kind == _RST_STREAM and (stream := self._streams.pop(number, None)):
                stream.reset()
            elif kind == _DATA and (stream := self._streams.get(number)):
                if body:
                    await stream.put(body)
                if flags & _FIN:
                    await stream.put(b"")

    async def _opened(self, number: int, flags: int, block: bytes) -> Stream:
        stream = Stream(number, self._headers(block), self._send, lambda closed: self._streams.pop(closed, None))
        self._streams[number] = stream
        if flags & _FIN:
            await stream.put(b"")
        # Whoever opens a stream waits for this answer, which has no headers.
        answer = self._packer.compress(bytes(4)) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        await self._send(_control(_SYN_REPLY, number.to_bytes(4) + answer))
        return stream

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            text = self._unpacker.decompress(block, _MOST)
            (count,), at = struct.unpack_from(">I", text), 4
            found: list[str] = []
            for _ in range(2 * count):
                (size,) = struct.unpack_from(">I", text, at)
                found.append(text[at + 4 : at + 4 + size].decode("latin-1"))
                at += 4 + size
        except (zlib.error, struct.error) as error:
            raise Malformed(f"headers that cannot be read: {error}") from error
        return dict(zip(found[::2], found[1::2], strict=True))


async def _frames(pieces: AsyncIterable[bytes]) -> AsyncIterator[tuple[int, int, bytes]]:
    """First word, flags and body of each frame. Raises Malformed."""
    buffer = b""
    async for piece in pieces:
        buffer += piece
        while len(buffer) >= _HEAD:
            first, second = struct.unpack_from(">II", buffer)
            end = _HEAD + (second & 0xFFFFFF)
            if end > _LARGEST:
                raise Malformed(f"a frame of {end} bytes")
            if len(buffer) < end:
                break
            yield first, second >> 24, buffer[_HEAD:end]
            buffer = buffer[end:]


def _kind(first: int) -> int:
    """What a frame is, by its first word; that of a data frame is the stream's number."""
    if not first >> 31:
        return _DATA
    if first >> 16 != _VERSION:
        raise Malformed(f"version {first >> 16 & 0x7FFF}")
    return first & 0xFFFF


def _frame(first: int, flags: int, body: bytes) -> bytes:
    return struct.pack(">II", first, flags << 24 | len(body)) + body


def _control(kind: int, body: bytes) -> bytes:
    return _frame(_VERSION << 16 | kind, 0, body)
