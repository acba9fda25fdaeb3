"""A container's log: the lines that it wrote, with their times, in the format of container runtimes.

`kubectl logs` asks for the end of it, for a time, for so many bytes, or to go
on as it grows. Whoever follows is woken by the writer: nobody looks at files
in intervals.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

from rehearsal.cluster.kubelet.framing import BadRequest

_LONGEST: Final = 16 << 10
"""Bytes of a line after which container runtimes go on in a second entry."""
_LARGEST: Final = 10 << 20
"""Bytes of a log after which a kubelet begins a new one (containerLogMaxSize)."""
_STREAMS: Final = {"All": ("stdout", "stderr"), "Stdout": ("stdout",), "Stderr": ("stderr",)}


@dataclass(frozen=True)
class Options:
    """What a reader asks for, as PodLogOptions has it."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None
    streams: tuple[str, ...] = ("stdout", "stderr")

    @classmethod
    def of(cls, query: Mapping[str, str], now: datetime) -> "Options":
        """From a query; `now` is what sinceSeconds counts from. Raises BadRequest."""
        try:
            tail, limit, seconds = (_number(query, key) for key in ("tailLines", "limitBytes", "sinceSeconds"))
            since = datetime.fromisoformat(query["sinceTime"]) if query.get("sinceTime") else None
            streams = _STREAMS[query.get("stream") or "All"]
        except (ValueError, KeyError) as error:
            raise BadRequest("Unable to decode query.") from error
        invalid = (tail is not None and tail < 0) or (limit is not None and limit < 1)
        if invalid or (seconds is not None and (seconds < 1 or since is not None)):
            raise BadRequest("Invalid request.")
        if seconds is not None:
            since = now - timedelta(seconds=seconds)
        flags = {key: query.get(key) in ("true", "1") for key in ("follow", "previous", "timestamps")}
        return cls(**flags, tail_lines=tail, limit_bytes=limit, since=since, streams=streams)


def _number(query: Mapping[str, str], key: str) -> int | None:
    return int(query[key]) if query.get(key) else None


def entry(moment_ns: int, stream: str, line: bytes, full: bool) -> bytes:
    """One line of a log; `full` is False when the container's line goes on in the next one."""
    seconds, nanoseconds = divmod(moment_ns, 10**9)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{nanoseconds:09d}Z {stream} {'F' if full else 'P'} ".encode() + line + b"\n"


def shown(entry: bytes, options: Options) -> bytes:
    """What a reader gets to see of an entry: nothing when it is too old or of another stream."""
    stamp, stream, tag, line = entry.rstrip(b"\n").split(b" ", 3)
    if stream.decode() not in options.streams:
        return b""
    # Nanoseconds are more than datetime knows.
    if options.since and datetime.fromisoformat(f"{stamp[:26].decode()}+00:00") < options.since:
        return b""
    text = line + (b"\n" if tag == b"F" else b"")
    return stamp + b" " + text if options.timestamps else text


class Log:
    """The log of one run of a container, in one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = path.open("ab")
        self._size = 0
        self._generation = 0
        self._rests: dict[str, bytes] = {}
        self._readers: set[asyncio.Event] = set()

    @property
    def closed(self) -> bool:
        """Whether the container has ended, so that nothing more will come."""
        return self._file is None

    def write(self, stream: str, data: bytes) -> None:
        """Take what the container wrote, which may end within a line."""
        moment = time.time_ns()
        *lines, rest = (self._rests.get(stream, b"") + data).split(b"\n")
        entries = [entry(moment, stream, line, full) for whole in lines for line, full in _pieces(whole)]
        while len(rest) > _LONGEST:
            entries.append(entry(moment, stream, rest[:_LONGEST], full=False))
            rest = rest[_LONGEST:]
        self._rests[stream] = rest
        self._append(entries)

    def _append(self, entries: list[bytes]) -> None:
        if self._file is None or not entries:
            return
        if self._size > _LARGEST:
            self._file.close()
            self.path.replace(self.path.with_suffix(".old"))
            self._file = self.path.open("ab")
            self._size = 0
            self._generation += 1
        data = b"".join(entries)
        self._file.write(data)
        self._file.flush()
        self._size += len(data)
        self._wake()

    def close(self) -> None:
        """The container has ended: a line that it did not finish is one all the same."""
        if self._file is None:
            return
        moment = time.time_ns()
        self._append([entry(moment, stream, rest, full=False) for stream, rest in self._rests.items() if rest])
        self._file.close()
        self._file = None
        self._wake()

    def _wake(self) -> None:
        for reader in self._readers:
            reader.set()

    async def read(self, options: Options) -> AsyncIterator[bytes]:
        """Pieces of text, as many as there are; with `follow` until the container ends."""
        left = options.limit_bytes
        woken = asyncio.Event()
        self._readers.add(woken)
        try:
            async for found in self._entries(options, woken):
                text = shown(found, options)
                if left is not None:
                    text = text[:left]
                    left -= len(text)
                if text:
                    yield text
                if left == 0:
                    return
        finally:
            self._readers.discard(woken)

    async def _entries(self, options: Options, woken: asyncio.Event) -> AsyncIterator[bytes]:
        generation = self._generation
        file = self.path.open("rb")
        try:
            if options.tail_lines is not None:
                for found in await asyncio.to_thread(deque, file, options.tail_lines):
                    yield found
            while True:
                woken.clear()
                for found in file:
                    yield found
                if generation != self._generation:
                    file.close()
                    file, generation = self.path.open("rb"), self._generation
                elif self.closed or not options.follow:
                    return
                else:
                    await woken.wait()
        finally:
            file.close()


def _pieces(line: bytes) -> Iterator[tuple[bytes, bool]]:
    """A line in pieces that are not too long, and whether each is the line's last."""
    while len(line) > _LONGEST:
        yield line[:_LONGEST], False
        line = line[_LONGEST:]
    yield line, True
