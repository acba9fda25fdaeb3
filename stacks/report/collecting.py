"""One table of many reports, for a course: each file is a line, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from stacks.report.document import Draw, NoReport, read
from stacks.report.verifying import verified

State = Literal["holds", "changed", "no report"]


@dataclass(frozen=True)
class Line:
    """What one file says."""

    file: str
    """Below the directory."""

    state: State
    """Whether its signature holds."""

    told: str = ""
    """What was changed, or why it is no report."""

    learner: str = ""
    made: str = ""
    passed: int | None = None
    exercises: int | None = None
    points: int | None = None
    of_points: int | None = None
    hints: int | None = None
    attempts: int | None = None
    seconds: float | None = None
    key_id: str = ""
    judged_by: str = ""

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def collected(directory: Path, draw: Draw, drawn_by: str) -> list[Line]:
    """A line for each file below a directory, by name. Files whose name begins with a dot are left out."""
    files = sorted(
        file
        for file in directory.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(directory).parts)
    )
    return [_line(file, file.relative_to(directory).as_posix(), draw, drawn_by) for file in files]


def _line(file: Path, name: str, draw: Draw, drawn_by: str) -> Line:
    try:
        found = verified(read(file), draw, drawn_by)
    except NoReport as error:
        return Line(name, "no report", str(error))
    except OSError as error:
        return Line(name, "no report", f"it cannot be read: {error.strerror}")
    told = "; ".join(change.line for change in found.changes)
    state: State = "holds" if found.intact else "changed"
    if found.data is None:
        return Line(name, state, told, key_id=found.key_id)
    data, totals = found.data, found.data.totals
    judged_by = data.lab.judged_by[:12]
    return Line(
        name, state, told, data.learner, data.made, **totals.model_dump(), key_id=found.key_id, judged_by=judged_by
    )


def shared_keys(lines: Iterable[Line]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Ids of keys that signed reports of several learners, with their names."""
    names: dict[str, set[str]] = {}
    for each in lines:
        if each.key_id and each.learner:
            names.setdefault(each.key_id, set()).add(each.learner)
    for key, learners in names.items():
        if len(learners) > 1:
            yield key, tuple(sorted(learners))
