"""What a resource that takes long waits for, in words, and when this is shown.

Neither engine nor provider says it: a finalizer whose controller is gone, an image that cannot be pulled and a network
interface that holds a subnet all look like a run that stands still. What a resource waits for is decided here from what
the API server and AWS tell of it, and nothing is asked; `stacks.wait_probes` asks.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stacks.console import duration

if TYPE_CHECKING:
    from pulumi import automation as auto

AFTER: Final = 10.0
"""Seconds after which a resource is shown."""

AGAIN: Final = 60.0
"""Seconds after which the same is shown once more."""

_PACE: Final = 2.0
"""Seconds between two looks."""

_ENDS_WITHIN: Final = 5.0
"""Seconds that a question under way may still take when the run is over."""

_MOST: Final = 5
"""Resources that are shown at a time: those that have waited longest."""

_LONGEST: Final = 200
"""Characters of somebody else's message."""

_DOING: Final = {"create": "being created", "delete": "being deleted", "update": "being updated"}

LOAD_BALANCER: Final = "the AWS Load Balancer Controller"
_OWNERS: Final = (
    ("group.ingress.k8s.aws/", LOAD_BALANCER),
    ("ingress.k8s.aws/", LOAD_BALANCER),
    ("service.k8s.aws/", LOAD_BALANCER),
    ("elbv2.k8s.aws/", LOAD_BALANCER),
    ("service.kubernetes.io/load-balancer-cleanup", "the cloud controller manager that EKS runs"),
    ("kubernetes.io/pvc-protection", "the controller manager as soon as no pod uses it"),
    ("kubernetes.io/pv-protection", "the controller manager as soon as no claim uses it"),
    ("external-attacher/", "the EBS CSI driver"),
    ("external-provisioner.volume.kubernetes.io/", "the EBS CSI driver"),
    ("foregroundDeletion", "the garbage collector when what belongs to it is gone"),
)
"""Beginning of a finalizer → who takes it off. From the controllers' own constants, seen 2026-11."""


@dataclass(frozen=True)
class Resource:
    """One resource that the engine is at work on."""

    urn: str
    type: str
    """The engine's type token: `aws:ec2/vpc:Vpc`."""

    operation: str
    id: str = ""
    """The provider's id; empty for what is being created."""

    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __str__(self) -> str:
        package, _, rest = self.type.partition(":")
        return f"{package}:{rest.split(':')[-1]} {self.urn.split('::')[-1]}"


def deletion(found: Mapping[str, Any], away: str = "") -> str:
    """What keeps an object that is being deleted; empty for one that is not, or that nothing keeps.

    `away` is what to say when the load balancer controller owes the finalizer and has no ready pod; empty when it has.
    """
    about, status = found["metadata"], found.get("status") or {}
    if not about.get("deletionTimestamp"):
        return ""
    told = [
        f"finalizer {each}{f', taken off by {owner}' if owner else ''}{away if owner == LOAD_BALANCER else ''}"
        for each in about.get("finalizers") or []
        for owner in [owner_of(each)]
    ]
    # Its conditions say what remains when they are True (k8s.io/api, core/v1, NamespaceConditionType).
    if found.get("kind") == "Namespace":
        told += [_short(each["message"]) for each in status.get("conditions") or [] if each["status"] == "True"]
    return "; ".join(told)


def owner_of(finalizer: str) -> str:
    """Who takes a finalizer off; empty for one that is not known."""
    return next((owner for prefix, owner in _OWNERS if finalizer.startswith(prefix)), "")


def pods(found: Iterable[Mapping[str, Any]]) -> str:
    """The pods that are not ready, with their reasons; empty when all are, or have done their work."""
    waiting = [f"pod {each['metadata']['name']} ({_of_pod(each)})" for each in found if not _is_ready(each)]
    return _few(waiting, "pods")


def _is_ready(pod: Mapping[str, Any]) -> bool:
    status = pod.get("status") or {}
    conditions = {each["type"]: each["status"] for each in status.get("conditions") or []}
    leaves = bool(pod["metadata"].get("deletionTimestamp"))
    return status.get("phase") == "Succeeded" or (conditions.get("Ready") == "True" and not leaves)


def _of_pod(pod: Mapping[str, Any]) -> str:
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return deletion(pod) or "it is ending"
    for each in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = each.get("state") or {}
        held = state.get("waiting") or (state.get("terminated") if not each.get("ready") else None)
        if held and held.get("reason") not in (None, "PodInitializing", "Completed"):
            return _said(held)
    for each in status.get("conditions") or []:
        if each["status"] == "False" and each.get("message"):
            return _said(each)
    return str(status.get("phase") or "Pending")


