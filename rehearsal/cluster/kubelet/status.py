"""The status of a pod whose containers really run, as a kubelet computes it from theirs."""

from collections.abc import Mapping
from typing import Any

from rehearsal.cluster.kubelet.containers import Container, now
from rehearsal.cluster.kubelet.objects import Object


def changed_status(
    pod: Object,
    main: Mapping[str, Container],
    init: Mapping[str, Container],
    ephemeral: Mapping[str, Container],
    refused: Mapping[str, Object],
) -> Object:
    """What a patch has to say: phase, conditions, and every container's status.

    `refused`: name of an ephemeral container that does not run → its status (see `refusal`).
    """
    before = pod.get("status", {})
    statuses = _merged(before.get("containerStatuses") or [], main)
    first = _merged(before.get("initContainerStatuses") or [], init)
    phase = phase_of(pod["spec"].get("restartPolicy", "Always"), statuses, first)
    status: Object = {
        "phase": phase,
        "containerStatuses": statuses,
        "conditions": _conditions(phase, statuses, before.get("conditions") or []),
    }
    debugging = _ephemeral(ephemeral, refused)
    return (
        status
        | ({"initContainerStatuses": first} if first else {})
        | ({"ephemeralContainerStatuses": debugging} if debugging else {})
    )


def _ephemeral(ours: Mapping[str, Container], refused: Mapping[str, Object]) -> list[Object]:
    """KWOK says nothing of ephemeral containers; a kubelet never calls one ready."""
    shown = {each.name: {**_named(each.spec), **each.status(), "ready": False} for each in ours.values()}
    return [*shown.values(), *refused.values()]


def refusal(spec: Object, terminated: Object) -> Object:
    """The status of an ephemeral container that does not run."""
    return {**_named(spec), "state": {"terminated": terminated}, "ready": False, "started": False}


def _named(spec: Object) -> Object:
    return {"name": spec["name"], "image": spec["image"], "imageID": "", "restartCount": 0}


def _merged(statuses: list[Object], ours: Mapping[str, Container]) -> list[Object]:
    merged: list[Object] = []
    for status in statuses:
        container = ours.get(status["name"])
        merged.append({**status, **container.status()} if container else status)
    return merged


def phase_of(policy: str, statuses: list[Object], init: list[Object]) -> str:
    """Running until every container has ended for good, or an init container has failed for good."""
    if policy == "Never" and any(_code(status) for status in init):
        return "Failed"
    codes = [_code(status) for status in statuses]
    if not codes or None in codes or policy == "Always" or (policy == "OnFailure" and any(codes)):
        return "Running"
    return "Failed" if any(codes) else "Succeeded"


def _code(status: Mapping[str, Any]) -> int | None:
    """Exit code of a container that has ended."""
    terminated = status["state"].get("terminated")
    return terminated["exitCode"] if terminated else None


def _conditions(phase: str, statuses: list[Object], before: list[Object]) -> list[Object]:
    unready = [status["name"] for status in statuses if not status["ready"]]
    made: list[Object] = []
    for kind in ("Ready", "ContainersReady"):
        condition: Object = {"type": kind, "status": "False" if unready else "True", "reason": None, "message": None}
        if phase == "Succeeded":
            condition["reason"] = "PodCompleted"
        elif phase == "Failed":
            condition["reason"] = "PodFailed"
        elif unready:
            condition["reason"] = "ContainersNotReady"
            condition["message"] = f"containers with unready status: [{' '.join(unready)}]"
        known = next((each for each in before if each["type"] == kind), {})
        same = known.get("status") == condition["status"]
        condition["lastTransitionTime"] = known.get("lastTransitionTime") if same else now()
        made.append(condition)
    return made
