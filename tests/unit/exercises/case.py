"""One answer to a row's question, and the verdict that it deserves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grading.grade import Verdict
from tests.unit.grading.fake_lab import FakeLab

Program = Callable[[FakeLab], None]


@dataclass(frozen=True)
class Case:
    """One answer and the verdict that it deserves."""

    label: str
    program: Program
    verdict: Verdict
