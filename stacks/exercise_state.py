"""What the engine's state holds of one exercise, apart from the rest of the lab and from what was made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pulumi.automation import CommandError

from stacks import pending_operations, pulumi_state
from stacks.error_hints import cause
from stacks.errors import Failure
from stacks.pending_operations import KUBERNETES, Json
from stacks.stack import Stack
from stacks.takeover import Engine

COMPONENTS: Final = "myeks:components:"
_BASE: Final = frozenset(
    {pending_operations.CLUSTER, pending_operations.NODE_GROUP, "aws:ec2/launchTemplate:LaunchTemplate"}
)
_AWS_AUTH: Final = "kube-system/aws-auth"
_OTHER_NAMES: Final[Mapping[str, str]] = {"identity-mapping": "testuser"}
"""Exercise → what its components are called, where that is not its own name."""

ObjectKey = tuple[str, str, str]
"""Kind, namespace (empty: it is in none) and name."""


@dataclass(frozen=True)
class Held:
    """The resources of a stack's state, without components and providers."""

    mine: tuple[Json, ...]
    """The exercise's, in the order in which they were made."""

    others: tuple[Json, ...]

    @property
    def objects(self) -> list[Json]:
        """The exercise's objects in the cluster: what was asked for, in the API's JSON form."""
        return [each["inputs"] for each in self.mine if _is_object(each)]

    @property
    def own_namespaces(self) -> frozenset[str]:
        """Namespaces that the exercise makes."""
        return frozenset(each["metadata"]["name"] for each in self.objects if each["kind"] == "Namespace")

    @property
    def namespaces(self) -> frozenset[str]:
        """Namespaces in which the exercise has objects, its own among them."""
        found = {str(each["metadata"].get("namespace") or "") for each in self.objects} - {""}
        return frozenset(found) | self.own_namespaces

    @property
    def foreign_namespaces(self) -> frozenset[str]:
        """Namespaces that other exercises, or the platform, make."""
        return frozenset(
            each["inputs"]["metadata"]["name"]
            for each in self.others
            if _is_object(each) and each["inputs"]["kind"] == "Namespace"
        )

    @property
    def keys(self) -> frozenset[ObjectKey]:
        """Every object in the cluster that the lab has made, of this exercise or not."""
        return frozenset(key(each["inputs"]) for each in (*self.mine, *self.others) if _is_object(each))

    @property
    def on_aws(self) -> list[Json]:
        """The exercise's resources that are not in the cluster."""
        return [each for each in self.mine if not each["type"].startswith(KUBERNETES)]

    @property
    def since(self) -> datetime | None:
        """When the first of the exercise's resources was made, by this machine's clock; None where there is none."""
        moments = [datetime.fromisoformat(_seconds(each["created"])) for each in self.mine if each.get("created")]
        return min(moments, default=None)


def key(manifest: Mapping[str, Any]) -> ObjectKey:
    """What names an object."""
    meta: Mapping[str, Any] = manifest.get("metadata") or {}
    return str(manifest.get("kind")), str(meta.get("namespace") or ""), str(meta.get("name"))


def held(resources: Iterable[Json], exercise: str) -> Held:
    """What belongs to an exercise, from the resources of a deployment in the engine's own JSON form."""
    by_urn = {each["urn"]: each for each in resources}
    name = _OTHER_NAMES.get(exercise, exercise)

    def belongs(resource: Json) -> bool:
        urn: str = resource.get("parent") or ""
        while urn in by_urn:
            component = by_urn[urn]
            called = urn.rpartition("::")[2]
            if component["type"].startswith(COMPONENTS) and (called == name or called.startswith(f"{name}-")):
                return True
            urn = component.get("parent") or ""
        return False

    real = [each for each in by_urn.values() if each.get("custom") and not each["type"].startswith("pulumi:")]
    mine = [each for each in real if belongs(each)]
    return Held(tuple(mine), tuple(each for each in real if each not in mine))


def read_again(stack: Stack, engine: Engine, held: Held) -> bool:
    """Have the next update read the exercise's resources first, and put right what is not as it was made.

    No resource of another exercise is read, so that what is repaired there by hand stays. To be called in the
    environment in which the stack's AWS answers. False where that cannot be marked, because an update was cut off: then
    everything has to be read. Raises Failure.
    """
    base = [each for each in held.others if _is_base(each)] if held.on_aws else []
    urns = {each["urn"] for each in (*held.mine, *base)}
    kept = engine.export()
    deployment: Json = kept["deployment"]
    if pending_operations.operations(deployment):
        return False
    resources = [
        {**each, pending_operations.READ_ANEW: True} if each["urn"] in urns else each
        for each in deployment.get("resources") or []
    ]
    try:
        engine.restore({**kept, "deployment": {**deployment, "resources": resources}})
    except pulumi_state.Locked as error:
        again = f"./lab up{stack.option} says whose it is"
        raise Failure(f"Stack {stack.name} is locked by another update: {again}.") from error
    except CommandError as error:
        raise Failure(f"The engine's state could not be written: {cause(str(error))}") from error
    return True


def _is_base(resource: Json) -> bool:
    """Whether it is what an exercise on AWS may change though it is not its own: the cluster, its nodes, aws-auth."""
    return resource["type"] in _BASE or str(resource.get("id")) == _AWS_AUTH


def _is_object(resource: Json) -> bool:
    inputs = resource.get("inputs") or {}
    return resource["type"].startswith(KUBERNETES) and "kind" in inputs and "metadata" in inputs


def _seconds(moment: str) -> str:
    """A moment of the engine's, which has nine digits after the point, as Python 3.11 reads one."""
    whole, _, _ = moment.partition(".")
    return f"{whole.removesuffix('Z')}+00:00"
