"""What the settings want of the exercises and the last update did not bring, because it failed or was never run.

Whoever looks at the exercises then needs the way on, and not the advice to ask for the same stage again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exercises.catalogue import standing
from grading.check import ExerciseName
from stacks import backend
from stacks.stack import Stack, configured


@dataclass(frozen=True)
class Unfinished:
    """An update that did not come to its end."""

    failed: bool = False
    """Whether the last update failed or was stopped."""

    wanted: Mapping[ExerciseName, str] = field(default_factory=dict[ExerciseName, str])
    """Exercise → stage of the settings, where the stack tells another."""

    stands: Mapping[ExerciseName, str] = field(default_factory=dict[ExerciseName, str])
    """Exercise → stage that the stack tells, for the same."""

    def line(self, option: str) -> str:
        """For the user: what is unfinished and what goes on; empty where nothing is. `option` names the stack."""
        wanted, stands = (" ".join(f"{name} {at}" for name, at in of.items()) for of in (self.wanted, self.stands))
        if self.failed and wanted:
            return (
                f"The last update failed, and the lab has not come to {wanted}: ./lab up{option} goes on, "
                f"./lab stage {stands}{option} goes back."
            )
        if self.failed:
            return f"The last update failed, so that not all may stand as the settings say: ./lab up{option} goes on."
        if wanted:
            return f"The settings say {wanted}, and no update has brought it yet: ./lab up{option} does."
        return ""


def of(stack: Stack, outputs: Mapping[str, Any]) -> Unfinished:
    """What is unfinished of a stack with these outputs, in whose environment this is asked."""
    wanted, stands = configured(stack.config), standing(outputs)
    other: dict[ExerciseName, str] = {name: at for name, at in wanted.items() if stands[name] != at}
    back: dict[ExerciseName, str] = {name: stands[name] for name in other}
    return Unfinished(_failed(stack), other, back)


def _failed(stack: Stack) -> bool:
    return backend.of(stack).last_update_failed()
