"""Why a gate failed: what belongs to the cluster and to no exercise was changed, so that `lab reset` leaves it.

The API server makes its own ClusterRoles when it starts, and on EKS nobody starts it. So whoever has changed one has
to write it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exercises.shared.gates import CLUSTER_ADMIN, KUBE_SYSTEM
from grading.check import Row
from grading.finding import Finding, Remedies
from grading.grade import Answer
from grading.outcomes import Done
from grading.session import GradingSession

MENDS_CLUSTER_ADMIN: Final = (
    "kubectl create clusterrole cluster-admin --verb='*' --resource='*.*' --non-resource-url='*' --dry-run=client"
    " -o yaml | kubectl auth reconcile --remove-extra-permissions -f -"
)
ENFORCE: Final = "pod-security.kubernetes.io/enforce"
"""Label by which a namespace refuses pods."""


def is_gate(row: Row) -> bool:
    """Whether a row asks about what belongs to the cluster and to no exercise."""
    return row.name.endswith((f"-{CLUSTER_ADMIN}", f"-{KUBE_SYSTEM}"))


def findings(answer: Answer, lab: GradingSession, remedies: Remedies) -> Iterator[Finding]:
    """What is changed, with the command that mends it. Raises LookupError, whose text says why, where kube-system
    cannot be read."""
    if answer.row.name.endswith(CLUSTER_ADMIN):
        about = "ClusterRole cluster-admin is not as Kubernetes makes it. It is no exercise's, so ./lab reset leaves it"
        yield Finding(about, MENDS_CLUSTER_ADMIN)
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
