"""What kubectl logs shows of a log, by each of its options."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal.cluster.kubelet import logs
from rehearsal.cluster.kubelet.framing import BadRequest
from rehearsal.cluster.kubelet.logs import Log, Options, entry, shown
from tests.unit.rehearsal.own_loop import run

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
FIRST = int(datetime(2026, 12, 1, 11, 59, 50, tzinfo=UTC).timestamp()) * 10**9


def options(**query: str) -> Options:
    return Options.of(query, NOW)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Four lines, one every four seconds from ten seconds ago on; the third is an error."""
    lines = [("stdout", b"one"), ("stdout", b"two"), ("stderr", b"three"), ("stdout", b"four")]
    (tmp_path / "0.log").write_bytes(
        b"".join(entry(FIRST + n * 4 * 10**9, stream, line, True) for n, (stream, line) in enumerate(lines))
    )
    made = Log(tmp_path / "0.log")
    made.close()
    return made


def read(log: Log, **query: str) -> bytes:
    async def collect() -> bytes:
        return b"".join([piece async for piece in log.read(options(**query))])

    return run(asyncio.wait_for(collect(), 5))


def test_an_entry_is_as_container_runtimes_write_it() -> None:
    moment = FIRST + 123
    assert entry(moment, "stderr", b"a line", True) == b"2026-12-01T11:59:50.000000123Z stderr F a line\n"
    assert entry(moment, "stdout", b"", False) == b"2026-12-01T11:59:50.000000123Z stdout P \n"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, b"one\ntwo\nthree\nfour\n"),
        ({"tailLines": "2"}, b"three\nfour\n"),
        ({"tailLines": "0"}, b""),
        ({"tailLines": "99"}, b"one\ntwo\nthree\nfour\n"),
        ({"limitBytes": "6"}, b"one\ntw"),
        ({"sinceSeconds": "5"}, b"three\nfour\n"),
        ({"sinceSeconds": "6"}, b"two\nthree\nfour\n"),
        ({"sinceTime": "2026-12-01T11:59:58Z"}, b"three\nfour\n"),
        ({"stream": "Stderr"}, b"three\n"),
        ({"stream": "Stdout"}, b"one\ntwo\nfour\n"),
        ({"stream": "All", "tailLines": "1"}, b"four\n"),
        ({"follow": "true"}, b"one\ntwo\nthree\nfour\n"),
        ({"timestamps": "true", "tailLines": "1"}, b"2026-12-01T12:00:02.000000000Z four\n"),
        ({"timestamps": "true", "limitBytes": "5"}, b"2026-"),
    ],
)
def test_options(log: Log, query: Mapping[str, str], text: bytes) -> None:
    assert read(log, **query) == text


@pytest.mark.parametrize(
    "query",
    [
        {"tailLines": "-1"},
        {"tailLines": "many"},
        {"limitBytes": "0"},
        {"sinceSeconds": "0"},
        {"sinceSeconds": "5", "sinceTime": "2026-12-01T11:59:58Z"},
        {"sinceTime": "yesterday"},
        {"stream": "Both"},
    ],
)
def test_options_that_a_kubelet_refuses(query: Mapping[str, str]) -> None:
    with pytest.raises(BadRequest):
        options(**query)


def test_lines_come_together_from_pieces(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log")
    log.write("stdout", b"be")
    log.write("stderr", b"error\n")
    log.write("stdout", b"gun\nand ")
    assert read(log) == b"error\nbegun\n"
    log.write("stdout", b"ended")
    log.close()
    assert read(log) == b"error\nbegun\nand ended"
    log.write("stdout", b"too late\n")
    assert read(log) == b"error\nbegun\nand ended"


def test_a_long_line_is_several_entries_and_one_line(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log")
    line = b"x" * 50_000
    log.write("stdout", line[:20_000])
    log.write("stdout", line[20_000:] + b"\n")
    log.close()
    entries = (tmp_path / "0.log").read_bytes().splitlines()
    assert [each.split(b" ", 3)[2] for each in entries] == [b"P", b"P", b"P", b"F"]
    assert read(log) == line + b"\n"


def test_a_reader_follows_until_the_end(tmp_path: Path) -> None:
    async def follow() -> list[bytes]:
        log = Log(tmp_path / "0.log")
        log.write("stdout", b"before\n")
        found: list[bytes] = []
        told = asyncio.Event()

        async def reads() -> None:
            async for piece in log.read(options(follow="true")):
                found.append(piece)
                told.set()

        reading = asyncio.create_task(reads())
        for text in (b"first\n", b"second\n"):
            await told.wait()
            told.clear()
            log.write("stdout", text)
        await told.wait()
        assert not reading.done()
        log.close()
        await asyncio.wait_for(reading, 5)
        return found

    assert run(follow()) == [b"before\n", b"first\n", b"second\n"]


def test_a_log_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LARGEST", 1000)

    async def follow() -> bytes:
        log = Log(tmp_path / "0.log")
        found: list[bytes] = []

        async def reads() -> None:
            async for piece in log.read(options(follow="true")):
                found.append(piece)

        reading = asyncio.create_task(reads())
        for number in range(100):
            log.write("stdout", f"line {number}\n".encode())
            await asyncio.sleep(0)
        log.close()
        await asyncio.wait_for(reading, 5)
        return b"".join(found)

    assert run(follow()) == b"".join(f"line {n}\n".encode() for n in range(100))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 2500


def test_a_timestamp_is_kept_to_the_nanosecond() -> None:
    line = entry(FIRST + 999_999_999, "stdout", b"x", True)
    assert shown(line, options(timestamps="true")) == b"2026-12-01T11:59:50.999999999Z x\n"
