"""What is broken is told: each mutation of a standing lab turns exactly the rows that it is about.

One lab is moved through the stages by the same steps as `lab check --every-stage`; at each, every mutation of that
stage is made, the exercise is asked, and the mutation is taken back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import pytest

from exercises.catalogue import EXERCISES, standing, walk
from exercises.registry import ROWS
from grading import run_probe, session
from grading.check import ExerciseName
from grading.grade import Answer, Verdict, ask, ask_all, belongs
from grading.outcomes import Unanswered
from grading.session import GradingSession, opened
from grading.tokens import SessionKey
from operations.diagnosis import explain
from operations.diagnosis.explain import NOTHING
from rehearsal.environment import environment
from rehearsal.world import attach
from tests.rehearsal.conftest import Lab
from tests.rehearsal.lab_changes import Standing
from tests.rehearsal.mutations import mutations
from tests.rehearsal.mutations.mutation import TESTUSER, Mutation

TABLE = tuple(mutations())
MUTATED = tuple(name for name in EXERCISES if name in {one.exercise for one in TABLE})
"""Those that are made of manifests are changed by hand in `test_owasp`."""

STEPS = walk(MUTATED)
WITHOUT_CAUSE = frozenset({"the node's role is out of reach"})
"""Mutations whose cause is not found: it lies in the network or in the pod itself."""

SETTLE = 10.0
"""Seconds within which the API server and the played AWS have taken a change in."""


def step_of(exercise: ExerciseName, stage: str) -> int:
    """The step of the walk at which an exercise stands at a stage."""
    return next(number for number, step in enumerate(STEPS) if step.get(exercise) == stage)


class Walker:
    """Moves the lab from step to step, and asks it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._step = -1
        self._stages: dict[str, object] = {}
        self._outputs: dict[str, Any] = {}

    def at(self, step: int) -> None:
        """Go to a step; what was done at the one before must have been undone."""
        if step == self._step:
            return
        if self._step >= 0:
            self.is_whole()
        for name, stage in STEPS[step].items():
            self._stages[EXERCISES[name].key] = True if stage == "on" else stage
        self._lab.set(exercises=dict(self._stages))
        self._outputs = self._lab.json("up")["outputs"]
        self._step = step

    def is_whole(self) -> None:
        """Every row of this step passes."""
        with self.inside():
            answers = settled({}, lambda: self.ask(MUTATED))
        assert turned(answers) == {}, told(answers)

    @contextmanager
    def inside(self) -> Generator[None]:
        """This process's AWS is the lab's."""
        with environment({"MYEKS_LAB_WORLD": str(self._lab.world)}, set()):
            world = attach()
            assert world is not None
            with environment(world.env(), world.unset()):
                yield

    @contextmanager
    def changing(self) -> Generator[Standing]:
        """The operator's ways to change the lab."""
        nobody = Unanswered("testuser is not asked.")
        with opened(self._outputs, patience=0, boundary=True, testuser=nobody, stages=standing(self._outputs)) as here:
            yield Standing(self._outputs, here.api)

    @contextmanager
    def asking(self, *, boundary: bool = True) -> Generator[GradingSession]:
        """A lab to ask, with a new key of testuser's; AWS gets no time to spread a change."""
        iam: Any = boto3.client("iam", region_name=self._outputs["region"])
        made = iam.create_access_key(UserName=TESTUSER)["AccessKey"]
        try:
            key = SessionKey(made["AccessKeyId"], made["SecretAccessKey"])
            stages = standing(self._outputs)
            with opened(self._outputs, patience=0, boundary=boundary, testuser=key, stages=stages) as here:
                yield here
        finally:
            iam.delete_access_key(UserName=TESTUSER, AccessKeyId=made["AccessKeyId"])

    def ask(self, exercises: tuple[ExerciseName, ...], *, boundary: bool = True) -> tuple[Answer, ...]:
        """Every row of these exercises at their stages."""
        with self.asking(boundary=boundary) as here:
            return ask_all([row for row in ROWS if row.exercise in exercises and belongs(row, here)], here)


def turned(answers: Iterable[Answer]) -> dict[str, set[str]]:
    """Verdict → rows, without those that passed."""
    found: dict[str, set[str]] = {}
    for each in answers:
        if each.verdict is not Verdict.PASSED:
            found.setdefault(each.verdict.value, set()).add(each.row.name)
    return found


