"""One cluster's control plane from its first file to its last process.

This is the order of things: what must exist before what, what may happen at
the same time, and what is undone when a step fails.
"""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rehearsal.cluster.api_client import ApiError, Client
from rehearsal.cluster.control_plane import bootstrap, commands, manifests
from rehearsal.cluster.control_plane.certificates import ADMIN, Material, write
from rehearsal.cluster.control_plane.commands import Commands
from rehearsal.cluster.control_plane.processes import Program, Supervised, until
from rehearsal.cluster.control_plane.token_signer import TokenSigner
from rehearsal.cluster.control_plane.versions import emulated_version, kubelet_version
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.node_objects import NodeSpec
from rehearsal.cluster.ports import LOOPBACK, Port
from rehearsal.cluster.spec import ControlPlaneSpec, ProcessInfo
from rehearsal.process_guard import Guard

if TYPE_CHECKING:
    from rehearsal.cluster.kubelet.kubelet import Kubelet

_ETCD_TIMEOUT = 20.0
_READY_TIMEOUT = 60.0
"""Seconds; generous, because a busy machine is slow and a program that died is noticed at once."""

_WEBSOCKETS = "ExtendWebSocketsToKubelet"
"""Kubernetes' word for a kubelet that speaks WebSocket itself; API servers know it from 1.36 on."""


