"""Watches the cluster's pods and runs those that are played, from their start to their end.

KWOK says first that a pod runs; from then on its state is ours to say, which
is only done when it becomes another one. A pod without any container of a
played image costs nothing here.
"""

import asyncio
import contextlib
import logging
import sys
from typing import Final
from urllib.parse import quote

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet.containers import Container
from rehearsal.cluster.kubelet.events import tell_of_start
from rehearsal.cluster.kubelet.images import image_of, is_played
from rehearsal.cluster.kubelet.objects import Object
from rehearsal.cluster.kubelet.pod import Pod, World
from rehearsal.cluster.kubelet.sandbox import Programs

_log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
"""Seconds before the watch is taken up again."""
_OVER: Final = ("Succeeded", "Failed")


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
            await known.see(pod)
        elif spec.get("nodeName") and status.get("phase") == "Running" and is_played(pod):
            programs = await self._programs()
            # Another one may have asked for it meanwhile.
            if uid not in self._pods and uid not in self._ended:
                self._pods[uid] = made = Pod(self._world, pod, programs)
                made.start()
                await made.see(pod)
        elif spec.get("ephemeralContainers") and status.get("phase") in _OVER and uid not in self._ended:
            self._pods[uid] = made = Pod(self._world, pod, None)
            await made.see(pod)

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
