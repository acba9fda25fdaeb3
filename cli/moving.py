"""Brings one exercise to a stage as the lab makes it, whatever was done to it by hand: `play`, `solution` and `reset`.

`stage` moves what stands by one update. Here what was done by hand is looked for first, told, and taken back with the
user's consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from exercises.catalogue import EXERCISES, Exercise, Play, named, standing
from stacks import backend, expiry, progress, stage_settings, tables, undoing
from stacks.console import Progress, err
from stacks.errors import BadInput, Failure, NotUp
from stacks.made_by_hand import confirmed
from stacks.outputs import outputs_of
from stacks.stack import Stack

ExerciseArgument = Annotated[
    str, typer.Argument(metavar="EXERCISE", help="Its name, or its other name.", show_default=False)
]
"""Names an exercise that can be played."""

SHOWN: Final = 30
"""Lines at most of what was done by hand."""


@dataclass(frozen=True)
class Played:
    """An exercise that can be played."""

    exercise: Exercise
    play: Play

    @property
    def name(self) -> str:
        """As commands call it."""
        return self.exercise.name


def played(word: str) -> Played:
    """The exercise that the user names; raises BadInput where there is none, or none to play."""
    found = named(word)
    playable = [each.name for each in EXERCISES.values() if each.play]
    if found is None:
        raise BadInput(f"There is no exercise {word}. Name one of: {', '.join(playable)}.")
    if found.play is None:
        raise BadInput(f"Exercise {found.name} cannot be played. Name one of: {', '.join(playable)}.")
    return Played(found, found.play)


def stage_of(chosen: Stack, name: str) -> str | None:
    """The stage at which an exercise stands; None where the lab is not up. Raises CannotAsk."""
    try:
        with outputs_of(chosen) as (outputs, _):
            return next(at for each, at in standing(outputs).items() if each == name)
    except NotUp:
        return None


def bring(
    chosen: Stack,
    asked: Played,
    stage: str,
    shown: Progress,
    *,
    question: str,
    yes: bool,
    asks_always: bool,
    anew: bool = False,
) -> list[str]:
    """Bring an exercise to a stage as the lab makes it; what of it was done by hand and is taken back.

    Args:
        chosen: the stack; where it is not up the update stands it up.
        asked: the exercise.
        stage: where to.
        shown: hears what is done; its line is away while the user is asked.
        question: what the user is asked.
        yes: do not ask.
        asks_always: ask also where nothing was done by hand and nothing costs.
        anew: make the exercise's own objects again also where nothing was seen to have been done to them.

    Raises Failure, CannotAsk, BadInput, and typer.Exit when the user does not agree.
    """
    before = stage_of(chosen, asked.name)
    if before is None:
        _agree(shown, [], question, yes=yes or not (asks_always or backend.of(chosen).costs))
        _update(chosen, asked, stage, shown, refresh=False)
        return []
    record = progress.of(chosen, asked.name)
    with undoing.looked_at(chosen, asked.name, shown, record.begun if record.is_open else None) as sight:
        takes_back = anew or sight.is_touched
        told = [each.about for each in sight.found] + list(sight.changed) if takes_back else []
        # What AWS has of it only the engine's own reading tells.
        reads = takes_back or bool(sight.held.on_aws)
        if before == stage and not reads:
            return []
        asks = asks_always or bool(told) or backend.of(chosen).costs
        _agree(shown, told, question, yes=yes or not asks)
        if takes_back:
            shown.phase("taking back what was done by hand")
            sight.run(shown)
        refresh = reads and not sight.read_again()
    _update(chosen, asked, stage, shown, refresh=refresh)
    return told


def _agree(shown: Progress, told: Sequence[str], question: str, *, yes: bool) -> None:
    if told:
        err.print("Done by hand, and to be taken back:")
        for each in told[:SHOWN]:
            tables.line(f"  {each}", to=err)
        if len(told) > SHOWN:
            err.print(f"  and {len(told) - SHOWN} more")
    if yes:
        return
    with shown.paused():
        if not typer.confirm(question, err=True):
            raise typer.Exit(code=1)


def _update(chosen: Stack, asked: Played, stage: str, shown: Progress, *, refresh: bool) -> None:
    """One update with the exercise at this stage, which stays in the settings."""
    change = stage_settings.change(chosen.name, {asked.exercise.name: stage})
    expiry.insist(change.meant.config, datetime.now(UTC))
    change.write()
    try:
        backend.of(change.meant).apply(shown, refresh=refresh, agree=confirmed(yes=True))
    except Failure as error:
        raise type(error)(f"{error}\nThe settings say {asked.name} {stage} now. Run the same command again.") from error


def insist_on_yes(*, as_json: bool, yes: bool) -> None:
    """With --json stdout is for a script, and nobody can be asked; raises BadInput."""
    if as_json and not yes:
        raise BadInput("With --json nobody can be asked before something is changed. Add --yes.")
