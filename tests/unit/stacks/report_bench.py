"""A report of a lab that nobody stood up: k03 is played and not yet solved, rbac stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.views import playing, report_page
from exercises.catalogue import EXERCISES
from exercises.judge import judge, rows_of
from exercises.progress import Record
from exercises.registry import ROWS
from exercises.report import Report
from exercises.texts import Language
from grading.check import Row
from grading.grade import Answer, Verdict
from infra.config.loading import parse
from stacks.report import data as report_data
from stacks.report.document import DATA, SIGNATURE, as_page, block, parsed
from stacks.report.verifying import Verified, verified
from stacks.stack import Stack
from tests.unit.grading.fake_lab import OUTPUTS

STACK: Final = Stack("rehearsal", Path("Pulumi.rehearsal.yaml"), parse({}, "ap-northeast-2"))
NOW: Final = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
KEY: Final = Ed25519PrivateKey.from_private_bytes(b"the lab of the learner's machine")
OTHER_KEY: Final = Ed25519PrivateKey.from_private_bytes(b"another key, of somebody else...")
FAILED: Final = "k03-closed-exec"


def answer(row: Row) -> Answer:
    failed = row.name == FAILED
    verdict = Verdict.FAILED if failed else Verdict.PASSED
    wrong = "it has to be refused with 403" if failed else ""
    return Answer(
        row, verdict, "200, 3 items" if failed else "403: no", "as expected", wrong, audit_id=f"id-{row.name}"
    )


def checked(change: Callable[[Answer], Answer] = lambda each: each) -> Report:
    """What a check of this lab finds."""
    played = [change(answer(row)) for row in rows_of("k03")]
    stood = [change(answer(row)) for row in ROWS if (row.exercise, row.stage) == ("rbac", "before")]
    stages = {**dict.fromkeys(EXERCISES, "off"), "rbac": "before", "k03": "open"}
    return Report((*stood, *played), stages=stages, scores=(judge("k03", played),))


def small() -> Report:
    """A check of three rows."""
    played = [answer(row) for row in rows_of("k03")[:3]]
    return Report(tuple(played), stages={"k03": "open"}, scores=(judge("k03", played),))


def made(
    learner: str = "김하늘 <b>&",
    asked: Report | None = None,
    outputs: dict[str, Any] | None = None,
    language: Language = "en",
    drawn_by: str = "",
) -> dict[str, Any]:
    """The data of its report."""
    records = {
        "k03": Record(begun=NOW, is_open=True, since=NOW, hints=1, attempts=2, points=76),
        "rbac": Record(begun=NOW, seconds=754.2, attempts=1, points=100, passed=NOW + timedelta(minutes=12)),
    }
    told = [
        playing.as_json(each.name, records.get(each.name, Record()), NOW + timedelta(minutes=31))
        for each in EXERCISES.values()
    ]
    return report_data.made(
        STACK,
        learner,
        asked or checked(),
        told,
        {**OUTPUTS, "kubernetesVersion": "1.34"} if outputs is None else outputs,
        NOW + timedelta(minutes=31),
        drawn_by=drawn_by or report_page.drawn_by(),
        language=language,
    )


def page(data: dict[str, Any] | None = None) -> str:
    """Its file."""
    return as_page(data or made(), KEY, report_page.draw)


def changed(
    text: str, data: Callable[[Any], object] | None = None, signature: Callable[[Any], object] | None = None
) -> str:
    """The file with its data or its signature changed, and all else as it is."""
    found = parsed(text)
    told, signed = deepcopy(dict(found.data)), found.signature.model_dump()
    for change, value in ((data, told), (signature, signed)):
        if change:
            change(value)
    return found.page.replace(block(DATA), block(DATA, told)).replace(block(SIGNATURE), block(SIGNATURE, signed))


def looked_at(text: str) -> Verified:
    return verified(parsed(text), report_page.draw, report_page.drawn_by())


def told(text: str) -> set[str]:
    """Where a file is not as it was signed."""
    return {change.where for change in looked_at(text).changes}


def with_observed(text: str) -> Report:
    """A check in which each row saw this."""
    return checked(lambda each: replace(each, observed=text, wrong=each.wrong and text))


def member(rows: Any, name: str, value: str) -> Any:
    """The one of a list of objects whose member has this value."""
    return next(each for each in rows if each[name] == value)


def dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
