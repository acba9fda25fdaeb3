"""One change by hand to an exercise's objects, and what it does to the score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grading.check import Goal


@dataclass(frozen=True)
class Case:
    """Objects that are applied and deleted, past the engine."""

    name: str
    apply: str = ""
    """Manifests, as YAML; they take the place of what is there by their names."""

    delete: tuple[str, ...] = ()
    """`Kind/namespace/name`; without a namespace `Kind//name`."""

    aws: Callable[[str], None] | None = None
    """What is done at AWS, in the region that it is given; None: nothing. The table's `at_stage` takes it back."""

    hurts: Goal | None = None
    """The goal that is missed then; None: the exercise is solved."""
