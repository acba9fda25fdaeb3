"""Pods that run once in the shop's namespace, and what a pod's specification says of Secrets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from exercises.k08.names import NAMESPACE
from grading.extract import ended
from grading.kube_api import refused
from grading.outcomes import Broke, Done, Outcome, Ran, Unanswered
from grading.probes import Lab

PODS: Final = f"/api/v1/namespaces/{NAMESPACE}/pods"
SECONDS: Final = 90.0
"""How long a pod may take; on AWS its image may have to be pulled first."""

STUCK: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "InvalidImageName"})
"""Reasons for which a container waits without end."""

Spec = dict[str, Any]
"""A pod's specification in the API's JSON form."""


def pod_named(name: str, spec: Spec) -> Spec:
    """The manifest of a pod."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def reader(spec: Spec) -> str:
    """Name of the container whose output counts: that of the thief, wherever it is."""
    everyone = [*(spec.get("initContainers") or ()), *spec["containers"]]
    return next((each["name"] for each in everyone if each["name"] == "thief"), spec["containers"][0]["name"])


def references(spec: Spec) -> Iterator[tuple[dict[str, Any], str]]:
    """Each place in a pod's specification that names a Secret, and the member that holds its name."""
    for volume in spec.get("volumes") or ():
        if "secret" in volume:
            yield volume["secret"], "secretName"
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "secret" in source:
                yield source["secret"], "name"
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        for each in container.get("env") or ():
            if "secretKeyRef" in (each.get("valueFrom") or {}):
                yield each["valueFrom"]["secretKeyRef"], "name"
        for each in container.get("envFrom") or ():
            if "secretRef" in each:
                yield each["secretRef"], "name"


def make_optional(spec: Spec) -> None:
    """So that the pod starts without its Secrets, too."""
    for reference, _ in references(spec):
        reference["optional"] = True


def needed(spec: Spec) -> Iterator[str]:
    """Names of the Secrets without which a pod does not start."""
    return (str(each[name]) for each, name in references(spec) if not each.get("optional"))


def is_there(lab: Lab, secret: str) -> bool:
    """Whether the namespace has such a Secret."""
    return isinstance(lab.api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets/{secret}"), Done)


def ran_to_end(lab: Lab, path: str, container: str) -> Ran | Outcome:
    """How a pod ended: its exit code, and what this container printed."""
    until = time.monotonic() + SECONDS
    while True:
        found = refused(lab.api.request("GET", path), "The pod")
        if not isinstance(found, Done):
            return found
        code = ended(found.value)
        if isinstance(code, int):
            break
        if code in STUCK:
            return Broke(f"The pod does not start: {code}.")
        if time.monotonic() > until or lab.stop.wait(0.3):
            return Unanswered(f"The pod has not ended within {SECONDS:.0f} seconds{f' ({code})' if code else ''}.")
    log = lab.api.request("GET", f"{path}/log?container={container}")
    return Ran(code, str(log.value), str(log.value)) if isinstance(log, Done) else log
