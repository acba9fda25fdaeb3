"""The events of a kubelet: what `kubectl describe pod` tells of a container's beginning and end.

Reasons and messages are those of Kubernetes 1.36.3 (pkg/kubelet/images and
pkg/kubelet/kuberuntime). No image is pulled: one that would be pulled is reported
to have taken no time and to have no size.

Events are sent one after the other beside everything else, and one that the
API server does not take is forgotten, as a kubelet forgets it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet.objects import Object

Tell = Callable[[str, str, str], None]
"""Takes type (Normal or Warning), reason and message of one container's event."""

_JSON: Final = "application/json"
_MERGE: Final = "application/merge-patch+json"


def tell_of_start(tell: Tell, container: Mapping[str, Any]) -> None:
    """The events of a container that runs."""
    image = container["image"]
    if container.get("imagePullPolicy") == "Always":
        tell("Normal", "Pulling", f'Pulling image "{image}"')
        took = "in 0s (0s including waiting). Image size: 0 bytes."
        tell("Normal", "Pulled", f'Successfully pulled image "{image}" {took}')
    else:
        accessible = "already present on machine and can be accessed by the pod"
        tell("Normal", "Pulled", f'Container image "{image}" {accessible}')
    tell("Normal", "Created", "Container created")
    tell("Normal", "Started", "Container started")


class Api(Protocol):
    """What is needed of the API server."""

    async def request(self, method: str, path: str, body: Mapping[str, Any], content_type: str) -> Object:
        """Send a request; raises ControlPlaneError."""
        ...


class Events:
    """Sends events of the pods of one cluster."""

    def __init__(self, api: Api) -> None:
        """`api` is the kubelet's own way to the API server."""
        self._api = api
        self._waiting: asyncio.Queue[tuple[str, Object]] = asyncio.Queue()
        self._known: dict[tuple[str, ...], tuple[str, int]] = {}
        self._sender: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._sender = asyncio.create_task(self._send(), name="send events")

    async def stop(self) -> None:
        """Stop sending; what was not sent yet is forgotten."""
        if self._sender is not None:
            self._sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sender

    def of(self, pod: Mapping[str, Any], container: str, kind: str = "containers") -> Tell:
        """Tells events of one container of a pod; `kind` is "initContainers" for one of those."""
        metadata = pod["metadata"]
        thing = {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "fieldPath": f"spec.{kind}{{{container}}}",
        }
        node = pod["spec"]["nodeName"]

        def tell(type_: str, reason: str, message: str) -> None:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            body: Object = {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{metadata['name']}.{time.time_ns():x}", "namespace": metadata["namespace"]},
                "involvedObject": thing,
                "type": type_,
                "reason": reason,
                "message": message,
                "source": {"component": "kubelet", "host": node},
                "reportingComponent": "kubelet",
                "reportingInstance": node,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
            }
            self._waiting.put_nowait((f"/api/v1/namespaces/{metadata['namespace']}/events", body))

        return tell

    async def _send(self) -> None:
        while True:
            path, body = await self._waiting.get()
            about = body["involvedObject"]
            key = (about["uid"], about["fieldPath"], body["reason"], body["message"])
            name, count = self._known.get(key, (body["metadata"]["name"], 0))
            try:
                if count:
                    again = {"count": count + 1, "lastTimestamp": body["lastTimestamp"]}
                    await self._api.request("PATCH", f"{path}/{name}", again, _MERGE)
                else:
                    await self._api.request("POST", path, body, _JSON)
            except ControlPlaneError:
                self._known.pop(key, None)
            else:
                self._known[key] = (name, count + 1)
