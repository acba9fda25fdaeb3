"""Which access keys of testuser's are in use, and by whom, so that a forgotten one can be told from one at work.

An IAM access key says nothing about who made it. So each command that makes one leaves a file, its lease, before it
does, and holds a lock on it as long as it lives. A lease that nobody holds is that of a killed command, and its key
is nobody's. Keys that no lease tells of were made by hand or elsewhere; they are left alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

LOCK: Final = "making.lock"
SUFFIX: Final = ".lease"
YOUNG: Final = timedelta(minutes=2)
"""Within this age of a lease, a key that was being made under it may turn up: the request's own time-outs, and the
minute that IAM may take to list it (see testuser_guard.PAUSES)."""


@dataclass
class Lease:
    """A file that tells of one key; no part of it is secret."""

    file: Path
    user_name: str
    before: list[str]
    """Ids of the user's keys before this one was made, those of other commands among them, listed yet or not."""

    key_id: str = ""
    """Empty until the key is made."""

    def made(self, key_id: str) -> None:
        """The key exists now."""
        self.key_id = key_id
        self.write()

    def write(self) -> None:
        """Bring the file up to date; in place, since the lock is on this very file."""
        content = json.dumps({"user": self.user_name, "before": self.before, "key": self.key_id})
        with self.file.open("r+") as file:
            file.write(content)
            file.truncate()

    @property
    def since(self) -> datetime:
        """When it was written last."""
        return datetime.fromtimestamp(self.file.stat().st_mtime, UTC)

    @property
    def is_young(self) -> bool:
        """Whether its key may turn up still, although IAM does not find it."""
        return datetime.now(UTC) - self.since < YOUNG

    def end(self) -> None:
        """The key is no more."""
        self.file.unlink(missing_ok=True)


@contextmanager
def making(directory: Path, tell: Callable[[str], object]) -> Generator[int]:
    """Only one key is made at a time on this machine; gives the lock's file descriptor."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _taken(handle):
            tell("waiting for another command that makes a key for testuser, or for the end of a killed one")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def held(directory: Path, user_name: str, before: Collection[str]) -> Generator[Lease]:
    """A new lease, held during the block; its file stays afterwards unless it was ended. Ask inside `making`."""
    lease = Lease(directory / f"{secrets.token_hex(8)}{SUFFIX}", user_name, list(before))
    handle = os.open(lease.file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        lease.write()
        yield lease
    finally:
        os.close(handle)


def others(directory: Path, user_name: str) -> tuple[list[Lease], list[Lease]]:
    """The user's leases that somebody holds, and those that nobody does. Ask inside `making`."""
    found: tuple[list[Lease], list[Lease]] = ([], [])
    for file in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            handle = os.open(file, os.O_RDWR)
        except FileNotFoundError:
            continue  # a guard has ended it just now
        try:
            free = _taken(handle)
            lease = _read(file)
        finally:
            os.close(handle)
        if lease is None:
            file.unlink(missing_ok=True)
        elif lease.user_name == user_name:
            found[free].append(lease)
    return found


def _read(file: Path) -> Lease | None:
    """None for a file that was cut off: its command was killed before it made a key."""
    try:
        told: Any = json.loads(file.read_text())
        return Lease(file, told["user"], list(told["before"]), told["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _taken(handle: int) -> bool:
    """Take a lock if it is free; whether it was."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
