"""When an object counts as ready: pure judgements on live objects, so that they can be tested without a server.

The rules are those of pulumi-kubernetes 4.34.2 (provider/pkg/await) as far as
they matter here; for workloads they are the ones of `kubectl rollout status`.
Each judgement is None when the object is ready, a reason to go on waiting, or a
`Failed` when waiting is pointless.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from rehearsal.plugins.kubernetes.api import Object
from rehearsal.plugins.kubernetes.naming import WAIT_FOR, annotation
from rehearsal.plugins.kubernetes.tokens import ObjectKind
from rehearsal.plugins.protocol import ProviderError

TIMEOUT = 600.0
"""Seconds; the real provider's default for everything that it has no other for."""


class Failed(str):
    """A reason why the object will not become ready by itself."""

    __slots__ = ()


Judgement = str | None
Judge = Callable[[Object], Judgement]


def judge(kind: ObjectKind, obj: Object) -> Judge | None:
    """How to tell that an object of this kind is ready; None: it is when it exists.

    `obj` brings the `pulumi.com/waitFor` annotation, which replaces the kind's own rule.
    Raises ProviderError for an annotation that cannot be read.
    """
    wanted = annotation(obj, WAIT_FOR)
    if wanted:
        return _all([_custom(expression) for expression in _expressions(wanted)])
    return _JUDGES.get((kind.group, kind.kind))


def waits_for_load_balancer(kind: ObjectKind, obj: Object) -> bool:
    """Whether only a load balancer controller could make the object ready, of which the rehearsal runs none."""
    if (kind.group, kind.kind) == ("networking.k8s.io", "Ingress"):
        return True
    return (kind.group, kind.kind) == ("", "Service") and _at(obj, "spec", "type") == "LoadBalancer"


def needs_endpoints(kind: ObjectKind, obj: Object) -> bool:
    """Whether the object is a Service that directs traffic to pods."""
    spec = cast("Mapping[str, Any]", obj.get("spec") or {})
    return (
        (kind.group, kind.kind) == ("", "Service")
        and spec.get("type") != "ExternalName"
        and spec.get("clusterIP") != "None"
        and bool(spec.get("selector"))
    )


def endpoints(slices: list[Object]) -> Judgement:
    """Whether the Service's EndpointSlices are there and no pod in them is still on its way."""
    if not slices:
        return "no endpoints yet"
    pending = [
        endpoint
        for part in slices
        for endpoint in part.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready") is False
    ]
    return f"{len(pending)} of its pods not ready" if pending else None


def binds_on_first_use(claim: Object, storage_class: Object | None) -> bool:
    """Whether a pending claim is as ready as it gets without a pod."""
    mode = (storage_class or {}).get("volumeBindingMode")
    return mode == "WaitForFirstConsumer" and _at(claim, "status", "phase") == "Pending"


def _at(obj: Mapping[str, Any], *path: str) -> Any:
    value: Any = obj
    for part in path:
        value = cast("dict[str, Any]", value).get(part) if isinstance(value, dict) else None
    return value


def _condition(obj: Object, kind: str) -> Mapping[str, Any]:
    for condition in _at(obj, "status", "conditions") or []:
        if condition.get("type") == kind:
            return condition
    return {}


def _observed(obj: Object) -> bool:
    return (_at(obj, "status", "observedGeneration") or 0) >= (_at(obj, "metadata", "generation") or 0)


def _pod(pod: Object) -> Judgement:
    phase = _at(pod, "status", "phase")
    if phase == "Succeeded" or _condition(pod, "Ready").get("status") == "True":
        return None
    if phase == "Failed":
        return Failed(f"the pod failed: {_at(pod, 'status', 'message') or _at(pod, 'status', 'reason') or ''}")
    waiting = [
        f"{status['name']}: {status['state']['waiting'].get('reason')}"
        for status in _at(pod, "status", "containerStatuses") or []
        if (status.get("state") or {}).get("waiting")
    ]
    scheduling = _condition(pod, "PodScheduled")
    if scheduling.get("status") == "False":
        return f"not scheduled: {scheduling.get('message')}"
    return f"phase {phase or 'not known yet'}" + (f" ({', '.join(waiting)})" if waiting else "")


