"""Watches the cluster's pods and runs those that are played, from their start to their end.

KWOK says first that a pod runs; from then on its state is ours to say, which
is only done when it becomes another one. A pod without any container of a
played image costs nothing here.
"""

import asyncio
import contextlib
import logging
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from rehearsal.control_plane.client import ApiError
from rehearsal.control_plane.errors import ControlPlaneError
from rehearsal.control_plane.guard import Guard
from rehearsal.control_plane.spec import PodEnvironment
from rehearsal.kubelet.api import ApiServer
from rehearsal.kubelet.containers import Container, Prepared
from rehearsal.kubelet.environment import container_variables, service_variables
from rehearsal.kubelet.events import Events, tell_of_start
from rehearsal.kubelet.images import MODULES, Commands, Image, image_of, is_played
from rehearsal.kubelet.objects import Object, Sources
from rehearsal.kubelet.processes import kill_marked
from rehearsal.kubelet.sandbox import Namespaces, Place, Programs, Rewritten, Sandbox
from rehearsal.kubelet.status import changed_status
from rehearsal.kubelet.volumes import Volumes, mount_points

_log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
"""Seconds before the watch is taken up again."""
_TRIES: Final = 6
"""How often a status is sent when the API server is away: for about 6 s."""


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
        self._task: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._ending = False
        self._publishing = asyncio.Lock()

    def _containers(self, kind: str) -> dict[str, Container]:
        made: dict[str, Container] = {}
        for spec in self.object["spec"].get(kind) or []:
            if image := image_of(spec["image"]):
                directory = self._directory / "containers" / spec["name"]
                made[spec["name"]] = Container(
                    spec,
                    image,
                    directory,
                    self._world.guard,
                    self._prepare,
                    self._current_env,
                    self._publish,
                    self.uid,
                    self._world.events.of(self.object, spec["name"], kind),
                )
        return made

    def container(self, name: str) -> Container | None:
        """The container of that name, when its image is played."""
        return self._main.get(name) or self._init.get(name)

    def at(self, address: str, port: int) -> Container | None:
        """The container that has this port, when the address is the pod's."""
        if all(each["ip"] != address for each in self.object.get("status", {}).get("podIPs") or []):
            return None
        return next((each for each in self._main.values() if port in each.ports), None)

    def start(self) -> None:
        """Run the containers, until `end`."""
        self._task = asyncio.create_task(self._run(), name=f"pod {self._path}")

    async def _run(self) -> None:
        try:
            for name in ("home", "tmp", "containers"):
                (self._directory / name).mkdir(parents=True, exist_ok=True)
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
        body = {"status": changed_status(self.object, self._main, self._init)}
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
        for task in (self._task, self._renewal):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        for container in [*self._main.values(), *self._init.values()]:
            await container.gone()
        if self._programs is None:
            # No namespace has taken along what left its parent and its group.
            await asyncio.to_thread(kill_marked, str(self._directory))
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)


class Pods:
    """Every pod of the cluster that runs here."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pods: dict[str, Pod] = {}
        self._ends: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[Programs | None] | None = None
        self._ended: set[str] = set()
        self._told: set[str] = set()

    def start(self) -> None:
        """Begin to watch; returns at once."""
        self._watch = asyncio.create_task(self._watch_pods(), name="watch pods")

    async def stop(self) -> None:
        """End every pod; returns when no process of one is left."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        for pod in list(self._pods.values()):
            self._end(pod.uid)
        if self._ends:
            await asyncio.wait(self._ends)

    def find(self, namespace: str, name: str) -> Pod | None:
        """The pod of that name that runs here."""
        for pod in self._pods.values():
            metadata = pod.object["metadata"]
            if (metadata["namespace"], metadata["name"]) == (namespace, name):
                return pod
        return None

    async def at(self, address: str, port: int) -> Container | None:
        """The container that has this port at an address of the cluster. Raises ControlPlaneError out of contact."""
        found = self._at(address, port)
        if found is None:
            # The watch may be a moment late.
            listed = await self._world.api.request("GET", f"/api/v1/pods?fieldSelector=status.podIP%3D{quote(address)}")
            for pod in listed["items"]:
                await self.seen(pod)
            found = self._at(address, port)
        return found

    def _at(self, address: str, port: int) -> Container | None:
        return next((found for pod in self._pods.values() if (found := pod.at(address, port))), None)

    async def seen(self, pod: Object) -> None:
        """Take notice of a pod as it is now: run it, or end it."""
        uid, spec, status = pod["metadata"]["uid"], pod["spec"], pod.get("status", {})
        if spec.get("nodeName") and status.get("phase") == "Running":
            self._tell_of_start(pod)
        if "deletionTimestamp" in pod["metadata"]:
            self._end(uid)
        elif known := self._pods.get(uid):
            known.object = pod
        elif spec.get("nodeName") and status.get("phase") == "Running" and is_played(pod):
            programs = await self._programs()
            # Another one may have asked for it meanwhile.
            if uid not in self._pods and uid not in self._ended:
                self._pods[uid] = made = Pod(self._world, pod, programs)
                made.start()

    def _tell_of_start(self, pod: Object) -> None:
        """The events of the containers that KWOK alone keeps running; the others tell theirs themselves."""
        uid = pod["metadata"]["uid"]
        if uid in self._told:
            return
        self._told.add(uid)
        for kind in ("initContainers", "containers"):
            for container in pod["spec"].get(kind) or []:
                if image_of(container["image"]) is None:
                    tell_of_start(self._world.events.of(pod, container["name"], kind), container)

    async def _programs(self) -> Programs | None:
        """What makes namespaces on this machine; found out when the first pod needs it."""
        if self._probe is None:
            self._probe = asyncio.create_task(self._try_programs(), name="try namespaces")
        return await asyncio.shield(self._probe)

    async def _try_programs(self) -> Programs | None:
        programs = Programs.found()
        if programs is None or not await programs.work(self._world.directory):
            _log.info("no namespaces on this machine (%s): paths are rewritten", sys.platform)
            return None
        return programs

    def _end(self, uid: str) -> None:
        pod = self._pods.pop(uid, None)
        if pod is not None:
            self._ended.add(uid)
            task = asyncio.create_task(pod.end(), name=f"end pod {uid}")
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)

    async def _watch_pods(self) -> None:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            began = loop.time()
            try:
                listed = await self._world.api.request("GET", "/api/v1/pods")
                there = {pod["metadata"]["uid"] for pod in listed["items"]}
                for uid in set(self._pods) - there:
                    self._end(uid)
                for pod in listed["items"]:
                    await self.seen(pod)
                async for kind, pod in self._world.api.watch("/api/v1/pods", listed["metadata"]["resourceVersion"]):
                    if kind == "ERROR":
                        break
                    if kind == "DELETED":
                        self._end(pod["metadata"]["uid"])
                        self._told.discard(pod["metadata"]["uid"])
                    elif kind != "BOOKMARK":
                        await self.seen(pod)
            except ControlPlaneError:
                pass
            except Exception:
                _log.exception("the watch of pods failed")
            pause = _FIRST_PAUSE if loop.time() - began > _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)
            await asyncio.sleep(pause)
