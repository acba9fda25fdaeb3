"""Brings one exercise to a stage as the lab makes it, whatever was done to it by hand: `play`, `solution` and `reset`.

`stage` moves what stands by one update. Here what was done by hand is looked for first, told, and taken back with the
user's consent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from exercises.catalogue import EXERCISES, OFF, Exercise, named, standing
from grading.check import ExerciseName
from infra.versions import KUBERNETES_VERSIONS
from operations.rbac.cluster_reader import version_in
from stacks import backend, cluster_facts, exercise_obstacles, expiry, progress, stage_settings, tables, undoing
from stacks.console import Progress, err
from stacks.console import progress as progress_shown
from stacks.errors import BadInput, CannotAsk, Failure, NotUp
from stacks.made_by_hand import confirmed
from stacks.outputs import outputs_of
from stacks.stack import Stack, load

ExerciseArgument = Annotated[
    str, typer.Argument(metavar="EXERCISE", help="Its name, or its other name.", show_default=False)
]
"""Names an exercise."""

SHOWN: Final = 30
"""Lines at most of what was done by hand."""


def exercise_named(word: str) -> Exercise:
    """The exercise that the user names; raises BadInput where there is none."""
    found = named(word)
    if found is None:
        raise BadInput(f"There is no exercise {word}. Name one of: {', '.join(EXERCISES)}.")
    return found


def require_version(chosen: Stack, asked: Exercise) -> None:
    """Raises BadInput where the lab is of a Kubernetes version that has not the weakness; CannotAsk."""
    wanted = asked.play.version
    if not wanted:
        return
    runs = version_of(chosen)
    found = runs or chosen.config.kubernetes_version
    if found == wanted:
        return
    ended = datetime.now(UTC).date() > KUBERNETES_VERSIONS[wanted].standard_support_until
    settings = f'kubernetesVersion: "{wanted}"' + (" and supportType: EXTENDED" if ended else "")
    down = f"run ./lab down{chosen.option} and " if runs else ""
    raise BadInput(
        f"{asked.name} needs Kubernetes {wanted}, and this lab is of {found}. No cluster goes back: write "
        f"{settings} in {chosen.file.name}, then {down}./lab play {asked.name}{chosen.option}."
    )


def version_of(chosen: Stack) -> str:
    """The Kubernetes version of the lab's API server, as `1.36`; empty where the lab is not up. Raises CannotAsk."""
    try:
        with outputs_of(chosen) as (outputs, _):
            return ".".join(str(part) for part in version_in(cluster_facts.entered(outputs)("/version")))
    except NotUp:
        return ""


def stage_of(chosen: Stack, name: ExerciseName) -> str | None:
    """The stage at which an exercise stands; None where the lab is not up. Raises CannotAsk."""
    try:
        with outputs_of(chosen) as (outputs, _):
            return standing(outputs)[name]
    except NotUp:
        return None


def bring(
    chosen: Stack,
    name: ExerciseName,
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
        name: the exercise.
        stage: where to.
        shown: hears what is done; its line is away while the user is asked.
        question: what the user is asked.
        yes: do not ask.
        asks_always: ask also where nothing was done by hand and nothing costs.
        anew: make the exercise's own objects again also where nothing was seen to have been done to them.

    Raises Failure, CannotAsk, BadInput, and typer.Exit when the user does not agree.
    """
    before = stage_of(chosen, name)
    if before is None:
        _agree(shown, [], question, yes=yes or not (asks_always or backend.of(chosen).costs))
        _update(chosen, name, stage, shown, refresh=False)
        return []
    record = progress.of(chosen, name)
    with undoing.looked_at(chosen, name, shown, record.begun if record.is_open else None) as sight:
        takes_back = anew or sight.is_touched
        told = _touched(sight) if takes_back else []
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
    _update(chosen, name, stage, shown, refresh=refresh)
    return told


def would_take_back(chosen: Stack, name: ExerciseName, shown: Progress) -> list[str]:
    """What `bring` would take back of what was done by hand; nothing where the lab is not up. Raises CannotAsk."""
    if stage_of(chosen, name) is None:
        return []
    record = progress.of(chosen, name)
    with undoing.looked_at(chosen, name, shown, record.begun if record.is_open else None) as sight:
        return _touched(sight)


def _touched(sight: undoing.Undoing) -> list[str]:
    return [each.about for each in sight.found] + list(sight.changed)


def clear_the_way(stack: str, wanted: Mapping[ExerciseName, str], *, yes: bool) -> None:
    """Before exercises are turned off: take away what was done by hand and would keep them from going."""
    names = [name for name, at in wanted.items() if at == OFF]
    if not names:
        return
    of = backend.of(load(stack))
    with suppress(CannotAsk), of.opened() as lab, progress_shown() as shown:
        exercise_obstacles.clear(lab, of.resources, names, shown, agree=confirmed(yes=yes))


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


def _update(chosen: Stack, name: ExerciseName, stage: str, shown: Progress, *, refresh: bool) -> None:
    """One update with the exercise at this stage, which stays in the settings."""
    change = stage_settings.change(chosen.name, {name: stage})
    expiry.require(change.meant.config, datetime.now(UTC))
    change.write()
    try:
        backend.of(change.meant).apply(shown, refresh=refresh, agree=confirmed(yes=True))
    except Failure as error:
        raise type(error)(f"{error}\nThe settings say {name} {stage} now. Run the same command again.") from error


def require_yes(*, as_json: bool, yes: bool) -> None:
    """With --json stdout is for a script, and nobody can be asked; raises BadInput."""
    if as_json and not yes:
        raise BadInput("With --json the command cannot ask before something is changed. Add --yes.")
