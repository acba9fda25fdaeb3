"""Takes the rehearsal away: its resources by the engine, one by one, and then the world with all that is left in it."""

from datetime import UTC, datetime
from typing import Final

from operations import cleanup
from rehearsal import world as worlds
from rehearsal.at_work import AlreadyRunning
from rehearsal.engine import interruptible
from rehearsal.environment import environment
from rehearsal.outcome import RunFailed
from rehearsal.stack import RehearsalStack
from rehearsal.world import World
from stacks import exercise_obstacles, ingresses, kept_stages, own_things, services, wait_probes
from stacks import progress as kept_progress
from stacks.aws_lab import FORGET_WITH_CLUSTER, cluster_is_gone
from stacks.console import Progress
from stacks.engine_events import Watcher
from stacks.error_hints import cause
from stacks.errors import Failure
from stacks.outcomes import LeftInRehearsal
from stacks.rehearsal_backend import opening
from stacks.rehearsal_backend.opening import lab_in
from stacks.stack import REHEARSAL, Stack

_YOURS: Final = ("route53 hosted zones", "acm certificates")
"""What the settings name for a lab with a domain. It is made beforehand and stays; the program makes none."""


def end_by_force() -> LeftInRehearsal:
    """Stop the rehearsal without deleting its resources one by one.

    Also when the settings are wrong, the emulator hangs or something else answers in its place.
    """
    worlds.sweep(force=True)
    _forget()
    return LeftInRehearsal(forced=True)


def destroy(chosen: Stack, shown: Progress, *, yes: bool) -> LeftInRehearsal:
    """Delete every resource, find what is left, and stop the world; raises Failure, typer.Exit without consent."""
    here = opening.attached()
    if here is None:
        worlds.sweep()
        _forget()
        return LeftInRehearsal(was_up=False)
    left, own = _destroy(here, chosen, shown, yes=yes)
    worlds.stop(here)
    _forget()
    return LeftInRehearsal(left=left, own=own, account_id=here.account_id, seconds=shown.elapsed)


def _forget() -> None:
    """What was kept for this lab alone; what the learner has reached stays."""
    kept_stages.forget()
    kept_progress.all_left(REHEARSAL, datetime.now(UTC))


def _destroy(here: World, chosen: Stack, shown: Progress, *, yes: bool) -> tuple[own_things.Found, own_things.Found]:
    """What is left afterwards: of the lab, and of what the learner made by hand."""
    stack = opening.stack_in(here, opening.tools(shown), chosen, shown)
    held: cleanup.RecordedIds = {}
    if stack.exists():
        with lab_in(chosen, stack) as lab:
            held = lab.recorded.ids
        try:
            with stack.alone(), interruptible(stack.engine, shown.phase):
                _destroy_with_engine(stack, chosen, shown, yes=yes)
        except AlreadyRunning as error:
            raise Failure(f"{error} ./lab down --force stops the rehearsal as it is.") from error
        except RunFailed as error:
            raise Failure(
                f"The lab could not be taken away: {cause(str(error))}\n{_yours_in_the_way(stack, chosen, held)}"
                "./lab down goes on; ./lab down --force stops the rehearsal as it is."
            ) from error
        shown.phase("every resource deleted; asking the emulator what is left")
    return _told_apart(stack, chosen, held)


def _told_apart(
    stack: RehearsalStack, chosen: Stack, held: cleanup.RecordedIds
) -> tuple[own_things.Found, own_things.Found]:
    found = {kind: ids for kind, ids in worlds.leftovers(stack.world).items() if kind not in _YOURS}
    if not found:
        return {}, {}
    with lab_in(chosen, stack) as lab:
        return own_things.told_apart(found, cleanup.find(lab.client, lab.lab), held)


def _yours_in_the_way(stack: RehearsalStack, chosen: Stack, held: cleanup.RecordedIds) -> str:
    """What the learner made by hand and may keep the lab's network; empty when that is nothing."""
    _, own = _told_apart(stack, chosen, held)
    keeping = {kind: own[kind] for kind in own_things.IN_THE_WAY if kind in own}
    if not keeping:
        return ""
    listed = "\n".join(own_things.lines(keeping, stack.world.account_id))
    return f"These are yours, made by hand, and may be in the way. Remove them in ./lab shell:\n{listed}\n"


def _destroy_with_engine(stack: RehearsalStack, chosen: Stack, shown: Progress, *, yes: bool) -> None:
    """As on AWS: what was in a cluster that is gone is forgotten first."""
    with lab_in(chosen, stack) as lab:
        gone = cluster_is_gone(lab, shown)
        if lab.recorded.has_cluster and not gone:
            services.clear(lab, shown, yes=True, again="./lab down")
            ingresses.clear(lab, shown, yes=yes, again="./lab down --yes")
            exercise_obstacles.clear_for_down(lab, stack.resources, shown)
    late = wait_probes.reporter(chosen, shown.phase, builds=False)
    forgets = FORGET_WITH_CLUSTER if gone else {}
    with environment({**stack.environment(), **forgets}, stack.world.unset()), late.watching():
        if gone:
            shown.phase("the cluster is gone: what was in it goes from the engine's state alone")
            stack.refresh(Watcher(shown, "reading", late))
        stack.destroy(Watcher(shown, "deleting", late))
