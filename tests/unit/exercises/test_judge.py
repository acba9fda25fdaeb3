"""Points are for what the attacker can do no more, and only while all else works."""

import pytest

from exercises.catalogue import EXERCISES
from exercises.judge import FULL, SCORED, judge, rows_of
from grading.check import Goal, Row
from grading.grade import Answer, Verdict

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
PLAYED = list(EXERCISES)


def answers(rows: tuple[Row, ...], wrong: dict[str, Verdict]) -> list[Answer]:
    return [Answer(row, wrong.get(row.name, PASSED), "seen") for row in rows]


def of(exercise: str, goal: Goal) -> list[str]:
    return [row.name for row in rows_of(exercise) if row.goal == goal]


@pytest.mark.parametrize("exercise", PLAYED)
def test_every_goal_reached_is_all_points(exercise: str):
    score = judge(exercise, answers(rows_of(exercise), {}))
    assert (score.points, score.passed, score.verdict) == (FULL, True, PASSED)
    assert len(set(score.goals) & set(SCORED)) == 1
    assert set(score.goals) - set(SCORED) == {"use", "intact"}


@pytest.mark.parametrize("exercise", PLAYED)
@pytest.mark.parametrize("verdict", [FAILED, NOT_ASKED])
def test_what_is_broken_costs_all_points(exercise: str, verdict: Verdict):
    for goal in ("use", "intact"):
        for name in of(exercise, goal):
            score = judge(exercise, answers(rows_of(exercise), {name: verdict}))
            assert (score.points, score.passed, score.goals[goal]) == (0, False, verdict)


@pytest.mark.parametrize("exercise", PLAYED)
def test_each_attack_that_still_works_costs_its_share(exercise: str):
    names = [name for goal in SCORED for name in of(exercise, goal)]
    for count in range(1, len(names) + 1):
        score = judge(exercise, answers(rows_of(exercise), dict.fromkeys(names[:count], FAILED)))
        assert score.points == FULL * (len(names) - count) // len(names)
        assert not score.passed


def test_each_right_answer_is_worth_its_share():
    names = of("crypto", "answer")
    assert len(names) == 6
    score = judge("crypto", answers(rows_of("crypto"), dict.fromkeys(names[:2], FAILED)))
    assert (score.points, score.passed) == (66, False)
    broken = judge("crypto", answers(rows_of("crypto"), {of("crypto", "intact")[0]: FAILED}))
    assert (broken.points, broken.goals["answer"]) == (0, PASSED)


def test_an_attack_that_nobody_could_be_asked_about_is_no_pass():
    name = of("k03", "attack")[0]
    score = judge("k03", answers(rows_of("k03"), {name: NOT_ASKED}))
    assert (score.passed, score.verdict) == (False, NOT_ASKED)
    assert score.points < FULL


def test_rows_of_other_exercises_and_without_a_goal_say_nothing():
    others = [Answer(row, FAILED, "seen") for row in rows_of("rbac")]
    assert judge("k03", [*answers(rows_of("k03"), {}), *others]).passed
    nothing = judge("k03", others)
    assert (nothing.points, nothing.passed, nothing.goals) == (0, False, {})
