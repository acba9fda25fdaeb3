"""What a report says, as plain values: who, when, on which lab, how far, and what each row answered.

All that a reader sees is drawn from these values, the words of the exercises included. So a report can be checked and
drawn again by a lab that has other exercises than the one that wrote it.
"""

from __future__ import annotations

import hashlib
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from exercises.catalogue import EXERCISES, OFF
from exercises.judge import FULL
from exercises.report import Report
from exercises.texts import Language, texts
from stacks.errors import BadInput
from stacks.report.secrets import masked
from stacks.stack import CHECKOUT, Stack

FORMAT: Final = 1
LONGEST_NAME: Final = 100
JUDGES: Final = ("exercises", "grading")
"""Rooms whose files decide about a verdict."""

_PACKAGES: Final = ("pulumi", "pulumi-aws", "pulumi-eks", "pulumi-kubernetes")
_BIDI: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

Verdict = Literal["passed", "failed", "could-not-be-asked"]


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class Lab(_Plain):
    """The lab that wrote a report."""

    stack: str
    rehearsed: bool
    """Whether it lives on the learner's machine; else on AWS."""

    cluster: str
    region: str
    kubernetes: str
    version: str
    packages: dict[str, str]
    judged_by: str
    """Digest of the files that decide about verdicts: other exercises, or changed ones, have another."""

    drawn_by: str
    """Digest of the files that draw the page."""


class Totals(_Plain):
    """The progress in numbers."""

    exercises: int
    passed: int
    points: int
    of_points: int
    hints: int
    attempts: int
    seconds: float


class Progress(_Plain):
    """How far the learner has come with one exercise; moments as in ISO 8601."""

    exercise: str
    title: str
    owasp2022: str
    state: str
    points: int
    hints: int
    attempts: int
    seconds: float
    begun: str | None
    passed: str | None
    solution: str | None


class Goal(_Plain):
    """What came of one goal."""

    goal: str
    wanted: str
    verdict: Verdict
    rows: int
    passed: int


class Row(_Plain):
    """What was asked, and what came back."""

    name: str
    stage: str
    goal: str | None
    subject: str
    command: str
    expected: str
    observed: str
    verdict: Verdict
    wrong: str
    why: str
    audit_id: str


class Exercise(_Plain):
    """An exercise that was asked."""

    exercise: str
    title: str
    stage: str
    """Where it stood."""

    played: bool
    """Whether it was judged by its goals; else its rows are those of the stage."""

    points: int | None
    passed: bool
    goals: list[Goal]
    asked: list[str]
    """Names of its rows, so that one that is taken away is missed."""

    rows: list[Row]


class Data(_Plain):
    """A report."""

    format: Literal[1]
    id: str
    learner: str
    made: str
    language: str
    lab: Lab
    is_up: bool
    """Whether the lab stood, so that it could be asked."""

    totals: Totals
    progress: list[Progress]
    exercises: list[Exercise] = Field(default_factory=list[Exercise])


def learners_name(told: str) -> str:
    """A name as it stands in a report. Raises BadInput for what is none."""
    name = unicodedata.normalize("NFC", " ".join(told.split()))
    if not name:
        raise BadInput("A report needs the name of who hands it in. Give it: ./lab report --name NAME.")
    if len(name) > LONGEST_NAME:
        raise BadInput(f"The name has {len(name)} characters. Give one of at most {LONGEST_NAME}.")
    if any(unicodedata.category(each) in {"Cc", "Cs"} or each in _BIDI for each in name):
        raise BadInput("The name has characters that cannot be seen. Type it again, with --name.")
    return name


def made(
    chosen: Stack,
    learner: str,
    asked: Report | None,
    progress: Sequence[Mapping[str, Any]],
    outputs: Mapping[str, Any],
    now: datetime,
    *,
    drawn_by: str,
    language: Language = "en",
) -> dict[str, Any]:
    """A report's data, without any key or token.

    Args:
        chosen: the stack.
        learner: who hands it in, as `learners_name` returns it.
        asked: what was asked now; None: the lab was not up.
        progress: for each exercise that can be played its record as plain values, as `lab progress --json` has it.
        outputs: the stack's, empty where it was not up.
        now: when.
        drawn_by: digest of the files that draw the page.
        language: of the words.
    """
    rows = [
        {
            "title": texts(each["exercise"], language).title,
            "owasp2022": EXERCISES[each["exercise"]].owasp_2022,
            **{name: value for name, value in each.items() if name in Progress.model_fields},
        }
        for each in progress
    ]
    told = {
        "format": FORMAT,
        "learner": learner,
        "language": language,
        "lab": {**_lab(chosen, outputs), "drawn_by": drawn_by},
        "is_up": asked is not None,
        "totals": _totals(rows),
        "progress": rows,
        "exercises": list(_exercises(asked, language)) if asked else [],
    }
    # Nothing below comes from anybody else.
    whole = {"id": str(uuid4()), "made": now.astimezone(UTC).isoformat(timespec="seconds"), **masked(told)}
    return Data.model_validate(whole).model_dump()


def _lab(chosen: Stack, outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "stack": chosen.name,
        "rehearsed": chosen.is_rehearsal,
        "cluster": str(outputs.get("clusterName") or ""),
        "region": str(outputs.get("region") or chosen.config.region),
        "kubernetes": str(outputs.get("kubernetesVersion") or ""),
        "version": str(tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]),
        "packages": {name: version(name) for name in _PACKAGES},
        "judged_by": judged_by(),
    }


def judged_by() -> str:
    """Digest of the files that decide about verdicts; the same on machines with other line ends."""
    of = hashlib.sha256()
    for room in JUDGES:
        for file in sorted((CHECKOUT / room).rglob("*")):
            if file.suffix in {".py", ".yaml"}:
                content = hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
                of.update(f"{file.relative_to(CHECKOUT).as_posix()} {content}\n".encode())
    return of.hexdigest()


def _totals(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    def total(name: str) -> Any:
        return sum(each[name] for each in rows)

    return {
        "exercises": len(rows),
        "passed": sum(each["passed"] is not None for each in rows),
        "points": total("points"),
        "of_points": FULL * len(rows),
        "hints": total("hints"),
        "attempts": total("attempts"),
        "seconds": round(float(total("seconds")), 1),
    }


def _exercises(asked: Report, language: Language) -> Iterable[dict[str, Any]]:
    """Those that stand, with the rows that were asked."""
    scores = {score.exercise: score for score in asked.scores}
    rows = [row for row in asked.as_json(language)["rows"] if row["verdict"]]
    for name, stage in (asked.stages or {}).items():
        if stage == OFF:
            continue
        mine = [{key: row[key] for key in Row.model_fields} for row in rows if row["exercise"] == name]
        score = scores.get(name)
        words = texts(name, language)
        goals = score.as_json()["goals"] if score else {}
        yield {
            "exercise": name,
            "title": words.title,
            "stage": stage,
            "played": score is not None,
            "points": score.points if score else None,
            "passed": score.passed if score else bool(mine) and all(row["verdict"] == "passed" for row in mine),
            "goals": [{"goal": goal, "wanted": words.play.goals[goal], **came} for goal, came in goals.items()],
            "asked": [row["name"] for row in mine],
            "rows": mine,
        }
