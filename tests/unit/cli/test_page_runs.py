"""The commands that the page runs: one at a time, heard by every window, and always at an end."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing
from typing import Any

import pytest

from cli.page import runs as module
from cli.page.runs import Busy, Event, Runs
from tests.unit.cli.page_browser import run
from tests.unit.cli.page_lab import Lab, lab

__all__ = ["lab"]


async def over(runs: Runs) -> None:
    for _ in range(200):
        if not runs.current:
            return
        await asyncio.sleep(0.01)
    pytest.fail("it goes on")


def made() -> Runs:
    return Runs(lambda words: ["lab", *words], {"HOME": "/home/me"})


def test_every_window_hears_what_a_command_says(lab: Lab):
    lab.said = "  0.1 s  one\n  0.2 s  two\n"
    lab.printed = {"points": 100}

    async def heard(runs: Runs, began: asyncio.Event) -> list[Event]:
        found: list[Event] = []
        async with aclosing(runs.events()) as events:
            began.set()
            async for event in events:
                found.append(event)
                if event[0] == "end":
                    break
        return found

    async def test() -> None:
        runs, began = made(), asyncio.Event()
        windows = [asyncio.create_task(heard(runs, began)) for _ in range(2)]
        await began.wait()
        await asyncio.sleep(0)
        began_run = runs.begin("play", "k03")
        told = await asyncio.gather(*windows)
        assert told[0] == told[1]
        assert [name for name, _ in told[0]] == ["run", "line", "line", "end"]
        assert told[0][2][1]["text"] == "  0.2 s  two"
        end = told[0][3][1]
        assert (end["text"], end["failed"], len(end["lines"])) == ("play k03: done", False, 2)
        assert began_run.told == {"points": 100}
        assert runs.last["play", "k03"] is began_run
        # A window that comes late is told of it as it is.
        async with aclosing(runs.events()) as late:
            assert (await anext(late))[1] == end

    run(test)


def test_a_second_one_waits_for_the_end_of_the_first(lab: Lab):
    async def test() -> None:
        lab.goes_on = True
        runs = made()
        runs.begin("check", "k03")
        with pytest.raises(Busy, match="check k03"):
            runs.begin("check", "k01")
        await asyncio.sleep(0)
        assert len(lab.started) <= 1

    run(test)


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file"), ValueError("a line that is too long")])
def test_a_command_that_cannot_be_followed_does_not_block_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    async def fails(*_: object, **__: object) -> Any:
        raise error

    async def test() -> None:
        runs = made()
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "create_subprocess_exec", fails)
            first = runs.begin("check", "k03")
            await over(runs)
        assert first.failed
        assert "could not be followed" in first.lines[-1]
        runs.begin("check", "k03")
        await over(runs)
        assert len(lab.started) == 1

    run(test)


@pytest.mark.parametrize(
    ("action", "code", "printed", "text", "failed"),
    [
        ("play", 0, {"a": 1}, "play k03: done", False),
        ("play", 1, {}, "play k03: failed", True),
        ("play", 130, {}, "play k03: interrupted", True),
        ("check", 0, {"rows": []}, "check k03: done", False),
        ("check", 1, {"rows": []}, "check k03: not all passed", False),
        ("check", 3, {"rows": []}, "check k03: not all could be asked", False),
        ("check", 3, {}, "check k03: could not be asked", True),
        ("check", 1, {}, "check k03: failed", True),
    ],
)
def test_how_it_ended_is_told_in_words(
    lab: Lab, action: str, code: int, printed: dict[str, Any], text: str, failed: bool
):
    lab.code, lab.printed = code, printed

    async def test() -> None:
        runs = made()
        ended = runs.begin(action, "k03")
        assert module.ended(ended) == ""
        await over(runs)
        assert (module.ended(ended), ended.failed) == (text, failed)

    run(test)


def test_what_is_at_work_at_the_end_is_interrupted_as_by_ctrl_c(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    sent: list[tuple[int, int]] = []

    async def test() -> None:
        lab.goes_on = True
        runs = made()
        began = runs.begin("play", "k03")
        await asyncio.sleep(0.01)

        def kill(pid: int, number: int) -> None:
            sent.append((pid, number))
            if number == signal.SIGTERM:
                lab.code = 143
                lab.end()

        monkeypatch.setattr(os, "killpg", kill)
        monkeypatch.setattr(module, "PATIENCE", 0.01)
        await runs.end()
        await runs.end()
        assert began.code == 143

    run(test)
    assert [number for _, number in sent] == [signal.SIGINT, signal.SIGTERM]
    assert {pid for pid, _ in sent} == {4711}


def test_windows_are_told_that_nothing_more_comes(lab: Lab):
    async def test() -> None:
        runs = made()

        async def heard() -> list[Event]:
            return [event async for event in runs.events()]

        window = asyncio.create_task(heard())
        await asyncio.sleep(0)
        runs.gone("The lab is down.")
        assert await window == [("gone", {"text": "The lab is down."})]

    run(test)
