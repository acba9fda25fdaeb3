"""The kubelet of every node of a cluster, in our own process and event loop."""

import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal.cluster.kubelet import egress, metrics
from rehearsal.cluster.kubelet.api import ApiServer
from rehearsal.cluster.kubelet.egress import Egress, Way
from rehearsal.cluster.kubelet.events import Events
from rehearsal.cluster.kubelet.images import MODULES, Commands
from rehearsal.cluster.kubelet.metrics import MetricsApi
from rehearsal.cluster.kubelet.pod import World
from rehearsal.cluster.kubelet.pods import Pods
from rehearsal.cluster.kubelet.server import Server, tls
from rehearsal.cluster.node_objects import KUBELET_PORT
from rehearsal.cluster.ports import LOOPBACK
from rehearsal.cluster.spec import Admission, PodEnvironment
from rehearsal.process_guard import Guard


@dataclass(frozen=True)
class Settings:
    """What a kubelet is started with."""

    endpoint: str
    """URL of the API server."""
    directory: Path
    """For the pods' files: made on demand, below the control plane's own directory."""
    bin_dir: Path
    """Where kubectl is."""
    ca: Path
    """Signed the API server's certificate."""
    client_ca: Path
    """Signed the certificate with which the API server comes to this port."""
    front_proxy_ca: Path
    """Signed the certificate with which the API server leads its users on to other API servers."""
    client: tuple[Path, Path]
    """Certificate and key with which it asks the API server."""
    serving: Callable[[Sequence[str]], tuple[Path, Path]]
    """Makes certificate and key of its own port, for these addresses."""
    guard: Guard
    environment: PodEnvironment | None
    admission: Admission | None


class Kubelet:
    """Runs pods and serves the kubelet's port, from `start` to `stop`."""

    def __init__(self, settings: Settings) -> None:
        """Must be made within a running event loop."""
        bin_dir = settings.bin_dir.resolve()
        prefix = Path(sys.prefix)
        self._settings = settings
        self._api = ApiServer(settings.endpoint, settings.ca, settings.client)
        self._events = Events(self._api)
        world = World(
            api=self._api,
            endpoint=settings.endpoint,
            directory=settings.directory / "pods",
            commands=Commands(settings.directory / "commands", bin_dir),
            needed=(settings.directory, bin_dir, (bin_dir / "kubectl").resolve(), prefix, prefix.resolve(), MODULES),
            guard=settings.guard,
            environment=settings.environment,
            events=self._events,
        )
        self._addresses: dict[str, str] = {}
        self._certificates: ssl.SSLContext | None = None
        self._port = 0
        self._pods = Pods(world)
        self._egress = Egress(self._find)
        self._server = Server(self._pods, self._api, settings.admission)
        self._metrics = MetricsApi(self._api)

    async def start(self, listener: socket.socket) -> None:
        """Serve on a bound socket what nodes' kubelets serve, lead the API server there, and begin to watch pods."""
        settings = self._settings
        self._port = listener.getsockname()[1]
        self._certificates = tls(settings.client_ca, settings.serving([LOOPBACK]))
        await self._server.start(listener, self._certificates)
        await self._metrics.start(tls(settings.front_proxy_ca, settings.serving([LOOPBACK])))
        await self._egress.start(egress.listener(settings.directory))
        self._events.start()
        self._pods.start()

    def add_address(self, node: str, address: str) -> None:
        """Be the kubelet of a node, at that IP address."""
        self._addresses[node] = address
        if self._certificates is not None:
            # Counts for the next connection: the API server looks for the address in the certificate.
            hosts = [LOOPBACK, *sorted(self._addresses.values())]
            self._certificates.load_cert_chain(*self._settings.serving(hosts))

    def remove_address(self, node: str) -> None:
        """A node is gone, or was never there."""
        self._addresses.pop(node, None)

    async def _find(self, host: str, port: int) -> Way | None:
        """Where an address of the cluster is played."""
        if port == KUBELET_PORT and host in self._addresses.values():
            return Way(self._port)
        if port == metrics.PORT and (way := await self._metrics.way(host)):
            return way
        container = await self._pods.at(host, port)
        return Way(container.ports[port], container.is_starting) if container else None

    async def stop(self) -> None:
        """End every pod and close the port; no process and no file of a pod is left."""
        await self._egress.stop()
        await self._pods.stop()
        await self._events.stop()
        await self._server.stop()
        await self._metrics.stop()
        await self._api.close()
