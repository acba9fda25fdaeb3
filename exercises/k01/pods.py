"""The pods of K01: a good one, and copies of it of which each has one danger more.

One danger each, so that a repair that stops only some of them is seen to let the others through.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

NAMESPACE: Final = "owasp-k01"
IMAGE: Final = "busybox:1.37"
"""Never pulled: each pod is asked for by a dry run, or is bound to no node."""

Spec = dict[str, Any]

_SECURITY: Final[Spec] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_RESOURCES: Final[Spec] = {
    "requests": {"cpu": "10m", "memory": "16Mi"},
    "limits": {"cpu": "100m", "memory": "64Mi"},
}


def good() -> Spec:
    """The specification of a pod that meets the level `restricted`, has limits and cannot write to its image."""
    return {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container("app")],
    }


def _container(name: str, **security: Any) -> Spec:
    return {
        "name": name,
        "image": IMAGE,
        "resources": deepcopy(_RESOURCES),
        "securityContext": {**deepcopy(_SECURITY), **security},
    }


def _changed(**fields: Any) -> Spec:
    """A good pod with these fields of its specification."""
    return {**good(), **fields}


def _contained(**security: Any) -> Spec:
    """A good pod whose container's securityContext has these fields."""
    return _changed(containers=[_container("app", **security)])


def _as_user(**security: Any) -> Spec:
    return _changed(securityContext={"seccompProfile": {"type": "RuntimeDefault"}, **security})


PRIVILEGED: Final[Mapping[str, bool]] = {"privileged": True, "allowPrivilegeEscalation": True}

DANGEROUS: Final[Mapping[str, Spec]] = {
    "privileged": _contained(**PRIVILEGED),
    "host-pid": _changed(hostPID=True),
    "host-ipc": _changed(hostIPC=True),
    "host-network": _changed(hostNetwork=True),
    "host-path": _changed(volumes=[{"name": "node", "hostPath": {"path": "/"}}]),
    "root-user": _as_user(runAsUser=0),
    "image-user": _as_user(),
    "capabilities": _contained(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    "no-seccomp": _changed(securityContext={"runAsNonRoot": True, "runAsUser": 1000}),
    "escalation": _contained(allowPrivilegeEscalation=True),
    "init-container": _changed(initContainers=[_container("prepare", **PRIVILEGED)]),
}
"""Short name → a pod that the level `restricted` refuses."""

WITH_VOLUMES: Final[Spec] = _changed(
    volumes=[
        {"name": "tmp", "emptyDir": {}},
        {"name": "settings", "configMap": {"name": "web-settings", "optional": True}},
    ]
)
"""A good pod as programs need it that write temporary files."""

WRITABLE: Final[Spec] = _contained(readOnlyRootFilesystem=False)
NO_LIMITS: Final[Spec] = _changed(containers=[{**_container("app"), "resources": {}}])
GREEDY: Final[Spec] = _changed(
    containers=[{**_container("app"), "resources": {"limits": {"cpu": "64", "memory": "256Gi"}}}]
)

AGENT: Final[Spec] = {
    "hostNetwork": True,
    "containers": [{"name": "agent", "image": IMAGE, "securityContext": {"privileged": True}}],
}
"""As the cluster's own agents are (kube-proxy, the CNI): privileged, on the node's network, without limits."""


def pod(name: str, spec: Spec, namespace: str = NAMESPACE) -> Spec:
    """The manifest of a pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"check-{name}", "namespace": namespace},
        "spec": spec,
    }


def deployment(name: str, spec: Spec) -> Spec:
    """The manifest of a Deployment of such pods."""
    labels = {"app": f"check-{name}"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"check-{name}", "namespace": NAMESPACE},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }
