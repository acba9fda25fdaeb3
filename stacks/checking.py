"""Asks what stands, as the exercises' subjects, and judges what is played.

Asking is `grading`'s business, judging that of `exercises`. Here is what goes around them: which rows, testuser's key
while it is needed, and what is kept of an attempt.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from exercises import by_hand
from exercises.catalogue import EXERCISES, OFF, standing
from exercises.judge import judge
from exercises.registry import ROWS
from exercises.report import Report
from grading.check import ExerciseName
from grading.grade import Answer, Verdict, ask_all, belongs
from grading.outcomes import Unanswered
from grading.session import NoOperator, opened, reached
from grading.tokens import Key
from operations.diagnosis import explain, is_gate
from operations.testuser import access_key
from stacks import backend
from stacks import progress as learners
from stacks.console import Progress
from stacks.errors import CannotAsk, Failure
from stacks.outputs import outputs_of
from stacks.stack import Stack


def ask(chosen: Stack, names: Sequence[ExerciseName], shown: Progress, *, looks: bool = False) -> Report:
    """Every row of the stages at which the exercises stand: by the stack or, if it `looks`, by what is made by hand.

    With `looks` what is played is judged by its goals, and that counts as an attempt. `shown` hears how far it is.
    Raises NotUp, and CannotAsk where the operator cannot ask.
    """
    with outputs_of(chosen) as (told, directory), ExitStack() as stack:
        found = _found(told) if looks else by_hand.Standing(standing(told), frozenset(), told)
        outputs, stages = found.outputs, found.stages
        asks_testuser = "identity-mapping" in names and stages["identity-mapping"] != OFF
        key: Key | Unanswered = Unanswered("testuser is not asked.")
        if asks_testuser:
            key = stack.enter_context(_key(str(outputs.get("testuserArn") or ""), chosen, directory, shown))
        try:
            lab = stack.enter_context(
                opened(
                    outputs,
                    patience=backend.of(chosen).patience,
                    boundary=outputs["exercises"]["testuserBoundary"],
                    testuser=key,
                    stages=stages,
                )
            )
        except NoOperator as error:
            raise CannotAsk(str(error)) from error
        playing = in_play(chosen, told) & set(names) if looks else frozenset[ExerciseName]()
        mine = [row for row in ROWS if row.exercise in names]
        rows = [row for row in mine if (row.goal if row.exercise in playing else belongs(row, lab))]
        answers = ask_all(rows, lab, _Teller(len(rows), shown))
        elsewhere = tuple(row for row in mine if row.exercise not in playing and not belongs(row, lab))
        by_hand_here = tuple(name for name in names if name in found.by_hand and name not in playing)
        scores = tuple(judge(name, answers) for name in names if name in playing)
        # Who plays is not told what to repair, but what to mend that no exercise owns.
        explained = [each for each in answers if each.row.exercise not in playing or is_gate(each.row)]
        causes = explain(explained, lab, chosen.option, by_hand_here)
        for score in scores:
            learners.attempted(chosen, score.exercise, score, datetime.now(UTC))
        return Report(answers, elsewhere, {name: stages[name] for name in names}, causes, by_hand_here, scores)


def in_play(chosen: Stack, outputs: Mapping[str, Any]) -> frozenset[ExerciseName]:
    """The exercises that somebody plays: begun, and standing where play begins."""
    records, stages = learners.read(chosen), standing(outputs)
    return frozenset(
        name
        for name, record in records.items()
        if record.is_open and name in EXERCISES and stages[name] == EXERCISES[name].play.start
    )


def _found(outputs: Mapping[str, Any]) -> by_hand.Standing:
    try:
        with reached(outputs) as operator:
            return by_hand.look(outputs, operator.api, operator.aws)
    except NoOperator as error:
        raise CannotAsk(str(error)) from error


@contextmanager
def _key(arn: str, chosen: Stack, directory: Path, shown: Progress) -> Generator[Key | Unanswered]:
    """testuser's key for the length of a block; where none can be made, why."""
    try:
        with ExitStack() as stack:
            try:
                made: Key | Unanswered = stack.enter_context(
                    access_key.key_of(arn, chosen.config.region, directory, shown.phase)
                )
            except (BotoCoreError, ClientError, access_key.NoKey) as error:
                made = Unanswered(f"testuser has no key: {error}")
            yield made
    except access_key.NotDeleted as error:
        raise Failure(str(error)) from error


class _Teller:
    """Tells how far the asking is; called from several threads."""

    def __init__(self, total: int, shown: Progress) -> None:
        self._total, self._shown = total, shown
        self._done, self._wrong = 0, 0
        self._lock = Lock()

    def __call__(self, answer: Answer) -> None:
        with self._lock:
            self._done += 1
            self._wrong += answer.verdict is not Verdict.PASSED
            wrong = f", {self._wrong} not passed" if self._wrong else ""
            self._shown.waiting(f"asked {self._done} of {self._total} rows{wrong}; last {answer.row.name}", "asking")
