"""Runs a command of ./lab for the page, and tells every open window how far it is.

The command is a process of its own, the very one that a terminal would run. So the page can do nothing that the command
cannot, and a command that fails takes nothing with it. One at a time: they would work on the same lab.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from stacks.stack import CHECKOUT

MOST_LINES: Final = 500
"""Lines of one run that are kept: more than the longest command prints."""

MOST_IN_A_LINE: Final = 1 << 20
"""Bytes of a line of progress, or of what a command prints for a script: a check's rows are 200 KB."""

PATIENCE: Final = 30.0
"""Seconds that a command has, after it was interrupted, to say what that leaves."""


class Busy(Exception):
    """Another command of this page is at work; the text says which."""


@dataclass
class Run:
    """One command."""

    number: int
    action: str
    exercise: str
    began: datetime
    lines: deque[str] = field(default_factory=lambda: deque[str](maxlen=MOST_LINES))
    """What it said on stderr."""

    code: int | None = None
    """Its exit code; None while it is at work."""

    printed: str = ""
    """What it said on stdout."""

    @property
    def title(self) -> str:
        """As a person calls it."""
        return f"{self.action} {self.exercise}"

    @property
    def failed(self) -> bool:
        """Whether it ended without doing what it is for; a check that judges has done that, whatever came out."""
        return self.code not in (0, None) and not (self.action == "check" and self.told)

    @property
    def told(self) -> Mapping[str, Any]:
        """What it printed for a script; nothing where it printed none."""
        try:
            found = json.loads(self.printed)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


Event = tuple[str, Mapping[str, Any]]
"""Its name, and what it tells."""

CommandLine = Callable[[Sequence[str]], Sequence[str]]
"""Makes a whole command line of a command's words."""


class Runs:
    """The commands that the page has run; to be used in one event loop."""

    def __init__(self, line: CommandLine, environment: Mapping[str, str]) -> None:
        self._line = line
        self._environment = {**environment, "LAB_HEARTBEAT": "1"}
        self._listening: set[asyncio.Queue[Event]] = set()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._counted = 0
        self.latest: Run | None = None
        self.last: dict[tuple[str, str], Run] = {}
        """(action, exercise) → the last one that came to its end."""

    @property
    def current(self) -> Run | None:
        """The one at work."""
        return self.latest if self.latest and self.latest.code is None else None

    def begin(self, action: str, exercise: str, *options: str) -> Run:
        """Start a command; raises Busy while another is at work."""
        if at_work := self.current:
            raise Busy(at_work.title)
        self._counted += 1
        run = self.latest = Run(self._counted, action, exercise, datetime.now(UTC))
        self._tell("run", self._as_told(run))
        self._task = asyncio.create_task(self._follow(run, self._line([action, exercise, *options])))
        return run

    async def events(self) -> AsyncGenerator[Event]:
        """What is told from now on, beginning with the latest run as it is."""
        mine: asyncio.Queue[Event] = asyncio.Queue()
        self._listening.add(mine)
        try:
            if self.latest:
                yield "run", self._as_told(self.latest)
            while True:
                event = await mine.get()
                yield event
                if event[0] == "gone":
                    return
        finally:
            self._listening.discard(mine)

    def gone(self, why: str) -> None:
        """Tell every window that nothing more will come."""
        self._tell("gone", {"text": why})

    async def end(self) -> None:
        """Interrupt what is at work as Ctrl-C does, and wait for its end."""
        process, task = self._process, self._task
        if process is None or task is None or task.done():
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            done, _ = await asyncio.wait({task}, timeout=PATIENCE)
            if done:
                return

    async def _follow(self, run: Run, line: Sequence[str]) -> None:
        code = 1
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *line,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=CHECKOUT,
                env=self._environment,
                # Ctrl-C is for the page, which then ends the command itself.
                start_new_session=True,
                limit=MOST_IN_A_LINE,
            )
            assert process.stdout is not None  # noqa: S101  # asked for above
            assert process.stderr is not None  # noqa: S101  # as above
            printed, _ = await asyncio.gather(process.stdout.read(), self._lines(run, process.stderr))
            run.printed = printed.decode(errors="replace")
            code = await process.wait()
        except (OSError, ValueError) as error:
            run.lines.append(f"lab: the command could not be followed: {error}. Run it in a terminal.")
        finally:
            # However that ended, the next one may begin.
            run.code = code
            self.last[run.action, run.exercise] = run
            self._tell("end", self._as_told(run))

    async def _lines(self, run: Run, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            text = line.decode(errors="replace").rstrip()
            run.lines.append(text)
            self._tell("line", {"run": run.number, "text": text})

    def _tell(self, name: str, told: Mapping[str, Any]) -> None:
        for each in self._listening:
            each.put_nowait((name, told))

    def _as_told(self, run: Run) -> Mapping[str, Any]:
        return {
            "run": run.number,
            "title": run.title,
            "lines": list(run.lines),
            "text": ended(run),
            "failed": run.failed,
        }


_ENDS: Final[Mapping[int, str]] = {3: "could not be asked", 130: "interrupted"}


def ended(run: Run) -> str:
    """How a run ended, in words; empty while it is at work."""
    if run.code is None:
        return ""
    if run.code == 0:
        return f"{run.title}: done"
    if not run.failed:
        return f"{run.title}: not all passed" if run.code == 1 else f"{run.title}: not all could be asked"
    return f"{run.title}: {_ENDS.get(run.code, 'failed')}"


def command_line(words: Sequence[str]) -> Sequence[str]:
    """The command line of this checkout's ./lab."""
    return [sys.executable, "-m", "cli", *words]
