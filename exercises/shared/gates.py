"""What no repair may break: the same for every exercise that is played.

A policy or a role that is too wide stops the cluster's own parts. On a real cluster that is the worse accident.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from exercises.shared.stage_rows import StageRows
from exercises.shared.user_facing_roles import ROLES, WHOLE, UserFacingRoles
from exercises.texts import shared
from grading.account_probes import AsOperator, ObjectFacts, creating
from grading.check import Row
from grading.expectations import Allowed, Holds, Says
from grading.probes import may_do_everything

OPERATOR: Final = "operator"
KUBE_SYSTEM: Final = "gate-kube-system"
CLUSTER_ADMIN: Final = "gate-cluster-admin"
USER_FACING_ROLES: Final = "gate-user-facing-roles"
"""Ends of these gates' names."""


def gates(stage: StageRows) -> Iterator[Row]:
    """Rows of the goal `intact` that every exercise has."""
    why = shared().gates
    role = ObjectFacts("kubectl get clusterrole cluster-admin -o json", f"{ROLES}/cluster-admin", _RULES)
    everything = Holds((("rules", _EVERYTHING),), "its rules name everything")
    agent = AsOperator(creating(_agent(), "pods"))
    yield stage.gate("gate-operator", OPERATOR, AsOperator(may_do_everything()), Says("yes"), why.operator)
    yield stage.gate(KUBE_SYSTEM, OPERATOR, agent, Allowed(), why.kube_system)
    yield stage.gate(CLUSTER_ADMIN, OPERATOR, role, everything, why.bootstrap)
    yield stage.gate(USER_FACING_ROLES, OPERATOR, UserFacingRoles(), WHOLE, why.user_facing_roles)


_RULES: Final = (("rules", ("rules",)),)
_EVERYTHING: Final = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


def _agent() -> dict[str, Any]:
    """A pod as the cluster's own agents have it: with the node's network and a part of its disk."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "lab-check-agent", "namespace": "kube-system"},
        "spec": {
            "hostNetwork": True,
            "containers": [
                {
                    "name": "agent",
                    "image": "public.ecr.aws/docker/library/busybox:1.37",
                    "securityContext": {"privileged": True},
                    "volumeMounts": [{"name": "log", "mountPath": "/host/log"}],
                }
            ],
            "volumes": [{"name": "log", "hostPath": {"path": "/var/log"}}],
        },
    }
