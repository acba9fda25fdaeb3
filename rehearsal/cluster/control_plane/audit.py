"""EKS's audit policy: which requests the audit log tells, and how much of each.

Users cannot change it, and what can be found in the log afterwards depends on
it: the bodies of changes of aws-auth are there, the content of a Secret never
is. So the rehearsal has EKS's own rules. Source: EKS Best Practices Guide,
"Detective Controls" (Auditing and logging), as of 2026-05-04; written there in
v1beta1, which the API server no longer reads, and here in v1.
"""

from pathlib import Path
from typing import Any, Final

from rehearsal.cluster.control_plane.settings import write_json

Rule = dict[str, Any]

KNOWN_GROUPS: Final = (
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "extensions",
    "metrics.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "settings.k8s.io",
    "storage.k8s.io",
)
"""API groups whose requests are logged with their bodies; of any other group there are only metadata."""

_KUBELETS: Final = ("kubelet", "kwok")
"""EKS names the user `kubelet`. Here kwok keeps nodes and pods alive in kubelets' place, so it counts as one."""
_CONTROLLERS: Final = ("system:kube-controller-manager", "system:kube-scheduler")
_PROBLEM_DETECTORS: Final = ("system:node-problem-detector", "system:serviceaccount:kube-system:node-problem-detector")
_STATUSES: Final = ("nodes/status", "pods/status")


def _core(*resources: str) -> list[Rule]:
    return [{"group": "", "resources": list(resources)}]


def _silent(**matches: Any) -> Rule:
    return {"level": "None", **matches}


def _logged(level: str, **matches: Any) -> Rule:
    """A rule without the stage in which a request has come and nothing has been done."""
    return {"level": level, **matches, "omitStages": ["RequestReceived"]}


def rules() -> list[Rule]:
    """The rules in their order; the first that matches a request decides."""
    known = [{"group": group} for group in KNOWN_GROUPS]
    aws_auth = [{"group": "", "resources": ["configmaps"], "resourceNames": ["aws-auth"]}]
    without_content = [
        *_core("secrets", "configmaps"),
        {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
    ]
    endpoint_users = [*_CONTROLLERS, "system:serviceaccount:kube-system:endpoint-controller"]
    return [
        _logged("RequestResponse", namespaces=["kube-system"], verbs=["update", "patch", "delete"], resources=aws_auth),
        _silent(
            users=["system:kube-proxy"],
            verbs=["watch"],
            resources=_core("endpoints", "services", "services/status"),
        ),
        _silent(users=list(_KUBELETS), verbs=["get"], resources=_core("nodes", "nodes/status")),
        _silent(userGroups=["system:nodes"], verbs=["get"], resources=_core("nodes", "nodes/status")),
        _silent(
            users=endpoint_users, verbs=["get", "update"], namespaces=["kube-system"], resources=_core("endpoints")
        ),
        _silent(
            users=["system:apiserver"],
            verbs=["get"],
            resources=_core("namespaces", "namespaces/status", "namespaces/finalize"),
        ),
        _silent(users=[_CONTROLLERS[0]], verbs=["get", "list"], resources=[{"group": "metrics.k8s.io"}]),
        _silent(nonResourceURLs=["/healthz*", "/version", "/swagger*"]),
        _silent(resources=_core("events")),
        _logged(
            "Request",
            users=[*_KUBELETS, *_PROBLEM_DETECTORS],
            verbs=["update", "patch"],
            resources=_core(*_STATUSES),
        ),
        _logged("Request", userGroups=["system:nodes"], verbs=["update", "patch"], resources=_core(*_STATUSES)),
        _logged(
            "Request", users=["system:serviceaccount:kube-system:namespace-controller"], verbs=["deletecollection"]
        ),
        _logged("Metadata", resources=without_content),
        # EKS omits no stage of this one.
        {"level": "Request", "resources": _core("serviceaccounts/token")},
        _logged("Request", verbs=["get", "list", "watch"], resources=known),
        _logged("RequestResponse", resources=known),
        _logged("Metadata"),
    ]


def audit_policy(path: Path) -> Path:
    """Write the policy for the API server."""
    return write_json(path, {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules()})
