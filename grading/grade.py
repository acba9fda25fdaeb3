"""Puts a row's question, and says whether what came back is what the row demands.

Three verdicts: passed, failed, and could not be asked, which is never a pass. A question is put again only while the
answer is one that AWS gives before it has spread a change, or while a pod is starting; the last answer counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_result, wait_exponential

from grading.check import Row
from grading.expectations import Holds, Says
from grading.kube_api import ANEW, EXERCISE
from grading.outcomes import UNLIKE, AwsRefused, Done, HttpRefused, Outcome, Starting, Unanswered, audit_id, brief
from grading.pod_probes import InPod, PodLog, ShortPod
from grading.probes import OwnQuestion
from grading.run_probe import put
from grading.session import GradingSession, NoOperator
from grading.variables import Unknown

STARTING_SECONDS: Final = 60.0
"""How long a pod may take to start and ask."""

THREADS: Final = 4
"""Questions that are put at once, beside those that only wait."""


class Verdict(StrEnum):
    """What a check says of a row."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ASKED = "could-not-be-asked"


@dataclass(frozen=True)
class Answer:
    """What came of one row."""

    row: Row
    verdict: Verdict
    observed: str
    """What came back, or why nothing did."""

    expected: str = ""
    """What was demanded, with this lab's own names."""

    wrong: str = ""
    """What is wrong with it; empty unless it failed."""

    brief: str = ""
    """What came back, in few words."""

    allowed: bool = False
    """Whether what was asked for was done, or was said to be allowed."""

    audit_id: str = ""
    """By what the cluster's audit log names the request; empty where none is known."""


def ask(row: Row, lab: GradingSession) -> Answer:
    """Put one row's question to the lab, and again while the answer may still change by itself."""
    expected = row.expected.text
    try:
        expected = lab.names.fill(expected)
        outcome = _patiently(row, lab)
        if isinstance(outcome, Unanswered | Starting):
            return Answer(row, Verdict.NOT_ASKED, outcome.shown.replace(EXERCISE, row.exercise), expected)
        wrong = row.expected.against(outcome, lab.names)
        if wrong and isinstance(row.question, PodLog):
            wrong += f", and the log is of the pod's start. {ANEW.replace(EXERCISE, row.exercise)}"
    except (Unknown, NoOperator) as error:
        return Answer(row, Verdict.NOT_ASKED, str(error), expected)
    verdict = Verdict.FAILED if wrong else Verdict.PASSED
    few = _brief(row, outcome, wrong)
    return Answer(row, verdict, outcome.shown, expected, wrong, few, _allowed(outcome), audit_id(outcome))


def _brief(row: Row, outcome: Outcome, wrong: str) -> str:
    if isinstance(row.expected, Says):
        return brief(outcome)
    if isinstance(row.expected, Holds):
        return brief(outcome, UNLIKE if wrong else "as expected")
    return brief(outcome, "allowed")


def _allowed(outcome: Outcome) -> bool:
    return isinstance(outcome, Done) and outcome.value != "no"


def _patiently(row: Row, lab: GradingSession) -> Outcome:
    began = time.monotonic()

    def enough(state: RetryCallState) -> bool:
        last = state.outcome.result() if state.outcome else None
        until = began + STARTING_SECONDS if isinstance(last, Starting) else lab.settled_by
        return lab.stop.is_set() or time.monotonic() >= until

    def last_answer(state: RetryCallState) -> Outcome:
        return state.outcome.result() if state.outcome else Unanswered("Nobody was asked.")

    def pause(seconds: float) -> None:
        lab.stop.wait(seconds)

    retrying = Retrying(
        retry=retry_if_result(lambda outcome: may_change(row, outcome, lab)),
        stop=enough,
        wait=wait_exponential(multiplier=0.2, max=5),
        sleep=pause,
        retry_error_callback=last_answer,
    )
    return retrying(put, row.question, lab)


def may_change(row: Row, outcome: Outcome, lab: GradingSession) -> bool:
    """Whether the answer can become another one without anybody's doing."""
    if isinstance(outcome, Starting):
        return True
    if isinstance(row.question, PodLog):
        return False  # The pod has ended, and will print nothing more.
    if row.expected.early(outcome):
        return True
    definite = isinstance(outcome, Done | HttpRefused | AwsRefused)
    return row.lags and definite and bool(row.expected.against(outcome, lab.names))


def ask_all(
    rows: Sequence[Row], lab: GradingSession, told: Callable[[Answer], object] = lambda _: None
) -> tuple[Answer, ...]:
    """Put every row's question, a few at a time; answers in the rows' order.

    Args:
        rows: to be asked; all must belong to the stages at which the lab stands.
        lab: whom to ask.
        told: called with each answer as it comes, from any thread.
    """

    def one(row: Row) -> Answer:
        interrupted = Answer(row, Verdict.NOT_ASKED, "Interrupted.", row.expected.text)
        answer = interrupted if lab.stop.is_set() else ask(row, lab)
        told(answer)
        return answer

    waiting = sum(effort(row) == 0 for row in rows)
    with ThreadPoolExecutor(THREADS + min(waiting, THREADS)) as pool:
        try:
            # What takes longest begins first.
            running: dict[str, Future[Answer]] = {row.name: pool.submit(one, row) for row in sorted(rows, key=effort)}
            return tuple(running[row.name].result() for row in rows)
        except BaseException:
            lab.stop.set()
            raise


def effort(row: Row) -> int:
    """0: it waits; 1 to 4: the higher, the shorter."""
    match row.question:
        case OwnQuestion(takes="a wait"):
            return 0
        case ShortPod() | PodLog() | OwnQuestion(takes="a pod"):
            return 1
        case InPod(reader=reader):
            return 2 if reader in ("aws", "aws-json") else 3
        case _:
            return 4


def belongs(row: Row, lab: GradingSession) -> bool:
    """Whether a row is about the stage at which the lab stands."""
    return lab.stages[row.exercise] == row.stage and row.boundary in (None, lab.boundary)


def worst(answers: Iterable[Answer]) -> Verdict:
    """Failed if any failed, else could-not-be-asked if any could not, else passed."""
    found = {answer.verdict for answer in answers}
    for verdict in (Verdict.FAILED, Verdict.NOT_ASKED):
        if verdict in found:
            return verdict
    return Verdict.PASSED