def workload(found: Mapping[str, Any]) -> str:
    """Why a Deployment, StatefulSet or DaemonSet cannot make its pods; empty when nothing says so."""
    failed = [each for each in (found.get("status") or {}).get("conditions") or [] if each["type"] == "ReplicaFailure"]
    return f"{found['metadata']['name']}: {_said(failed[0])}" if failed else ""


def events(found: Sequence[Mapping[str, Any]]) -> str:
    """The newest warning about an object; empty when there is none."""
    warnings = [each for each in found if each.get("type") == "Warning"]
    newest = max(warnings, key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime")), default=None)
    return _said(newest) if newest else ""


def eks(described: Mapping[str, Any]) -> str:
    """Status and health issues of a cluster, node group or add-on, as EKS describes it."""
    found = (described.get("health") or {}).get("issues", [])
    issues = [f"{each['code']}: {_short(each['message'])}" for each in found]
    return "; ".join([f"EKS, which has it {described['status']}", *issues])


def interfaces(found: Iterable[Mapping[str, Any]]) -> str:
    """The network interfaces that hold a part of a network, as EC2 describes them; empty when there are none."""
    told: list[str] = []
    for each in found:
        attached = each.get("Attachment") or {}
        owner = attached.get("InstanceId") or each.get("RequesterId") or attached.get("InstanceOwnerId") or ""
        told.append(f"network interface {each['NetworkInterfaceId']} ({each.get('Description') or 'no description'}"
                    f"{f', of {owner}' if owner else ''})")  # fmt: skip
    return _few(told, "network interfaces")


def _few(told: Sequence[str], what: str) -> str:
    return ", ".join(told[:2]) + (f" and {len(told) - 2} more {what}" if len(told) > 2 else "")


def _said(told: Mapping[str, Any]) -> str:
    reason, message = str(told.get("reason") or ""), _short(str(told.get("message") or ""))
    return ": ".join(filter(None, (reason, message)))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


@dataclass
class _Waiting:
    resource: Resource
    since: float
    why: str = ""
    told: float | None = None


class Reporter:
    """Follows one run of the engine and tells what has waited for long; safe to be called from several threads."""

    def __init__(
        self,
        ask: Callable[[Resource], str],
        tell: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` says what a resource waits for, empty where that cannot be told; `tell` gets one line."""
        self._ask, self._tell, self._clock = ask, tell, clock
        self._running: dict[str, _Waiting] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def take(self, event: "auto.EngineEvent") -> None:
        """Take an event of the run in."""
        if event.resource_pre_event:
            meta = event.resource_pre_event.metadata
            operation = str(getattr(meta.op, "value", meta.op))
            state = (meta.old if "delete" in operation else meta.new) or meta.old
            if operation != "same" and state is not None and state.custom:
                self.begun(Resource(meta.urn, meta.type, operation, state.id or "", state.inputs or {}))
        for ended in (event.res_outputs_event, event.res_op_failed_event):
            if ended:
                self.ended(ended.metadata.urn)

    def begun(self, resource: Resource) -> None:
        """The engine has begun its work on a resource."""
        with self._lock:
            self._running[resource.urn] = _Waiting(resource, self._clock())

    def ended(self, urn: str) -> None:
        """The work on a resource is done, or has failed."""
        with self._lock:
            self._running.pop(urn, None)

    def look(self) -> None:
        """Ask what has waited for long, and tell what is new of it, and what was told a minute ago."""
        now = self._clock()
        with self._lock:
            late = [each for each in self._running.values() if now - each.since >= AFTER]
        for each in sorted(late, key=lambda each: each.since)[:_MOST]:
            try:
                why = self._ask(each.resource)
            except Exception:  # whatever a probe meets, the run is not to be stopped by it
                why = ""
            now = self._clock()
            with self._lock:
                running = self._running.get(each.resource.urn) is each
            due = each.told is None or now - each.told >= AGAIN or (why and why != each.why)
            if running and due and not self._stop.is_set():
                each.told, each.why = now, why
                doing = _DOING.get(each.resource.operation, "being changed")
                reason = f", waits for {why}" if why else ""
                self._tell(f"{each.resource}, {doing} for {duration(now - each.since)}{reason}")

    @contextmanager
    def watching(self) -> Generator["Reporter"]:
        """While the block runs a thread looks; a question that gets no answer does not hold the block's end up."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join(_ENDS_WITHIN)

    @property
    def is_over(self) -> bool:
        """Whether the run is over, so that nothing is to be asked any more."""
        return self._stop.is_set()

    def _watch(self) -> None:
        while not self._stop.wait(_PACE):
            self.look()
