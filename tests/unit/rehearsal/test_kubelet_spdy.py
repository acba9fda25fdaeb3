"""SPDY/3.1 as Kubernetes speaks it: streams, their headers and ends, pings, and what is no SPDY."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Mapping

import pytest

from rehearsal.cluster.kubelet.spdy import DICTIONARY, Connection, Malformed, Stream
from tests.unit.rehearsal.own_loop import run

FIN = 1


class Client:
    """Says all that it has to say, and keeps what it is answered."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.heard = b""
        self._packer = zlib.compressobj(zdict=DICTIONARY)

    def connection(self) -> Connection:
        return Connection(self._pieces(), self._hear)

    async def _pieces(self) -> AsyncIterator[bytes]:
        for piece in self.said:
            # Others get their turn, as while one waits for a real client.
            for _ in range(5):
                await asyncio.sleep(0)
            yield piece

    async def _hear(self, data: bytes) -> None:
        self.heard += data

    def control(self, kind: int, body: bytes, flags: int = 0) -> None:
        self.said.append(struct.pack(">HHI", 0x8003, kind, flags << 24 | len(body)) + body)

    def opens(self, number: int, headers: Mapping[str, str], flags: int = 0) -> None:
        block = struct.pack(">I", len(headers))
        for text in (text for pair in headers.items() for text in pair):
            block += struct.pack(">I", len(text)) + text.encode()
        packed = self._packer.compress(block) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        self.control(1, struct.pack(">IIH", number, 0, 0) + packed, flags)

    def sends(self, number: int, data: bytes, flags: int = 0) -> None:
        self.said.append(struct.pack(">II", number, flags << 24 | len(data)) + data)


def opened(client: Client) -> list[Stream]:
    async def all_of() -> list[Stream]:
        return [stream async for stream in client.connection().streams()]

    return run(all_of())


def test_the_dictionary_is_the_drafts() -> None:
    # SPDY/3.1 draft, section 2.6.10.1: its length, and the Adler-32 that zlib writes of it into every first block.
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


def test_streams_have_their_headers_and_are_answered() -> None:
    client = Client()
    client.opens(1, {"streamtype": "error", "port": "80"}, FIN)
    client.opens(3, {"streamtype": "data", "port": "80"})
    # In one piece, and in pieces that end anywhere.
    whole = b"".join(client.said)
    client.said = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    streams = opened(client)
    assert [each.headers["streamtype"] for each in streams] == ["error", "data"]
    first, size, number = struct.unpack(">III", client.heard[:12])
    assert (first, number) == (0x80030002, 1)
    empty = zlib.decompressobj(zdict=DICTIONARY).decompress(client.heard[12 : 8 + size])
    assert empty == bytes(4)


def test_data_arrives_up_to_the_end() -> None:
    client = Client()
    client.opens(1, {})
    client.sends(1, b"one")
    client.sends(3, b"nobody's")
    client.sends(1, b"two", FIN)

    async def converse() -> list[bytes]:
        (stream,) = [stream async for stream in client.connection().streams()]
        pieces = [await stream.read() for _ in range(3)]
        client.heard = b""
        await stream.write(b"answer")
        await stream.close()
        return pieces

    assert run(converse()) == [b"one", b"two", b""]
    assert client.heard == struct.pack(">II", 1, 6) + b"answer" + struct.pack(">II", 1, FIN << 24)


def test_a_stream_that_nobody_reads_waits_until_it_is_closed() -> None:
    client = Client()
    client.opens(1, {})
    for _ in range(1000):
        client.sends(1, b"x")
    client.opens(3, {})

    async def converse() -> list[int]:
        streams = client.connection().streams()
        first = await anext(streams)
        second = asyncio.ensure_future(anext(streams))
        done, _ = await asyncio.wait({second}, timeout=0.2)
        await first.close()
        await asyncio.wait_for(second, 10)
        return [len(done)]

    assert run(converse()) == [0]


def test_a_client_s_ping_is_answered_and_ours_is_not() -> None:
    client = Client()
    client.control(6, struct.pack(">I", 7))
    client.control(6, struct.pack(">I", 8))
    assert opened(client) == []
    assert client.heard == struct.pack(">HHII", 0x8003, 6, 4, 7)


def test_a_stream_that_is_reset_is_over() -> None:
    client = Client()
    client.opens(1, {})
    client.sends(1, b"unread")
    client.control(3, struct.pack(">II", 1, 5))
    client.sends(1, b"late")
    (stream,) = opened(client)
    with pytest.raises(ConnectionResetError):
        run(stream.read())


def test_what_comes_after_goodbye_is_not_read() -> None:
    client = Client()
    client.control(7, bytes(8))
    client.opens(1, {})
    assert opened(client) == []


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">HHI", 0x8002, 1, 10) + bytes(10),
        struct.pack(">II", 1, 0xFFFFFF),
        struct.pack(">HHI", 0x8003, 1, 14) + bytes(14),
        struct.pack(">HHI", 0x8003, 1, 4) + bytes(4),
    ],
    ids=["http", "version", "size", "headers", "short"],
)
def test_what_is_no_spdy_is_refused(said: bytes) -> None:
    client = Client()
    client.said = [said]
    with pytest.raises(Malformed):
        opened(client)
