"""A learner's way through an exercise: what is counted, and when the clock runs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from exercises import progress
from exercises.progress import Record

BEGIN = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Score:
    points: int
    passed: bool = False


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


BEGUN = progress.begin(Record(), BEGIN)


def test_nothing_is_told_of_what_was_never_begun():
    assert (Record().state, Record().spent(at(9))) == ("not begun", 0)
    assert progress.attempt(Record(), Score(100, passed=True), at(1)) == Record()
    assert progress.left(Record(), at(1)) == Record()


def test_the_clock_runs_from_the_beginning_to_the_pass():
    assert (BEGUN.state, BEGUN.begun, BEGUN.spent(at(2))) == ("in play", BEGIN, 120)
    half = progress.attempt(BEGUN, Score(50), at(3))
    assert (half.state, half.attempts, half.points, half.spent(at(4))) == ("in play", 1, 50, 240)
    passed = progress.attempt(half, Score(100, passed=True), at(5))
    assert (passed.state, passed.attempts, passed.points, passed.passed) == ("passed", 2, 100, at(5))
    assert passed.spent(at(60)) == 300


def test_the_best_points_stay_and_what_is_asked_after_the_pass_does_not_count():
    worse = progress.attempt(progress.attempt(BEGUN, Score(80), at(1)), Score(0), at(2))
    assert (worse.points, worse.attempts) == (80, 2)
    passed = progress.attempt(worse, Score(100, passed=True), at(3))
    assert progress.attempt(passed, Score(0), at(4)) == passed


def test_playing_again_what_is_in_play_keeps_the_clock():
    assert progress.begin(BEGUN, at(7)) == BEGUN


def test_what_was_left_goes_on_with_the_time_that_it_had():
    left = progress.left(BEGUN, at(2))
    assert (left.state, left.is_open, left.spent(at(9))) == ("left", False, 120)
    assert progress.left(left, at(3)) == left
    assert progress.attempt(left, Score(100, passed=True), at(3)) == left
    again = progress.begin(left, at(10))
    assert (again.state, again.begun, again.spent(at(11))) == ("in play", BEGIN, 180)


def test_what_was_passed_can_be_played_once_more_and_stays_passed():
    passed = progress.attempt(BEGUN, Score(100, passed=True), at(1))
    again = progress.begin(passed, at(2))
    assert (again.state, again.passed) == ("in play", at(1))
    assert progress.left(again, at(3)).state == "passed"
    assert progress.attempt(again, Score(100, passed=True), at(3)).passed == at(1)


def test_the_labs_own_solution_is_no_pass():
    solved = progress.solved(BEGUN, at(4))
    assert (solved.state, solved.passed, solved.is_open, solved.points) == ("solution applied", None, False, 0)
    assert solved.spent(at(9)) == 240
    assert progress.attempt(solved, Score(100, passed=True), at(5)) == solved
    by_hand = progress.attempt(progress.begin(solved, at(6)), Score(100, passed=True), at(7))
    assert (by_hand.state, by_hand.solution) == ("passed", at(4))
    assert progress.solved(Record(), at(1)).begun == at(1)


def test_there_are_three_hints():
    record = BEGUN
    for _ in range(5):
        record = progress.hint(record)
    assert record.hints == progress.HINTS == 3


@pytest.mark.parametrize("minutes", [-5, 0])
def test_a_clock_that_was_put_back_takes_no_time_away(minutes: float):
    assert progress.left(BEGUN, at(minutes)).seconds == 0
