"""How far a learner has come with an exercise: when it began, what was tried, and how long that took.

A learner comes back on another day, and to a lab that was stood up again. So this is told by moments and counts alone,
and nothing in it depends on whether a lab stands. Where it is kept is `stacks.progress`' business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, Protocol

HINTS: Final = 3
"""How many hints each exercise has."""

State = Literal["not begun", "in play", "passed", "solution applied", "left"]


class Score(Protocol):
    """How an attempt was judged; `exercises.judge` makes one."""

    @property
    def points(self) -> int:
        """0 to 100."""
        ...

    @property
    def passed(self) -> bool:
        """Whether every goal is reached."""
        ...


@dataclass(frozen=True)
class Record:
    """One learner's way through one exercise. All moments are in UTC."""

    begun: datetime | None = None
    """When it was played for the first time."""

    is_open: bool = False
    """Whether it has been begun and neither left nor solved by the lab since."""

    since: datetime | None = None
    """Since when the clock runs; None where it stands."""

    seconds: float = 0.0
    """On the clock, without what has run since `since`."""

    hints: int = 0
    """How many of the hints were taken, 0 to 3."""

    attempts: int = 0
    """How often it was judged while the clock ran."""

    points: int = 0
    """The best of all attempts, 0 to 100."""

    passed: datetime | None = None
    """When the learner passed it for the first time."""

    solution: datetime | None = None
    """When the lab's own solution was applied for the first time."""

    @property
    def state(self) -> State:
        """In a word; one that runs again after it was passed is in play."""
        if self.is_open and (self.since or not self.passed):
            return "in play"
        if self.passed:
            return "passed"
        if self.solution:
            return "solution applied"
        return "left" if self.begun else "not begun"

    def spent(self, now: datetime) -> float:
        """Seconds on the clock until now."""
        # A machine's clock may be put back.
        return self.seconds + (max(0.0, (now - self.since).total_seconds()) if self.since else 0.0)


def begin(record: Record, now: datetime) -> Record:
    """It is played; what is open and not passed goes on, and its clock with it."""
    if record.is_open and record.since:
        return record
    return replace(record, begun=record.begun or now, is_open=True, since=now)


def hint(record: Record) -> Record:
    """One more hint was taken, if there is one more."""
    return replace(record, hints=min(record.hints + 1, HINTS))


def attempt(record: Record, score: Score, now: datetime) -> Record:
    """It was judged. The first pass stops the clock; what is judged after that counts no more."""
    if not (record.is_open and record.since):
        return record
    judged = replace(record, attempts=record.attempts + 1, points=max(record.points, score.points))
    return replace(_stopped(judged, now), passed=judged.passed or now) if score.passed else judged


def solved(record: Record, now: datetime) -> Record:
    """The lab's own solution was applied: no pass of the learner's, and the end of this play."""
    return left(replace(record, begun=record.begun or now, solution=record.solution or now), now)


def left(record: Record, now: datetime) -> Record:
    """It was moved elsewhere, or the lab was taken away."""
    return replace(_stopped(record, now), is_open=False)


def _stopped(record: Record, now: datetime) -> Record:
    return replace(record, seconds=record.spent(now), since=None)
