"""Each exercise judges fairly: nothing done is worth nothing, half a repair is none, any right one counts.

One lab has every exercise open. What learners do is done by plain requests, past the engine, so that each case takes
about a second; the tables of them are in `tests.rehearsal.owasp`, a file for each exercise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest

from exercises.catalogue import EXERCISES, Exercise
from exercises.crypto.names import PARTS
from exercises.judge import FULL
from grading.grade import Verdict
from tests.rehearsal.conftest import Lab
from tests.rehearsal.owasp import crypto, gates, older
from tests.rehearsal.owasp.case import Case
from tests.rehearsal.owasp.older import ByHand
from tests.rehearsal.owasp.stand import Stand, changed, table, told

VERSION: Final = "1.35"
"""Of Kubernetes. At the default version `test_check` asks every row of every stage."""

CRYPTO: Final = EXERCISES["crypto"]
"""Its answers differ from lab to lab, so its tables hold no objects."""

PLAYED: Final = tuple(each for each in EXERCISES.values() if each.from_objects and each.play and not each.play.version)
"""One whose weakness only an older Kubernetes has is tried in `test_lab_upgrade`."""

OLDER: Final = tuple(EXERCISES[name] for name in ("rbac", "identity-mapping", "irsa", "pod-identity"))
"""They have more than objects. What breaks their stages is tried in `test_check_mutations`."""

BROKEN = [(each, case) for each in PLAYED for case in table(each).BROKEN]
REPAIRS = [(each, case) for each in PLAYED for case in table(each).REPAIRS]


@pytest.fixture(scope="module")
def stand(lab: Lab) -> Stand:
    lab.set(kubernetesVersion=VERSION)
    return Stand(lab, (*PLAYED, CRYPTO, *OLDER), VERSION)


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


def test_crypto_without_answers_is_worth_nothing(stand: Stand):
    score = stand.score(CRYPTO, lambda found: found.points == 0)
    assert score.points == 0, told(score)
    assert {each.verdict for each in score.of("answer")} == {Verdict.FAILED}, told(score)
    assert {score.goals["use"], score.goals["intact"]} == {Verdict.PASSED}, told(score)


def test_the_labs_own_programs_solve_crypto(stand: Stand):
    crypto.answer(stand, {})
    score = stand.score(CRYPTO, lambda found: found.passed)
    assert (score.passed, score.points) == (True, FULL), told(score)


@pytest.mark.parametrize("tried", crypto.WRONG)
def test_no_part_of_crypto_takes_a_wrong_answer(stand: Stand, tried: str):
    crypto.answer(stand, crypto.WRONG[tried])
    score = stand.score(CRYPTO, lambda found: found.points == 0)
    assert [each.row.name for each in score.answers if each.verdict is not Verdict.PASSED] == [
        f"crypto-closed-{part}" for part in PARTS
    ], told(score)
    assert score.points == 0


def test_a_wrong_answer_to_crypto_costs_its_part_alone(stand: Stand):
    crypto.answer(stand, {"jwks": crypto.WRONG["no answer"]["jwks"]})
    score = stand.score(CRYPTO, lambda found: 0 < found.points < FULL)
    wrong = [each.row.name for each in score.answers if each.verdict is not Verdict.PASSED]
    assert wrong == ["crypto-closed-jwks"], told(score)
    assert score.points == FULL * (len(PARTS) - 1) // len(PARTS)


@pytest.mark.parametrize("path", crypto.STAY)
def test_what_belongs_to_crypto_has_to_stay(stand: Stand, path: str):
    crypto.answer(stand, {})
    with crypto.without(stand, path):
        score = stand.score(CRYPTO, lambda found: found.points == 0)
    assert (score.points, score.passed) == (0, False), told(score)


@pytest.mark.parametrize("exercise", OLDER, ids=lambda one: one.name)
def test_who_does_nothing_in_an_older_exercise_has_nothing(stand: Stand, exercise: Exercise):
    score = stand.score(exercise, lambda found: found.points == 0)
    assert (score.points, score.passed) == (0, False), told(score)
    assert score.goals["intact"] is Verdict.PASSED, told(score)


@pytest.mark.parametrize("case", older.REPAIRS, ids=lambda case: case.id)
def test_any_right_repair_of_an_older_exercise_counts(stand: Stand, case: ByHand):
    with stand.changing() as lab, case.apply(lab):
        score = stand.score(EXERCISES[case.exercise], lambda found: found.passed)
    assert (score.passed, score.points) == (True, FULL), told(score)


@pytest.mark.parametrize("case", older.BROKEN, ids=lambda case: case.id)
def test_a_repair_of_an_older_exercise_that_is_none_misses_its_goal(stand: Stand, case: ByHand):
    assert case.hurts
    hurts = case.hurts
    with stand.changing() as lab, case.apply(lab):
        score = stand.score(EXERCISES[case.exercise], lambda found: found.goals[hurts] is Verdict.FAILED)
    assert score.goals[hurts] is Verdict.FAILED, told(score)
    assert not score.passed


@pytest.mark.parametrize("case", gates.BROKEN, ids=lambda case: case.name)
def test_what_is_no_exercises_is_watched_over(stand: Stand, case: gates.Broken):
    """The gates of all exercises are alike."""
    answer, cause, mended = gates.broken(stand, case)
    assert (answer.verdict, answer.row.goal) == (Verdict.FAILED, "intact"), answer
    assert case.cause in cause
    assert mended is Verdict.PASSED, "by the remedy that is told"
