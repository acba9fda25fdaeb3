"""docs/note.md, drawn from the same data that the test types.

After a change of the data, write it again: python -m tests.rehearsal.note.page
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.rehearsal.note.lines import FIRST, NOT_POSSIBLE, Chapter, Line, chapters

PAGE: Final = Path(__file__).parents[3] / "docs" / "note.md"

_HEAD: Final = """# The note, line by line

The commands of the study note in their order, as they are typed in `./lab shell`, and what comes of each in the
rehearsal. `tests/rehearsal/test_note.py` types them from top to bottom, and proves this page. Its lab has a domain, as
[docs/rehearsal.md](rehearsal.md#a-lab-with-a-domain) makes one; without, `$MyDomain` and `$CERT_ARN` are empty.

In the note testuser sits at another machine: open that terminal by `./lab shell --own-home`. Its `~` is its own, so
that `~/.kube/config` and `~/.aws` are the shell's, and yours stay as they are. It goes with the shell.

{counts}
"""

_COUNTS: Final = """{works} of {all} lines work as they stand: they print what they print on AWS, errors included.
{others}The column "instead" has what shows the same here; the test types it too."""


def page(note: Sequence[Chapter]) -> str:
    """The whole page."""
    lines = [line for chapter in note for line in chapter.lines]
    works = sum(line.works for line in lines)
    counts = textwrap.fill(_COUNTS.format(works=works, all=len(lines), others=_others(lines)), 118)
    return _HEAD.format(counts=counts) + "".join(part for chapter in note for part in _chapter(chapter))


def _others(lines: Sequence[Line]) -> str:
    counts = (
        (sum(line.is_explained for line in lines), "are answered by the shell with what to do"),
        (sum(line.kind == NOT_POSSIBLE for line in lines), "cannot work here"),
    )
    told = [f"{count} {what}" for count, what in counts if count]
    return f"{'; '.join(told)}. " if told else ""


def _chapter(chapter: Chapter) -> Iterator[str]:
    yield f"\n## {chapter.title}\n\n| command | here | instead |\n|---|---|---|\n"
    for line in chapter.lines:
        needed = line.use if not line.works else ""
        yield f"| {_command(line.typed)}{_where(line)} | {_here(line)} | {_command(needed)} |\n"


def _where(line: Line) -> str:
    return "" if line.terminal == FIRST else f" ({_TERMINALS[line.terminal]})"


_HERE_DOCUMENT: Final = re.compile(r"<< ?EO")
_TERMINALS: Final = {"new": "in a new terminal", "testuser": "in testuser's terminal"}


def _here(line: Line) -> str:
    if line.works:
        state = "works, until Ctrl-C" if line.stop else "works" if line.code == 0 else "works: an error, as on AWS"
    else:
        state = "the shell says what to do" if line.is_explained else "not possible"
    return ". ".join(part for part in (state, _cell(line.why or line.note)) if part)


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
    PAGE.write_text(page(chapters()))
