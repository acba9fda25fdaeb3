"""The exercises that are no objects of their own, repaired by hand: half ways, and right ways other than the lab's.

Each change is made in a standing lab in which they are at the stage where play begins, and taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import yaml

from exercises.pod_identity.component import STRANGER
from grading.check import ExerciseName, Goal
from tests.rehearsal.lab_changes import RBAC, Change, Object, Standing

Apply = Callable[[Standing], AbstractContextManager[None]]

AWS_AUTH: Final = "/api/v1/namespaces/kube-system/configmaps/aws-auth"
TEAMS: Final = ("dev", "infra")


@dataclass(frozen=True)
class ByHand:
    """What somebody does who plays."""

    exercise: ExerciseName
    name: str
    apply: Apply
    hurts: Goal | None = None
    """The goal that is missed then; None: the exercise is solved."""

    @property
    def id(self) -> str:
        return f"{self.exercise}: {self.name}"


def _all(*changes: Callable[[Standing], AbstractContextManager[None]]) -> Apply:
    """All of these changes at once."""

    @contextmanager
    def made(lab: Standing) -> Generator[None]:
        with ExitStack() as stack:
            for change in changes:
                stack.enter_context(change(lab))
            yield

    return made


# RBAC.

_PODS: Final[list[Object]] = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"]}
]


def _account(team: str) -> Object:
    return {"kind": "ServiceAccount", "name": f"{team}-k8s", "namespace": f"{team}-team"}


def _role_of_its_own(team: str) -> Apply:
    return lambda lab: lab.granted(_account(team), _PODS, f"{team}-team")


def _bound(team: str, role: str) -> Apply:
    return lambda lab: lab.bound(_account(team), "ClusterRole", role, f"{team}-team")


def _cluster_role(lab: Standing) -> AbstractContextManager[None]:
    version = "rbac.authorization.k8s.io/v1"
    role = {"apiVersion": version, "kind": "ClusterRole", "metadata": {"name": "pods-of-a-team"}, "rules": _PODS}
    return lab.created(f"{RBAC}/clusterroles", role)


# Identity mapping.


def _arn(lab: Standing) -> str:
    return str(lab.outputs["testuserArn"])


def _mapping(change: Callable[[list[Object]], object]) -> Apply:
    """The users in aws-auth, changed."""

    def changed(found: Object) -> None:
        users = yaml.safe_load(found["data"]["mapUsers"])
        change(users)
        found["data"]["mapUsers"] = yaml.safe_dump(users)

    return lambda lab: lab.changed(AWS_AUTH, changed)


_NOT_MAPPED: Final = _mapping(list[Object].clear)


def _may_list_pods(lab: Standing) -> AbstractContextManager[None]:
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "lookers"}
    return lab.granted(group, [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}], "default")


def _entry(lab: Standing) -> AbstractContextManager[None]:
    return lab.entry(_arn(lab))


def _view(lab: Standing) -> AbstractContextManager[None]:
    scope = {"type": "namespace", "namespaces": ["default"]}
    return lab.policy(_arn(lab), "AmazonEKSViewPolicy", scope)


# IRSA.


def _trust(role: str, change: Change) -> Apply:
    return lambda lab: lab.trust(lab.role(role), change)


def _sub(document: Object) -> str:
    """The condition key."""
    return next(iter(document["Statement"][0]["Condition"]["StringLike"]))


def _named(document: Object) -> None:
    conditions = document["Statement"][0]["Condition"]
    (sub,) = conditions.pop("StringLike")
    conditions["StringEquals"][sub] = "system:serviceaccount:default:my-sa"


def _others_denied(operator: str, whom: str) -> Change:
    def change(document: Object) -> None:
        (first,) = document["Statement"]
        condition = {operator: {_sub(document): f"system:serviceaccount:default:{whom}"}}
        document["Statement"].append({**first, "Effect": "Deny", "Condition": condition})

    return change


# Pod Identity.

_OWN: Final = {"kubernetes-namespace": "default", "kubernetes-service-account": "pod-identity-sa"}


def _asks_for(**tags: str) -> Change:
    condition = {"StringEquals": {f"aws:RequestTag/{name.replace('_', '-')}": value for name, value in tags.items()}}
    return lambda document: document["Statement"][0].update(Condition=condition)


def _pods_denied(document: Object) -> None:
    (first,) = document["Statement"]
    for tag, value in _OWN.items():
        condition: dict[str, Any] = {"StringNotEquals": {f"aws:RequestTag/{tag}": value}}
        document["Statement"].append({**first, "Effect": "Deny", "Condition": condition})


def _not_the_stranger(lab: Standing) -> AbstractContextManager[None]:
    return lab.not_associated(STRANGER[1], STRANGER[0])


_BOTH_TAGS: Final = {name.replace("-", "_"): value for name, value in _OWN.items()}

REPAIRS: Final = (
    ByHand("rbac", "a Role in each namespace", _all(*map(_role_of_its_own, TEAMS))),
    ByHand("rbac", "one ClusterRole", _all(_cluster_role, *(_bound(team, "pods-of-a-team") for team in TEAMS))),
    ByHand("identity-mapping", "an access entry", _all(_NOT_MAPPED, _entry, _view)),
    ByHand(
        "identity-mapping",
        "another group in aws-auth",
        _all(_mapping(lambda users: users[0].update(groups=["lookers"])), _may_list_pods),
    ),
    ByHand("irsa", "sub is equal", _trust("irsa", _named)),
    ByHand("irsa", "all others are denied", _trust("irsa", _others_denied("StringNotEquals", "my-sa"))),
    ByHand("pod-identity", "both tags are asked for", _trust("podIdentity", _asks_for(**_BOTH_TAGS))),
    ByHand("pod-identity", "all others are denied", _all(_trust("podIdentity", _pods_denied), _not_the_stranger)),
)

BROKEN: Final = (
    ByHand("rbac", "edit is more than pods", _all(*(_bound(team, "edit") for team in TEAMS)), "attack"),
    ByHand("identity-mapping", "nobody lets testuser in", _NOT_MAPPED, "use"),
    ByHand("irsa", "not all others are denied", _trust("irsa", _others_denied("StringNotLike", "my-*")), "attack"),
    ByHand("pod-identity", "the other association alone is gone", _not_the_stranger, "attack"),
)
