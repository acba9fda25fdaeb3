"""Configuration errors: the setting, what is wrong, how to fix it. Every problem in one error."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass

NAMESPACE = "myeks"
"""Pulumi configuration namespace, equal to the project's name."""

Path = tuple[str | int, ...]
"""Where a setting stands: its key, then keys and list indices below, such as ``("nodeGroup", "maxPods")``."""


def key_of(*path: str | int) -> str:
    """The setting as Pulumi's ``--path`` writes it: ``("nodeGroup", "maxPods")`` →
    ``myeks:nodeGroup.maxPods``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return f"{NAMESPACE}:{text}"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the configuration."""

    key: str
    """The setting with its namespace: ``myeks:nodeGroup.maxPods``, ``aws:region``."""

    what: str
    """What is wrong, one sentence."""

    remedy: str
    """What to do, one sentence."""

    def __str__(self) -> str:
        return f"{self.key}: {self.what}\n    {self.remedy}"


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` holds all that is wrong with it, never empty.

    ``str()`` of it is the text for the user.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        heading = "The configuration has a problem:" if count == 1 else f"The configuration has {count} problems:"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in self.problems)]))


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` most likely means, however it is capitalised, or None."""
    by_folded = {name.casefold(): name for name in known}
    folded = word.replace("_", "").replace("-", "").casefold()
    found = difflib.get_close_matches(folded, by_folded, n=1, cutoff=0.7)
    return by_folded[found[0]] if found else None


def shown(value: object, limit: int = 60) -> str:
    """A value as a user recognises it in a message: JSON where possible, cut at ``limit`` characters."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def listed(words: Iterable[str]) -> str:
    """Words for a sentence: ``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
