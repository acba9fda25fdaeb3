"""Clears away what a killed engine left of itself: its lock, and a state file that was cut off.

What it left of the resources that it was making stands in its state: it writes down that it begins something before it
does so (pulumi 3.259, pkg/backend/snapshot.go, BeginMutation), and what came of it afterwards.
"""

import json
import shutil
from pathlib import Path

from rehearsal.aws import processes


class AlreadyRunning(Exception):
    """Another process is at work on this stack."""


def clear_locks(locks: Path, stack: str) -> bool:
    """Remove the engine's locks whose process is dead; whether there were any. Raises AlreadyRunning."""
    found = list(locks.rglob("*.json"))
    for lock in found:
        try:
            pid = int(json.loads(lock.read_text()).get("pid", 0))
        except (ValueError, AttributeError):
            pid = 0  # cut off while it was written
        if processes.alive(pid, "pulumi"):
            raise AlreadyRunning(
                f"Another run is at work on stack {stack} (process {pid}). Wait for it, then run this again."
            )
        lock.unlink(missing_ok=True)
    return bool(found)


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
