"""A rule about settings that may need several of them, and so runs only where all of those could be read.

That is what lets one run tell every problem: a setting of the wrong type silences the rules that read it,
and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from infra.config.model import LabConfig
from infra.config.problems import Path, Problem

Check = Callable[[LabConfig], Iterable[Problem]]


@dataclass(frozen=True)
class Rule:
    """A check and the settings that it reads."""

    reads: tuple[Path, ...]
    """Keys as a user writes them: ``("nodeGroup", "maxPods")``; ``("region",)`` is aws:region."""
    check: Check

    def problems(self, config: LabConfig, unread: Collection[Path]) -> Iterator[Problem]:
        """What the rule finds, or nothing when one of its settings is among ``unread`` (its value is a
        stand-in)."""
        if not any(_touch(read, gone) for read in self.reads for gone in unread):
            yield from self.check(config)


def rule(*reads: str) -> Callable[[Check], Rule]:
    """Decorator: make a check a Rule that reads these settings, written with dots: ``nodeGroup.maxPods``."""
    return lambda check: Rule(tuple(tuple(read.split(".")) for read in reads), check)


def _touch(one: Path, other: Path) -> bool:
    """Whether one of the paths is, or is below, the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
