"""docs/note.md and docs/note.ko.md, drawn from the same data that the test types.

After a change of the data, write both again: python -m tests.rehearsal.note.page
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from exercises.texts import Language
from tests.rehearsal.note.lines import FIRST, NOT_POSSIBLE, Chapter, Line, chapters

_DOCS: Final = Path(__file__).parents[3] / "docs"
PAGES: Final[Mapping[Language, Path]] = {"en": _DOCS / "note.md", "ko": _DOCS / "note.ko.md"}


class Words(NamedTuple):
    """What a page says around the data."""

    head: str
    counts: str
    explained: str
    not_possible: str
    between: str
    columns: str
    states: Mapping[str, str]
    """State of a line in English → in the page's language."""
    terminals: Mapping[str, str]
    width: int
    """Letters in a line: Korean ones are twice as wide."""


_WORKS: Final = "works"
_WORKS_UNTIL: Final = "works, until Ctrl-C"
_WORKS_WITH_ERROR: Final = "works: an error, as on AWS"
_EXPLAINED: Final = "the shell says what to do"
_NOT_POSSIBLE: Final = "not possible"

WORDS: Final[Mapping[Language, Words]] = {
    "en": Words(
        head="""# The note, line by line

[한국어](note.ko.md)

The commands of the study note in their order, as they are typed in `./lab shell`, and what comes of each in the
rehearsal. `tests/rehearsal/test_note.py` types them from top to bottom, and proves this page. Its lab has a domain, as
[docs/rehearsal.md](rehearsal.md#a-lab-with-a-domain) makes one; without, `$MyDomain` and `$CERT_ARN` are empty.

In the note testuser sits at another machine: open that terminal by `./lab shell --own-home`. Its `~` is its own, so
that `~/.kube/config` and `~/.aws` are the shell's, and yours stay as they are. It goes with the shell.

{counts}
""",
        counts="""{works} of {all} lines work as they stand: they print what they print on AWS, errors included.
{others}The column "instead" has what shows the same here; the test types it too.""",
        explained="{} are answered by the shell with what to do",
        not_possible="{} cannot work here",
        between="; ",
        columns="| command | here | instead |",
        states={each: each for each in (_WORKS, _WORKS_UNTIL, _WORKS_WITH_ERROR, _EXPLAINED, _NOT_POSSIBLE)},
        terminals={"new": "in a new terminal", "testuser": "in testuser's terminal"},
        width=118,
    ),
    "ko": Words(
        head="""# 노트 한 줄 한 줄

[English](note.md)

학습 노트의 명령을 순서대로 `./lab shell`에서 입력하면 리허설에서 어떻게 되는지 보여 줍니다.
`tests/rehearsal/test_note.py`가 처음부터 끝까지 입력해 보고 이 페이지가 맞는지 확인합니다. 그 랩에는
[docs/rehearsal.ko.md](rehearsal.ko.md#도메인이-있는-랩)에 나온 대로 만든 도메인이 있습니다. 도메인이 없으면
`$MyDomain`과 `$CERT_ARN`이 비어 있습니다.

노트에서 testuser는 다른 컴퓨터를 씁니다. 그 터미널은 `./lab shell --own-home`으로 엽니다. 그 셸의 `~`는 따로 있어서
`~/.kube/config`와 `~/.aws`도 그 셸의 것이고, 여러분의 파일은 그대로입니다. 셸이 끝나면 없어집니다.

{counts}
""",
        counts="""{all}줄 중 {works}줄이 그대로 동작합니다. 오류까지 포함해 AWS에서와 같은 출력이 나옵니다. {others}
"대신" 열에는 여기서 같은 것을 보여 주는 명령이 있습니다. 테스트는 이 명령도 입력합니다.""",
        explained="{}줄은 셸이 어떻게 할지 알려 줍니다",
        not_possible="{}줄은 여기서 동작할 수 없습니다",
        between=". ",
        columns="| 명령 | 여기서는 | 대신 |",
        states={
            _WORKS: "동작함",
            _WORKS_UNTIL: "동작함, Ctrl-C까지",
            _WORKS_WITH_ERROR: "동작함: AWS에서처럼 오류가 나옴",
            _EXPLAINED: "셸이 어떻게 할지 알려 줌",
            _NOT_POSSIBLE: "불가능",
        },
        terminals={"new": "새 터미널에서", "testuser": "testuser의 터미널에서"},
        width=72,
    ),
}


def page(note: Sequence[Chapter], language: Language) -> str:
    """The whole page. Raises KeyError for a text that has no words in this language."""
    words = WORDS[language]
    lines = [line for chapter in note for line in chapter.lines]
    works = sum(line.works for line in lines)
    counts = textwrap.fill(words.counts.format(works=works, all=len(lines), others=_others(lines, words)), words.width)
    return words.head.format(counts=counts) + "".join(part for each in note for part in _chapter(each, language))


def said(note: Sequence[Chapter]) -> set[str]:
    """Every English text of the data that a page shows."""
    lines = [line for chapter in note for line in chapter.lines]
    return {each.title for each in note} | {text for line in lines if (text := line.why or line.note)}


@cache
def translated(language: Language) -> Mapping[str, str]:
    """English text of the data → the same in this language; nothing for English."""
    if language == "en":
        return {}
    return yaml.safe_load(Path(__file__).with_name(f"words.{language}.yaml").read_text())


def _in(language: Language, text: str) -> str:
    return text if language == "en" or not text else translated(language)[text]


def _others(lines: Sequence[Line], words: Words) -> str:
    counts = (
        (sum(line.is_explained for line in lines), words.explained),
        (sum(line.kind == NOT_POSSIBLE for line in lines), words.not_possible),
    )
    told = [what.format(count) for count, what in counts if count]
    return f"{words.between.join(told)}. " if told else ""


def _chapter(chapter: Chapter, language: Language) -> Iterator[str]:
    words = WORDS[language]
    yield f"\n## {_in(language, chapter.title)}\n\n{words.columns}\n|---|---|---|\n"
    for line in chapter.lines:
        needed = line.use if not line.works else ""
        yield f"| {_command(line.typed)}{_where(line, words)} | {_here(line, language)} | {_command(needed)} |\n"


def _where(line: Line, words: Words) -> str:
    return "" if line.terminal == FIRST else f" ({words.terminals[line.terminal]})"


_HERE_DOCUMENT: Final = re.compile(r"<< ?EO")


def _here(line: Line, language: Language) -> str:
    if line.works:
        state = _WORKS_UNTIL if line.stop else _WORKS if line.code == 0 else _WORKS_WITH_ERROR
    else:
        state = _EXPLAINED if line.is_explained else _NOT_POSSIBLE
    told = (WORDS[language].states[state], _cell(_in(language, line.why or line.note)))
    return ". ".join(part for part in told if part)


def _command(typed: str) -> str:
    """A command in one cell: of a here-document its first line, and what it is about."""
    if not typed:
        return ""
    if _HERE_DOCUMENT.search(typed):
        about = " ".join(re.findall(r"^\s*(?:kind|name): (\S+)", typed, re.MULTILINE)[:2])
        return f"`{_cell(typed.splitlines()[0])}` …{f' ({about})' if about else ''}"
    joined = _cell(re.sub(r"\s*\\?\n\s*", " ", typed.strip()))
    return f"`` {joined} ``" if "`" in joined else f"`{joined}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for language, file in PAGES.items():
        file.write_text(page(chapters(), language))
