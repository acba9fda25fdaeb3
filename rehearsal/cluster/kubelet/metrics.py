"""The Metrics API, behind the Service of metrics-server: what `kubectl top` asks for.

Nobody measures the containers, most of which have no process. Their figures are
made from what they request, so that they fit the nodes. Everything else is as
in a cluster: the API server leads users here (its aggregator), after it has
asked its RBAC, and only while a pod of metrics-server stands behind the Service.
"""

import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from aiohttp import web

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.control_plane.certificates import FRONT_PROXY
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet.api import ApiServer
from rehearsal.cluster.kubelet.egress import Way
from rehearsal.cluster.kubelet.objects import Object
from rehearsal.cluster.kubelet.server import common_name
from rehearsal.cluster.ports import LOOPBACK

PORT: Final = 10251
"""Of metrics-server's pods, as its add-on declares it."""
_PODS: Final = "/api/v1/namespaces/kube-system/pods?labelSelector=app.kubernetes.io%2Fname%3Dmetrics-server"
_VERSION: Final = "metrics.k8s.io/v1beta1"
_ROOT: Final = f"/apis/{_VERSION}"
_WINDOW: Final = "15s"
"""As the add-on's --metric-resolution has it."""
_LEAST: Final = 0.2
_MOST: Final = 0.8
"""Shares of a request between which the use of a container lies."""
_UNITS: Final = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    f"{letter}i": 1024.0**power for power, letter in enumerate("KMGT", 1)
}


class Usage(NamedTuple):
    """What something uses."""

    cpu: float
    """Cores."""
    memory: float
    """Bytes."""

    def __add__(self, other: Any) -> "Usage":
        """Both together."""
        return Usage(self.cpu + other.cpu, self.memory + other.memory)

    @property
    def shown(self) -> dict[str, str]:
        """As the Metrics API writes it."""
        return {"cpu": f"{self.cpu * 1e9:.0f}n", "memory": f"{self.memory / 1024:.0f}Ki"}


_UNREQUESTED: Final = Usage(0.01, 64 << 20)
"""What a container that requests nothing is taken to request."""
_SYSTEM: Final = Usage(0.05, 400 << 20)
"""What a node uses beside its pods."""


def amount(quantity: str) -> float:
    """A quantity of Kubernetes, "100m" or "1.5Gi", as the API server writes it."""
    number = quantity.rstrip("mkMGTi")
    return float(number) * _UNITS[quantity.removeprefix(number)]


def usage_of(pod: Object) -> Iterator[tuple[str, Usage]]:
    """Name and use of each running container; the same at every time."""
    spec = pod["spec"]
    sidecars = [each for each in spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"]
    for container in [*spec["containers"], *sidecars]:
        requests: Mapping[str, str] = container.get("resources", {}).get("requests") or {}
        cpu = amount(requests["cpu"]) if "cpu" in requests else _UNREQUESTED.cpu
        memory = amount(requests["memory"]) if "memory" in requests else _UNREQUESTED.memory
        chance = zlib.crc32(f"{pod['metadata']['uid']}/{container['name']}".encode()) / 0xFFFFFFFF
        share = _LEAST + (_MOST - _LEAST) * chance
        yield container["name"], Usage(cpu * share, memory * share)


def _metrics(kind: str, of: Object, **more: Any) -> Object:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept = {key: value for key, value in of["metadata"].items() if key in ("name", "namespace", "labels")}
    metadata = {**kept, "creationTimestamp": now}
    return {"kind": kind, "apiVersion": _VERSION, "metadata": metadata, "timestamp": now, "window": _WINDOW, **more}


def pod_metrics(pod: Object) -> Object:
    """A pod's PodMetrics."""
    containers = [{"name": name, "usage": usage.shown} for name, usage in usage_of(pod)]
    return _metrics("PodMetrics", pod, containers=containers)


def node_metrics(node: Object, pods: Iterable[Object]) -> Object:
    """A node's NodeMetrics, from the running pods of the cluster."""
    used = _SYSTEM
    for pod in pods:
        if pod["spec"].get("nodeName") == node["metadata"]["name"]:
            for _, usage in usage_of(pod):
                used += usage
    return _metrics("NodeMetrics", node, usage=used.shown)


def _running(pods: Iterable[Object]) -> list[Object]:
    return [pod for pod in pods if pod["status"].get("phase") == "Running"]


def _refused(status: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return web.json_response(body | {"message": message, "reason": reason, "code": status}, status=status)


@web.middleware
async def _authenticate(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    certificate = request.transport.get_extra_info("peercert") if request.transport else None
    if common_name(certificate) != FRONT_PROXY:
        return _refused(401, "Unauthorized", "Unauthorized")
    return await handler(request)


class MetricsApi:
    """A listener for the API server's aggregator, from `start` to `stop`."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self.port = 0
        """On 127.0.0.1, from `start` on."""
        self._runner: web.AppRunner | None = None

    async def start(self, context: ssl.SSLContext) -> None:
        """Serve on a free port of 127.0.0.1; `context` takes the certificate of the API server's front proxy."""
        app = web.Application(middlewares=[_authenticate])
        app.router.add_get(_ROOT, self._resources)
        for path in ("/nodes", "/nodes/{name}", "/pods", "/namespaces/{namespace}/pods"):
            app.router.add_get(_ROOT + path, self._answer)
        app.router.add_get(_ROOT + "/namespaces/{namespace}/pods/{name}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        listener = socket.create_server((LOOPBACK, 0))
        self.port = listener.getsockname()[1]
        await web.SockSite(self._runner, listener, ssl_context=context).start()

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def way(self, address: str) -> Way | None:
        """The way here, when that address is one of a pod of metrics-server. Raises ControlPlaneError."""
        found = await self._api.request("GET", f"{_PODS}&fieldSelector=status.podIP%3D{quote(address)}")
        return Way(self.port) if _running(found["items"]) else None

    async def _resources(self, request: web.Request) -> web.StreamResponse:
        del request
        kinds = (("nodes", False, "NodeMetrics"), ("pods", True, "PodMetrics"))
        resources = [
            {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}
            for name, namespaced, kind in kinds
        ]
        return web.json_response(
            {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _VERSION, "resources": resources}
        )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = request.rel_url.raw_path.removeprefix(_ROOT)
        selectors = {key: value for key, value in request.query.items() if key.endswith("Selector")}
        try:
            found = await self._api.request("GET", f"/api/v1{asked}?{urlencode(selectors)}")
            if asked.startswith("/nodes"):
                pods = _running((await self._api.request("GET", "/api/v1/pods"))["items"])
                kind, made = "NodeMetrics", [node_metrics(node, pods) for node in found.get("items", [found])]
            else:
                kind, made = "PodMetrics", [pod_metrics(pod) for pod in _running(found.get("items", [found]))]
        except ApiError as error:
            if error.status != 404:
                return _refused(error.status, error.reason, str(error))
            kind, made = "", []
        except ControlPlaneError as error:
            return _refused(503, "ServiceUnavailable", str(error))
        if "name" not in request.match_info:
            return web.json_response({"kind": f"{kind}List", "apiVersion": _VERSION, "metadata": {}, "items": made})
        if not made:
            what = "nodes" if asked.startswith("/nodes") else "pods"
            name = "/".join(request.match_info.values())
            return _refused(404, "NotFound", f'{what}.metrics.k8s.io "{name}" not found')
        return web.json_response(made[0])
