"""One pod that runs here: its files, its containers in their order, and what becomes of them."""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet.api import ApiServer
from rehearsal.cluster.kubelet.containers import Container, Prepared, not_started
from rehearsal.cluster.kubelet.environment import container_variables, service_variables
from rehearsal.cluster.kubelet.events import Events
from rehearsal.cluster.kubelet.images import MODULES, Commands, Image, image_of
from rehearsal.cluster.kubelet.objects import Object, Sources
from rehearsal.cluster.kubelet.processes import kill_marked
from rehearsal.cluster.kubelet.sandbox import Namespaces, Place, Programs, Rewritten, Sandbox
from rehearsal.cluster.kubelet.status import changed_status, refusal
from rehearsal.cluster.kubelet.volumes import Volumes, mount_points
from rehearsal.cluster.spec import PodEnvironment
from rehearsal.process_guard import Guard

_log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.1
_TRIES: Final = 6
"""How often a status is sent when the API server is away: for about 6 s."""
_DIRECTORIES: Final = ("home", "tmp", "containers")


@dataclass(frozen=True)
class World:
    """What every pod of a cluster shares."""

    api: ApiServer
    endpoint: str
    directory: Path
    """Of all pods; each has one in it, named by its uid."""
    commands: Commands
    needed: tuple[Path, ...]
    """Directories of this machine that the commands are made of."""
    guard: Guard
    environment: PodEnvironment | None
    events: Events


def not_played(spec: Object) -> str:
    """Says of a container, by its specification, why it has no process."""
    return f"the rehearsal does not play image {spec['image']}: no process runs in container {spec['name']}"


