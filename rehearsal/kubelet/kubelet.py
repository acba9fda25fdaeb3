"""The kubelet of every node of a cluster, in our own process and event loop."""

import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from rehearsal.control_plane.guard import Guard
from rehearsal.control_plane.spec import Admission, PodEnvironment
from rehearsal.kubelet.api import ApiServer
from rehearsal.kubelet.images import Commands
from rehearsal.kubelet.pods import Pods, World
from rehearsal.kubelet.server import Server, tls


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
    client: tuple[Path, Path]
    """Certificate and key with which it asks the API server."""
    serving: tuple[Path, Path]
    """Certificate and key of its own port."""
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
        world = World(
            api=self._api,
            endpoint=settings.endpoint,
            directory=settings.directory / "pods",
            commands=Commands(settings.directory / "commands", bin_dir),
            needed=(settings.directory, bin_dir, (bin_dir / "kubectl").resolve(), prefix, prefix.resolve()),
            guard=settings.guard,
            environment=settings.environment,
        )
        self._pods = Pods(world)
        self._server = Server(self._pods, self._api, settings.admission)

    async def start(self, listener: socket.socket) -> None:
        """Serve on a socket that is bound to the nodes' kubelet port, and begin to watch pods."""
        await self._server.start(listener, tls(self._settings.client_ca, self._settings.serving))
        self._pods.start()

    async def stop(self) -> None:
        """End every pod and close the port; no process and no file of a pod is left."""
        await self._pods.stop()
        await self._server.stop()
        await self._api.close()
