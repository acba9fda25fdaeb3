"""The lock that a killed update leaves on its stack: whose it is, and when it may go.

Pulumi locks a stack while it changes it, and a killed pulumi cannot unlock it. A backend of files or of a bucket names
the process that made the lock, so that one of this machine that has ended is known to be stale. Of a lock from
elsewhere, and of one in Pulumi Cloud, nothing is known: only the user can say that it is.
"""

import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from rehearsal import processes
from stacks import pulumi_cli
from stacks.console import err
from stacks.error_hints import cause
from stacks.errors import Failure
from stacks.stack import CHECKOUT, Stack

_LOCKED: Final = re.compile(
    r"the stack is currently locked by|\[409\] Conflict: Another update is currently in progress"
)
"""pulumi 3.259: pkg/backend/diy/lock.go, and Pulumi Cloud's answer, which its Automation API knows by the same text."""

_HOLDER: Final = re.compile(r"created by (.+)@(\S+) \(pid (\d+)\) at (\S+)")

PROVIDERS_END_WITHIN: Final = 10.0
"""Seconds that the killed run's providers get for calls under way. By themselves they notice only after minutes."""


@dataclass(frozen=True)
class Holder:
    """Who made a lock."""

    user: str
    host: str
    pid: int
    since: str

    @property
    def is_here(self) -> bool:
        """Whether it was made on this machine."""
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether it is a pulumi that runs on this machine now."""
        return self.is_here and processes.alive(self.pid, "pulumi")

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user}@{self.host} since {self.since}"


def is_locked(said: str) -> bool:
    """Whether pulumi did nothing because somebody else holds the stack."""
    return _LOCKED.search(said) is not None


def holders(said: str) -> list[Holder]:
    """Who made the locks, as far as pulumi tells."""
    return [Holder(user, host, int(pid), since) for user, host, pid, since in _HOLDER.findall(said)]


def release(stack: Stack, said: str, *, yes: bool) -> None:
    """Remove the locks that pulumi named, after asking; raises Failure when they may not or cannot be removed.

    `yes` answers for this machine's own locks alone.
    """
    found = holders(said)
    for holder in found:
        if holder.is_alive:
            raise Failure(
                f"Another pulumi is at work on stack {stack.name}: {holder}. Wait for it, or stop it with Ctrl-C "
                "where it runs; then run this again."
            )
    whose = "; ".join(map(str, found)) or "another update, of which Pulumi Cloud does not tell more"
    if found and all(holder.is_here for holder in found):
        err.print(f"Stack {stack.name} is locked by {whose}. That has ended without unlocking it.", markup=False)
        agreed = yes or typer.confirm("Remove the lock and go on?", err=True)
    else:
        err.print(f"Stack {stack.name} is locked by {whose}.", markup=False)
        if not sys.stdin.isatty():
            raise Failure(
                f"This machine cannot see whether another pulumi works on stack {stack.name}. If you know that none "
                f"does, run pulumi cancel --stack {stack.name}, then this again."
            )
        agreed = typer.confirm("Are you sure that it has ended? Remove the lock and go on?", err=True)
    if not agreed:
        raise typer.Exit(code=1)
    ended = pulumi_cli.ask("cancel", "--yes", "--stack", stack.name)
    if ended.returncode != 0:
        raise Failure(f"The lock could not be removed: {cause(ended.stderr)} Fix that, then run this again.")
    _end_providers()


def _end_providers() -> None:
    """Let the killed run's providers finish what they had begun: nobody may make things behind the next run's back."""
    deadline = time.monotonic() + PROVIDERS_END_WITHIN
    for pid in _orphaned_providers():
        if not processes.wait_gone(pid, max(0.0, deadline - time.monotonic())):
            processes.end(pid, 1.0)


def _orphaned_providers() -> Iterator[int]:
    """This user's providers that work in this checkout and whose pulumi is gone; none where there is no /proc."""
    for entry in processes.PROC.glob("[0-9]*"):
        pid = int(entry.name)
        program = Path(processes.command_line(pid).split(" ", 1)[0]).name
        if not program.startswith("pulumi-resource-"):
            continue
        try:
            # Of another user's process this cannot be read.
            where = (entry / "cwd").readlink()
            # The name, in brackets, may hold anything.
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if where == CHECKOUT.resolve() and not processes.alive(parent, "pulumi"):
            yield pid
