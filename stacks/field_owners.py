"""Makes the lab the owner of every value in its own admission policies before an exercise moves to another stage.

The API server keeps for each value of a set who has put it there (Kubernetes documentation, "Server-Side Apply",
v1.36). An update takes back only values of its own: one that somebody else has put into a binding's `validationActions`
stays beside the new stage's, and `Deny` beside `Warn` is refused with 422. Once it is the lab's own, the update takes
it away. What `kubectl` has put there the Kubernetes provider takes over by itself; other clients' values it leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from exercises.made import made
from grading.check import ExerciseName
from stacks import cluster_facts
from stacks.cluster_objects import Objects
from stacks.errors import CannotAsk
from stacks.outputs import outputs_of
from stacks.pending_operations import Json
from stacks.stack import Stack

KINDS: Final = frozenset({"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"})
PROVIDER: Final = "pulumi-kubernetes-"
"""How the field managers of the Kubernetes provider begin."""


def take_over(stack: Stack, exercises: Collection[ExerciseName]) -> None:
    """Of the policies of these exercises that stand. What cannot be asked is no error here: the update tells it."""
    mine = [each.manifest for each in made() if each.exercise in exercises and each.kind in KINDS]
    if not mine:
        return
    with suppress(CannotAsk), outputs_of(stack) as (outputs, _):
        objects = Objects(cluster_facts.reached(outputs))
        for manifest in mine:
            path = objects.path_of(manifest)
            found = objects.get(path) if path else None
            if found and (fields := as_the_labs(found["metadata"].get("managedFields") or [])):
                version = found["metadata"].get("resourceVersion")
                # Where somebody changes it in this moment it is refused, and the update tells what is wrong.
                objects.patch(path, {"metadata": {"managedFields": fields, "resourceVersion": version}})


def as_the_labs(entries: Sequence[Json]) -> list[Json]:
    """An object's `managedFields` with what others own as the lab's own; empty where nothing is to be changed."""
    lab = next((each for each in entries if each["operation"] == "Apply" and _manager(each).startswith(PROVIDER)), None)
    # Subresources, as status, are written by controllers.
    others = [each for each in entries if each is not lab and not each.get("subresource")]
    if lab is None or not others:
        return []
    owned: Json = lab["fieldsV1"]
    for each in others:
        owned = _joined(owned, each["fieldsV1"])
    return [{**lab, "fieldsV1": owned}, *(each for each in entries if each.get("subresource"))]


def _manager(entry: Mapping[str, Any]) -> str:
    return str(entry.get("manager") or "")


def _joined(one: Json, other: Json) -> Json:
    """All members of both trees."""
    return {key: _joined(one.get(key) or {}, other.get(key) or {}) for key in {**one, **other}}
