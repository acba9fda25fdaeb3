"""What `lab check` shows on a narrow terminal: a line a row, what failed first, and all of it to be read."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from cli.views import check
from exercises.catalogue import EXERCISES
from exercises.registry import ROWS
from exercises.report import Report
from grading.check import ExerciseName, Row
from grading.grade import Answer, Verdict, ask
from operations.diagnosis import Finding
from tests.unit.cli.narrow import narrow
from tests.unit.exercises.row_cases import cases
from tests.unit.grading.fake_lab import lab

BACK = Finding("RoleBinding roleB-dev-team is missing in dev-team", "./lab up --refresh puts it back")
OOPS = Finding("ClusterRoleBinding oops, made by hand, gives it", "kubectl delete clusterrolebinding oops")
Print = Callable[[Report, bool], list[str]]


def answered(row: Row, *, right: bool = True) -> Answer:
    """What a lab answers when all is right, or the first wrong answer."""
    wanted = Verdict.PASSED if right else Verdict.FAILED
    here = lab()
    next(case for case in cases(row) if case.verdict is wanted).program(here)
    return ask(row, here.session)


def rows(exercise: ExerciseName, stage: str) -> list[Row]:
    return [row for row in ROWS if (row.exercise, row.stage) == (exercise, stage)]


def printed(monkeypatch: pytest.MonkeyPatch, width: int, report: Report, *, verbose: bool = False) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    narrow(monkeypatch, console)
    monkeypatch.setattr(check, "out", console)
    check.not_passed(report, verbose=verbose)
    check.passed(report, verbose=verbose)
    check.not_standing(report, "")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_eighteen_rows_that_passed_fit_one_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = tuple(answered(row) for row in rows("rbac", "after"))
    report = Report(answers, tuple(rows("rbac", "before")), {"rbac": "after"})
    said = printed(monkeypatch, 80, report)
    # With the line of progress, the one that tells the time, and the prompt, on 24 lines.
    assert len(said) <= 21
    assert said[0] == "rbac after: 18 passed"
    assert all(line.startswith("✓ ") for line in said[1:19])
    assert said[1].split() == ["✓", "dev-k8s", "kubectl", "get", "pods", "allowed"]
    assert said[6].endswith("403 Forbidden")
    assert said[19] == "Not asked: rbac before (14 rows). Go there: ./lab stage rbac before"


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("stage", [(name, stage) for name in EXERCISES for stage in EXERCISES[name].stages])
def test_every_row_is_one_line(monkeypatch: pytest.MonkeyPatch, width: int, stage: tuple[ExerciseName, str]) -> None:
    answers = tuple(answered(row) for row in rows(*stage))
    head, *lines = printed(monkeypatch, width, Report(answers, (), {stage[0]: stage[1]}))
    assert head == f"{stage[0]} {stage[1]}: {len(answers)} passed"
    assert len(lines) == len(answers)
    for line, answer in zip(lines, answers, strict=True):
        assert len(line.rstrip()) <= width
        mark, subject, *others = line.split()
        assert (mark, subject) == ("✓", answer.row.subject)
        whole = {*answer.row.question.brief.split(), *answer.brief.split(), "…"}
        assert set(others) <= whole, "no word is broken"


@pytest.mark.parametrize("width", [60, 80])
def test_failures_come_first_by_their_cause_with_the_remedy_and_the_reason(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    failing = {"rbac-after-dev-list-pods": BACK, "rbac-after-dev-can-i": BACK, "rbac-after-infra-list-nodes": OOPS}
    answers = tuple(answered(row, right=row.name not in failing) for row in rows("rbac", "after"))
    causes = {name: (cause,) for name, cause in failing.items()}
    said = printed(monkeypatch, width, Report(answers, (), {"rbac": "after"}, causes))
    text = "\n".join(said)
    assert said[0].startswith(f"{BACK.cause}:")
    assert text.count(BACK.cause) == 1
    for cause in (BACK, OOPS):
        assert any(line.endswith(cause.remedy) for line in said), "it can be typed as it stands"
    marks = [line[0] for line in said if line and line[0] in "✓✗?"]
    assert marks == ["✗"] * 3 + ["✓"] * 15
    assert "rbac after: 15 passed, 3 failed" in said
    assert text.count("    why:") == 3
    assert text.count("    expected:") == 3
    assert "typed:" not in text
    assert "kubectl exec" in "\n".join(printed(monkeypatch, width, Report(answers, (), None, causes), verbose=True))


def test_what_could_not_be_asked_is_told_once_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = tuple(Answer(row, Verdict.NOT_ASKED, "The pod is gone.") for row in rows("rbac", "before")[:3])
    said = printed(monkeypatch, 80, Report(silent, (), {"rbac": "before"}))
    assert said[0] == "Could not be asked: The pod is gone."
    assert [line[0] for line in said[1:4]] == ["?"] * 3
    assert said.count("Could not be asked: The pod is gone.") == 1


def test_with_all_exercises_off_it_is_told_where_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(monkeypatch, 80, Report((), ROWS, dict.fromkeys(EXERCISES, "off")))
    assert said[0].startswith("No exercise is on, so there is nothing to ask.")
    assert said[0].endswith("./lab stage rbac before")


def test_in_full_a_row_tells_its_command_and_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = (row for row in ROWS if row.name == "rbac-after-dev-list-pods")
    said = "\n".join(printed(monkeypatch, 240, Report((answered(row),), (), None), verbose=True))
    assert f"typed:    {row.command}" in said
    assert f"why:      {row.why}" in said
