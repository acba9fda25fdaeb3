"""What belongs to the cluster and to no exercise, broken by hand: the gate that tells it, why, and the way back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from exercises.registry import ROWS
from exercises.shared.gates import CLUSTER_ADMIN, KUBE_SYSTEM, USER_FACING_ROLES
from exercises.shared.user_facing_roles import ROLES
from grading.grade import Answer, Verdict, ask
from operations.diagnosis import explain
from tests.rehearsal.lab_changes import Object, Standing
from tests.rehearsal.owasp.stand import Stand

SETTLE: Final = 10.0
"""Seconds within which a role has the rules of those that it is made of."""

KUBE_SYSTEM_PATH: Final = "/api/v1/namespaces/kube-system"
SECRETS: Final = [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]


@dataclass(frozen=True)
class Broken:
    """One change, after which a gate fails."""

    name: str
    gate: str
    change: Callable[[Standing], object]
    cause: str
    """Words of the cause that is told."""

    left: str = ""
    """Path of what is still there when the cluster is whole again."""


def _written(path: str, **members: Any) -> Callable[[Standing], object]:
    """An object with these members in the place of its own; None: without the member."""

    def change(lab: Standing) -> None:
        found: Object = lab.send("GET", path)
        changed = {**found, **members}
        lab.send("PUT", path, {name: value for name, value in changed.items() if value is not None})

    return change


def _labelled(lab: Standing) -> None:
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    lab.send("PATCH", KUBE_SYSTEM_PATH, {"metadata": {"labels": label}})


def _widened(lab: Standing) -> None:
    meta = {"name": "reads-secrets", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": meta, "rules": SECRETS}
    lab.send("POST", ROLES, role)


BROKEN: Final = (
    Broken(
        "cluster-admin reads Secrets alone",
        CLUSTER_ADMIN,
        _written(f"{ROLES}/cluster-admin", rules=SECRETS),
        "ClusterRole cluster-admin is not as Kubernetes makes it",
    ),
    Broken("kube-system takes few pods", KUBE_SYSTEM, _labelled, "Namespace kube-system has the label"),
    Broken(
        "view is empty",
        USER_FACING_ROLES,
        _written(f"{ROLES}/view", rules=[], aggregationRule=None),
        "ClusterRole view does not give get pods",
    ),
    Broken(
        "edit is gone",
        USER_FACING_ROLES,
        lambda lab: lab.send("DELETE", f"{ROLES}/edit"),
        "ClusterRole edit is not there",
    ),
    Broken(
        "view reads Secrets",
        USER_FACING_ROLES,
        _widened,
        "ClusterRole view gives get secrets, by ClusterRole reads-secrets",
        left=f"{ROLES}/reads-secrets",
    ),
)


def broken(stand: Stand, case: Broken) -> tuple[Answer, str, Verdict]:
    """What the gate says of the change, the cause, and what it says once the remedy that is told was applied."""
    (row,) = (row for row in ROWS if row.name == f"k03-closed-{case.gate}")

    def asked(wanted: Verdict) -> Answer:
        until = time.monotonic() + SETTLE
        while True:
            with stand.inside() as here:
                answer = ask(row, here)
            if answer.verdict is wanted or time.monotonic() > until:
                return answer
            time.sleep(0.2)

    with stand.changing() as lab:
        case.change(lab)
    answer = asked(Verdict.FAILED)
    with stand.inside() as here:
        ((finding, *_),) = explain([answer], here).values()
    stand.sh(finding.remedy)
    mended = asked(Verdict.PASSED)
    if case.left:
        with stand.changing() as lab:
            lab.send("DELETE", case.left)
    return answer, finding.cause, mended.verdict
