"""What exercise irsa demands of the trust policy, whatever way it is written in: which accounts its `sub` lets in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from grading.expectations import Expectation
from grading.outcomes import Done, Outcome
from grading.variables import Names

WILDCARDS = "*?"


@dataclass(frozen=True)
class SubCondition(Expectation):
    """The role's trust policy looks at whose the token is; against `grading.extract.trust`."""

    exact: bool
    """Whether it has to name accounts in full. False: by `*` or `?`, as at stage wide."""

    @property
    @override
    def text(self) -> str:
        return "sub names an account in full" if self.exact else "sub holds a * or ?"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, Done):
            return "it has to be allowed"
        value: Any = outcome.value
        conditions: Sequence[str] = value.get("conditions") or ()
        subs = [text.partition(":sub: ")[2] for text in conditions if ":sub: " in text]
        if not subs:
            return "it has to have a condition on sub"
        wide = any(sign in sub for sub in subs for sign in WILDCARDS)
        return "" if wide is not self.exact else f"it has to be so: {self.text}"
