"""One way to break an exercise, and changes that several tables make."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from grading.check import ExerciseName
from tests.rehearsal.lab_changes import Change, Object, Standing

Apply = Callable[[Standing], AbstractContextManager[None]]
TESTUSER = "testuser"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
AWS_AUTH = "/api/v1/namespaces/kube-system/configmaps/aws-auth"
ROLE_ARN = "eks.amazonaws.com/role-arn"
S3 = "AmazonS3ReadOnlyAccess"
ADMINISTRATOR = "AdministratorAccess"
VIEW = "AmazonEKSViewPolicy"
NODES: list[Object] = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]


@dataclass(frozen=True)
class Mutation:
    """One way to break an exercise at a stage."""

    exercise: ExerciseName
    stage: str
    name: str
    apply: Apply
    failed: frozenset[str]
    """Names of the rows that have to fail."""

    not_asked: frozenset[str] = frozenset()
    """Names of the rows that cannot be asked any more."""

    boundary: bool = True
    """Whether testuser is meant to have a permissions boundary."""

    @property
    def id(self) -> str:
        return f"{self.exercise} {self.stage}: {self.name}"


def runs_as(account: str) -> Change:
    return lambda pod: pod["spec"].update(serviceAccountName=account)


def over(pod: Object) -> object:
    """A pod that has slept long enough."""
    return pod["spec"]["containers"][0].update(command=["sleep", "0"], args=None)


def conditions_of(change: Change) -> Callable[[str], Apply]:
    """A change of the conditions of the trust of the role of an exercise."""
    return lambda exercise: (
        lambda lab: lab.trust(lab.role(exercise), lambda document: change(document["Statement"][0]["Condition"]))
    )


def set_condition(end: str, value: str | None) -> Change:
    def change(conditions: Object) -> None:
        equal = conditions["StringEquals"]
        (key,) = (one for one in equal if one.endswith(end))
        del equal[key]
        if value is not None:
            equal[key] = value

    return change


def one_more(statement: Object) -> Change:
    return lambda document: document["Statement"].append(statement)


def annotated(account: str, **annotations: str | None) -> Apply:
    def change(found: Object) -> None:
        kept = found["metadata"].setdefault("annotations", {})
        for name, value in annotations.items():
            key = {"role": ROLE_ARN, "audience": "eks.amazonaws.com/audience"}[name]
            kept.pop(key, None)
            if value is not None:
                kept[key] = value

    return lambda lab: lab.changed(f"{ACCOUNTS}/{account}", change)
