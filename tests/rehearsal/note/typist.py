"""Types the note from its top to its bottom, in as many terminals as the note has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.rehearsal.conftest import Lab
from tests.rehearsal.note.lines import VERBATIM, Answer, Chapter, Line, chapters, problems
from tests.rehearsal.note.terminal import Terminal


@dataclass(frozen=True)
class Outcome:
    """What came of a line."""

    line: Line
    answer: Answer | None
    """None for a line that is never typed."""

    wrong: tuple[str, ...]
    """Why the data is not true of the lab; empty when it is."""

    def __str__(self) -> str:
        shown = self.answer.text if self.answer else ""
        code = self.answer.code if self.answer else None
        return f"$ {self.line.typed}\n  {'; '.join(self.wrong)}\n  exit code {code}, it shows:\n{_indented(shown)}\n"


class Typist:
    """Types each chapter once, and all that come before it first."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._terminals: dict[str, Terminal] = {}
        self._kept: dict[str, str] = {}
        self._rest = iter(chapters())
        self._done: dict[str, list[Outcome]] = {}

    def chapter(self, name: str) -> list[Outcome]:
        """What came of the lines of a chapter."""
        while name not in self._done:
            chapter = next(self._rest)
            self._done[chapter.name] = list(self.type(chapter))
        return self._done[name]

    def type(self, chapter: Chapter) -> Iterator[Outcome]:
        """Type a chapter's lines, each with what belongs to it."""
        for line in chapter.lines:
            yield self._type(line)

    def close(self) -> None:
        """Leave every shell."""
        for terminal in self._terminals.values():
            terminal.close()

    def _type(self, line: Line) -> Outcome:
        terminal = self._terminal(line.terminal)
        wrong: list[str] = []
        answer, works = None, False
        if line.before:
            terminal.enter(line.before)
        if not line.never_typed:
            keys = tuple((question, answer.format(**self._kept)) for question, answer in line.keys)
            answer = terminal.enter(line.typed, within=line.within, keys=keys, stop=line.stop)
            wrong = problems(line, answer)
            works = line.kind == VERBATIM and not wrong
            self._keep(line, answer)
        for more in (line.use if not works else "", line.then):
            if more:
                wrong += _failure(more, terminal.enter(more))
        return Outcome(line, answer, tuple(wrong))

    def _keep(self, line: Line, answer: Answer) -> None:
        for name, pattern in line.keep.items():
            found = re.search(pattern, answer.text)
            self._kept[name] = found[1] if found else ""

    def _terminal(self, name: str) -> Terminal:
        if name not in self._terminals:
            # In the note testuser sits at another machine, with a home of its own.
            options = ["--own-home"] if name == "testuser" else []
            self._terminals[name] = Terminal(self._lab, name, *options)
        return self._terminals[name]


def _failure(typed: str, answer: Answer) -> list[str]:
    if answer.code == 0:
        return []
    return [f"{typed!r} ends with {answer.code} and shows:\n{_indented(answer.text)}"]


def _indented(text: str) -> str:
    return "\n".join(f"  | {row}" for row in text.splitlines())
