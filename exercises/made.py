"""What the exercises make in the cluster at which stage, by the names that the study note gives them too.

The note makes the same things by hand. So this list tells where to look for what somebody has made: a stage that is to
come finds it in its way, and a check that looks at what stands finds an exercise that no setting tells of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from exercises.catalogue import EXERCISES, Exercise
from exercises.objects import at_stage, identity
from grading.check import ExerciseName

USER: Final = "testuser"
"""The IAM user of exercise identity-mapping."""

TEAMS: Final = ("dev", "infra")
NAMESPACE: Final = "default"
IRSA_ACCOUNT: Final = "my-sa"
IRSA_PODS: Final = ("eks-iam-test1", "eks-iam-test2", "eks-iam-test3")
POD_IDENTITY_ACCOUNT: Final = "pod-identity-sa"
POD_IDENTITY_POD: Final = "eks-iam-test4"
_RBAC: Final = "rbac.authorization.k8s.io/v1"


@dataclass(frozen=True)
class Made:
    """An object in the cluster."""

    exercise: ExerciseName
    stages: tuple[str, ...]
    """The stages that have it."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    @property
    def manifest(self) -> dict[str, Any]:
        """What names it, in the API's JSON form."""
        namespace = {"namespace": self.namespace} if self.namespace else {}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": self.name, **namespace}}

    @property
    def id(self) -> str:
        """As the engine's state names it within its type."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def _since(exercise: ExerciseName, first: str) -> tuple[str, ...]:
    """A stage and all after it."""
    stages = EXERCISES[exercise].stages
    return stages[stages.index(first) :]


def binding(team: str) -> Made:
    """A team's RoleBinding, which is what stage after has."""
    return Made("rbac", _since("rbac", "after"), _RBAC, "RoleBinding", f"roleB-{team}-team", f"{team}-team")


def team_pod(team: str) -> Made:
    """The pod in which a team is asked."""
    return Made("rbac", _since("rbac", "before"), "v1", "Pod", f"{team}-kubectl", f"{team}-team")


def _rbac(team: str) -> Iterator[Made]:
    own = f"{team}-team"
    yield Made("rbac", _since("rbac", "before"), "v1", "Namespace", own)
    yield Made("rbac", _since("rbac", "before"), "v1", "ServiceAccount", f"{team}-k8s", own)
    yield team_pod(team)
    yield Made("rbac", _since("rbac", "after"), _RBAC, "Role", f"role-{team}-team", own)
    yield binding(team)


@lru_cache
def made() -> tuple[Made, ...]:
    """Every object, each after those that it needs. aws-auth is the cluster's own; what is on AWS is asked of AWS."""
    return (
        *(each for team in TEAMS for each in _rbac(team)),
        Made("irsa", _since("irsa", "account"), "v1", "ServiceAccount", IRSA_ACCOUNT, NAMESPACE),
        *(Made("irsa", ("on",), "v1", "Pod", pod, NAMESPACE) for pod in IRSA_PODS),
        Made("pod-identity", ("on", "wide"), "v1", "ServiceAccount", POD_IDENTITY_ACCOUNT, NAMESPACE),
        Made("pod-identity", ("on", "wide"), "v1", "Pod", POD_IDENTITY_POD, NAMESPACE),
        *(each for exercise in EXERCISES.values() if exercise.from_objects for each in _from_objects(exercise)),
    )


def _from_objects(exercise: Exercise) -> Iterator[Made]:
    stages: dict[tuple[str, str, str, str], list[str]] = {}
    for stage in exercise.stages:
        for each in at_stage(exercise.name, stage):
            stages.setdefault((each["apiVersion"], *identity(each)), []).append(stage)
    for (version, kind, namespace, name), at in stages.items():
        yield Made(exercise.name, tuple(at), version, kind, name, namespace)
