"""Why a gate failed: what belongs to the cluster and to no exercise was changed, so that `lab reset` leaves it.

The API server makes its own ClusterRoles when it starts, and on EKS nobody starts it. So whoever has changed one has
to write it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exercises.shared.gates import CLUSTER_ADMIN, KUBE_SYSTEM, USER_FACING_ROLES
from exercises.shared.user_facing_roles import AS_MADE, GONE, NAMES, ROLES, difference
from grading.check import Row
from grading.finding import Finding, Remedies
from grading.grade import Answer
from grading.outcomes import Done
from grading.session import GradingSession

AGGREGATES: Final = "rbac.authorization.k8s.io/aggregate-to-"
"""Beginning of the label by which a ClusterRole's rules come into another one; the other one's name is its end."""

BOOTSTRAPPING: Final = "kubernetes.io/bootstrapping"
"""Label of what the API server makes when it starts."""

MENDS_CLUSTER_ADMIN: Final = (
    "kubectl create clusterrole cluster-admin --verb='*' --resource='*.*' --non-resource-url='*' --dry-run=client"
    " -o yaml | kubectl auth reconcile --remove-extra-permissions -f -"
)
ENFORCE: Final = "pod-security.kubernetes.io/enforce"
"""Label by which a namespace refuses pods."""


def is_gate(row: Row) -> bool:
    """Whether a row asks about what belongs to the cluster and to no exercise."""
    return row.name.endswith((f"-{CLUSTER_ADMIN}", f"-{KUBE_SYSTEM}", f"-{USER_FACING_ROLES}"))


def findings(answer: Answer, lab: GradingSession, remedies: Remedies) -> Iterator[Finding]:
    """What is changed, with the command that mends it. Raises LookupError, whose text says why, where what is asked
    about cannot be read."""
    if answer.row.name.endswith(CLUSTER_ADMIN):
        about = "ClusterRole cluster-admin is not as Kubernetes makes it. It is no exercise's, so ./lab reset leaves it"
        yield Finding(about, MENDS_CLUSTER_ADMIN)
        return
    if answer.row.name.endswith(USER_FACING_ROLES):
        yield from _user_facing_roles(lab)
        return
    asked = lab.api.request("GET", "/api/v1/namespaces/kube-system")
    if not isinstance(asked, Done):
        raise LookupError(f"namespace kube-system cannot be read: {asked.shown}")
    labels: Mapping[str, Any] = asked.value["metadata"].get("labels") or {}
    if (level := labels.get(ENFORCE, "privileged")) != "privileged":
        about = f"Namespace kube-system has the label {ENFORCE}={level}. It is no exercise's, so ./lab reset leaves it"
        yield Finding(about, f"kubectl label namespace kube-system {ENFORCE}-")
        return
    yield Finding(
        f"The API server said to a pod in kube-system: {answer.observed}",
        f"./lab reset {answer.row.exercise}{remedies.option} takes back policies, webhooks and quotas of yours",
    )


def _user_facing_roles(lab: GradingSession) -> Iterator[Finding]:
    """Where it is not the role itself that was changed, its rules come from another one."""
    listed = lab.api.request("GET", ROLES)
    if not isinstance(listed, Done):
        raise LookupError(f"ClusterRoles cannot be read: {listed.shown}")
    roles: dict[str, Mapping[str, Any]] = {each["metadata"]["name"]: each for each in listed.value["items"]}
    wrong = {name: difference(name, roles[name]) if name in roles else GONE for name in NAMES}
    broken = [name for name in NAMES if wrong[name] != AS_MADE]
    own = [name for name in broken if name not in roles or not roles[name].get("aggregationRule")]
    for name in own:
        about = f"ClusterRole {name} {wrong[name]}. It is no exercise's, so ./lab reset leaves it"
        yield Finding(about, _made_again(name, NAMES[NAMES.index(name) + 1 :]))
    # The rules of view come into edit, and those of edit into admin: the first that is wrong tells where it began.
    if broken and not own:
        name = broken[0]
        about = f"ClusterRole {name} {wrong[name]}"
        added = [each for each, found in roles.items() if _adds_to(name, found)]
        for each in added:
            yield Finding(f"{about}, by ClusterRole {each}", f"kubectl label clusterrole {each} {AGGREGATES}{name}-")
        if not added:
            parts = f"{about}: a ClusterRole with the label {AGGREGATES}{name} was changed"
            yield Finding(parts, "the API server makes it again when it starts: ./lab down, and ./lab up")


def _adds_to(name: str, role: Mapping[str, Any]) -> bool:
    """Whether a ClusterRole that is not the API server's own adds its rules to another one."""
    labels: Mapping[str, Any] = role["metadata"].get("labels") or {}
    return labels.get(f"{AGGREGATES}{name}") == "true" and BOOTSTRAPPING not in labels


def _made_again(name: str, into: tuple[str, ...]) -> str:
    """The command that makes a user-facing role again; its rules come into the first of `into`."""
    made = f"kubectl create clusterrole {name} --aggregation-rule={AGGREGATES}{name}=true --dry-run=client -o yaml"
    labels = " ".join((f"{BOOTSTRAPPING}=rbac-defaults", *(f"{AGGREGATES}{other}=true" for other in into[:1])))
    return f"{made} | kubectl label --local -f - {labels} -o yaml | kubectl auth reconcile -f -"
