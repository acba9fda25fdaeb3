"""Each exercise judges fairly: nothing done is worth nothing, half a repair is none, any right one counts.

One lab has every exercise open. What learners do is done by plain requests, past the engine, so that each case takes
about a second; the tables of them are in `tests.rehearsal.owasp`, a file for each exercise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import pytest

from exercises.catalogue import EXERCISES, Exercise
from exercises.judge import FULL, Score, judge, rows_of
from exercises.objects import CLUSTER_NAME, IMAGES, Object, at_stage
from grading.grade import Verdict, ask_all
from grading.outcomes import Unanswered
from grading.session import opened
from infra import versions
from infra.config.model import DEFAULT_KUBERNETES_VERSION
from rehearsal.environment import environment
from rehearsal.world import attach
from tests.rehearsal.conftest import Lab
from tests.rehearsal.owasp.case import Case
from tests.rehearsal.owasp.objects import Cluster, manifests, named, others

PLAYED: Final = tuple(each for each in EXERCISES.values() if each.from_objects and each.play)
SETTLE: Final = 15.0
"""Seconds within which the API server has taken in roles (at once) and policies (it looks once a second)."""


def table(exercise: Exercise) -> Any:
    return import_module(f"tests.rehearsal.owasp.{exercise.name}")


BROKEN = [(each, case) for each in PLAYED for case in table(each).BROKEN]
REPAIRS = [(each, case) for each in PLAYED for case in table(each).REPAIRS]


class Stand:
    """A lab in which every exercise stands open at first."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        lab.set(exercises={each.key: each.play.start for each in PLAYED if each.play})
        self._outputs: Mapping[str, Any] = lab.json("up")["outputs"]
        self._stage = {each.name: each.play.start for each in PLAYED if each.play}
        # As the stack fills them in.
        found = (versions.tools_image(DEFAULT_KUBERNETES_VERSION), versions.AWS_CLI_IMAGE, self._outputs["clusterName"])
        self._images: dict[str, str] = dict(zip((*IMAGES, CLUSTER_NAME), found, strict=True))

    @contextmanager
    def _inside(self) -> Generator[Any]:
        with environment({"MYEKS_LAB_WORLD": str(self._lab.world)}, set()):
            world = attach()
            assert world is not None
            nobody = Unanswered("testuser is not asked.")
            with (
                environment(world.env(), world.unset()),
                opened(self._outputs, patience=0, boundary=True, testuser=nobody, stages=self._stage) as here,
            ):
                yield here

    def objects(self, exercise: Exercise, stage: str) -> tuple[Object, ...]:
        return at_stage(exercise.name, stage, self._images)

    def put(
        self,
        exercise: Exercise,
        stage: str,
        apply: Iterable[Object] = (),
        delete: Iterable[Object] = (),
        aws: Callable[[str], None] | None = None,
    ) -> None:
        """The exercise as it is at this stage, then changed."""
        at_stage: Callable[[str, str], None] | None = getattr(table(exercise), "at_stage", None)
        wanted = self.objects(exercise, stage)
        known = [each for one in exercise.stages for each in self.objects(exercise, one)]
        with self._inside() as here:
            cluster = Cluster(here.api)
            cluster.take(others(known, wanted))
            cluster.put(wanted)
            if at_stage:
                at_stage(stage, self._outputs["region"])
            cluster.take(delete)
            cluster.put(apply)
            if aws:
                aws(self._outputs["region"])

    def take(self, objects: Iterable[Object]) -> None:
        with self._inside() as here:
            Cluster(here.api).take(objects)

    def score(self, exercise: Exercise, enough: Callable[[Score], bool]) -> Score:
        """The score once it is as wanted, or the last one."""
        until = time.monotonic() + SETTLE
        while True:
            with self._inside() as here:
                found = judge(exercise.name, ask_all(rows_of(exercise.name), here))
            if enough(found) or time.monotonic() > until:
                return found


@pytest.fixture(scope="module")
def stand(lab: Lab) -> Stand:
    return Stand(lab)


def told(score: Score) -> str:
    wrong = [each for each in score.answers if each.verdict is not Verdict.PASSED]
    return "\n".join([f"{score.points}", *(f"{each.row.name}: {each.observed} ({each.wrong})" for each in wrong)])


def ids(values: Iterable[tuple[Exercise, Case]]) -> list[str]:
    return [f"{exercise.name}: {case.name}" for exercise, case in values]


@pytest.mark.parametrize("exercise", PLAYED, ids=lambda one: one.name)
def test_who_does_nothing_has_nothing(stand: Stand, exercise: Exercise):
    """Every attack works at first, and all else does too."""
    score = stand.score(exercise, lambda found: found.points == 0 and found.goals["use"] is Verdict.PASSED)
    assert score.points == 0, told(score)
    assert {each.verdict for each in score.of("attack")} == {Verdict.FAILED}, told(score)
    assert {score.goals["use"], score.goals["intact"]} == {Verdict.PASSED}, told(score)


@pytest.mark.parametrize("exercise", PLAYED, ids=lambda one: one.name)
def test_the_labs_own_answer_passes(stand: Stand, exercise: Exercise):
    assert exercise.play
    stand.put(exercise, exercise.play.solved)
    score = stand.score(exercise, lambda found: found.passed)
    assert (score.passed, score.points) == (True, FULL), told(score)


@pytest.mark.parametrize(("exercise", "case"), BROKEN, ids=ids(BROKEN))
def test_a_repair_that_is_none_misses_its_goal(stand: Stand, exercise: Exercise, case: Case):
    assert exercise.play
    with changed(stand, exercise, exercise.play.solved, case):
        score = stand.score(exercise, lambda found: found.goals[case.hurts] is Verdict.FAILED if case.hurts else False)
    assert case.hurts
    assert score.goals[case.hurts] is Verdict.FAILED, told(score)
    assert not score.passed
    assert score.points < FULL
    if case.hurts != "attack":
        assert score.points == 0


@pytest.mark.parametrize(("exercise", "case"), REPAIRS, ids=ids(REPAIRS))
def test_another_right_repair_counts_too(stand: Stand, exercise: Exercise, case: Case):
    assert exercise.play
    with changed(stand, exercise, exercise.play.start, case):
        score = stand.score(exercise, lambda found: found.passed)
    assert score.passed, told(score)


@pytest.mark.parametrize("exercise", PLAYED, ids=lambda one: one.name)
def test_who_deletes_everything_has_nothing(stand: Stand, exercise: Exercise):
    assert exercise.play
    everything = stand.objects(exercise, exercise.play.start)
    stand.take(each for each in everything if "namespace" not in each["metadata"])
    score = stand.score(exercise, lambda found: found.points == 0)
    assert score.points == 0, told(score)
    assert not score.passed
    stand.put(exercise, exercise.play.start)


@contextmanager
def changed(stand: Stand, exercise: Exercise, stage: str, case: Case) -> Generator[None]:
    """The exercise at a stage and changed by a case, for the length of a block."""
    applied = manifests(case.apply)
    stand.put(exercise, stage, applied, [named(each) for each in case.delete], case.aws)
    try:
        yield
    finally:
        mine = [each for one in exercise.stages for each in stand.objects(exercise, one)]
        stand.take(others(applied, mine))
