"""What `lab report verify` and `collect` show a person, and a spreadsheet."""

import csv
import io
from collections.abc import Sequence
from typing import Final

from stacks.console import duration
from stacks.report.collecting import Line, shared_keys
from stacks.report.verifying import Verified
from stacks.tables import line, prose, show

COLUMNS: Final = (
    *("file", "signature", "learner", "made", "passed", "exercises", "points", "of_points", "hints", "attempts"),
    *("seconds", "key_id", "judged_by", "told"),
)


def safe(text: str) -> str:
    """A stranger's text for a terminal: what would move its cursor or colour it is shown as a question mark."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def verified(found: Verified, file: str) -> None:
    """Whether a report is as it was signed, and what is not."""
    data = found.data
    if data:
        prose(f"Report of {safe(data.learner)}, written {safe(data.made)} by the lab of stack {safe(data.lab.stack)}.")
    line(f"Key id {found.key_id}")
    if found.intact:
        prose(
            f"{file} is as this key signed it. Compare the key id: whoever owns the lab can sign anything with theirs."
        )
    else:
        count = len(found.changes)
        line(f"{file} is not as it was signed: {count} {'change' if count == 1 else 'changes'}")
        for change in found.changes:
            prose(f"  {safe(change.line)}.")
    if found.note:
        prose(found.note)


def collected(lines: Sequence[Line]) -> None:
    """A line for each file, and then what is not as it should be."""
    show(
        ("name", "passed", "points", "hints", "tries", "time", "signature", "key id", "checks", "file"),
        (
            (
                safe(each.learner) or "-",
                "-" if each.passed is None else f"{each.passed}/{each.exercises}",
                "-" if each.points is None else f"{each.points}/{each.of_points}",
                "-" if each.hints is None else str(each.hints),
                "-" if each.attempts is None else str(each.attempts),
                "-" if each.seconds is None else duration(each.seconds),
                each.state,
                each.key_id or "-",
                safe(each.judged_by) or "-",
                safe(each.file),
            )
            for each in lines
        ),
        right=(1, 2, 3, 4),
        none="There is no file.",
    )
    for each in lines:
        if each.state != "holds":
            prose(f"{safe(each.file)}: {safe(each.told)}.")
    for key, learners in shared_keys(lines):
        prose(f"One key, {key}, signed the reports of {safe(', '.join(learners))}.")
    if len({each.judged_by for each in lines if each.judged_by}) > 1:
        prose("The labs have different exercises or checks (column checks), so their points may not be comparable.")


def as_csv(lines: Sequence[Line]) -> str:
    """For a spreadsheet."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for each in lines:
        told = each.as_json()
        rows.writerow([_cell(told["state" if name == "signature" else name]) for name in COLUMNS])
    return text.getvalue()


def _cell(value: object) -> object:
    """A spreadsheet computes what begins like a formula; a text of somebody else's must not."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else value