class ControlPlane:
    """The five processes of one cluster, its nodes, and their kubelet.

    `endpoint`, `ca_data` and `admin_kubeconfig` hold from the end of `start`
    to `stop`; they stay the same when a process is restarted.
    """

    endpoint: str
    """URL of the API server, "https://127.0.0.1:PORT"."""
    ca_data: str
    """The cluster's certificate authority: PEM in base64, as EKS's DescribeCluster gives it."""
    admin_kubeconfig: Path
    """Enters as a member of system:masters; for whoever plays EKS, never for users. Mode 0600."""

    def __init__(self, spec: ControlPlaneSpec) -> None:
        self.spec = spec
        self.endpoint = ""
        self.ca_data = ""
        self.admin_kubeconfig = spec.dir / ADMIN
        self._guard: Guard | None = None
        self._ports: list[Port] = []
        self._listener: socket.socket | None = None
        self._kubelet: Kubelet | None = None
        self._programs: list[Supervised] = []
        self._client: Client | None = None
        self._material: Material | None = None
        self._filling: asyncio.Task[None] | None = None
        self._writing: asyncio.Future[Material] | None = None
        self._signer: TokenSigner | None = None
        self._owns_dir = False

    @property
    def client(self) -> Client:
        """Requests as the cluster's administrator. Raises ControlPlaneError when not started."""
        if self._client is None:
            raise ControlPlaneError(
                f"The control plane of {self.spec.cluster_name} is not running. Create the cluster first."
            )
        return self._client

    async def start(self) -> None:
        """Start everything; returns when the API server is ready, the rest still settles.

        Raises ControlPlaneError, after undoing what was begun.
        """
        try:
            await self._start()
        except BaseException:
            # Also when cancelled: nothing half-started may stay behind.
            await self.stop()
            raise

    async def _start(self) -> None:
        emulated = emulated_version(self.spec.version)
        directory = self.spec.dir
        self._make_directory()
        self._guard = Guard()
        api = Port()
        self._ports = [api]
        self._listener = socket.create_server((LOOPBACK, 0))
        self.endpoint = f"https://{api.address}"

        # Keys are made while etcd comes up; the API server needs both.
        self._writing = asyncio.ensure_future(asyncio.to_thread(write, self.spec, self.endpoint))
        await self._run(commands.etcd(self.spec))
        material = await asyncio.shield(self._writing)
        self._material = material
        self._signer = TokenSigner(material.token_key, directory)
        self._signer.start()
        self.ca_data = material.ca_data
        client = Client(self.endpoint, material.ca, material.admin)
        self._client = client
        programs = Commands(self.spec, material, api, emulated)

        async def etcd_listens() -> bool:
            return (directory / commands.ETCD_SOCKET).exists()

        await until(etcd_listens, self._programs, "starting", _ETCD_TIMEOUT)
        await self._run(programs.apiserver())
        # It takes a third of a second to load, which the machine has while the API server starts.
        loading = asyncio.create_task(
            asyncio.to_thread(import_module, "rehearsal.cluster.kubelet.kubelet"), name="load the kubelet"
        )
        await until(client.is_serving, self._programs, "waiting for the API server", _READY_TIMEOUT)
        # Until its start hooks have run, which wait a second by themselves, the machine is idle: these
        # two come up meanwhile. The controller manager would ask for health in steps of a second.
        await self._run(programs.scheduler())
        await self._run(programs.kwok())
        await until(client.is_ready, self._programs, "waiting for the API server", _READY_TIMEOUT)
        await self._run(programs.controller_manager())
        await loading
        await self._start_kubelet(material, self._guard, self._listener)
        for program in self._programs:
            program.keep_alive(self._drop_leases if program.program.name == "kwok" else None)
        self._filling = asyncio.create_task(
            bootstrap.fill(client, self._kubelet_port(), self.ca_data), name="fill the cluster"
        )

    async def _start_kubelet(self, material: Material, guard: Guard, listener: socket.socket) -> None:
        from rehearsal.cluster.kubelet.kubelet import Kubelet, Settings

        self._kubelet = Kubelet(
            Settings(
                endpoint=self.endpoint,
                directory=self.spec.dir,
                bin_dir=self.spec.bin_dir,
                ca=material.ca,
                client_ca=material.client_ca,
                front_proxy_ca=material.front_proxy_ca,
                client=material.kubelet,
                serving=material.kubelet_serving,
                guard=guard,
                environment=self.spec.pod_environment,
                admission=self.spec.admission,
            )
        )
        await self._kubelet.start(listener)

    def _kubelet_port(self) -> int:
        return self._listener.getsockname()[1] if self._listener is not None else 0

    def _make_directory(self) -> None:
        directory = self.spec.dir
        if directory.exists() and any(directory.iterdir()):
            raise ControlPlaneError(
                f"{directory} holds another control plane's files. Stop that one, or remove the directory."
            )
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._owns_dir = True
        directory.chmod(0o700)
        for name in ("log", "pki"):
            (directory / name).mkdir(mode=0o700)

    async def _run(self, program: Program) -> None:
        if self._guard is None:
            raise ControlPlaneError("The control plane is being stopped. Create the cluster again.")
        supervised = Supervised(program, self._guard)
        self._programs.append(supervised)
        await supervised.start()

    async def _drop_leases(self) -> None:
        """Free the nodes of a dead KWOK; a new one would wait 40 s until their leases have expired."""
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        # Without the API server the nodes just wait for that time.
        with contextlib.suppress(ControlPlaneError):
            await self.client.request("DELETE", path)

    async def upgrade(self, version: str) -> None:
        """Go on as a later Kubernetes version, with the same data and address.

        EKS replaces one API server of several at a time; here the only one is away for some seconds. Raises
        ControlPlaneError when it does not come back as that version; then it is the old one again.
        """
        before = self.spec
        await self._become(replace(before, version=version))
        try:
            await self._declare_features()
        except ControlPlaneError:
            await self._become(before)
            raise

    async def _become(self, spec: ControlPlaneSpec) -> None:
        if self._material is None or not self._programs:
            raise ControlPlaneError(
                f"The control plane of {spec.cluster_name} is not running. Create the cluster first."
            )
        programs = Commands(spec, self._material, self._ports[0], emulated_version(spec.version))
        before, self.spec = self.spec, spec
        apiserver = self._running("kube-apiserver")
        await apiserver.become(programs.apiserver())
        try:
            await until(self.client.is_ready, [apiserver], "being upgraded", _READY_TIMEOUT)
        except ControlPlaneError:
            if before != spec:
                await self._become(before)
            raise
        for program in (programs.controller_manager(), programs.scheduler()):
            await self._running(program.name).become(program)

    def _running(self, name: str) -> Supervised:
        return next(each for each in self._programs if each.program.name == name)

    async def _declare_features(self) -> None:
        """Tell a newer API server what the kubelet of every node has always been able to do."""
        status = {"status": {"declaredFeatures": self._features()}}
        for node in await self.nodes():
            path = f"/api/v1/nodes/{node['metadata']['name']}/status"
            await self.client.request("PATCH", path, status, "application/merge-patch+json")

    def _features(self) -> list[str]:
        return [_WEBSOCKETS] if emulated_version(self.spec.version) is None else []

    async def settle(self) -> None:
        """Wait until what EKS puts into a new cluster is there. Raises ControlPlaneError if it failed."""
        if self._filling is not None:
            await asyncio.shield(self._filling)

    async def stop(self) -> None:
        """End every process, free the ports and remove the directory; at any time, also twice."""
        if self._filling is not None:
            self._filling.cancel()
            with contextlib.suppress(asyncio.CancelledError, ControlPlaneError):
                await self._filling
            self._filling = None
        if self._kubelet is not None:
            await self._kubelet.stop()
            self._kubelet = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        programs, self._programs = self._programs, []
        await asyncio.gather(*(program.stop() for program in programs))
        if self._signer is not None:
            await asyncio.to_thread(self._signer.stop)
            self._signer = None
        if self._client is not None:
            self._client.close()
            self._client = None
        for port in self._ports:
            port.release()
        self._ports = []
        if self._guard is not None:
            self._guard.close()
            self._guard = None
        if self._writing is not None:
            # A thread cannot be cancelled; left alone it would write into the removed directory.
            await asyncio.wait([self._writing])
            self._writing = None
        if self._owns_dir:
            await asyncio.to_thread(shutil.rmtree, self.spec.dir, ignore_errors=True)
            self._owns_dir = False

    def processes(self) -> list[ProcessInfo]:
        """Each process as it is now."""
        return [program.info() for program in self._programs]

    async def add_node(self, node: NodeSpec) -> None:
        """Register a node, which KWOK then makes ready. A node of that name that is there is an ApiError."""
        version = kubelet_version(node.version or self.spec.version)
        if self._kubelet is not None:
            self._kubelet.add_address(node.name, node.internal_ip)
        await self.client.request("POST", "/api/v1/nodes", node.manifest(version, self._features()))

    async def remove_node(self, name: str) -> None:
        """Take a node and the pods on it away; one that is not there is fine."""
        client = self.client
        pods = await client.request("GET", f"/api/v1/pods?fieldSelector=spec.nodeName%3D{name}")
        await _unless_absent(client.request("DELETE", f"/api/v1/nodes/{name}"))
        if self._kubelet is not None:
            self._kubelet.remove_address(name)
        for pod in cast("list[dict[str, Any]]", pods["items"]):
            metadata = pod["metadata"]
            path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
            await _unless_absent(client.request("DELETE", f"{path}?gracePeriodSeconds=0"))

    async def put(self, objects: Sequence[manifests.Manifest], *, force: bool = True) -> None:
        """Have these objects there; without `force` what others have changed stays. Raises ControlPlaneError."""
        await manifests.apply(self.client, objects, force=force)

    async def take(self, objects: Sequence[manifests.Manifest]) -> None:
        """Have none of these objects in the cluster. Raises ControlPlaneError."""
        await manifests.delete(self.client, objects)

    async def nodes(self) -> list[dict[str, Any]]:
        """Every Node object."""
        answer = await self.client.request("GET", "/api/v1/nodes")
        return cast("list[dict[str, Any]]", answer["items"])

    async def ready_nodes(self) -> list[str]:
        """Names of the nodes that are Ready."""
        return [node["metadata"]["name"] for node in await self.nodes() if _is_ready(node)]


async def _unless_absent(request: Awaitable[object]) -> None:
    try:
        await request
    except ApiError as error:
        if error.status != 404:
            raise


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = cast("list[dict[str, str]]", node.get("status", {}).get("conditions", []))
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
