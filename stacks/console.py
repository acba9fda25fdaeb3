"""How the command line speaks: calm lines on stderr while it works, results on stdout.

Colour and moving lines are for a terminal alone; a pipe gets one plain line a
phase, so that a log stays readable.
"""

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, NoReturn

from rich.console import Console
from rich.status import Status

PIPE_WIDTH = 240
"""Columns where there is no terminal: a table in a pipe is for a search, so nothing in it may be cut off."""

BROKEN_PIPE: Final = 141
"""Exit code of a program that SIGPIPE ends, as a shell tells it."""


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Who reads has seen enough, as `head` has: no failure of the command, which would have an exit code of 1."""
        self.quiet = True
        # What is still in a buffer goes nowhere when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(BROKEN_PIPE)


out = _Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = _Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPE_WIDTH)


class Progress:
    """Phases of long work with the time since it began, and what it waits for now."""

    FIRST = 2.0
    """Seconds of silence after which a pipe gets a line with what the work waits for."""

    HEARTBEAT = 60.0
    """Seconds of silence after which a pipe gets the line again: a log that says nothing for long looks like a hang."""

    def __init__(self) -> None:
        # Who shows a pipe to a person wants to hear more often.
        wanted = os.environ.get("LAB_HEARTBEAT", "")
        self._heartbeat = float(wanted) if wanted.isdecimal() else self.HEARTBEAT
        self._first = min(self.FIRST, self._heartbeat)
        self._began = time.monotonic()
        self._told = 0.0
        self._phase = ""
        self._status: Status | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self._began

    def phase(self, text: str) -> None:
        """Something is done, or something long begins."""
        self._told = self.elapsed
        # One line, however long: a log is searched by lines.
        err.print(f"{self.elapsed:6.1f} s  {text}", markup=False, soft_wrap=True)

    def detail(self, text: str) -> None:
        """A part of a phase is done: a line on a terminal, nothing in a pipe."""
        if self._status:
            self.phase(text)

    def waiting(self, text: str, phase: str = "") -> None:
        """What is going on now: the moving line of a terminal; in a pipe one line a phase, and one a minute.

        `phase` names what the text is about while the text changes; without it each text is a phase of its own.
        """
        if self._status:
            self._status.update(f"{self.elapsed:6.1f} s  {text}")
            return
        silence = self._first if (phase or text) != self._phase else self._heartbeat
        if self.elapsed - self._told >= silence:
            self._phase = phase or text
            self.phase(text)

    @contextmanager
    def paused(self) -> Generator[None]:
        """While this holds the terminal is another program's: the moving line is gone."""
        if self._status:
            self._status.stop()
        try:
            yield
        finally:
            if self._status:
                self._status.start()


@contextmanager
def progress() -> Generator[Progress]:
    """Progress for the length of a block; the moving line goes with it."""
    shown = Progress()
    if not err.is_terminal:
        yield shown
        return
    with err.status("") as status:
        shown._status = status  # pyright: ignore[reportPrivateUsage]  # the pair is made here
        yield shown


def duration(seconds: float) -> str:
    """12 s, 3 min 5 s, 2 h 4 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
