"""Takes back what was done by hand to an exercise, so that one update can make it as it was.

What was added beside is deleted, and so is what the exercise has in the cluster, whatever became of it: changed,
deleted and made again, held by finalizers, with fields that belong to others. The update then finds nothing and makes
all of it. What the exercise has on AWS the update reads again and puts right.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from grading.check import ExerciseName
from stacks import cluster_facts, exercise_state, traces, traces_on_aws
from stacks.aws_lab import Opened, opened
from stacks.cluster_objects import Objects
from stacks.console import Progress, err
from stacks.errors import CannotAsk
from stacks.exercise_state import Held
from stacks.made_by_hand import Agree
from stacks.outputs import outputs_of
from stacks.stack import Stack
from stacks.traces import Trace


@dataclass(frozen=True)
class Undoing:
    """One exercise of a lab that stands, with what was done by hand to it."""

    stack: Stack
    objects: Objects
    held: Held
    found: Sequence[Trace]
    """What was added beside, and the like, in the order in which it is taken back."""

    changed: Sequence[str]
    """The exercise's own objects that are not as the lab made them, or gone."""

    @property
    def is_touched(self) -> bool:
        """Whether anything was done by hand, as far as that can be seen without reading AWS again."""
        return bool(self.found or self.changed)

    def run(self, shown: Progress) -> None:
        """Take all of it back, and delete the exercise's own objects. Raises CannotAsk and Failure."""
        for each in self.found:
            each.undo()
            shown.detail(f"taken back: {each.about}")
        own = self.held.own_namespaces
        # What stands in the exercise's own namespaces goes with them.
        for manifest in reversed(self.held.objects):
            if manifest["kind"] != "Namespace" and manifest["metadata"].get("namespace") not in own:
                self._remove(manifest)
        self.objects.remove_namespaces(sorted(own))

    def read_again(self) -> bool:
        """Have the next update read what the exercise has, and nothing of another one; False where it has to read
        everything. Raises Failure."""
        return exercise_state.read_again(self.stack, self.held)

    def _remove(self, manifest: Mapping[str, Any]) -> None:
        if path := self.objects.path_of(manifest):
            self.objects.remove(path)


@contextmanager
def looked_at(stack: Stack, exercise: str, shown: Progress, begun: datetime | None) -> Generator[Undoing]:
    """What was done by hand to an exercise. In the block the lab's AWS answers.

    Args:
        stack: the stack, which must be up.
        exercise: its name.
        shown: hears what is waited for.
        begun: when it was played first, if it is in play.

    Raises NotUp and CannotAsk.
    """
    shown.waiting("looking for what was done by hand")
    with outputs_of(stack) as (outputs, _):
        held = exercise_state.held(exercise_state.resources_of(stack), exercise)
        moments = [each for each in (held.since, begun) if each]
        ask = cluster_facts.reached(outputs)
        since = traces.by_the_servers_clock(ask, min(moments, default=datetime.now(UTC)))
        objects = Objects(ask, shown.waiting)
        found = [*traces.in_cluster(objects, held, exercise, since)]
    with opened(stack) as lab:
        found += traces_on_aws.on_aws(lab.client, held, stack.config.cluster_name)
        yield Undoing(stack, objects, held, found, tuple(_changed(objects, held)))


def clear_the_way(
    lab: Opened,
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
        names: the exercises.
        shown: hears what is done.
        agree: asked about policies and webhooks.
        since: older ones were not made by hand in these exercises; None: since the first of the exercises stands.

    What cannot be asked is no error here: the engine finds out, and says why.
    """
    if not lab.recorded.kubeconfig:
        return
    resources = exercise_state.resources_of(lab.stack)
    all_held = [held for name in names if (held := exercise_state.held(resources, name)).mine]
    if not all_held:
        return
    shown.waiting("looking for what was done by hand")
    with suppress(CannotAsk):
        _clear(lab, all_held, shown, agree, since)


def _clear(lab: Opened, all_held: Sequence[Held], shown: Progress, agree: Agree, since: datetime | None) -> None:
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


def _changed(objects: Objects, held: Held) -> Iterator[str]:
    for manifest in held.objects:
        meta = manifest["metadata"]
        about = "/".join(filter(None, (meta.get("namespace"), meta["name"])))
        path = objects.path_of(manifest)
        found = objects.get(path) if path else None
        if found is None:
            yield f"{manifest['kind']} {about} is gone"
        elif traces.is_changed(found):
            yield f"{manifest['kind']} {about} was changed"
