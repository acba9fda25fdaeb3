"""Runs the control plane's programs and brings back the one that dies.

EKS restarts what fails in its control plane without anybody noticing; so does
this: same arguments, same data, same port, after a pause that grows while the
program keeps failing.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.spec import ProcessInfo
from rehearsal.process_guard import Guard, kill_group

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_STEADY_AFTER = 30.0
"""Seconds: the first wait before a restart, the longest, and the uptime that forgives earlier failures."""

_LOOK_AGAIN = 0.02
_STARTS_WITHIN = 20.0
_TAIL_LINES = 12


@dataclass(frozen=True)
class Program:
    """One program to run: `argv[0]` is a full path, `env` is its whole environment."""

    name: str
    argv: Sequence[str]
    cwd: Path
    log: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])


class Supervised:
    """A program that runs until it is stopped."""

    def __init__(self, program: Program, guard: Guard) -> None:
        self.program = program
        self._guard = guard
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stopping = False
        self.restarts = 0
        """How often it was brought back."""

    @property
    def pid(self) -> int:
        """Process id of the latest start, 0 before the first."""
        return self._process.pid if self._process is not None else 0

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.returncode is None

    def info(self) -> ProcessInfo:
        """What it is now, with its memory."""
        alive = self.alive
        return ProcessInfo(self.program.name, self.pid, _rss(self.pid) if alive else 0, alive)

    async def start(self) -> None:
        """Start the program once; `keep_alive` makes it come back. Raises ControlPlaneError."""
        program = self.program
        try:
            with program.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *program.argv,
                    cwd=program.cwd,
                    env=dict(program.env),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            raise ControlPlaneError(
                f"{program.name} could not be started from {program.argv[0]}: {error.strerror}. "
                "Remove the tools' cache, so that the tools are built again."
            ) from error
        self._guard.add(self._process.pid)

    def keep_alive(self, before_restart: Callable[[], Awaitable[None]] | None = None) -> None:
        """From now on restart the program when it ends; `before_restart` clears what it left."""
        self._watch = asyncio.create_task(
            self._restart_when_ended(before_restart), name=f"supervise {self.program.name}"
        )

    async def become(self, program: Program) -> None:
        """Go on with other arguments: the running process is ended, and `keep_alive` starts the new one.

        Raises ControlPlaneError when nothing can be started.
        """
        self.program = program
        old = self.pid
        kill_group(old)
        try:
            async with asyncio.timeout(_STARTS_WITHIN):
                while self.pid == old:
                    await asyncio.sleep(_LOOK_AGAIN)
        except TimeoutError:
            raise ControlPlaneError(
                f"{program.name} could not be started again from {program.argv[0]}. "
                "Remove the tools' cache, so that the tools are built again."
            ) from None

    async def ended(self) -> int:
        """Wait until the process that runs now has ended; its exit status."""
        if self._process is None:
            return 0
        status = await self._process.wait()
        self._guard.remove(self._process.pid)
        return status

    async def _restart_when_ended(self, before_restart: Callable[[], Awaitable[None]] | None) -> None:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            began = loop.time()
            await self.ended()
            if loop.time() - began > _STEADY_AFTER:
                pause = _FIRST_PAUSE
            while not self._stopping:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                # Not even startable (the cache was deleted under us): keep trying, it may come back.
                with contextlib.suppress(ControlPlaneError):
                    if before_restart is not None:
                        await before_restart()
                    await self.start()
                    self.restarts += 1
                    break

    async def stop(self) -> None:
        """Kill the program at once: its data goes with it, so there is nothing to finish."""
        self._stopping = True
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        if self._process is not None:
            kill_group(self._process.pid)
            await self.ended()

    def tail(self) -> str:
        """The last lines of the program's log."""
        return tail(self.program.log)


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The last `lines` lines of a log; empty when there is none."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


async def first_to_end(programs: Sequence[Supervised]) -> Supervised:
    """Wait until one of the programs ends."""
    tasks = {asyncio.ensure_future(program.ended()): program for program in programs}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    return tasks[next(iter(done))]


async def until(
    ready: Callable[[], Awaitable[bool]],
    programs: Sequence[Supervised],
    what: str,
    timeout: float,
    pause: float = 0.02,
) -> None:
    """Ask `ready` every `pause` seconds until it says yes.

    Raises ControlPlaneError with the tail of a log when one of the programs
    ends meanwhile, or when `timeout` seconds have passed.
    """
    dying = asyncio.ensure_future(first_to_end(programs))
    try:
        async with asyncio.timeout(timeout):
            while not dying.done():
                if await ready():
                    return
                await asyncio.sleep(pause)
        dead = dying.result()
        raise ControlPlaneError(f"{dead.program.name} ended while {what}. The end of its log:\n{dead.tail()}")
    except TimeoutError:
        last = programs[-1]
        raise ControlPlaneError(
            f"{last.program.name} was not ready after {timeout:.0f} s, {what}. The end of its log:\n{last.tail()}"
        ) from None
    finally:
        dying.cancel()


def _rss(pid: int) -> int:
    """Resident memory of a process in bytes, 0 when it cannot be told."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, IndexError, ValueError):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        return 0
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(shown.stdout.strip() or 0) * 1024
