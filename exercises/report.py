"""What a check says as a whole: counts for each stage, the exit code, and the same as plain values for scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exercises.catalogue import EXERCISES, OFF
from exercises.judge import Score
from exercises.texts import Language, why
from grading.check import ExerciseName, Row
from grading.finding import Finding
from grading.grade import Answer, Verdict, worst

EXIT_CODES: Mapping[Verdict, int] = {Verdict.PASSED: 0, Verdict.FAILED: 1, Verdict.NOT_ASKED: 3}


@dataclass(frozen=True)
class StageSummary:
    """How one stage of one exercise came out."""

    exercise: ExerciseName
    stage: str
    passed: int
    failed: int
    could_not_be_asked: int

    @property
    def line(self) -> str:
        """For a person: `rbac before: 14 passed`."""
        told = [(self.passed, "passed"), (self.failed, "failed"), (self.could_not_be_asked, "could not be asked")]
        return f"{self.exercise} {self.stage}: " + ", ".join(f"{count} {word}" for count, word in told if count)


@dataclass(frozen=True)
class Report:
    """A check's result."""

    answers: tuple[Answer, ...]
    elsewhere: tuple[Row, ...] = ()
    """Rows that belong to a stage at which the lab does not stand, or to another permissions boundary of testuser's;
    nothing is said of them."""

    stages: Mapping[ExerciseName, str] | None = None
    """Exercise → stage, for those that were to be checked; None after a walk through all stages."""

    causes: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict[str, "tuple[Finding, ...]"])
    """Name of a failed row → why it failed, and what to do."""

    by_hand: tuple[ExerciseName, ...] = ()
    """Those of them that stand at a stage that somebody made by hand."""

    scores: tuple[Score, ...] = ()
    """Of the exercises that somebody plays: they are judged by goals, whatever stands."""

    @property
    def by_stage(self) -> tuple[Answer, ...]:
        """Answers about stages; those of exercises that are played belong to their goals."""
        played = {score.exercise for score in self.scores}
        return tuple(each for each in self.answers if each.row.exercise not in played)

    @property
    def off(self) -> tuple[ExerciseName, ...]:
        """Exercises that were to be checked and do not stand."""
        return tuple(name for name, stage in (self.stages or {}).items() if stage == OFF)

    @property
    def all_off(self) -> bool:
        """Whether none of those that were to be checked stands, so that there is nothing to ask."""
        return bool(self.stages) and len(self.off) == len(self.stages)

    @property
    def other_boundary(self) -> tuple[Row, ...]:
        """Rows that were not asked for testuser's permissions boundary alone."""
        return tuple(row for row in self.elsewhere if self._stood(row) == row.stage)

    def _stood(self, row: Row) -> str:
        """The stage at which a row's exercise stood; a walk was at every one."""
        return row.stage if self.stages is None else self.stages.get(row.exercise, OFF)

    @property
    def verdict(self) -> Verdict:
        """The worst of all answers; no answer at all is no pass."""
        return worst(self.answers) if self.answers else Verdict.NOT_ASKED

    @property
    def summaries(self) -> tuple[StageSummary, ...]:
        """One for each stage that was asked, in the exercises' order."""
        return summaries(self.by_stage)

    def as_json(self, language: Language = "en") -> dict[str, Any]:
        """As plain values: `rows`, each with its reason in a language, and `summary`."""
        return {
            "rows": [
                *(_asked(each, language) for each in self.answers),
                *(_not_asked(row, self._stood(row), language) for row in self.elsewhere),
            ],
            "summary": {
                "verdict": self.verdict.value,
                "stages": [
                    {
                        "exercise": one.exercise,
                        "stage": one.stage,
                        "passed": one.passed,
                        "failed": one.failed,
                        "could_not_be_asked": one.could_not_be_asked,
                    }
                    for one in self.summaries
                ],
                "played": [score.as_json() for score in self.scores],
                "off": list(self.off),
                "by_hand": list(self.by_hand),
            },
        }


def summaries(answers: Iterable[Answer]) -> tuple[StageSummary, ...]:
    """Counts for each stage that has answers, in the exercises' order."""
    counts = Counter((each.row.exercise, each.row.stage, each.verdict) for each in answers)
    found = {(exercise, stage) for exercise, stage, _ in counts}
    return tuple(
        StageSummary(name, stage, *(counts[name, stage, verdict] for verdict in Verdict))
        for name, exercise in EXERCISES.items()
        for stage in exercise.stages
        if (name, stage) in found
    )


def _row(row: Row, language: Language) -> dict[str, Any]:
    return {
        "exercise": row.exercise,
        "stage": row.stage,
        "name": row.name,
        "subject": row.subject,
        "command": row.command,
        "expected": row.expected.text,
        "why": why(row, language),
        "goal": row.goal,
    }


def _asked(answer: Answer, language: Language) -> dict[str, Any]:
    return {
        **_row(answer.row, language),
        "expected": answer.expected or answer.row.expected.text,
        "observed": answer.observed,
        "verdict": answer.verdict.value,
        "wrong": answer.wrong,
        "audit_id": answer.audit_id,
    }


def _not_asked(row: Row, stood: str, language: Language) -> dict[str, Any]:
    reason = "not with this permissions boundary" if stood == row.stage else f"not at this stage: it stands at {stood}"
    return {**_row(row, language), "observed": reason, "verdict": None, "wrong": "", "audit_id": ""}
