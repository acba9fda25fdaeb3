"""What is shown in Korean keeps its columns: a Korean character has two."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console

from cli.views import check, check_scores, playing
from exercises.catalogue import EXERCISES, Exercise
from exercises.judge import judge, rows_of
from exercises.progress import Record
from exercises.registry import ROWS
from exercises.report import Report
from exercises.texts import shared, texts
from grading.grade import Answer, Verdict
from stacks import tables
from tests.unit.cli.narrow import narrow

WIDTH = 80
PLAYED = list(EXERCISES.values())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    made = Console(file=io.StringIO(), width=WIDTH)
    narrow(monkeypatch, made)
    for module in (playing, check):
        monkeypatch.setattr(module, "out", made)
    return made


def said(terminal: Console) -> list[str]:
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue().splitlines()


def too_long(lines: list[str]) -> list[str]:
    """Lines that the terminal has to break, but for commands and for words that are longer than it."""
    return [
        each
        for each in lines
        if cell_len(each.rstrip()) > WIDTH and not each.startswith(playing.COMMANDS) and len(each.split()) > 1
    ]


@pytest.mark.parametrize("exercise", PLAYED, ids=lambda each: each.name)
def test_story_hints_and_answer_are_no_wider_than_the_terminal(exercise: Exercise, terminal: Console):
    playing.story(exercise, "", "ko")
    words = texts(exercise.name, "ko").play
    for each in (*words.hints, words.why):
        playing.text(each)
    lines = said(terminal)
    assert too_long(lines) == []
    for command, told in playing.commands(exercise.name, "", "ko", asks=bool(words.parts)):
        assert any(each.split() == [*command.split(), *told.split()] for each in lines), command
    prose = [each for each in lines if not each.startswith(playing.COMMANDS)]
    assert sum(cell_len(each) > 0.6 * WIDTH for each in prose) > 10, "lines are filled"
    assert "\0" not in "".join(lines)


def test_the_table_of_progress_has_straight_columns(terminal: Console):
    now = datetime(2026, 11, 29, tzinfo=UTC)
    records = {"k03": Record(begun=now, is_open=True, since=now, hints=2, attempts=12, points=40)}
    playing.table(PLAYED, records, now + timedelta(minutes=5), "ko")
    head, *rows = said(terminal)
    (mine,) = (each for each in rows if each.startswith("k03 "))
    words = shared("ko").frame
    assert words.states["in play"] in mine

    def ends(line: str, word: str) -> int:
        return cell_len(line[: line.index(word) + len(word)])

    assert [ends(head, each) for each in (words.columns.points, words.columns.time, words.columns.hints)] == [
        ends(mine, each) for each in (" 40", "5:00", "2/3")
    ]


def test_a_row_in_full_has_its_parts_in_one_column(terminal: Console):
    row = rows_of("k03")[0]
    failed = Answer(row, Verdict.FAILED, "200 OK")
    check.rows([failed], "ko", verbose=True, why=True)
    lines = said(terminal)
    assert too_long(lines) == []
    heads = shared("ko").frame.heads
    for head in (heads.row, heads.typed, heads.expected, heads.answered, heads.why):
        (line,) = (each for each in lines if each.startswith(f"    {head}:"))
        before = line[: len(line) - len(line.partition(":")[2].lstrip())]
        assert cell_len(before) == 14


def test_questions_and_answers_in_korean_have_straight_columns(terminal: Console):
    wanted = {"its token for sts.amazonaws.com, at STS": "허용", "kubectl auth can-i '*' '*' -A": "403 권한 없음"}
    found = [next(row for row in ROWS if row.question.brief == brief) for brief in wanted]
    briefs = ("allowed", "403 Forbidden")
    check.rows(
        [Answer(row, Verdict.PASSED, "", brief=brief) for row, brief in zip(found, briefs, strict=True)],
        "ko",
        verbose=False,
    )
    lines = said(terminal)
    assert too_long(lines) == []
    begins = {cell_len(line[: line.index(answer)]) for line, answer in zip(lines, wanted.values(), strict=True)}
    assert len(begins) == 1
    assert "sts.amazonaws.com용 토큰" in lines[0]


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.FAILED])
def test_a_score_is_told_in_korean(terminal: Console, verdict: Verdict):
    score = judge("k03", [Answer(row, verdict, "403 Forbidden") for row in rows_of("k03")])
    check_scores.show(Report(score.answers, scores=(score,)), "", "ko", verbose=False)
    told = " ".join(" ".join(said(terminal)).split())
    frame = shared("ko").frame
    assert frame.reached["attack"] in told
    assert ("해결했습니다" in told) is (verdict is Verdict.PASSED)
    assert ("./lab solution k03" in told) is (verdict is Verdict.PASSED)
    assert (f"{frame.heads.why}:" in told) is (verdict is Verdict.FAILED)
    assert (texts("k03", "ko").rows["own-secret"] in told) is (verdict is Verdict.FAILED)


def test_a_text_is_broken_by_columns_and_a_long_word_stays_whole():
    text = "파드를 생성하면 그 서비스 어카운트의 권한을 얻습니다. 긴낱말" + "가" * 20
    lines = tables.wrapped(text, 20, "이유: ")
    assert all(cell_len(each) <= 20 for each in lines[:-1])
    assert lines[0].startswith("이유: 파드를")
    assert all(each.startswith("      ") for each in lines[1:])
    assert lines[-1].strip() == "긴낱말" + "가" * 20
    assert " ".join(each.strip() for each in lines) == f"이유: {text}"
