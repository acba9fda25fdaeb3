"""Takes back what was done by hand to an exercise, so that one update can make it as it was.

What was added beside is deleted, and so is what the exercise has in the cluster, whatever became of it: changed,
deleted and made again, held by finalizers, with fields that belong to others. The update then finds nothing and makes
all of it. What the exercise has on AWS the update reads again and puts right.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from stacks import backend, cluster_facts, exercise_state, traces, traces_on_aws
from stacks.cluster_objects import Objects
from stacks.console import Progress
from stacks.exercise_state import Held
from stacks.object_differences import differences, known
from stacks.outputs import outputs_of
from stacks.pending_operations import Json
from stacks.stack import Stack
from stacks.traces import Trace

ENCIPHERED: Final = "4dabf18193072939515e22adb298388d"
"""Member by which the engine marks a value as secret (pulumi, sdk/go/common/resource/sig)."""


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
        with backend.of(self.stack).engine() as engine:
            return exercise_state.read_again(self.stack, engine, self.held)

    def _remove(self, manifest: Mapping[str, Any]) -> None:
        if path := self.objects.path_of(manifest):
            self.objects.remove(path)


@contextmanager
def looked_at(stack: Stack, exercise: str, shown: Progress, begun: datetime | None) -> Generator[Undoing]:
    """What was done by hand to an exercise. In the block the lab's AWS answers.

    Args:
        stack: the stack, which must be up.
        exercise: its name.
        shown: shows what is waited for.
        begun: when it was played first, if it is in play.

    Raises NotUp and CannotAsk.
    """
    shown.waiting("looking for what was done by hand")
    with outputs_of(stack) as (outputs, _):
        held = exercise_state.held(backend.of(stack).resources(), exercise)
        moments = [each for each in (held.since, begun) if each]
        ask = cluster_facts.reached(outputs)
        since = traces.by_the_servers_clock(ask, min(moments, default=datetime.now(UTC)))
        objects = Objects(ask, shown.waiting)
        found = [*traces.in_cluster(objects, held, exercise, since)]
    with backend.of(stack).opened() as lab:
        found += traces_on_aws.on_aws(lab.client, held, stack.config.cluster_name)
        yield Undoing(stack, objects, held, found, tuple(changed(objects, held)))


def changed(objects: Objects, held: Held) -> Iterator[str]:
    """The exercise's own objects that are not as the lab made them, or gone. Raises CannotAsk."""
    for manifest in held.objects:
        meta = manifest["metadata"]
        about = f"{manifest['kind']} {'/'.join(filter(None, (meta.get('namespace'), meta['name'])))}"
        path = objects.path_of(manifest)
        found = objects.get(path) if path else None
        if found is None:
            yield f"{about} is gone"
        elif traces.is_changed(found) or _differs(objects, manifest, found):
            yield f"{about} was changed"


def _differs(objects: Objects, manifest: Json, found: Json) -> bool:
    """Whether an object is not as the API server makes it of what the lab asks for; a field that was taken away leaves
    no other sign. Nothing can be taken away from a pod; and what is secret stands enciphered in the state."""
    if manifest["kind"] == "Pod" or ENCIPHERED in json.dumps(manifest):
        return False
    wanted = known(manifest)
    would_be = objects.would_be(wanted)
    # What somebody added has its manager, by which it is known; the rest was added by machines, or by the lab's hooks.
    asked = _fields_of(would_be, found) if would_be else found
    return any(differences(wanted, {**asked, "metadata": found["metadata"]}, would_be))


def _fields_of(wanted: object, there: Any) -> Any:
    """Of what is there, the fields that something else has too."""
    if not isinstance(wanted, dict) or not isinstance(there, dict):
        return there
    return {key: _fields_of(wanted[key], there[key]) for key in wanted if key in there}
