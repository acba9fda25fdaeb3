"""What an exercise that is played is worth: its goals, from the answers to the rows that have one.

Points are for what the attacker can do no more and for right answers, and only while everything else works. So nobody
gets a point for doing nothing, or for deleting everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from exercises.registry import ROWS
from grading.check import ExerciseName, Goal, Row
from grading.grade import Answer, Verdict, worst

GOALS: Final[tuple[Goal, ...]] = get_args(Goal)
SCORED: Final[tuple[Goal, ...]] = ("attack", "answer")
"""Goals whose rows give points."""

FULL: Final = 100


@dataclass(frozen=True)
class Score:
    """How an exercise that is played came out."""

    exercise: ExerciseName
    points: int
    """0 to 100."""

    goals: Mapping[Goal, Verdict]
    """Goal → the verdict of its rows together; a goal without rows is not there."""

    answers: tuple[Answer, ...]

    @property
    def passed(self) -> bool:
        """Whether every row of every goal passed."""
        return bool(self.goals) and set(self.goals.values()) == {Verdict.PASSED}

    @property
    def verdict(self) -> Verdict:
        """Of all its goals together."""
        return worst(self.answers)

    def of(self, goal: Goal) -> tuple[Answer, ...]:
        """Answers to the rows of one goal."""
        return tuple(each for each in self.answers if each.row.goal == goal)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "exercise": self.exercise,
            "points": self.points,
            "passed": self.passed,
            "goals": {
                goal: {
                    "verdict": verdict.value,
                    "rows": len(self.of(goal)),
                    "passed": sum(each.verdict is Verdict.PASSED for each in self.of(goal)),
                }
                for goal, verdict in self.goals.items()
            },
        }


def rows_of(exercise: ExerciseName) -> tuple[Row, ...]:
    """The rows by which whoever plays an exercise is judged, whatever stands."""
    return tuple(row for row in ROWS if row.exercise == exercise and row.goal)


def judge(exercise: ExerciseName, answers: Iterable[Answer]) -> Score:
    """The score from the answers to the rows of the exercise's goals; others are not looked at."""
    mine = tuple(each for each in answers if each.row.exercise == exercise and each.row.goal)
    goals: dict[Goal, Verdict] = {
        goal: worst(of) for goal in GOALS if (of := [each for each in mine if each.row.goal == goal])
    }
    scored = [each for each in mine if each.row.goal in SCORED]
    reached = sum(each.verdict is Verdict.PASSED for each in scored)
    others_work = all(verdict is Verdict.PASSED for goal, verdict in goals.items() if goal not in SCORED)
    points = FULL * reached // len(scored) if scored and others_work else 0
    return Score(exercise, points, goals, mine)
