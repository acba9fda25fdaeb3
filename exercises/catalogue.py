"""The exercises and their stages, where each stands by the stack's outputs, and a short way through all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from grading.check import ExerciseName

OFF: Final = "off"


@dataclass(frozen=True)
class Exercise:
    """One exercise."""

    key: str
    """Its setting below `myeks:exercises`, and its member in the stack output `exercises`."""

    stages: tuple[str, ...]
    """Without `off`, in the order in which the study note goes through them."""

    title: str
    about: str
    """What it shows, for the docs."""


EXERCISES: Final[Mapping[ExerciseName, Exercise]] = {
    "rbac": Exercise(
        "rbac",
        ("before", "after"),
        "RBAC: what a service account may do",
        "Two teams, each with a namespace, a service account and a pod with kubectl. Before they have a role they may"
        " do nothing; with it, everything in their own namespace and nothing elsewhere.",
    ),
    "identity-mapping": Exercise(
        "identityMapping",
        ("masters", "authenticated", "unmapped", "entry"),
        "Who may enter: IAM authenticates, RBAC authorises",
        "The IAM user testuser has all rights over AWS but for a permissions boundary. Whether the cluster lets them"
        " in, and as whom, is told by the ConfigMap aws-auth or by an access entry.",
    ),
    "irsa": Exercise(
        "irsa",
        ("account", "on"),
        "AWS from a pod: IRSA",
        "The service account my-sa has an IAM role, as `eksctl create iamserviceaccount` makes it (stage account; the"
        " note's pods are yours to make). In stage on three pods ask AWS the same. eks-iam-test1 has no token and"
        " eks-iam-test2 that of its default service account: to AWS, both are the node. eks-iam-test3 runs as my-sa.",
    ),
    "pod-identity": Exercise(
        "podIdentity",
        ("on",),
        "AWS from a pod: EKS Pod Identity",
        "The pod eks-iam-test4 has an IAM role too, by an association alone: without an OIDC provider and without an"
        " annotation.",
    ),
}


def standing(outputs: Mapping[str, Any]) -> dict[ExerciseName, str]:
    """Exercise → the stage at which it stands, `off` where it does not."""
    told: Mapping[str, Any] = outputs.get("exercises") or {}
    return {name: _stage(told.get(exercise.key)) for name, exercise in EXERCISES.items()}


def _stage(value: object) -> str:
    if isinstance(value, str):
        return value
    return "on" if value is True else OFF


def walk(names: Iterable[ExerciseName]) -> tuple[dict[ExerciseName, str], ...]:
    """Which exercises to move to which stage, update after update, so that every stage is reached once.

    All move together: there are as many updates as the exercise with the most stages has. One that has no more
    stages is left where it is.
    """
    chosen = list(dict.fromkeys(names))
    moves = zip_longest(*(EXERCISES[name].stages for name in chosen))
    return tuple({name: stage for name, stage in zip(chosen, step, strict=True) if stage} for step in moves)