def _deployment(obj: Object) -> Judgement:
    if not _observed(obj):
        return "not yet observed by its controller"
    progressing = _condition(obj, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Failed(f"the rollout got stuck: {progressing.get('message')}")
    wanted = _at(obj, "spec", "replicas")
    wanted = 1 if wanted is None else wanted
    status = cast("Mapping[str, int]", obj.get("status") or {})
    if status.get("updatedReplicas", 0) < wanted:
        return f"{status.get('updatedReplicas', 0)} of {wanted} new replicas updated"
    if status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return f"{status['replicas'] - status.get('updatedReplicas', 0)} old replicas still there"
    if status.get("availableReplicas", 0) < status.get("updatedReplicas", 0):
        return f"{status.get('availableReplicas', 0)} of {wanted} replicas available"
    return None


def _stateful_set(obj: Object) -> Judgement:
    if not _observed(obj):
        return "not yet observed by its controller"
    wanted = _at(obj, "spec", "replicas")
    wanted = 1 if wanted is None else wanted
    status = cast("Mapping[str, Any]", obj.get("status") or {})
    if status.get("readyReplicas", 0) < wanted:
        return f"{status.get('readyReplicas', 0)} of {wanted} replicas ready"
    if _at(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return None
    if status.get("updateRevision") != status.get("currentRevision"):
        return f"{status.get('updatedReplicas', 0)} of {wanted} replicas updated"
    return None


def _daemon_set(obj: Object) -> Judgement:
    if not _observed(obj):
        return "not yet observed by its controller"
    status = cast("Mapping[str, int]", obj.get("status") or {})
    wanted = status.get("desiredNumberScheduled", 0)
    on_delete = _at(obj, "spec", "updateStrategy", "type") == "OnDelete"
    if not on_delete and status.get("updatedNumberScheduled", 0) < wanted:
        return f"{status.get('updatedNumberScheduled', 0)} of {wanted} pods updated"
    if status.get("numberAvailable", 0) < wanted:
        return f"{status.get('numberAvailable', 0)} of {wanted} pods available"
    return None


def _job(obj: Object) -> Judgement:
    failed = _condition(obj, "Failed")
    if failed.get("status") == "True":
        return Failed(f"the job failed: {failed.get('message') or failed.get('reason')}")
    if _condition(obj, "Complete").get("status") == "True":
        return None
    return f"{_at(obj, 'status', 'succeeded') or 0} pods succeeded"


def _replicated(obj: Object) -> Judgement:
    wanted, available = _at(obj, "spec", "replicas"), _at(obj, "status", "availableReplicas") or 0
    return None if available == (1 if wanted is None else wanted) else f"{available} replicas available"


def _claim(obj: Object) -> Judgement:
    phase = _at(obj, "status", "phase")
    return None if phase == "Bound" else f"phase {phase}"


def _volume(obj: Object) -> Judgement:
    phase = _at(obj, "status", "phase")
    return None if phase in ("Available", "Bound") else f"phase {phase}"


def _quota(obj: Object) -> Judgement:
    return None if _at(obj, "spec", "hard") == _at(obj, "status", "hard") else "its limits are not in force yet"


def _secret(obj: Object) -> Judgement:
    if obj.get("type") != "kubernetes.io/service-account-token" or obj.get("data"):
        return None
    return "no token in it yet"


def _namespace(obj: Object) -> Judgement:
    phase = _at(obj, "status", "phase")
    return None if phase == "Active" else f"phase {phase}"


def _definition(obj: Object) -> Judgement:
    refused = _condition(obj, "NamesAccepted")
    if refused.get("status") == "False":
        return Failed(f"its names are refused: {refused.get('message')}")
    return None if _condition(obj, "Established").get("status") == "True" else "not established yet"


_JUDGES: Mapping[tuple[str, str], Judge] = {
    ("", "Namespace"): _namespace,
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "ReplicationController"): _replicated,
    ("", "ResourceQuota"): _quota,
    ("", "Secret"): _secret,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
}

_CONDITION = re.compile(r"condition=(?P<type>\w+)(?:=(?P<status>\w+))?\Z")
_JSON_PATH = re.compile(r"jsonpath=\{(?P<path>(?:\.\w+)+)\}(?:=(?P<value>.+))?\Z")


def _expressions(text: str) -> list[str]:
    try:
        several = json.loads(text)
    except ValueError:
        return [text]
    return [str(item) for item in cast("list[Any]", several)] if isinstance(several, list) else [text]


def _custom(expression: str) -> Judge:
    condition = _CONDITION.match(expression)
    if condition is not None:
        kind, status = condition["type"], condition["status"] or "True"

        def by_condition(obj: Object) -> Judgement:
            now = _condition(obj, kind).get("status")
            return None if str(now).lower() == status.lower() else f"condition {kind} is {now}"

        return by_condition
    path = _JSON_PATH.match(expression)
    if path is not None:
        parts, value = path["path"].split(".")[1:], path["value"]

        def by_path(obj: Object) -> Judgement:
            now = _at(obj, *parts)
            ready = now is not None if value is None else str(now) == value
            return None if ready else f"{path['path']} is {now}"

        return by_path
    raise ProviderError(
        f"The annotation {WAIT_FOR} says '{expression}', which is not understood. Write condition=TYPE[=STATUS] or "
        "jsonpath={.field.field}[=value], or several of them in a JSON list."
    )


def _all(judges: list[Judge]) -> Judge:
    def every(obj: Object) -> Judgement:
        for single in judges:
            reason = single(obj)
            if reason is not None:
                return reason
        return None

    return every
