"""What is asked of the way into the cluster, and how connections are carried; on sockets of this process alone."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rehearsal.cluster.control_plane.settings import EGRESS_SOCKET
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet import egress
from rehearsal.cluster.kubelet.egress import Egress, Way, listener, wanted
from rehearsal.cluster.kubelet.objects import Object
from rehearsal.cluster.kubelet.pods import Pods
from tests.unit.rehearsal.own_loop import run

ASKED = b"CONNECT 10.0.0.5:9443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
REFUSED = b"HTTP/1.1 502 connect: connection refused\r\nContent-Length: 0\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.mark.parametrize(
    ("request_", "address"),
    [
        (ASKED, ("10.0.0.5", 9443)),
        (b"CONNECT [fd00::5]:80 HTTP/1.1\r\n\r\n", ("fd00::5", 80)),
        (b"GET 10.0.0.5:80 HTTP/1.1\r\n\r\n", None),
        (b"CONNECT 10.0.0.5 HTTP/1.1\r\n\r\n", None),
        (b"CONNECT :80 HTTP/1.1\r\n\r\n", None),
        (b"CONNECT 10.0.0.5:http HTTP/1.1\r\n\r\n", None),
        (b"\xff\xfe\r\n\r\n", None),
    ],
)
def test_what_a_connection_is_asked_for(request_: bytes, address: tuple[str, int] | None) -> None:
    assert wanted(request_) == address


@pytest.mark.parametrize("length", [1, 120], ids=["short", "longer-than-a-sockets-path"])
def test_the_socket_is_the_users_alone(tmp_path: Path, length: int) -> None:
    directory = tmp_path / ("x" * length)
    directory.mkdir()
    made = listener(directory)
    mode = (directory / EGRESS_SOCKET).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    made.close()


def test_a_path_that_no_socket_can_have_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / ("x" * 120)
    directory.mkdir()
    monkeypatch.setattr(egress.sys, "platform", "darwin")
    with pytest.raises(ControlPlaneError, match=r"longer than the 103 bytes .* may have\. Choose"):
        listener(directory)


def through(
    tmp_path: Path,
    find: egress.Find,
    play: Callable[[Streams], Awaitable[None]],
) -> None:
    """Run `play` with a client's connection to an Egress."""

    async def work() -> None:
        served = Egress(find)
        await served.start(listener(tmp_path))
        try:
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / EGRESS_SOCKET))
            await asyncio.wait_for(play((reader, writer)), 10)
            writer.close()
        finally:
            await served.stop()

    run(work())


async def shouting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A program that repeats everything in capitals once its client has said everything."""
    writer.write((await reader.read()).upper())
    writer.close()


def port_of(server: asyncio.Server) -> int:
    return server.sockets[0].getsockname()[1]


def test_both_directions_are_carried_and_so_are_their_ends(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    async def find(host: str, port: int) -> Way:
        asked.append((host, port))
        server = await asyncio.start_server(shouting, "127.0.0.1", 0)
        return Way(port_of(server))

    async def play(streams: Streams) -> None:
        reader, writer = streams
        writer.write(ASKED)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 OK\r\n\r\n"
        writer.write(b"a" * 1_000_000)
        writer.write_eof()
        assert await reader.read() == b"A" * 1_000_000

    through(tmp_path, find, play)
    assert asked == [("10.0.0.5", 9443)]


def test_where_nothing_runs_the_connection_is_refused(tmp_path: Path) -> None:
    async def find(host: str, port: int) -> None:
        return None

    async def play(streams: Streams) -> None:
        reader, writer = streams
        writer.write(ASKED)
        assert await reader.read() == REFUSED

    through(tmp_path, find, play)


def test_an_api_server_that_is_away_refuses_too(tmp_path: Path) -> None:
    async def find(host: str, port: int) -> None:
        raise ControlPlaneError("away")

    async def play(streams: Streams) -> None:
        reader, writer = streams
        writer.write(ASKED)
        assert await reader.read() == REFUSED

    through(tmp_path, find, play)


def test_a_request_of_another_kind_is_refused(tmp_path: Path) -> None:
    async def find(host: str, port: int) -> None:
        raise AssertionError

    async def play(streams: Streams) -> None:
        reader, writer = streams
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")

    through(tmp_path, find, play)


def test_a_process_that_was_just_started_gets_time_to_listen(tmp_path: Path) -> None:
    looks: list[int] = []

    async def find(host: str, port: int) -> Way:
        server = await asyncio.start_server(shouting, "127.0.0.1", 0)
        number = port_of(server)
        server.close()
        await server.wait_closed()

        def still_starting() -> bool:
            looks.append(number)
            if len(looks) == 2:
                listening.append(asyncio.ensure_future(asyncio.start_server(shouting, "127.0.0.1", number)))
            return True

        return Way(number, still_starting)

    listening: list[asyncio.Task[asyncio.Server]] = []

    async def play(streams: Streams) -> None:
        reader, writer = streams
        writer.write(ASKED)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

    through(tmp_path, find, play)
    assert len(looks) >= 2


def test_a_process_that_should_listen_by_now_is_not_waited_for(tmp_path: Path) -> None:
    async def find(host: str, port: int) -> Way:
        server = await asyncio.start_server(shouting, "127.0.0.1", 0)
        number = port_of(server)
        server.close()
        await server.wait_closed()
        return Way(number)

    async def play(streams: Streams) -> None:
        reader, writer = streams
        writer.write(ASKED)
        assert await reader.read() == REFUSED

    through(tmp_path, find, play)


def test_the_end_takes_every_connection_along(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(await reader.read())

    ends: list[bytes] = []

    async def work() -> None:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)

        async def find(host: str, port: int) -> Way:
            return Way(port_of(server))

        served = Egress(find)
        await served.start(listener(tmp_path))
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / EGRESS_SOCKET))
        writer.write(ASKED)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(served.stop(), 5)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        await asyncio.sleep(0.1)
        with pytest.raises(OSError, match="refused"):
            await asyncio.open_unix_connection(str(tmp_path / EGRESS_SOCKET))
        writer.close()

    run(work())
    assert ends == [b""]


def test_a_pod_that_the_watch_has_not_shown_yet_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    shown: list[Object] = []
    pod = {"metadata": {"uid": "u"}, "status": {"podIPs": [{"ip": "10.0.0.5"}]}}

    class Api:
        async def request(self, method: str, path: str) -> Object:
            asked.append(f"{method} {path}")
            return {"items": [pod]}

    async def seen(_self: Pods, pod: Object) -> None:
        shown.append(pod)

    monkeypatch.setattr(Pods, "seen", seen)
    world: Any = SimpleNamespace(api=Api())
    assert run(Pods(world).at("10.0.0.5", 9443)) is None
    assert asked == ["GET /api/v1/pods?fieldSelector=status.podIP%3D10.0.0.5"]
    assert shown == [pod]
