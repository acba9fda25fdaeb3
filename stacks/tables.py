"""Tables that can be read from 60 columns on.

rich breaks words in the middle when columns get narrow, and a name in two parts can neither be read nor searched for.
Here no column is narrower than its longest word. Where not even those fit beside each other, each row is a paragraph.
"""

import textwrap
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from stacks.console import PIPE_WIDTH, out

Cell = str | Text
"""What stands in a cell, taken as it is: brackets are no markup."""

GAP: Final = 2
"""Columns of the terminal between two columns of a table."""


_FILLER: Final = "\0"

BETWEEN: Final = " · "
"""Between two cells in a paragraph."""


def show(
    heads: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    to: Console = out,
    right: Collection[int] = (),
    none: str = "",
) -> None:
    """Print a table; the line `none` instead, if there is one, when it has no rows.

    Args:
        heads: of the columns; no line of heads when all are empty.
        rows: a cell for each column.
        to: where it is printed.
        right: numbers of the columns that are set to the right, from 0.
        none: see above.
    """
    cells = [[one if isinstance(one, Text) else Text(one) for one in row] for row in rows]
    if not cells:
        if none:
            line(none, to=to)
        return
    widths = _widths([[Text(head) for head in heads], *cells], to.width)
    if widths is None:
        for row in cells:
            _paragraph(heads, row, to)
        return
    made = Table(
        *(
            Column(head, width=width, justify="right" if number in right else "left")
            for number, (head, width) in enumerate(zip(heads, widths, strict=True))
        ),
        box=None,
        pad_edge=False,
        padding=(0, GAP, 0, 0),
        show_header=any(heads),
    )
    for row in cells:
        made.add_row(*row)
    # rich counts a gap behind the last column too, and would take it from the others.
    to.print(made, width=sum(widths) + GAP * len(widths), crop=False)


def line(text: Cell, *, to: Console = out) -> None:
    """One line, which only the terminal itself breaks: so it stays one when it is copied or searched."""
    to.print(text, markup=False, soft_wrap=True)


def prose(text: str, *, style: str = "", to: Console = out) -> None:
    """A text, broken between words, its further lines two columns deeper if it is set in; in a pipe one line."""
    if to.width >= PIPE_WIDTH:
        line(Text(text, style), to=to)
        return
    deep = len(text) - len(text.lstrip())
    for each in wrapped(text.lstrip(), to.width, " " * deep, " " * (deep and deep + 2)):
        line(Text(each, style), to=to)


def wrapped(text: str, width: int, indent: str = "", further: str | None = None) -> list[str]:
    """A text in lines of at most so many columns; a longer word has a line for itself and stays whole.

    `indent` begins the first line, `further` the others; None: as many spaces.
    """
    lines = textwrap.wrap(
        _filled(text),
        max(width, 1),
        initial_indent=_filled(indent),
        subsequent_indent=" " * cell_len(indent) if further is None else _filled(further),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [each.replace(_FILLER, "") for each in lines]


def padded(text: str, width: int) -> str:
    """A text with spaces after it, so that it fills so many columns."""
    return text + " " * (width - cell_len(text))


def _filled(text: str) -> str:
    """A text with as many characters as it has columns: Korean characters have two, and textwrap counts characters."""
    return "".join(each + _FILLER * (cell_len(each) - 1) for each in text)


def _widths(rows: Sequence[Sequence[Text]], available: int) -> list[int] | None:
    """Each column's width; None where the longest words do not fit beside each other."""
    columns = list(zip(*rows, strict=True))
    whole = [max(cell_len(each) for one in column for each in one.plain.split("\n")) for column in columns]
    least = [max((cell_len(word) for one in column for word in one.plain.split()), default=0) for column in columns]
    room = available - GAP * (len(columns) - 1)
    if sum(whole) <= room:
        return whole
    spare = room - sum(least)
    if spare < 0:
        return None
    wanting = [full - few for full, few in zip(whole, least, strict=True)]
    return [few + spare * more // sum(wanting) for few, more in zip(least, wanting, strict=True)]


def _paragraph(heads: Sequence[str], row: Sequence[Text], to: Console) -> None:
    """The first cell and those without a head, and below them the other cells that are not empty."""
    first: list[str] = []
    others: list[str] = []
    for number, (head, one) in enumerate(zip(heads, row, strict=True)):
        if one.plain and number and head:
            others.append(f"{head}: {one.plain}")
        elif one.plain:
            first.append(one.plain)
    for each in wrapped("  ".join(first), to.width, "", "  "):
        line(Text(each, row[0].style), to=to)
    for each in wrapped(BETWEEN.join(others), to.width, "  "):
        line(Text(each, row[0].style), to=to)
