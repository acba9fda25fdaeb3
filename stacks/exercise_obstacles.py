"""What was done by hand and would keep exercises from being deleted: taken away before the engine deletes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from exercises.catalogue import EXERCISES
from grading.check import ExerciseName
from stacks import exercise_state, traces, traces_on_aws
from stacks.aws_lab import LabSession
from stacks.cluster_objects import Objects
from stacks.console import Progress, err
from stacks.errors import CannotAsk
from stacks.exercise_state import Held
from stacks.made_by_hand import Agree, confirmed
from stacks.pending_operations import Json

EVER = datetime.min.replace(tzinfo=UTC)


def clear_for_down(lab: LabSession, resources: Callable[[], Collection[Json]], shown: Progress) -> None:
    """Before the lab is deleted: the user has agreed that the cluster goes, and every policy in it."""
    clear(lab, resources, tuple(EXERCISES), shown, agree=confirmed(yes=True), since=EVER)


def clear(
    lab: LabSession,
    resources: Callable[[], Collection[Json]],
    names: Collection[ExerciseName],
    shown: Progress,
    *,
    agree: Agree,
    since: datetime | None = None,
) -> None:
    """Before exercises are deleted: take away what was done by hand and would keep them from going.

    Finalizers that nobody takes off, and what was attached to their roles and user, go at once: it goes with them.
    Policies and webhooks may be there for others, and go with consent.

    Args:
        lab: the lab, in an environment in which it answers.
        resources: tells those of the engine's state, in its own JSON form.
        names: the exercises.
        shown: shows what is done.
        agree: asked about policies and webhooks.
        since: older ones were not made by hand in these exercises; None: since the first of the exercises stands.

    What cannot be asked is no error here: the engine finds out, and says why.
    """
    if not lab.recorded.kubeconfig:
        return
    recorded = resources()
    all_held = [held for name in names if (held := exercise_state.held(recorded, name)).mine]
    if not all_held:
        return
    shown.waiting("looking for what was done by hand")
    with suppress(CannotAsk):
        _clear(lab, all_held, shown, agree, since)


def _clear(lab: LabSession, all_held: Sequence[Held], shown: Progress, agree: Agree, since: datetime | None) -> None:
    objects = Objects(lab.ask, shown.waiting)
    begun = [each.since for each in all_held if each.since]
    moment = since or traces.by_the_servers_clock(lab.ask, min(begun, default=datetime.now(UTC)))
    policies = list(traces.in_the_way(objects, all_held[0], moment))
    if policies:
        err.print("Made by hand, and may keep the exercises from being deleted:")
        for each in policies:
            err.print(f"  {each.about}", markup=False, soft_wrap=True)
        with shown.paused():
            agreed = agree("Delete them first?")
        if not agreed:
            return
    for each in policies:
        each.undo()
    namespaces = frozenset[str]().union(*(each.own_namespaces for each in all_held))
    keys = {exercise_state.key(manifest) for each in all_held for manifest in each.objects}
    told = objects.let_go(lambda *names: names[1] in namespaces or names in keys)
    for held in all_held:
        for each in traces_on_aws.on_aws(lab.client, held, lab.lab.cluster):
            each.undo()
            told.append(each.about)
    if told:
        shown.phase(f"taken away, because it would keep the exercises: {', '.join(told)}")
