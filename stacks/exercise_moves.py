"""Brings one exercise to a stage as the lab makes it, whatever was done to it by hand.

`stacks.staging` moves what is there by one update. Here what was done by hand is looked for first, shown, and undone
with the user's consent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from exercises.catalogue import OFF, Exercise, standing
from grading.check import ExerciseName
from infra.versions import KUBERNETES_VERSIONS
from operations.rbac.cluster_reader import version_in
from stacks import backend, cluster_facts, exercise_obstacles, expiry, progress, stage_settings, undoing
from stacks.console import Progress
from stacks.console import progress as progress_shown
from stacks.errors import BadInput, CannotAsk, Failure, NotUp
from stacks.made_by_hand import confirmed
from stacks.outputs import outputs_of
from stacks.stack import Stack, load

Agree = Callable[[Sequence[str], bool], object]
"""Asks the user, who stops the move by an exception: what was done by hand and would be undone, and whether the update
costs."""


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
    """The stage at which an exercise is; None where the lab is not up. Raises CannotAsk."""
    try:
        with outputs_of(chosen) as (outputs, _):
            return standing(outputs)[name]
    except NotUp:
        return None


def bring(
    chosen: Stack, name: ExerciseName, stage: str, shown: Progress, *, agree: Agree, anew: bool = False
) -> list[str]:
    """Bring an exercise to a stage as the lab makes it; what of it was done by hand and is undone.

    Args:
        chosen: the stack; where it is not up the update creates it.
        name: the exercise.
        stage: where to.
        shown: shows what is done.
        agree: called before anything is changed.
        anew: make the exercise's own objects again also where no change by hand was seen.

    Raises Failure, CannotAsk, BadInput, and what `agree` raises.
    """
    before, costs = stage_of(chosen, name), backend.of(chosen).costs
    if before is None:
        agree([], costs)
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
        agree(told, costs)
        if takes_back:
            shown.phase("taking back what was done by hand")
            sight.run(shown)
        refresh = reads and not sight.read_again()
    _update(chosen, name, stage, shown, refresh=refresh)
    return told


def would_take_back(chosen: Stack, name: ExerciseName, shown: Progress) -> list[str]:
    """What `bring` would undo of what was done by hand; nothing where the lab is not up. Raises CannotAsk."""
    if stage_of(chosen, name) is None:
        return []
    record = progress.of(chosen, name)
    with undoing.looked_at(chosen, name, shown, record.begun if record.is_open else None) as sight:
        return _touched(sight)


def _touched(sight: undoing.Undoing) -> list[str]:
    return [each.about for each in sight.found] + list(sight.changed)


def clear_the_way(stack: str, wanted: Mapping[ExerciseName, str], *, yes: bool) -> None:
    """Before exercises are turned off: remove what was done by hand and would keep them from being deleted."""
    names = [name for name, at in wanted.items() if at == OFF]
    if not names:
        return
    of = backend.of(load(stack))
    with suppress(CannotAsk), of.opened() as lab, progress_shown() as shown:
        exercise_obstacles.clear(lab, of.resources, names, shown, agree=confirmed(yes=yes))


def _update(chosen: Stack, name: ExerciseName, stage: str, shown: Progress, *, refresh: bool) -> None:
    """One update with the exercise at this stage, which stays in the settings."""
    change = stage_settings.change(chosen.name, {name: stage})
    expiry.require(change.meant.config, datetime.now(UTC))
    change.write()
    try:
        backend.of(change.meant).apply(shown, refresh=refresh, agree=confirmed(yes=True))
    except Failure as error:
        raise type(error)(f"{error}\nThe settings say {name} {stage} now. Run the same command again.") from error
