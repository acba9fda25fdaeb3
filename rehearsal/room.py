"""How much room on a disk a rehearsal takes, and whether a full disk is why something failed.

etcd, the engine and the API server each tell a full disk in their own words or not at all, often in a log that goes
with the world. So it is looked at before a world is started, and again whenever a command has failed.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from rehearsal.paths import cache_dir, world_dir

WORLD: Final = 400
"""MiB that a world may take: see docs/rehearsal.md for what was measured."""

FULL: Final = 16
"""MiB below which a disk counts as full: etcd alone writes its log in files of 64 MB, laid out in advance."""


def free(directory: Path) -> int:
    """MiB that are free where a directory is, or would be made."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    return shutil.disk_usage(there).free >> 20


def lack() -> str:
    """What is wrong where a new world finds too little room, and what to do; empty where there is enough."""
    directory = world_dir().absolute()
    found = free(directory)
    # One that stands has taken its room already.
    if found >= (FULL if (directory / "world.json").exists() else WORLD):
        return ""
    return f"A rehearsal takes up to {WORLD} MiB in {directory}, where {found} MiB are free. {_REMEDY}"


def full() -> str:
    """Which disk is full, and what to do; empty where none is."""
    for directory in (world_dir().absolute(), cache_dir().absolute(), Path(tempfile.gettempdir())):
        if (found := free(directory)) < FULL:
            return f"No space is left in {directory}: {found} MiB are free, and a rehearsal takes {WORLD}. {_REMEDY}"
    return ""


_REMEDY: Final = "Free some room, or name a directory on another disk in MYEKS_LAB_WORLD (MYEKS_LAB_CACHE, TMPDIR)."
