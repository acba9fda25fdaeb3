"""How the command line speaks to a pipe: a line a phase; and not as a failure to who has read enough."""

import io
import os
import sys

import pytest

from stacks import console
from stacks.console import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_a_pipe_is_told_of_a_phase_once_and_of_a_long_one_once_a_minute(monkeypatch: pytest.MonkeyPatch):
    clock = Clock()
    monkeypatch.setattr(console, "time", clock)
    told = io.StringIO()
    monkeypatch.setattr(console, "err", console.Console(file=told, width=80))
    shown = Progress()
    spoke: list[float] = []
    for second in range(140):
        clock.now = 100.0 + second
        before = told.getvalue()
        if second < 131:
            shown.waiting(f"creating: {second} done", "creating")
            shown.detail(f"thing {second} created")
        else:
            shown.waiting("asking Helm")
        if told.getvalue() != before:
            spoke.append(second)
    assert spoke == [2, 62, 122, 131]
    assert "thing" not in told.getvalue()


def test_who_shows_a_pipe_to_a_person_hears_more_often(monkeypatch: pytest.MonkeyPatch):
    clock = Clock()
    monkeypatch.setattr(console, "time", clock)
    monkeypatch.setenv("LAB_HEARTBEAT", "1")
    told = io.StringIO()
    monkeypatch.setattr(console, "err", console.Console(file=told, width=80))
    shown = Progress()
    for half in range(8):
        clock.now = 100.0 + half / 2
        shown.waiting(f"asked {half} rows", "asking")
    assert [line.split()[-2] for line in told.getvalue().splitlines()] == ["2", "4", "6"]
    monkeypatch.setenv("LAB_HEARTBEAT", "soon")
    assert Progress()


def test_a_reader_that_has_seen_enough_is_no_failure(monkeypatch: pytest.MonkeyPatch):
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(sys, "stdout", os.fdopen(writer, "w"))
    told = console._Console(file=sys.stdout, width=80)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(SystemExit) as ended:
        told.print("a row\n" * 10_000)
    assert ended.value.code == 141
    sys.stdout.flush()


def test_a_phase_is_one_line_however_long(capsys: pytest.CaptureFixture[str]):
    Progress().phase("word " * 100 + "end")
    assert capsys.readouterr().err.count("\n") == 1
