"""Clears away what a killed engine left of itself: its lock, and a state file that was cut off.

What it left of the resources that it was making stands in its state: it writes down that it begins something before it
does so (pulumi 3.259, pkg/backend/snapshot.go, BeginMutation), and what came of it afterwards.
"""

import json
import shutil
from pathlib import Path
from typing import Final

from rehearsal import processes
from rehearsal.at_work import AlreadyRunning

LOCKS: Final = Path("pulumi", "backend", ".pulumi", "locks")
"""Where the engine keeps its locks, below the world's directory."""


def clear_locks(locks: Path, stack: str) -> bool:
    """Remove the engine's locks whose process is dead; whether there were any. Raises AlreadyRunning."""
    found = _holders(locks)
    for lock, pid in found.items():
        if pid:
            raise AlreadyRunning(
                f"Another run is at work on stack {stack} (process {pid}). Wait for it, then run this again."
            )
        lock.unlink(missing_ok=True)
    return bool(found)


def end_engines(locks: Path) -> None:
    """Kill the engines that hold a lock. One whose caller was killed works on for minutes, against nobody."""
    for pid in _holders(locks).values():
        if pid:
            processes.end(pid, 0)


def _holders(locks: Path) -> dict[Path, int]:
    """Each lock, and the process id of its engine; 0 where none runs."""
    found: dict[Path, int] = {}
    for lock in locks.rglob("*.json"):
        try:
            pid = int(json.loads(lock.read_text()).get("pid", 0))
        except (ValueError, AttributeError):
            pid = 0  # cut off while it was written
        found[lock] = pid if processes.alive(pid, "pulumi") else 0
    return found


def restore_checkpoint(checkpoint: Path) -> bool:
    """Where a kill cut the engine's state file off while it was written, take the one before; whether it did so.

    The engine keeps that one beside it, and begins nothing before the file that tells of it is whole.
    """
    for candidate in (checkpoint, checkpoint.with_name(f"{checkpoint.name}.bak")):
        try:
            json.loads(candidate.read_text())
        except FileNotFoundError:
            continue
        except json.JSONDecodeError:
            candidate.unlink()
            continue
        if candidate == checkpoint:
            return False
        shutil.copy(candidate, checkpoint)
        return True
    return False
