"""How the plug-ins write: the tables of their own libraries, colours on a terminal, and the hint after an answer."""

import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TextIO

_ANSI: Final = re.compile("\033\\[[0-9;]*m")
_COLOURS: Final = {"red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36, "bold": 1}

Colour = Literal["red", "green", "yellow", "magenta", "cyan", "bold"]


def painted(text: str, colour: Colour, to: TextIO | None = None) -> str:
    """The text in a colour where it is a terminal's that reads it, stdout's without `to`; else as it is."""
    if not (to or sys.stdout).isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"


def bars(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table as rbac-tool has them (tablewriter v0.0.5, no border): `  A | B  ` under `----+----`."""
    lines = [[head.upper() for head in heads], *(list(row) for row in rows)]
    widths = _widths(lines)
    texts = [
        "  " + " | ".join(_left(cell, width) for cell, width in zip(line, widths, strict=True)) + "  " for line in lines
    ]
    return [texts[0], "-" + "+".join("-" * (width + 2) for width in widths) + "-", *texts[1:]]


def columns(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table as Go's tabwriter makes them, two spaces apart; the last column is not filled up."""
    lines = [list(heads), *(list(row) for row in rows)]
    widths = _widths(lines)
    return [
        "".join(_left(cell, width + 2) for cell, width in zip(line[:-1], widths[:-1], strict=True)) + line[-1]
        for line in lines
    ]


def centred(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table as rolesum has them: no rules, first and last column at the left, the others centred."""
    widths = _widths(rows)
    last = len(widths) - 1
    found: list[str] = []
    for row in rows:
        cells = [
            f" {_left(cell, width) if place in (0, last) else _middle(cell, width)} "
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        found.append(f" {''.join(cells)} ")
    return found


def padded(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table as df-pv has them: a space on both sides of each cell, everything at the left."""
    widths = _widths(rows)
    return ["".join(f" {_left(cell, width)} " for cell, width in zip(row, widths, strict=True)) for row in rows]


def show(lines: Iterable[str]) -> None:
    """To stdout, a line each."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def write(text: str) -> None:
    """To stdout, as it is."""
    sys.stdout.write(text)


def tell(text: str) -> None:
    """To stderr, one line."""
    sys.stderr.write(f"{text}\n")


def log(message: str, label: str = "") -> None:
    """To stderr, a line as the plug-ins' logger (logrus) writes it; `label` is in place of the time on a terminal."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    stamp = f"{now[:-2]}:{now[-2:]}"
    tell(f"INFO[{label or stamp}] {message}" if sys.stderr.isatty() else f'time="{stamp}" level=info msg="{message}"')


def hint(command: str) -> None:
    """On a terminal, the lab's own command for the same question: `whocan me`; on stderr, so that a file has none."""
    if sys.stderr.isatty():
        stack = os.environ.get("LAB_STACK", "rehearsal")
        lab = f"lab {command}" if stack == "rehearsal" else f"./lab {command} -s {stack}"
        tell(f"More by the lab's own command: {lab}")


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(_width(cell) for cell in column) for column in zip(*lines, strict=True)]


def _width(text: str) -> int:
    return len(_ANSI.sub("", text))


def _left(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _middle(text: str, width: int) -> str:
    gap = width - _width(text)
    return " " * (gap // 2) + text + " " * (gap - gap // 2)
