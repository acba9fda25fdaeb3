"""Checks whether a lab can be built: for `lab doctor`, and before `lab up` costs anything."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from cli.views.doctor import show
from operations.doctor.findings import Finding, Status
from stacks import backend
from stacks.console import err, out, progress
from stacks.errors import Failure
from stacks.stack import Stack

QUIET: Final = 2.0
"""Seconds between two looks at the clock."""


def examine(stack: Stack) -> tuple[Finding, ...]:
    """Every finding about a stack; asks AWS only about one that stands there."""
    where = backend.of(stack)
    with _waiting(f"looking at {where.place}"):
        return where.examine()


def require(stack: Stack, *, as_json: bool = False) -> None:
    """Before `up`: show what is not ok; raises Failure when `up` would fail.

    With `as_json` stdout is left to what `up` prints.
    """
    found = examine(stack)
    if any(finding.status is not Status.OK for finding in found):
        show(found, err if as_json else out, without_ok=True)
    if stops(found):
        raise Failure(
            "The lab cannot be built; nothing was changed. Fix what is marked as failing above, "
            "or run the command with --skip-doctor."
        )


def stops(found: Sequence[Finding]) -> bool:
    """Whether `up` would fail."""
    return any(finding.status is Status.FAIL for finding in found)


@contextmanager
def _waiting(text: str) -> Generator[None]:
    """Tell what is waited for, as long as it is."""
    done = Event()
    with progress() as shown:
        shown.waiting(text)

        def tick() -> None:
            while not done.wait(QUIET):
                shown.waiting(text)

        ticking = Thread(target=tick, daemon=True)
        ticking.start()
        try:
            yield
        finally:
            done.set()
            ticking.join()
