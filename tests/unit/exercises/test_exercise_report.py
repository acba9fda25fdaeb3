"""What a check says as a whole."""

import json

import pytest

from exercises.catalogue import EXERCISES
from exercises.registry import ROWS
from exercises.report import EXIT_CODES, Report
from grading.grade import Answer, Verdict, belongs, worst
from tests.unit.grading.fake_lab import lab

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED


def answers(*verdicts: Verdict) -> tuple[Answer, ...]:
    return tuple(
        Answer(row, verdict, "seen", "wanted", "wrong" if verdict is FAILED else "")
        for row, verdict in zip(ROWS, verdicts, strict=False)
    )


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([PASSED, PASSED], 0),
        ([PASSED, FAILED], 1),
        ([PASSED, NOT_ASKED], 3),
        ([NOT_ASKED, FAILED, PASSED], 1),
        ([FAILED, NOT_ASKED], 1),
        ([], 3),
    ],
)
def test_the_exit_code_tells_the_worst(verdicts: list[Verdict], code: int):
    assert EXIT_CODES[Report(answers(*verdicts)).verdict] == code


def test_no_answer_that_was_not_given_is_a_pass():
    assert worst(answers(NOT_ASKED)) is NOT_ASKED


def test_a_line_a_stage():
    given = tuple(Answer(row, PASSED, "seen") for row in ROWS)
    lines = [one.line for one in Report(given).summaries]
    assert len(lines) == sum(len(one.stages) for one in EXERCISES.values())
    assert lines[0] == "rbac before: 14 passed"
    assert lines[1] == "rbac after: 18 passed"
    (line,) = (one.line for one in Report(answers(PASSED, FAILED, NOT_ASKED, PASSED)).summaries)
    assert line == "rbac before: 2 passed, 1 failed, 1 could not be asked"


def test_every_row_is_in_the_json_with_its_verdict_or_none():
    here = lab().session
    asked = [row for row in ROWS if belongs(row, here)]
    given = tuple(Answer(row, PASSED, "seen") for row in asked)
    rest = tuple(row for row in ROWS if row not in asked)
    told = json.loads(json.dumps(Report(given, rest, here.stages).as_json()))
    rows = {row["name"]: row for row in told["rows"]}
    assert len(rows) == len(ROWS)
    assert rows["rbac-before-dev-list-pods"]["verdict"] == "passed"
    assert rows["rbac-after-dev-list-pods"]["verdict"] is None
    assert rows["rbac-after-dev-list-pods"]["observed"] == "not at this stage: it stands at before"
    assert rows["mapping-masters-aws-s3-allowed"]["observed"] == "not with this permissions boundary"
    assert told["summary"]["verdict"] == "passed"
    assert told["summary"]["stages"][0] == {
        "exercise": "rbac",
        "stage": "before",
        "passed": 14,
        "failed": 0,
        "could_not_be_asked": 0,
    }
    assert set(rows["rbac-before-dev-list-pods"]) == {
        *("exercise", "stage", "name", "subject", "command", "goal", "expected", "observed", "verdict", "wrong", "why"),
        "audit_id",
    }


def test_only_the_boundary_kept_a_row_of_a_standing_stage_or_of_a_walk_from_being_asked():
    here = lab().session
    rest = tuple(row for row in ROWS if not belongs(row, here))
    bounded = Report((), rest, here.stages).other_boundary
    assert [row.name for row in bounded] == ["mapping-masters-aws-s3-allowed"]
    assert Report((), rest).other_boundary == rest
    assert {row["observed"] for row in Report((), rest).as_json()["rows"]} == {"not with this permissions boundary"}


def test_what_is_off_is_told():
    report = Report((), tuple(ROWS), {"rbac": "off", "irsa": "on"})
    assert report.off == ("rbac",)
    assert report.as_json()["summary"]["off"] == ["rbac"]
