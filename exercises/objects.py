"""The Kubernetes objects of an exercise, from the YAML in its folder: one description for all who need them.

The stack makes them, a stage that is to come looks for them, `reset` puts them back, tests apply them. What stands at
a stage are the objects of `objects/common.yaml` and those of the stage's own file, which take the place of a common one
of the same kind and name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from string import Template
from typing import Any, Final

import yaml

from exercises.texts import folder
from grading.check import ExerciseName

Object = Mapping[str, Any]
"""A manifest in the API's JSON form."""

IMAGES: Final[tuple[str, ...]] = ("TOOLS_IMAGE", "AWS_CLI_IMAGE")
"""What `${…}` in a manifest can stand for: an image with kubectl and a shell, and AWS's with its CLI."""

CLUSTER_NAME: Final = "CLUSTER_NAME"
"""Likewise: the cluster's name, for what has to be one of its kind in an account."""

RANKS: Final[Mapping[str, int]] = {
    "Namespace": 0,
    "ServiceAccount": 1,
    "Secret": 2,
    "RoleBinding": 2,
    "ClusterRoleBinding": 2,
    "ValidatingAdmissionPolicyBinding": 2,
    "Pod": 3,
    "Deployment": 3,
    "DaemonSet": 3,
    "Job": 3,
    "CronJob": 3,
    "Service": 3,
}
"""Kind → its place in the order in which objects are made; deleted they are in the opposite one. Others: 1."""


def rank(each: Object) -> int:
    """An object's place in the order in which they are made."""
    return RANKS.get(each["kind"], 1)


def identity(each: Object) -> tuple[str, str, str]:
    """Kind, namespace (empty: none) and name."""
    meta = each["metadata"]
    return each["kind"], meta.get("namespace", ""), meta["name"]


def at_stage(exercise: ExerciseName, stage: str, images: Mapping[str, str] | None = None) -> tuple[Object, ...]:
    """What stands at a stage, in the order in which it is made.

    Args:
        exercise: one that is made of objects.
        stage: one of its stages.
        images: name, as in IMAGES → image, and CLUSTER_NAME → the cluster's name; None: names are left as they are,
            for who needs none of it.
    """
    found = {identity(each): each for file in ("common", stage) for each in _read(exercise, file)}
    filled = (_filled(each, images) for each in found.values())
    return tuple(sorted(filled, key=rank))


@cache
def _read(exercise: ExerciseName, name: str) -> tuple[Object, ...]:
    file = folder(exercise) / "objects" / f"{name}.yaml"
    if not file.exists():
        return ()
    return tuple(each for each in yaml.load_all(file.read_text(), yaml.CSafeLoader) if each)


def _filled(value: Any, images: Mapping[str, str] | None) -> Any:
    if images is None:
        return value
    if isinstance(value, dict):
        return {key: _filled(item, images) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, images) for item in value]
    return Template(value).safe_substitute(images) if isinstance(value, str) else value
