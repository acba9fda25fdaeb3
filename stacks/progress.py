"""Where a stack's progress with the exercises is kept: in a file that outlives the lab.

Two commands may write at once, as a check in one terminal and a hint in another. So each change reads, changes and
writes under a lock. A file that cannot be read is no reason to refuse a command: it is set aside and reported.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from exercises import progress
from exercises.progress import Record, Score
from rehearsal import paths
from stacks.console import err
from stacks.files import replace_text
from stacks.stack import REHEARSAL, Stack

VERSION: Final = 1

Records = Mapping[str, Record]
"""Exercise → its record; only those that were ever begun."""

_MOMENTS: Final = ("begun", "since", "passed", "solution")


def file(stack: str) -> Path:
    """The rehearsal's is next to the world's directory, which goes with the lab; an AWS stack's is in the user's cache,
    where this machine's other files of that stack are."""
    if stack == REHEARSAL:
        world = paths.world_dir()
        return world.with_name(f"{world.name}.progress.json")
    return paths.cache_dir() / "stacks" / stack / "progress.json"


def read(stack: Stack) -> Records:
    """All records of the stack."""
    return _records(file(stack.name))


def _records(kept: Path) -> dict[str, Record]:
    if not kept.exists():
        return {}
    with _alone(kept):
        return _read(kept)


def of(stack: Stack, name: str) -> Record:
    """The record of one exercise, an empty one where it was never begun."""
    return read(stack).get(name, Record())


def begun(stack: Stack, name: str, now: datetime) -> Record:
    """The exercise is played now; its record before."""
    return _change(file(stack.name), name, partial(progress.begin, now=now))


def hinted(stack: Stack, name: str) -> Record:
    """One more hint is taken; the record before."""
    return _change(file(stack.name), name, progress.hint)


def attempted(stack: Stack, name: str, score: Score, now: datetime) -> Record:
    """The exercise in play was judged; its record before."""
    return _change(file(stack.name), name, partial(progress.attempt, score=score, now=now))


def solved(stack: Stack, name: str, now: datetime) -> Record:
    """The lab's own solution was applied; the record before."""
    return _change(file(stack.name), name, partial(progress.solved, now=now))


def left(stack: Stack, names: Iterable[str], now: datetime) -> list[str]:
    """These do not stand at the stage any more at which they are played; those of them that were in play."""
    gone = set(names)
    return _left(stack.name, lambda name: name in gone, now)


def all_left(stack: str, now: datetime) -> list[str]:
    """The lab with this stack's name was taken away; the exercises that were in play."""
    return _left(stack, lambda _: True, now)


def _left(stack: str, is_left: Callable[[str], bool], now: datetime) -> list[str]:
    kept = file(stack)
    names = [name for name, record in _records(kept).items() if record.is_open and is_left(name)]
    return [name for name in names if _change(kept, name, partial(progress.left, now=now)).is_open]


def _change(kept: Path, name: str, change: Callable[[Record], Record]) -> Record:
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(kept):
        records = _read(kept)
        before = records.get(name, Record())
        after = change(before)
        if after != before:
            told = {one: _written(record) for one, record in {**records, name: after}.items()}
            replace_text(kept, json.dumps({"version": VERSION, "exercises": told}, indent=2) + "\n")
        return before


@contextmanager
def _alone(kept: Path) -> Generator[None]:
    """Nobody else reads or writes the file in the block. The lock falls with the process that holds it."""
    with kept.with_suffix(".lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _read(kept: Path) -> dict[str, Record]:
    """What the file says; where that cannot be told it is set aside, and there is nothing."""
    try:
        text = kept.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        told: Any = json.loads(text)
        if told["version"] != VERSION:
            raise ValueError("a version of the file that this lab does not know")
        return {str(name): _record(each) for name, each in told["exercises"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        aside = kept.with_suffix(f".damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        kept.rename(aside)
        err.print(
            f"The progress with the exercises could not be read, and begins again. What was there is kept in {aside}.",
            markup=False,
            soft_wrap=True,
        )
        return {}


def _record(told: Mapping[str, Any]) -> Record:
    """Raises ValueError, TypeError and KeyError for what is none."""
    values = dict(told)
    for name in _MOMENTS:
        moment = values[name] = datetime.fromisoformat(values[name]) if values[name] else None
        if moment and moment.tzinfo is None:
            raise ValueError(f"{name} has no time zone")
    defaults = asdict(Record())
    if values.keys() != defaults.keys():
        raise ValueError("other fields")
    for each in fields(Record):
        wanted = type(defaults[each.name])
        if each.name not in _MOMENTS and type(values[each.name]) not in {wanted, *([int] if wanted is float else [])}:
            raise ValueError(f"{each.name} is no {wanted.__name__}")
    return Record(**values)


def _written(record: Record) -> dict[str, Any]:
    told = asdict(record)
    return {**told, **{name: told[name] and told[name].isoformat() for name in _MOMENTS}}
