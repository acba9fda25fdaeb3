"""How eksctl writes: log lines with their time, the description of tasks, tables by tabs, JSON and YAML."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml

from programs import text

Format = Literal["table", "json", "yaml"]
Record = Mapping[str, Any]
Column = tuple[str, Callable[[Record], str]]
"""Head, and what stands below it for a record."""

_TAB: Final = 8
_INFO: Final = 3
_WARNING: Final = 2


@dataclass(frozen=True)
class Log:
    """eksctl's log: on stdout beside a table, on stderr beside JSON and YAML."""

    level: int = _INFO
    to_stderr: bool = False

    def info(self, message: str) -> None:
        """What is done."""
        self._line(_INFO, "ℹ", "cyan", message)  # noqa: RUF001  # eksctl's own sign

    def warning(self, message: str) -> None:
        """What the caller may not have meant."""
        self._line(_WARNING, "!", "green", message)

    def _line(self, level: int, icon: str, colour: text.Colour, message: str) -> None:
        if self.level >= level:
            to = sys.stderr if self.to_stderr else sys.stdout
            line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{icon}]  {message}"
            to.write(f"{text.painted(line, colour, to)}\n")


def tasks(steps: Sequence[str]) -> str:
    """One task of these steps, as eksctl describes it before it begins."""
    if not steps:
        return "no tasks"
    if len(steps) == 1:
        return f"1 task: {{ {steps[0]} }}"
    lines = "".join(f"{'':8}{step},\n" for step in steps)
    return f"1 task: {{ \n    {len(steps)} sequential sub-tasks: {{ \n{lines}    }} }}"


def printed(kind: str, records: Sequence[Record], columns: Sequence[Column], output: Format) -> str:
    """The records as eksctl prints them; `kind` is the plural that an empty table names."""
    if output == "json":
        return f"{json.dumps(list(records), indent=4, default=str, ensure_ascii=False)}\n"
    if output == "yaml":
        return yaml.safe_dump(json.loads(json.dumps(list(records), default=str)), allow_unicode=True)
    if not records:
        return f"No {kind} found\n"
    rows = sorted([show(record) for _, show in columns] for record in records)
    return table([[head for head, _ in columns], *rows])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lines filled up by tabs, each column to the next multiple of 8 behind its longest cell."""
    widths = [(max(len(cell) for cell in column) // _TAB + 1) * _TAB for column in zip(*rows, strict=True)]
    lines = (
        "".join(
            cell + "\t" * -(-(width - len(cell)) // _TAB) for cell, width in zip(row[:-1], widths[:-1], strict=True)
        )
        + row[-1]
        for row in rows
    )
    return "".join(f"{line}\n" for line in lines)
