"""Waiting on the API server: until an object is ready, and until it is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rehearsal.plugins.kubernetes import readiness
from rehearsal.plugins.kubernetes.api import Object
from rehearsal.plugins.kubernetes.naming import SKIP_AWAIT, TIMEOUT, annotation, is_true
from rehearsal.plugins.kubernetes.tokens import ObjectKind
from rehearsal.plugins.protocol import Context, ProviderError, WaitTimeoutError

if TYPE_CHECKING:
    from rehearsal.plugins.kubernetes.client import Client

_INTERVAL = 0.2
_GOES_WITHIN = 20.0
"""Seconds that a deletion gets to end after a Ctrl-C: the API server took it, and goes through with it in any case.

The real provider looks once more and then keeps the object in the state, where nothing but a refresh takes it out. A
namespace is empty and gone in seconds here.
"""
_QUIET = 1.0  # seconds; most objects are ready sooner, and nobody wants to read why they were not at once
_SLICES = ObjectKind("discovery.k8s.io", "v1", "EndpointSlice")
_STORAGE_CLASSES = ObjectKind("storage.k8s.io", "v1", "StorageClass")
# The real provider does not wait for the end of these when told to skip waiting (metadata/overrides.go).
_LEFT_ALONE = frozenset(
    {
        ("", "Namespace"),
        ("", "Pod"),
        ("", "ReplicationController"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("batch", "Job"),
    }
)


class NotReadyError(ProviderError):
    """The object exists and is not ready; `live` is how it was last seen."""

    def __init__(self, text: str, live: Object) -> None:
        super().__init__(text)
        self.live = live


def until_ready(ctx: Context, client: Client, kind: ObjectKind, live: Object) -> Object:
    """The object once it is ready. Raises NotReadyError, also when the engine cancels the waiting."""
    if is_true(live, SKIP_AWAIT) or kind.patch:
        return live
    judge = _judge(ctx, client, kind, live)
    if judge is None:
        return live
    meta = live["metadata"]
    seen, reason, shown = live, judge(live), ""
    if reason is None:
        return live
    quiet_until = time.monotonic() + _QUIET

    def poll() -> Object | None:
        nonlocal seen, reason, shown
        now = client.get(kind, meta.get("namespace"), meta["name"], ctx)
        if now is None:
            raise NotReadyError(f"{kind.kind} {meta['name']} was deleted while it was waited for.", seen)
        seen, reason = now, judge(now)
        if isinstance(reason, readiness.Failed):
            raise NotReadyError(f"{kind.kind} {meta['name']}: {reason}", now)
        if reason is None:
            return now
        if reason != shown and time.monotonic() > quiet_until:
            shown = reason
            ctx.status(f"waiting for {kind.kind} {meta['name']}: {reason}")
        return None

    try:
        return ctx.wait(
            f"{kind.kind} {meta['name']} to become ready",
            poll,
            timeout=_timeout(live),
            interval=_INTERVAL,
        )
    except NotReadyError:
        raise
    except ProviderError as error:
        raise NotReadyError(f"{error} Last seen: {reason}.", seen) from error


def until_gone(ctx: Context, client: Client, kind: ObjectKind, obj: Object) -> None:
    """Returns when the object is gone, or another one has its name. Raises ProviderError."""
    if is_true(obj, SKIP_AWAIT) and (kind.group, kind.kind) in _LEFT_ALONE:
        return
    meta = obj["metadata"]
    finalizers: list[str] = []

    def poll() -> bool | None:
        now = client.get(kind, meta.get("namespace"), meta["name"], ctx)
        if now is None or (meta.get("uid") and now["metadata"].get("uid") != meta["uid"]):
            return True
        finalizers[:] = now["metadata"].get("finalizers") or []
        return None

    what = f"{kind.kind} {meta['name']} to be deleted"
    try:
        ctx.wait(what, poll, timeout=_timeout(obj), interval=_INTERVAL, patience=_GOES_WITHIN)
    except WaitTimeoutError as error:
        held = f" It is held by the finalizers {', '.join(finalizers)}." if finalizers else ""
        raise ProviderError(f"{error}{held}") from error


def _timeout(obj: Object) -> float:
    """Seconds; `ctx.wait` lets the program's own custom_timeouts go first, as the real provider does."""
    written = annotation(obj, TIMEOUT)
    return float(written) if written.isdigit() else readiness.TIMEOUT


def _judge(ctx: Context, client: Client, kind: ObjectKind, live: Object) -> Callable[[Object], str | None] | None:
    own = readiness.judge(kind, live)
    if (kind.group, kind.kind) == ("", "PersistentVolumeClaim") and own is not None:
        found = own

        def claim(obj: Object) -> str | None:
            reason = found(obj)
            if reason is None:
                return None
            name = (obj.get("spec") or {}).get("storageClassName")
            used = client.get(_STORAGE_CLASSES, None, name, ctx) if name else None
            return None if readiness.binds_on_first_use(obj, used) else reason

        return claim
    if own is None and readiness.needs_endpoints(kind, live):
        meta = live["metadata"]
        selector = f"kubernetes.io/service-name={meta['name']}"
        return lambda _obj: readiness.endpoints(client.listed(_SLICES, meta.get("namespace"), selector, ctx))
    return own