def told(answers: Iterable[Answer]) -> str:
    return "\n".join(f"{each.verdict}: {each.row.name}: {each.observed} ({each.wrong})" for each in answers)


def settled(wanted: dict[str, set[str]], asked: Callable[[], tuple[Answer, ...]]) -> tuple[Answer, ...]:
    """The answers once they are as wanted, or the last ones."""
    until = time.monotonic() + SETTLE
    while True:
        answers = asked()
        if turned(answers) == wanted or time.monotonic() > until:
            return answers


@pytest.fixture(scope="module")
def walker(lab: Lab) -> Walker:
    return Walker(lab)


IN_ORDER = sorted(TABLE, key=lambda one: step_of(one.exercise, one.stage))


@pytest.mark.parametrize("mutation", IN_ORDER, ids=[one.id for one in IN_ORDER])
def test_a_mutation_turns_its_rows_and_no_others(walker: Walker, mutation: Mutation):
    walker.at(step_of(mutation.exercise, mutation.stage))
    wanted = {"failed": set(mutation.failed), "could-not-be-asked": set(mutation.not_asked)}
    wanted = {verdict: names for verdict, names in wanted.items() if names}
    with walker.inside(), walker.changing() as lab, mutation.apply(lab):
        answers = settled(wanted, lambda: walker.ask((mutation.exercise,), boundary=mutation.boundary))
        with walker.asking(boundary=mutation.boundary) as here:
            causes = explain(answers, here)
    assert turned(answers) == wanted, told(answers)
    assert set(causes) == set(mutation.failed)
    unknown = {name for name, (first, *_) in causes.items() if first.cause == NOTHING}
    assert bool(unknown) is (mutation.name in WITHOUT_CAUSE), causes


def test_what_was_broken_is_whole_again(walker: Walker):
    walker.is_whole()


@dataclass(frozen=True)
class Harmless:
    """A row whose question loses what makes it wrong: then it has to be allowed, and the row has to fail."""

    row: str
    patch: Callable[[pytest.MonkeyPatch], None]


def _this_cluster(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(session, "ANOTHER", "myeks")


def _in_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(session, "LONG_AGO", timedelta(minutes=5))


def _not_forged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run_probe, "signed_anew", lambda token: token)


def _for_the_api_server(patch: pytest.MonkeyPatch) -> None:
    issue = run_probe.token_of
    patch.setattr(run_probe, "token_of", lambda lab, namespace, account, _: issue(lab, namespace, account, ""))


HARMLESS = (
    # The last step stands: entry. The other stages' rows ask the same question.
    Harmless("mapping-entry-token-of-another-cluster", _this_cluster),
    Harmless("mapping-entry-expired-token", _in_time),
    Harmless("irsa-token-of-another-signer", _not_forged),
    Harmless("irsa-sts-token-at-api-server", _for_the_api_server),
)


@pytest.mark.parametrize("harmless", HARMLESS, ids=[one.row for one in HARMLESS])
def test_a_token_is_refused_for_what_it_is(walker: Walker, harmless: Harmless, monkeypatch: pytest.MonkeyPatch):
    (row,) = (row for row in ROWS if row.name == harmless.row)
    walker.at(len(STEPS) - 1)
    with walker.inside(), walker.asking() as here:
        assert ask(row, here).verdict is Verdict.PASSED
    harmless.patch(monkeypatch)
    with walker.inside(), walker.asking() as here:
        answer = ask(row, here)
    if row.name == "irsa-sts-token-at-api-server":
        # my-sa has no right in the cluster, and that is another answer than 401.
        assert answer.observed.startswith("403"), answer
    assert answer.verdict is Verdict.FAILED, answer


def test_every_row_is_turned_by_something():
    turning = {name for mutation in TABLE for name in mutation.failed}
    turning |= {one.row for one in HARMLESS}
    same = {row.name: row.question for row in ROWS}
    asked_alike = {
        row.name
        for row in ROWS
        for one in HARMLESS
        if row.exercise in ("identity-mapping", "irsa") and row.question == same[one.row]
    }
    # The gates are every exercise's, and tried in `test_owasp`.
    mine = {row.name for row in ROWS if row.exercise in MUTATED and "-gate-" not in row.name}
    assert mine - turning - asked_alike == set()
