"""Processes that are not our children, found and ended with care for whose they are.

A process id alone is no proof: it may have been given to another program
since. So a process counts as the world's only while its command line says so.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
PAUSE: Final = 0.02
"""Seconds between two looks at a process that shall end."""
KILLED_WITHIN: Final = 5.0
"""Seconds that the kernel gets to take a killed process away."""


def command_line(pid: int) -> str:
    """The command line of a process, arguments joined by spaces; empty when it is gone or a zombie."""
    if PROC.joinpath("self").exists():
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return dict(_listed()).get(pid, "")


def alive(pid: int, part: str) -> bool:
    """Whether that process runs and its command line holds `part`."""
    return pid > 0 and part in command_line(pid)


def working_in(directory: Path) -> list[int]:
    """Processes of this user, other than this one, whose command line names a file in `directory`."""
    own = os.getpid()
    wanted = f"{directory}/"
    marked = f"{directory} "
    return [pid for pid, line in _listed() if pid != own and _is_ours(line, wanted, marked)]


def wait_gone(pid: int, within: float) -> bool:
    """Wait until a process has ended, `within` seconds at the most; whether it has."""
    deadline = time.monotonic() + within
    while command_line(pid):
        # Ours to bury when it is a child: until then it is a zombie.
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return True


def end(pid: int, within: float) -> None:
    """Ask a process to end, and kill it when it is still there after `within` seconds; returns when it is gone."""
    with suppress(ProcessLookupError, PermissionError):
        if within:
            os.kill(pid, signal.SIGTERM)
            if wait_gone(pid, within):
                return
        os.kill(pid, signal.SIGKILL)
        wait_gone(pid, KILLED_WITHIN)


def _is_ours(line: str, wanted: str, marked: str) -> bool:
    # Only the rehearsal's own programs: a user's editor may well have a log of the world open.
    program = Path(line.split(" ", 1)[0]).name
    known = program in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
    return (known or "rehearsal.emulator.server" in line) and (wanted in line or marked in f"{line} ")


def _listed() -> list[tuple[int, str]]:
    if PROC.joinpath("self").exists():
        pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit() and _is_own(entry)]
        return [(pid, line) for pid in pids if (line := command_line(pid))]
    # macOS has no /proc.
    listing = subprocess.run(
        ["ps", "-x", "-ww", "-o", "pid=,command="], capture_output=True, text=True, check=True
    ).stdout
    found = [line.strip().partition(" ") for line in listing.splitlines()]
    return [(int(pid), line) for pid, _, line in found if pid.isdigit() and not line.endswith("<defunct>")]


def _is_own(entry: Path) -> bool:
    try:
        return entry.stat().st_uid == os.getuid()
    except OSError:
        return False