class Pod:
    """One pod that runs here."""

    def __init__(self, world: World, pod: Object, programs: Programs | None) -> None:
        """`programs` make namespaces; None where there are none."""
        self.object = pod
        self._world = world
        self._programs = programs
        metadata = pod["metadata"]
        self.uid: str = metadata["uid"]
        self._path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        self._directory = world.directory / self.uid
        self._volumes = Volumes(self._directory / "volumes", pod, world.api)
        self._volumes_ready: asyncio.Lock | None = asyncio.Lock()
        self._node: Object | None = None
        self._init = self._containers("initContainers")
        self._main = self._containers("containers")
        self._ephemeral: dict[str, Container] = {}
        self._refused: dict[str, Object] = {}
        self._debugging: set[asyncio.Task[int]] = set()
        self._task: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._ending = False
        self._publishing = asyncio.Lock()

    def _containers(self, kind: str) -> dict[str, Container]:
        found = self.object["spec"].get(kind) or []
        return {spec["name"]: self._made(spec, image, kind) for spec in found if (image := image_of(spec["image"]))}

    def _made(self, spec: Object, image: Image, kind: str) -> Container:
        return Container(
            spec,
            image,
            self._directory / "containers" / spec["name"],
            self._world.guard,
            self._prepare,
            self._current_env,
            self._publish,
            self.uid,
            self._world.events.of(self.object, spec["name"], kind),
        )

    async def see(self, pod: Object) -> None:
        """Take notice of the pod as it is now: its ephemeral containers are run once, or have a reason why not."""
        self.object = pod
        said = len(self._refused)
        for spec in pod["spec"].get("ephemeralContainers") or []:
            name, image = spec["name"], image_of(spec["image"])
            if name in self._ephemeral or name in self._refused or self._ending:
                continue
            if image is None:
                self._refused[name] = refusal(spec, not_started("ImageNotPlayed", not_played(spec)))
            elif pod["status"].get("phase") != "Running":
                why = "the pod has ended, and a kubelet starts no ephemeral container in it any more"
                self._refused[name] = refusal(spec, not_started("PodHasEnded", why))
            else:
                self._debug(spec, image)
        if len(self._refused) > said:
            await self._publish()

    def _debug(self, spec: Object, image: Image) -> None:
        container = self._made(spec, image, "ephemeralContainers")
        container.state = {"waiting": {"reason": "ContainerCreating"}}
        self._ephemeral[spec["name"]] = container
        task = asyncio.create_task(container.run(lambda _: False), name=f"{spec['name']} of {self._path}")
        self._debugging.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[int]") -> None:
        self._debugging.discard(task)
        if not task.cancelled() and task.exception():
            _log.error("an ephemeral container of %s cannot be played", self._path, exc_info=task.exception())

    def container(self, name: str) -> Container | None:
        """The container of that name, when its image is played."""
        return self._main.get(name) or self._init.get(name) or self._ephemeral.get(name)

    def refusal(self, name: str) -> str:
        """Why an ephemeral container does not run; "" of any other."""
        return self._refused[name]["state"]["terminated"]["message"] if name in self._refused else ""

    def at(self, address: str, port: int) -> Container | None:
        """The container that has this port, when the address is the pod's."""
        if all(each["ip"] != address for each in self.object.get("status", {}).get("podIPs") or []):
            return None
        return self.listening(port)

    def listening(self, port: int) -> Container | None:
        """The container that has this port."""
        return next((each for each in self._main.values() if port in each.ports), None)

    def start(self) -> None:
        """Run the containers, until `end`."""
        for name in _DIRECTORIES:
            (self._directory / name).mkdir(parents=True, exist_ok=True)
        self._task = asyncio.create_task(self._run(), name=f"pod {self._path}")

    async def _run(self) -> None:
        try:
            policy = self.object["spec"].get("restartPolicy", "Always")
            for container in self._init.values():
                if container.spec.get("restartPolicy") == "Always":
                    continue
                if await container.run(lambda code: code != 0 and policy != "Never"):
                    return
            again = {"Always": lambda _: True, "OnFailure": lambda code: code != 0}.get(policy, lambda _: False)
            await asyncio.gather(*(container.run(again) for container in self._main.values()))
        except asyncio.CancelledError:
            raise
        except Exception:
            # One pod that cannot be played must not be the end of the others.
            _log.exception("pod %s cannot be played", self._path)

    async def _prepare(self, spec: Object, image: Image) -> Prepared:
        """Volumes, sandbox and variables of a container. Raises NotStarted or ControlPlaneError."""
        await self._prepare_volumes()
        directory = self._directory / "containers" / spec["name"]
        directory.mkdir(parents=True, exist_ok=True)
        metadata, pod_spec = self.object["metadata"], self.object["spec"]
        home = self._directory / "home"
        cwd = Path(spec["workingDir"]) if spec.get("workingDir") else home
        place = Place(
            host_name=pod_spec.get("hostname") or metadata["name"],
            directory=directory,
            cwd=cwd if cwd.is_dir() else home,
            home=home,
            mounts=mount_points(spec, self._volumes.by_name),
            needed=self._world.needed,
        )
        sandbox: Sandbox = Namespaces(self._programs, place) if self._programs else Rewritten(place)
        address = urlsplit(self._world.endpoint)
        services = service_variables(address.hostname or "", address.port or 443)
        sources = Sources(self._world.api, metadata["namespace"])
        base = {
            "PATH": self._world.commands.path(image),
            "HOSTNAME": place.host_name,
            "HOME": str(home),
            "TMPDIR": str(self._directory / "tmp"),
            **({"PYTHONPATH": str(MODULES)} if image.module else {}),
        }
        env = {**base, **await container_variables(self.object, spec, services, sources)}
        return Prepared(sandbox, env, home)

    async def _prepare_volumes(self) -> None:
        lock = self._volumes_ready
        if lock is None:
            return
        async with lock:
            if self._volumes_ready is not None:
                await self._volumes.prepare()
                self._volumes_ready = None
                self._renewal = asyncio.create_task(self._renew(), name=f"tokens of {self._path}")

    async def _renew(self) -> None:
        while (wait := await self._volumes.renew()) is not None:
            await asyncio.sleep(wait)

    async def _current_env(self, env: Mapping[str, str]) -> Mapping[str, str]:
        """Before every process: fresh tokens, and the environment that is not the pod's own."""
        await self._volumes.renew()
        if self._world.environment is None:
            return env
        if self._node is None:
            self._node = await self._world.api.request("GET", f"/api/v1/nodes/{self.object['spec']['nodeName']}")
        return {**env, **await self._world.environment(self.object, self._node)}

    async def _publish(self) -> None:
        """Tell the API server what has become of the containers."""
        async with self._publishing:
            if not self._ending:
                await self._patch()

    async def _patch(self) -> None:
        body = {"status": changed_status(self.object, self._main, self._init, self._ephemeral, self._refused)}
        pause = _FIRST_PAUSE
        for _ in range(_TRIES):
            try:
                self.object = await self._world.api.request(
                    "PATCH", f"{self._path}/status", body, "application/strategic-merge-patch+json"
                )
                return
            except ApiError as error:
                if error.status != 404:
                    _log.warning("status of %s: %s", self._path, error)
                return
            except ControlPlaneError:
                await asyncio.sleep(pause)
                pause *= 2

    async def end(self) -> None:
        """Kill everything and remove the pod's files; returns when nothing is left."""
        self._ending = True
        for task in (self._task, self._renewal, *self._debugging):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        for container in [*self._main.values(), *self._init.values(), *self._ephemeral.values()]:
            await container.gone()
        if self._programs is None:
            # No namespace has taken along what left its parent and its group.
            await asyncio.to_thread(kill_marked, str(self._directory))
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)
