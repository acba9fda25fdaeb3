"""What `lab check` shows a person: a table a stage, and what was not asked and why."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final

from rich.table import Table
from rich.text import Text

from cli.console import out
from exercises.ask import Answer, Verdict
from exercises.report import Report
from exercises.row import ExerciseName, Row
from exercises.stages import EXERCISES, OFF

_STYLE: Final = {Verdict.PASSED: "green", Verdict.FAILED: "bold red", Verdict.NOT_ASKED: "yellow"}
_WORDS: Final = {Verdict.PASSED: "passed", Verdict.FAILED: "failed", Verdict.NOT_ASKED: "could not be asked"}


def answers(report: Report) -> None:
    """Every row that was asked."""
    for (exercise, stage), rows in groupby(report.answers, lambda each: (each.row.exercise, each.row.stage)):
        _table(f"{exercise}, stage {stage}", rows)


def not_passed(report: Report) -> None:
    """The rows of a long walk that want looking at."""
    wrong = [each for each in report.answers if each.verdict is not Verdict.PASSED]
    if wrong:
        _table("not passed", wrong)


def not_standing(report: Report, option: str, wanted: Mapping[ExerciseName, str]) -> None:
    """Exercises that are off, and stages at which the lab does not stand; `option` names the stack to a command.

    What the settings have already (`wanted`: exercise → stage) wants no stage, but an update, of which others tell.
    """
    for name, stage in (report.stages or {}).items():
        if stage == OFF:
            if name not in wanted:
                first = EXERCISES[name].stages[0]
                out.print(f"{name} is off. Turn it on: ./lab stage {name} {first}{option}", markup=False)
            continue
        for other, count in _elsewhere(report.elsewhere, name, stage):
            if wanted.get(name) == other:
                continue
            out.print(
                f"{name} {other}: {count} rows, not at this stage. Go there: ./lab stage {name} {other}{option}",
                markup=False,
            )


def _elsewhere(rows: Iterable[Row], name: ExerciseName, stands: str) -> list[tuple[str, int]]:
    stages = [row.stage for row in rows if row.exercise == name]
    return [(one, stages.count(one)) for one in EXERCISES[name].stages if one != stands]


def _table(title: str, rows: Iterable[Answer]) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_edge=False)
    for heading, ratio in (("row", 3), ("as typed", 6), ("expected", 4), ("observed", 5), ("verdict", 2)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    for each in rows:
        verdict = _WORDS[each.verdict] + (f": {each.wrong}" if each.wrong else "")
        table.add_row(
            Text(each.row.name),
            Text(each.row.command),
            Text(each.expected or each.row.expected.text),
            Text(each.observed),
            Text(verdict, style=_STYLE[each.verdict]),
        )
    out.print(table)
    out.print()
