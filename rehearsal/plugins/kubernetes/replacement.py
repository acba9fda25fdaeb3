"""Which changes Kubernetes cannot make to an object that exists, so that a new one has to take its place.

The table is that of pulumi-kubernetes 4.34.2 (provider/pkg/provider/diff.go).
It is stricter than the API server here and there: a ConfigMap's data can be
changed, but pods that read it would not notice, so the provider makes a new one
unless it is told otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from rehearsal.plugins.kubernetes.tokens import ObjectKind
from rehearsal.plugins.properties import Change, Path

_CONTAINER = (
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources "
    "securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices "
    "volumeMounts workingDir"
)
_POD = (
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork "
    "hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority "
    "priorityClassName readinessGates restartPolicy runtimeClassName schedulerName securityContext "
    "serviceAccount serviceAccountName shareProcessNamespace subdomain terminationGracePeriodSeconds volumes"
)
_VOLUME = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs "
    "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
)


def _spec(names: str) -> tuple[str, ...]:
    return tuple(f"spec.{name}" for name in names.split())


def _containers(names: str) -> tuple[str, ...]:
    return tuple(f"spec.{group}[*].{name}" for group in ("containers", "initContainers") for name in names.split())


_FIELDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "StatefulSet"): _spec(
        "podManagementPolicy revisionHistoryLimit selector serviceName volumeClaimTemplates"
    ),
    ("batch", "Job"): _spec("completions parallelism selector template"),
    ("", "PersistentVolume"): _spec(_VOLUME),
    ("", "PersistentVolumeClaim"): _spec("accessModes selector storageClassName volumeName"),
    ("", "Pod"): (*_spec(_POD), *_containers(_CONTAINER)),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}
_IDENTITY = ("metadata.name", "metadata.namespace")


def replacing_fields(
    kind: ObjectKind, inputs: Mapping[str, Any], *, mutable_config_maps: bool, mutable_secrets: bool
) -> tuple[str, ...]:
    """Paths (`spec.containers[*].image`) whose change makes a new object necessary."""
    if kind.patch:
        return _IDENTITY
    immutable = inputs.get("immutable") is True
    if kind.group == "" and kind.kind == "Secret" and (immutable or not mutable_secrets):
        return (*_IDENTITY, "type", "stringData", "data")
    if kind.group == "" and kind.kind == "ConfigMap" and (immutable or not mutable_config_maps):
        return (*_IDENTITY, "binaryData", "data")
    return (*_IDENTITY, *_FIELDS.get((kind.group, kind.kind), ()))


def marked(changes: list[Change], inputs: Mapping[str, Any], fields: tuple[str, ...]) -> list[Change]:
    """The changes, those at, below or around one of the fields marked as replacing."""
    patterns = [field.replace("[*]", ".*").split(".") for field in fields]
    return [
        replace(change, replace=any(_touches(change, inputs, pattern) for pattern in patterns)) for change in changes
    ]


def _touches(change: Change, inputs: Mapping[str, Any], pattern: list[str]) -> bool:
    for step, part in zip(change.path, pattern, strict=False):
        if part != "*" and step != part:
            return False
    rest = pattern[len(change.path) :]
    if not rest:
        return True
    # A whole branch came: it matters when the field is in it. A branch that went names no field.
    return _holds(_at(inputs, change.path), rest)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = cast("dict[Any, Any]", value).get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[step]
        else:
            return None
    return value


def _holds(value: Any, pattern: list[str]) -> bool:
    if not pattern:
        return True
    head, rest = pattern[0], pattern[1:]
    if head == "*":
        return isinstance(value, list) and any(_holds(item, rest) for item in cast("list[Any]", value))
    return isinstance(value, dict) and head in value and _holds(cast("dict[str, Any]", value)[head], rest)
