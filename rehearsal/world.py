"""The rehearsal's world: one emulator process and the directory that it owns.

The process outlives the command that starts it, so everything here is asked
of the world itself: a file that it writes when it is ready, an answer that
only it can give, and its processes. Whatever ended badly before (a killed
emulator, a start that was interrupted) is put right by the next start or
stop, without anybody's hands.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rehearsal import processes, recovery, room
from rehearsal.endpoint import NotTheEmulator, WorldError, ask, prove
from rehearsal.paths import cache_dir, world_dir

READY_WITHIN: Final = 60.0
"""Seconds that a start may take: it takes about one, more on a machine that is busy building."""
STOP_WITHIN: Final = 30.0
"""Seconds that a stop may take before the processes are killed."""
MARK: Final = ".rehearsal"
"""A file that tells a world's directory from any other, which is never removed."""

Report = Callable[[str], None]
"""Takes one line of progress, without a line end."""


@dataclass(frozen=True)
class World:
    """A running world."""

    id: str
    pid: int
    endpoint: str
    """URL for every AWS service, http://127.0.0.1:PORT."""
    account_id: str
    region: str
    dir: Path
    """The world's directory: aws/, log/, clusters/, pulumi/."""

    def env(self) -> dict[str, str]:
        """Environment in which AWS tools and the engine see this world."""
        environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CONFIG_FILE": str(self.dir / "aws" / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.dir / "aws" / "credentials"),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "MYEKS_REHEARSAL_WORLD": self.id,
        }
        if any(os.environ.get(name) for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")):
            # botocore would ask the proxy for 127.0.0.1 too.
            for name in ("NO_PROXY", "no_proxy"):
                known = [host for host in os.environ.get(name, "").split(",") if host]
                environment[name] = ",".join(dict.fromkeys([*known, "127.0.0.1", "localhost"]))
        return environment

    def unset(self) -> frozenset[str]:
        """Names to remove from an environment beside `env`: they would lead to the user's own AWS account."""
        keys = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
        keys |= {"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}
        keys |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}
        present = {name for name in os.environ if name.startswith("AWS_")}
        return frozenset((keys | present) - self.env().keys())

    def status(self) -> dict[str, Any]:
        """What runs: {"pid", "rss_bytes", "clusters": {name: {"endpoint", "version", "status", "processes", "nodes"}}}.

        Raises WorldError when the emulator does not answer.
        """
        status, body = ask(self.endpoint, "GET", "/_rehearsal/status", self._secret())
        if status != 200:
            raise WorldError(
                f"The emulator on {self.endpoint} does not tell its status. Run ./lab down, then ./lab up."
            )
        return json.loads(body)

    def restore_operator(self) -> list[str]:
        """Have the operator's IAM user, access key and credential files put right; what was damaged, in words.

        Raises WorldError.
        """
        try:
            status, body = ask(self.endpoint, "POST", "/_rehearsal/operator", self._secret())
            told: dict[str, Any] = json.loads(body)
        except (OSError, ValueError) as error:
            status, told = 0, {"message": str(error)}
        if status != 200:
            raise WorldError(
                f"The rehearsal's operator cannot be put right: {told.get('message')}. "
                "Run ./lab down --force, then ./lab up."
            )
        return told["restored"]

    def _secret(self) -> str:
        return (self.dir / "secret").read_text()


def start(region: str, bin_dir: Path, report: Report = lambda _: None) -> World:
    """As `joined`, for whom it is the same who started the world."""
    return joined(region, bin_dir, report)[0]


def joined(region: str, bin_dir: Path, report: Report = lambda _: None) -> tuple[World, bool]:
    """The running world, started if there is none, and whether it was started now.

    `region` is an AWS region, `bin_dir` holds the control plane's programs. When this returns, AWS
    calls are answered; when it raises (WorldError, or what interrupted it), nothing is left behind.
    """
    with _lock(report):
        running = attach()
        if running:
            if running.region != region:
                raise WorldError(
                    f"The rehearsal runs in {running.region}, and aws:region says {region}. "
                    "Run ./lab down first, or set aws:region back."
                )
            return running, False
        if told := room.lack():
            raise WorldError(told)
        if _sweep():
            report("the rehearsal before ended without lab down; cleared what it left")
        return _spawn(region, bin_dir, report), True


def attach() -> World | None:
    """The running world, None when there is none.

    Raises NotTheEmulator when the world's process runs and something else answers in its place.
    """
    directory = _directory()
    try:
        told = json.loads((directory / "world.json").read_text())
        world = World(
            id=told["id"],
            pid=int(told["pid"]),
            endpoint=told["endpoint"],
            account_id=told["account_id"],
            region=told["region"],
            dir=directory,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not processes.alive(world.pid, "rehearsal.emulator.server"):
        return None
    try:
        prove(world.endpoint, world.id)
    except NotTheEmulator as error:
        raise NotTheEmulator(
            f"The rehearsal's process ({world.pid}) runs, and what is on {world.endpoint} does not answer as it. "
            "Run ./lab down --force, then ./lab up."
        ) from error
    return world


def stop(world: World) -> None:
    """End the world: its processes, its ports and its directory are gone when this returns.

    A world that has ended already is cleared all the same. Raises WorldError when a process resists.
    """
    with _lock():
        if processes.alive(world.pid, "rehearsal.emulator.server"):
            with suppress(WorldError, OSError):
                ask(world.endpoint, "POST", "/_rehearsal/shutdown", world._secret())  # pyright: ignore[reportPrivateUsage]  # its own module
            processes.wait_gone(world.pid, STOP_WITHIN)
        _sweep(world.dir)


def sweep(*, force: bool = False) -> bool:
    """Clear what a world left that ended badly; True when there was something.

    A running world is left alone, unless `force` says that it shall end too, as one that hangs must.
    """
    with _lock():
        return (force or attach() is None) and _sweep()


def leftovers(world: World) -> dict[str, list[str]]:
    """What exists in the emulated account beyond what a fresh one has: {"ec2 vpcs": ["vpc-…"], …}, without empty ones.

    What AWS itself keeps for a while does not count: terminated instances, deleted NAT gateways and
    peerings, KMS keys that wait for their deletion.
    """
    from rehearsal.emulator.inventory import inventory  # boto3 is slow to import, and rarely needed here

    return inventory(world.endpoint, world.region, world.dir / "aws" / "credentials")


def _spawn(region: str, bin_dir: Path, report: Report) -> World:
    directory = _directory()
    log = directory / "log" / "emulator.log"
    report("starting the AWS emulator")
    process: subprocess.Popen[bytes] | None = None
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        (directory / MARK).touch()
        log.parent.mkdir(mode=0o700)
        process = _launch(directory, region, bin_dir, log)
        _await_ready(process, directory)
        world = attach()
        if world is None:
            raise WorldError("The AWS emulator ended as soon as it was ready. Run ./lab up again.")
    except BaseException as error:
        # Also on Ctrl-C: a world that nobody waits for any more shall not stay behind.
        if process:
            processes.end(process.pid, STOP_WITHIN)
        told = _last_line(log)
        _sweep(directory)
        if isinstance(error, OSError):
            raise WorldError(f"The AWS emulator cannot be started: {error}. Run ./lab up again.") from error
        if isinstance(error, WorldError) and told:
            # The log is gone with the world: what it said last goes with the error.
            raise WorldError(f"{error} It said: {told}") from error
        raise
    return world


def _launch(directory: Path, region: str, bin_dir: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rehearsal.emulator.server"]
    command += ["--dir", str(directory), "--region", region, "--bin-dir", str(bin_dir)]
    checkout = str(Path(__file__).parent.parent)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # The world belongs to no terminal: a Ctrl-C there, or its end, is not the world's end.
            start_new_session=True,
            cwd=directory,
            env={**_without_a_caller(os.environ), "PYTHONPATH": checkout, "PYTHONUNBUFFERED": "1"},
        )


def _without_a_caller(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without anybody's AWS settings and kubeconfig: a world outlives the shell that starts it."""
    return {name: value for name, value in environment.items() if not name.startswith(("AWS_", "KUBE", "LAB_"))}


def _await_ready(process: subprocess.Popen[bytes], directory: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not (directory / "world.json").exists():
        if process.poll() is not None:
            raise WorldError(f"The AWS emulator did not start (exit code {process.returncode}). Run ./lab up again.")
        if time.monotonic() > deadline:
            raise WorldError(f"The AWS emulator was not ready after {READY_WITHIN:.0f} s. Run ./lab up again.")
        time.sleep(0.02)


def _last_line(log: Path) -> str:
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return lines[-1][:300] if lines else ""


def _directory() -> Path:
    """The world's directory without links: that is how its processes name it."""
    return world_dir().resolve()


def _sweep(directory: Path | None = None) -> bool:
    """End every process that works in the world's directory, and remove it."""
    directory = directory or _directory()
    if directory.exists() and any(directory.iterdir()) and not (directory / MARK).exists():
        raise WorldError(
            f"{directory} holds files that are not the rehearsal's. Name another directory in MYEKS_LAB_WORLD."
        )
    recovery.end_engines(directory / recovery.LOCKS)
    left = processes.working_in(directory)
    for pid in left:
        processes.end(pid, 0)
    survivors = processes.working_in(directory)
    if survivors:
        raise WorldError(
            f"Processes of the rehearsal do not end: {', '.join(map(str, survivors))}. End them, then run this again."
        )
    existed = directory.exists()
    if existed:
        shutil.rmtree(directory)
    return existed or bool(left)


@contextmanager
def _lock(report: Report = lambda _: None) -> Generator[None]:
    """Only one start or stop at a time. The lock is no part of the world: that directory comes and goes."""
    name = hashlib.sha256(str(_directory()).encode()).hexdigest()[:16]
    path = cache_dir() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another start or stop of the rehearsal")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
