"""A row: one demand of an exercise, as data. Checks, docs and reports are all drawn from rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grading.expectations import Expectation
from grading.probes import Question
from grading.requests import Request

ExerciseName = str
"""An exercise, as commands and reports call it; `exercises.catalogue` has the list."""

Goal = Literal["attack", "answer", "use", "intact"]
"""What a row is for when an exercise is played: the attack is refused, an answer is right, legitimate use works,
nothing else broke."""


@dataclass(frozen=True)
class Row:
    """Who asks what at which stage of an exercise, and what has to come back."""

    exercise: ExerciseName
    stage: str
    name: str
    """Stable and unique: what scripts and reports call the row."""

    subject: str
    """Who asks: a service account, a pod or a user."""

    question: Question
    expected: Expectation
    why: str
    """What a learner learns from it."""

    lags: bool = False
    """Whether an earlier stage can shine through for a moment on AWS: AWS spreads the end of a right with some delay,
    and each of a cluster's API servers learns of a role or a binding by itself. Then an answer that the earlier stage
    would give is asked for again."""

    asks: Request | None = None
    """What the question asks of RBAC, where it is about that: from it a failed row's cause is computed."""

    goal: Goal | None = None
    """Set: whoever plays the exercise is judged by this row, whatever stands."""

    boundary: bool | None = None
    """Asked only where testuser has (True) or has not (False) a permissions boundary; None: in both cases."""

    @property
    def command(self) -> str:
        """As a learner types it in `lab shell`."""
        return self.question.typed
