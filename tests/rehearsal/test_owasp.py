"""Each exercise judges fairly: nothing done is worth nothing, half a repair is none, any right one counts.

One lab has every exercise open. What learners do is done by plain requests, past the engine, so that each case takes
about a second; the tables of them are in `tests.rehearsal.owasp`, a file for each exercise.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

import pytest

from exercises.catalogue import EXERCISES, Exercise
from exercises.judge import FULL
from grading.grade import Verdict
from tests.rehearsal.conftest import Lab
from tests.rehearsal.owasp.case import Case
from tests.rehearsal.owasp.stand import Stand, changed, told

PLAYED: Final = tuple(each for each in EXERCISES.values() if each.from_objects and each.play and not each.play.version)
"""One whose weakness only an older Kubernetes has is tried in `test_lab_upgrade`."""


def table(exercise: Exercise) -> Any:
    return import_module(f"tests.rehearsal.owasp.{exercise.name}")


BROKEN = [(each, case) for each in PLAYED for case in table(each).BROKEN]
REPAIRS = [(each, case) for each in PLAYED for case in table(each).REPAIRS]


@pytest.fixture(scope="module")
def stand(lab: Lab) -> Stand:
    return Stand(lab, PLAYED)


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
