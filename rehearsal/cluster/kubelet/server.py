"""The port at which the API server finds every node's kubelet, and the webhooks that EKS has there.

A kubelet runs commands for whoever holds the right client certificate, so
this port asks for it: signed by the cluster's own authority and with the name
of the API server. The webhooks alone are open, as webhooks are: they change
nothing, they only answer what a pod should look like and what may be written.
"""

import asyncio
import json
import logging
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote, unquote

from aiohttp import web

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet import port_forward, streams
from rehearsal.cluster.kubelet.api import ApiServer
from rehearsal.cluster.kubelet.containers import Container
from rehearsal.cluster.kubelet.egress import Way
from rehearsal.cluster.kubelet.errors import NotRunning, NotStarted
from rehearsal.cluster.kubelet.framing import BadRequest
from rehearsal.cluster.kubelet.images import image_of, is_played
from rehearsal.cluster.kubelet.logs import Options
from rehearsal.cluster.kubelet.objects import Object
from rehearsal.cluster.kubelet.pod import Pod, not_played
from rehearsal.cluster.kubelet.pods import Pods
from rehearsal.cluster.spec import Admission

_log = logging.getLogger(__name__)

CLIENT: Final = "kube-apiserver-kubelet-client"
"""Name in the API server's client certificate."""
WEBHOOKS: Final = ("/mutate", "/validate")
_PROXIED: Final = re.compile(r"/api/v1/nodes/([^/]+)/proxy(?:/|$)")
"""What the API server says in X-Forwarded-Uri of a request that it passes on to a node; the name may have a port."""
_LARGEST_REQUEST: Final = 8 << 20
"""Bytes; an API object is never larger than 3 MiB."""
_SHUTDOWN: Final = 0.2
"""Seconds that open requests get when the listener is closed; their commands are dead by then."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def tls(ca_file: Path, files: tuple[Path, Path]) -> ssl.SSLContext:
    """A server's side that takes client certificates of that authority, and clients without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*files)
    context.load_verify_locations(ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def common_name(certificate: Any) -> str:
    """The name in a certificate as the ssl module shows it; "" when there is none."""
    subject = cast("tuple[tuple[tuple[str, str], ...], ...]", (certificate or {}).get("subject", ()))
    return next((value for part in subject for key, value in part if key == "commonName"), "")


@web.middleware
async def _authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path in WEBHOOKS:
        return await handler(request)
    certificate = request.transport.get_extra_info("peercert") if request.transport else None
    if not certificate:
        return web.Response(status=401, text="Unauthorized")
    name = common_name(certificate)
    if name != CLIENT:
        return web.Response(status=403, text=f"Forbidden (user={name}, resource=nodes, subresource=proxy)")
    return await handler(request)


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as a kubelet tells them: a status and one line of text."""
    try:
        return await handler(request)
    except BadRequest as error:
        return web.Response(status=400, text=str(error))
    except NotRunning as error:
        return web.Response(status=500, text=str(error))
    except ControlPlaneError as error:
        return web.Response(status=503, text=str(error))


class Server:
    """The listener of one cluster."""

    def __init__(self, pods: Pods, api: ApiServer, admission: Admission | None) -> None:
        self._pods = pods
        self._api = api
        self._admission = admission
        self._runner: web.AppRunner | None = None

    async def start(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        """Serve on a bound socket, until `stop`."""
        app = web.Application(middlewares=[_authenticate, _explain], client_max_size=_LARGEST_REQUEST)
        for pod in ("/{namespace}/{pod}", "/{namespace}/{pod}/{uid}"):
            for method in ("GET", "POST"):
                app.router.add_route(method, f"/exec{pod}/{{container}}", self._exec)
                app.router.add_route(method, f"/attach{pod}/{{container}}", self._attach)
                app.router.add_route(method, f"/portForward{pod}", self._port_forward)
            app.router.add_post(f"/run{pod}/{{container}}", self._run)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        app.router.add_get("/pods", self._pods_of_node)
        app.router.add_get("/healthz", self._healthz)
        for path in WEBHOOKS:
            app.router.add_post(path, self._admit)
        # Whoever goes away in the middle of an answer ends it.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN)
        await self._runner.setup()
        await web.SockSite(self._runner, listener, ssl_context=context).start()

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _container(self, request: web.Request) -> Container:
        """The container that a request names. Raises a web error or BadRequest."""
        wanted = request.match_info["container"]
        pod, found = await self._pod(request)
        name, spec = found["metadata"]["name"], found["spec"]
        kinds = ("initContainers", "containers", "ephemeralContainers")
        containers = [each for kind in kinds for each in spec.get(kind) or []]
        named = next((each for each in containers if each["name"] == wanted), None)
        if named is None:
            raise web.HTTPNotFound(text=f'container "{wanted}" not found in pod "{name}"')
        container = pod.container(wanted) if pod else None
        if container is not None:
            return container
        if image_of(named["image"]) is None:
            raise BadRequest(not_played(named))
        if pod is not None and (why := pod.refusal(wanted)):
            raise BadRequest(f'container "{wanted}" in pod "{name}" does not run: {why}')
        raise NotRunning(f'container not found ("{wanted}")')

    async def _pod(self, request: web.Request) -> tuple[Pod | None, Object]:
        """The pod that a request names, as far as it runs here, and its object. Raises a web error."""
        namespace, name = request.match_info["namespace"], request.match_info["pod"]
        pod = self._pods.find(namespace, name)
        if pod is None:
            found = await self._look(namespace, name)
            await self._pods.seen(found)
            pod = self._pods.find(namespace, name)
        else:
            found = pod.object
        if request.match_info.get("uid", found["metadata"]["uid"]) != found["metadata"]["uid"]:
            raise web.HTTPNotFound(text="pod does not exist")
        return pod, found

    async def _look(self, namespace: str, name: str) -> Object:
        """A pod that the watch has not shown yet, or that does not run here."""
        try:
            return await self._api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")
        except ApiError as error:
            if error.status == 404:
                raise web.HTTPNotFound(text="pod does not exist") from error
            raise

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        container = await self._container(request)
        return await streams.serve(request, container, request.query.getall("command", []))

    async def _run(self, request: web.Request) -> web.StreamResponse:
        """A command without a WebSocket, in a kubelet's words: it is split at spaces."""
        container = await self._container(request)
        command = request.query.get("cmd", "")
        try:
            code, output, errors = await streams.run_to_end(container, command.split(" "))
        except (NotStarted, OSError) as error:
            return web.Response(status=500, text=f"failed to exec in container: failed to start exec: {error}")
        if code:
            return web.Response(
                status=500, text=f"command '{command}' exited with {code}: {errors.decode(errors='replace')}"
            )
        # A kubelet calls it JSON, whatever it is.
        return web.Response(body=output + errors, content_type="application/json")

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        return await streams.attach(request, await self._container(request))

    async def _port_forward(self, request: web.Request) -> web.StreamResponse:
        pod, found = await self._pod(request)
        name = found["metadata"]["name"]
        if pod is None:
            if is_played(found):
                raise NotRunning(f'pod "{name}" does not run')
            raise BadRequest(not_played(found["spec"]["containers"][0]))

        def way(port: int) -> Way | None:
            # The ports of a pod that has ended are free for others.
            gone = self._pods.find(found["metadata"]["namespace"], name) is not pod
            container = None if gone else pod.listening(port)
            return Way(container.ports[port], container.is_starting) if container else None

        return await port_forward.serve(request, name, way)

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        options = Options.of(request.query, datetime.now(UTC))
        container = await self._container(request)
        pod = request.match_info["pod"]
        log = container.previous_log if options.previous else await container.current_log()
        if log is None and options.previous:
            raise BadRequest(f'previous terminated container "{container.name}" in pod "{pod}" not found')
        if log is None:
            if over := container.state.get("terminated"):
                raise BadRequest(f'container "{container.name}" in pod "{pod}" was not started: {over.get("message")}')
            reason = container.state.get("waiting", {}).get("reason", "ContainerCreating")
            raise BadRequest(f'container "{container.name}" in pod "{pod}" is waiting to start: {reason}')
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for text in log.read(options):
            await response.write(text)
        await response.write_eof()
        return response

    async def _pods_of_node(self, request: web.Request) -> web.StreamResponse:
        """The node's pods with their status, as a kubelet's /pods tells them.

        Every node of the rehearsal has this port. Which one is asked shows the API server's proxy.
        """
        found = _PROXIED.match(request.headers.get("X-Forwarded-Uri", ""))
        if found is None:
            raise BadRequest("it is not known which node is asked; ask by /api/v1/nodes/NODE/proxy/pods")
        node = unquote(found[1]).rpartition(":")[0] or unquote(found[1])
        pods = await self._api.request("GET", f"/api/v1/pods?fieldSelector={quote(f'spec.nodeName={node}')}")
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods["items"]})

    async def _healthz(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(text="ok")

    async def _admit(self, request: web.Request) -> web.StreamResponse:
        try:
            review = cast("Object", json.loads(await request.read()))
            uid = review["request"]["uid"]
        except (ValueError, KeyError, TypeError):
            return web.Response(status=400, text="an AdmissionReview with a request is wanted")
        if self._admission is None:
            answer: Object = {
                "apiVersion": review.get("apiVersion"),
                "kind": "AdmissionReview",
                "response": {"uid": uid, "allowed": True},
            }
        else:
            try:
                answer = await self._admission(review)
            except asyncio.CancelledError:
                raise
            except Exception:
                # The webhooks' failure policy lets the object pass; why it failed is for the emulator's log.
                _log.exception("an admission failed")
                return web.Response(status=500, text="admission failed")
        return web.json_response(answer)
