"""A cause with its remedy, and the remedies that several causes share."""

from __future__ import annotations

from dataclasses import dataclass

from grading.check import ExerciseName


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the exercise makes it."""

    cause: str
    """What is so, without a full stop: `RoleBinding roleB-dev-team is missing in dev-team`."""

    remedy: str
    """A command, or a command and what it does: `./lab up --refresh puts it back`."""


@dataclass(frozen=True)
class Remedies:
    """Commands of `./lab` for one stack."""

    option: str = ""
    """What names the stack at the end of a command: " -s dev", nothing for the rehearsal."""

    by_hand: str = ""
    """Exercise and stage, as "rbac after", where what stands is made by hand: nothing of it is the engine's."""

    @property
    def put_back(self) -> str:
        """Undoes what was changed of what the engine has made, or makes what somebody began by hand."""
        if self.by_hand:
            return f"./lab stage {self.by_hand}{self.option} makes it so"
        return f"./lab up --refresh{self.option} puts it back"

    def made_again(self, exercise: ExerciseName, stage: str) -> str:
        """Makes a pod again: it keeps what was written into it when it was made."""
        stages = (f"./lab stage {exercise} {one}{self.option}" for one in ("off", stage))
        return f"{' and then '.join(stages)} makes it again"
