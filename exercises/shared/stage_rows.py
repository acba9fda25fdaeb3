"""Rows of an exercise that is played, with an attacker or with questions to answer: the same at every stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exercises.catalogue import Exercise
from grading.check import Goal, Row
from grading.expectations import Allowed, Expectation
from grading.probes import Question


@dataclass(frozen=True)
class StageRows:
    """Makes the rows of one exercise that is played. The rows of its solved stage judge who plays it."""

    exercise: Exercise

    def attack(
        self,
        name: str,
        subject: str,
        question: Question,
        refused: Expectation,
        *,
        opened: Expectation | None = None,
        others: Mapping[str, Expectation] | None = None,
    ) -> Iterator[Row]:
        """What the attacker does: it works at the first stage, and is refused when the exercise is solved.

        Args:
            name: short name of the rows; `rows` of the exercise's texts says why.
            subject: who asks.
            question: what is asked.
            refused: the demand at the solved stage; any right way to refuse has to meet it.
            opened: the demand at the first stage; None: it is allowed.
            others: stage in between → its demand; where it is not named, that of the first stage.
        """
        first = opened or Allowed()
        for stage in self.exercise.stages:
            expected = refused if stage == self.exercise.play.solved else (others or {}).get(stage, first)
            yield self._row("attack", stage, name, subject, question, expected)

    def answer(
        self, name: str, subject: str, question: Question, right: Expectation, *, before: Expectation
    ) -> Iterator[Row]:
        """What a learner has to find out: the answer is there when the exercise is solved, and not before."""
        for stage in self.exercise.stages:
            expected = right if stage == self.exercise.play.solved else before
            yield self._row("answer", stage, name, subject, question, expected)

    def use(self, name: str, subject: str, question: Question, expected: Expectation | None = None) -> Iterator[Row]:
        """An honest request, which works at every stage."""
        for stage in self.exercise.stages:
            yield self._row("use", stage, name, subject, question, expected or Allowed())

    def intact(self, name: str, subject: str, question: Question, expected: Expectation) -> Iterator[Row]:
        """What is so at every stage, and has to stay so."""
        for stage in self.exercise.stages:
            yield self._row("intact", stage, name, subject, question, expected)

    def gate(self, name: str, subject: str, question: Question, expected: Expectation, why: str) -> Row:
        """What a repair must not break; asked only of who plays."""
        return self._row("intact", self.exercise.play.solved, name, subject, question, expected, why)

    def _why(self, name: str) -> str:
        rows = self.exercise.words.rows
        if name not in rows:
            raise ValueError(f"text.en.yaml of exercise {self.exercise.name} has no words for rows.{name}")
        return rows[name]

    def _row(
        self, goal: Goal, stage: str, name: str, subject: str, question: Question, expected: Expectation, why: str = ""
    ) -> Row:
        return Row(
            exercise=self.exercise.name,
            stage=stage,
            name=f"{self.exercise.name}-{stage}-{name}",
            subject=subject,
            question=question,
            expected=expected,
            why=why or self._why(name),
            # What somebody wrote into the cluster is there at once.
            lags=goal != "answer",
            goal=goal if stage == self.exercise.play.solved else None,
        )
