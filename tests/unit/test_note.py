"""The study note's lines: the data holds together, docs/note.md is drawn from it in both languages, and how an answer
is judged."""

from pathlib import Path

import pytest

from exercises.texts import LANGUAGES, Language
from tests.rehearsal.note import lines
from tests.rehearsal.note.lines import EXPLAINED, NOT_POSSIBLE, Answer, Line, chapters, problems
from tests.rehearsal.note.page import PAGES, page, said, translated

WORKING = 205
"""Lines that work as they stand. This number only goes up."""

FILE = """title: A chapter
lines:
  - typed: kubectl get node
    {}
"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_current(language: Language):
    assert PAGES[language].read_text() == page(chapters(), language)


def test_every_text_is_there_in_korean_and_no_other():
    assert set(translated("ko")) == said(chapters())


def test_no_line_that_has_worked_is_given_up():
    assert sum(line.works for chapter in chapters() for line in chapter.lines) >= WORKING


@pytest.mark.parametrize(
    ("line", "answer", "found"),
    [
        (Line("a"), Answer(0, "anything"), []),
        (Line("a"), Answer(1, ""), ["ends with 1 and not 0"]),
        (Line("a", code=1), Answer(0, ""), ["ends with 0 and not 1"]),
        (Line("a", code=None), Answer(7, ""), []),
        (Line("a"), Answer(None, ""), ["goes on for ever"]),
        (Line("a", stop=5), Answer(None, ""), []),
        (Line("a", shows=("b+", "c")), Answer(0, "bb"), ["does not show 'c'"]),
        (Line("a", absent=("b",)), Answer(0, "abc"), ["shows 'b'"]),
        (Line("a", EXPLAINED, None, ("why",)), Answer(127, "a: command not found"), ["does not show 'why'"]),
        (Line("a", NOT_POSSIBLE, None), Answer(1, ""), []),
        (Line("a", NOT_POSSIBLE, None), Answer(0, ""), ["it is possible: it ends with 0"]),
        (Line("a", NOT_POSSIBLE, None, absent=("b",)), Answer(0, ""), []),
        (Line("a", NOT_POSSIBLE, None, absent=("b",)), Answer(0, "b"), ["shows 'b'"]),
    ],
)
def test_an_answer_is_judged_by_its_line(line: Line, answer: Answer, found: list[str]):
    assert problems(line, answer) == found


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("clas: verbatim", "clas"),
        ("class: perhaps", "there is no class perhaps"),
        ("shows: '('", "unterminated"),
        ("class: explained", "has to say why, and what to use"),
        ("{why: It is far away., class: explained, use: ls}", "by what the shell explains it"),
        ("never_typed: true", "only what is not possible"),
    ],
)
def test_data_that_does_not_hold_together_is_named(
    more: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fields = more.strip("{}").replace(", ", "\n    ") if more.startswith("{") else more
    (tmp_path / "01-a.yaml").write_text(FILE.format(fields))
    monkeypatch.setattr(lines, "_DIRECTORY", tmp_path)
    with pytest.raises(ValueError, match=told) as caught:
        chapters()
    assert "01-a.yaml, line 1" in str(caught.value)
