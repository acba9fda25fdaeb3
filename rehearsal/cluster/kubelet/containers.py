"""One container of a pod: its process, its log, its ends and restarts, and commands run beside it."""

import asyncio
import contextlib
import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet.console import Console
from rehearsal.cluster.kubelet.environment import expand_all
from rehearsal.cluster.kubelet.errors import NotRunning, NotStarted
from rehearsal.cluster.kubelet.events import Tell, tell_of_start
from rehearsal.cluster.kubelet.framing import exit_code
from rehearsal.cluster.kubelet.images import Image, Start, argv_of
from rehearsal.cluster.kubelet.logs import Log
from rehearsal.cluster.kubelet.objects import Object
from rehearsal.cluster.kubelet.ports import Ports
from rehearsal.cluster.kubelet.processes import Process, Terminal, kill_tree, start
from rehearsal.cluster.kubelet.sandbox import Sandbox
from rehearsal.process_guard import Guard

_PAUSES: Final = (0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""Seconds before each restart, as a kubelet waits: at once, then twice as long every time."""
_FORGIVEN: Final = 600.0
"""Seconds of running after which a kubelet forgets earlier ends."""
_RETRY: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
"""Seconds before each new attempt at a container that cannot be made yet; the last one again and again."""
_QUIET: Final = 2
"""Attempts about which nothing is said."""
_START_ERROR: Final = 128
"""Exit code of a container whose command cannot be started."""
_STARTS_WITHIN: Final = 20.0
_LISTENS_WITHIN: Final = 10.0
"""Seconds of running within which a process may not listen on its ports yet: programs take a second or two to load,
and on a cluster a readiness probe keeps callers away for that long."""


@dataclass(frozen=True)
class Prepared:
    """All that is needed to start a container's process."""

    sandbox: Sandbox
    env: Mapping[str, str]
    cwd: Path


def now() -> str:
    """The time as Kubernetes writes it, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def not_started(reason: str, message: str) -> Object:
    """The state `terminated` of a container that never ran."""
    moment = now()
    return {
        "exitCode": _START_ERROR,
        "reason": reason,
        "message": message,
        "startedAt": moment,
        "finishedAt": moment,
    }


class Container:
    """A container of a played image."""

    def __init__(
        self,
        spec: Object,
        image: Image,
        directory: Path,
        guard: Guard,
        prepare: Callable[[Object, Image], Awaitable[Prepared]],
        current_env: Callable[[Mapping[str, str]], Awaitable[Mapping[str, str]]],
        changed: Callable[[], Awaitable[None]],
        pod: str,
        tell: Tell,
    ) -> None:
        """`prepare` makes volumes and variables, or raises NotStarted; `changed` publishes a new state.

        `pod` is the uid of the container's pod; `tell` takes the container's events.

        `current_env` lays over a container's environment what may be another for every process.
        """
        self.spec = spec
        self.name: str = spec["name"]
        self._image = image
        self._directory = directory
        self._guard = guard
        self._prepare = prepare
        self._current_env = current_env
        self._changed = changed
        self.pod = pod
        self._tell = tell
        self._process: Process | None = None
        self._console: Console | None = None
        self._prepared: Prepared | None = None
        self._beside: set[Process] = set()
        self._running = asyncio.Event()
        self._settled = asyncio.Event()
        self._began = asyncio.get_running_loop().time()
        self._ports = Ports(image, spec)
        self.log: Log | None = None
        self.previous_log: Log | None = None
        self.restarts = 0
        self.state: Object = {"running": {"startedAt": now()}}
        """As KWOK has said it of every container; changed once there is something else to say."""
        self.last_state: Object = {}
        self.ended_with: int | None = None
        """Exit code once the container has ended for good."""

    @property
    def ready(self) -> bool:
        """Whether it runs."""
        return "running" in self.state

    @property
    def ports(self) -> Mapping[int, int]:
        """The container's TCP ports, each with the port of 127.0.0.1 on which its process is to listen."""
        return self._ports.numbers

    def status(self) -> Object:
        """The fields of the container's status that are ours to say."""
        shown: Object = {
            "state": self.state,
            "ready": self.ready,
            "started": self.ready,
            "restartCount": self.restarts,
            # One that never ran has none.
            "containerID": "" if "waiting" in self.state and self.log is None else self._id(),
        }
        return shown | ({"lastState": self.last_state} if self.last_state else {})

    async def run(self, again: Callable[[int], bool]) -> int:
        """Start the process, and again when it ends and `again` says so of its exit code; the last exit code."""
        ends = attempts = 0
        loop = asyncio.get_running_loop()
        while True:
            try:
                console, log = await self._start()
            except (NotStarted, ControlPlaneError, OSError) as error:
                attempts += 1
                if attempts > _QUIET and isinstance(error, NotStarted) and error.for_good and not again(_START_ERROR):
                    return await self._never_started(error)
                await self._wait_for_start(error, attempts)
                continue
            attempts = 0
            tell_of_start(self._tell, self.spec)
            began, began_at = loop.time(), now()
            self._began = began
            if "running" not in self.state:
                await self._say({"running": {"startedAt": began_at}})
            code = exit_code(await self._follow(console, log))
            terminated: Object = {
                "exitCode": code,
                "reason": "Error" if code else "Completed",
                "startedAt": began_at,
                "finishedAt": now(),
                "containerID": self._id(),
            }
            if not again(code):
                self.ended_with = code
                await self._say({"terminated": terminated})
                return code
            ends = 0 if loop.time() - began > _FORGIVEN else ends
            pause = _PAUSES[min(ends, len(_PAUSES) - 1)]
            ends += 1
            self.last_state = {"terminated": terminated}
            if pause:
                message = f"back-off {pause:.0f}s restarting failed container={self.name}"
                self._tell("Warning", "BackOff", f"Back-off restarting failed container {self.name}")
                await self._say({"waiting": {"reason": "CrashLoopBackOff", "message": message}})
                await asyncio.sleep(pause)
            self.restarts += 1
            self.state = {"waiting": {"reason": "ContainerCreating"}}

    async def _wait_for_start(self, error: Exception, attempts: int) -> None:
        # What is made together with the pod may be a moment late: that is not worth a word yet.
        if attempts > _QUIET:
            reason = error.reason if isinstance(error, NotStarted) else "RunContainerError"
            self._settled.set()
            self._tell("Warning", "Failed", f"Error: {error}")
            await self._say({"waiting": {"reason": reason, "message": str(error)}})
        await asyncio.sleep(_RETRY[min(attempts, len(_RETRY)) - 1])

    async def _never_started(self, error: NotStarted) -> int:
        """What a container runtime says of a command that cannot be started and is not tried again."""
        self._tell("Warning", "Failed", f"Error: {error}")
        self.ended_with = _START_ERROR
        self._settled.set()
        await self._say({"terminated": not_started("StartError", str(error))})
        return _START_ERROR

    def _id(self) -> str:
        # stages.yaml gives a container its first one in the same way.
        unique = f"{self.pod}/{self.name}/{self.restarts}"
        return f"containerd://{hashlib.sha256(unique.encode()).hexdigest()}"

    async def _say(self, state: Object) -> None:
        self.state = state
        await self._changed()

    async def _start(self) -> tuple[Console, Log]:
        prepared = await self._prepare(self.spec, self._image)
        env = await self._environment(prepared)
        made = Start(expand_all(argv_of(self._image, self.spec), env), env)
        if self._image.adapt is not None:
            made = self._image.adapt(made, self.ports)
        _check_command(made.argv, made.env)
        log = Log(self._directory / f"{self.restarts}.log")
        terminal = Terminal() if self.spec.get("tty") else None
        process = await start(
            prepared.sandbox.first(made.argv, terminal.name if terminal else ""),
            prepared.sandbox.env(made.env),
            prepared.cwd,
            stdin=bool(self.spec.get("stdin")),
            terminal=terminal,
        )
        self._process = process
        self._guard.add(process.pid)
        self._console = console = await Console.of(process, terminal)
        why = await console.prepared()
        if why is not None:
            self._guard.remove(process.pid)
            console.close()
            raise NotStarted("RunContainerError", f"the pod's files cannot be written: {why}")
        if self.log is not None:
            self.previous_log = self.log
        self.log = log
        self._prepared = prepared
        self._running.set()
        self._settled.set()
        return console, log

    async def _environment(self, prepared: Prepared) -> Mapping[str, str]:
        terminal = {"TERM": "xterm"} if self.spec.get("tty") else {}
        return {**terminal, **await self._current_env(prepared.env), **self._ports.variables}

    def is_starting(self) -> bool:
        """Whether its process has been started a moment ago, or is about to be for the first time."""
        loop = asyncio.get_running_loop()
        return loop.time() < self._began + _LISTENS_WITHIN and (self._running.is_set() or not self._settled.is_set())

    async def current_log(self) -> Log | None:
        """The log of the latest run, once there is one; None when the container cannot be started."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), _STARTS_WITHIN)
        return self.log

    async def _follow(self, console: Console, log: Log) -> int:
        """Put what the process writes into its log until it ends; its return code."""
        try:
            return await console.follow(log)
        finally:
            self._running.clear()
            self.kill()
            console.close()
            log.close()

    def kill(self) -> None:
        """End every process of the container, at once."""
        for process in self._beside:
            if process.returncode is None:
                kill_tree(process.pid)
            self._guard.remove(process.pid)
        process = self._process
        if process is not None:
            if process.returncode is None:
                # Its end then says that nothing of the container is left.
                kill_tree(process.pid, but_itself=self._prepared is not None and self._prepared.sandbox.waits)
            else:
                self._guard.remove(process.pid)

    async def gone(self) -> None:
        """Kill, and wait until the kernel has taken them away."""
        self.kill()
        for process in [*self._beside, *([self._process] if self._process else [])]:
            await process.wait()
            self._guard.remove(process.pid)
        if self._console is not None:
            self._console.close()
        self._ports.release()

    async def running(self) -> tuple[Process, Prepared]:
        """The container's process, once it has been started. Raises NotRunning when there is none."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), _STARTS_WITHIN)
        if not self._running.is_set() or self._prepared is None or self._process is None:
            raise NotRunning(f'container not found ("{self.name}")')
        return self._process, self._prepared

    async def console(self) -> Console:
        """The streams of its process, once it has been started. Raises NotRunning when there is none."""
        await self.running()
        if self._console is None:
            raise NotRunning(f'container not found ("{self.name}")')
        return self._console

    async def execute(self, argv: Sequence[str], *, stdin: bool, terminal: Terminal | None) -> Process:
        """Start a command beside the container's own. Raises NotRunning, NotStarted, OSError."""
        process, prepared = await self.running()
        env = {**await self._environment(prepared), **({"TERM": "xterm"} if terminal else {})}
        _check_command(argv, env)
        sandbox = prepared.sandbox
        line = sandbox.another(process.pid, argv, terminal.name if terminal else "")
        beside = await start(line, sandbox.env(env), prepared.cwd, stdin=stdin, terminal=terminal)
        self._guard.add(beside.pid)
        self._beside.add(beside)
        return beside

    def forget(self, process: Process) -> None:
        """A command beside the container's own is over: kill what is left of it."""
        self._beside.discard(process)
        if process.returncode is None:
            kill_tree(process.pid)
        self._guard.remove(process.pid)
        process.close()


def _check_command(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Raises NotStarted, in a container runtime's words, when there is no such command."""
    if not argv:
        raise NotStarted("CreateContainerError", "no command specified")
    command = argv[0]
    if "/" not in command:
        found = shutil.which(command, path=env.get("PATH", "")) is not None
        why = "executable file not found in $PATH"
    else:
        # Elsewhere it may be a file that only the container has.
        found = os.access(command, os.X_OK) or not command.startswith(("/usr/", "/bin/"))
        why = "no such file or directory"
    if not found:
        raise NotStarted(
            "RunContainerError",
            "OCI runtime exec failed: exec failed: unable to start container process: "
            f'exec: "{command}": {why}: unknown',
            for_good=True,
        )
