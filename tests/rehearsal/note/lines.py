"""The study note's command lines as data, in `lines/`: a file for each chapter, in the order of the note.

A command that the note shows twice in the same place is one line. What the note leaves to its reader (a key's name, an
address) has a value here, and three slips of its spelling are mended; a comment in the file says so.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

VERBATIM: Final = "verbatim"
"""The line works as it stands: exit code and output are the right ones."""
EXPLAINED: Final = "explained"
"""The line cannot do here what it does on AWS, and the shell itself says why or what to type."""
NOT_POSSIBLE: Final = "not possible here"
"""The line fails, or lacks what AWS shows, and only this data says why."""

FIRST: Final = "1"
_DIRECTORY: Final = Path(__file__).parent / "lines"

Keys = tuple[tuple[str, str], ...]
"""Questions, as regular expressions, and what to answer."""


@dataclass(frozen=True)
class Answer:
    """What a line has done."""

    code: int | None
    """Exit code of the line's last command; None when it was still running and was ended by Ctrl-C."""

    text: str
    """Everything that the terminal shows, standard error too."""


@dataclass(frozen=True)
class Line:
    """One line of the note."""

    typed: str
    kind: str = VERBATIM
    code: int | None = 0
    """Exit code that is right; None: any. A line that is ended by Ctrl-C has none."""
    shows: tuple[str, ...] = ()
    """Regular expressions; each has to be found in what the terminal shows."""
    absent: tuple[str, ...] = ()
    """Regular expressions that must not be found."""
    why: str = ""
    """Why the line does not work here; of an explained line and of one that is not possible."""
    use: str = ""
    """What shows the same here. The test types it after a line that did not work; it has to end with 0."""
    note: str = ""
    """What a reader may wonder at, though it is right."""
    terminal: str = FIRST
    keys: Keys = ()
    """Questions that the line asks, as regular expressions, and the answers; {NAME} stands for what was kept."""
    keep: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    """Name → a regular expression whose first group, in what the terminal shows, is kept."""
    before: str = ""
    """What the test types before it, as a learner would by hand."""
    then: str = ""
    """What the test types after it, to wait for what a learner would see by then."""
    stop: float | None = None
    """Seconds after which the learner presses Ctrl-C; for lines that go on for ever."""
    within: float = 120
    """Seconds after which the line counts as hung and is ended."""
    never_typed: bool = False
    """The test does not type it: it would change this machine outside of the lab."""

    @property
    def works(self) -> bool:
        """Whether the line is one that works as it stands."""
        return self.kind == VERBATIM

    @property
    def is_explained(self) -> bool:
        """Whether the line does not work, and the shell itself says so."""
        return self.kind == EXPLAINED


@dataclass(frozen=True)
class Chapter:
    """A part of the note."""

    name: str
    """Its file's name, which begins with its number."""
    title: str
    lines: tuple[Line, ...]


def chapters() -> tuple[Chapter, ...]:
    """The whole note, in its order. Raises ValueError, naming file and line, for data that does not hold together."""
    return tuple(_chapter(file) for file in sorted(_DIRECTORY.glob("*.yaml")))


def problems(line: Line, answer: Answer) -> list[str]:
    """What is wrong with an answer; empty when it is as the data says."""
    found = [f"does not show {pattern!r}" for pattern in line.shows if not re.search(pattern, answer.text)]
    found += [f"shows {pattern!r}" for pattern in line.absent if re.search(pattern, answer.text)]
    if line.kind == NOT_POSSIBLE:
        return [*found, "it is possible: it ends with 0"] if answer.code == 0 and not line.absent else found
    if line.stop is None and answer.code is None:
        found.append("goes on for ever")
    elif line.code is not None and answer.code not in (line.code, None):
        found.append(f"ends with {answer.code} and not {line.code}")
    return found


def _chapter(file: Path) -> Chapter:
    content = yaml.safe_load(file.read_text())
    made = (_line(f"{file.name}, line {number}", one) for number, one in enumerate(content["lines"], 1))
    return Chapter(name=file.stem, title=content["title"], lines=tuple(made))


def _line(where: str, content: Mapping[str, Any]) -> Line:
    fields = {**content}
    kind = fields.pop("class", VERBATIM)
    fields["code"] = _code(fields.get("code", 0 if kind == VERBATIM else "any"))
    fields["typed"] = str(fields["typed"]).strip("\n")
    for name in ("shows", "absent"):
        fields[name] = _texts(fields.get(name, ()))
    fields["keys"] = tuple((str(question), str(answer)) for question, answer in fields.get("keys", ()))
    try:
        line = Line(kind=kind, **fields)
        for pattern in (*line.shows, *line.absent):
            re.compile(pattern)
    except (TypeError, re.error) as error:
        raise ValueError(f"{where}: {error}.") from error
    wrong = _contradiction(line)
    if wrong:
        raise ValueError(f"{where}: {wrong} ({line.typed.splitlines()[0]})")
    return line


def _code(value: object) -> int | None:
    return None if value == "any" else cast("int", value)


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _contradiction(line: Line) -> str:
    if line.kind not in (VERBATIM, EXPLAINED, NOT_POSSIBLE):
        return f"there is no class {line.kind}"
    if line.kind != VERBATIM and not (line.why and line.use):
        return f"a line that is {line.kind} has to say why, and what to use"
    if line.kind == EXPLAINED and not line.shows:
        return "it has to say by what the shell explains it"
    if line.never_typed and line.kind != NOT_POSSIBLE:
        return "only what is not possible may be left out"
    return ""
