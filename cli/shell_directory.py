"""A directory of its own for each shell of the lab: nothing that is typed in one shell changes another, or the lab.

The study note has the learner run `aws configure` with testuser's key. So what a shell may write (AWS credentials and
settings, kubeconfig, kubectl's cache) is made for it at its start and removed at its end, outside the world, which
`lab down` removes while the shell may still be open.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rehearsal import paths

VARIABLE: Final = "LAB_SHELL"
"""Environment variable that names the directory of the shell in which a process runs."""
HOME: Final = "home"
"""Directory in a shell's own: the home of a shell that has one, as on another machine."""
_HELD: Final = "held"


@dataclass(frozen=True)
class ShellDirectory:
    """One shell's directory, empty at first."""

    path: Path
    held: int
    """A descriptor for the shell to inherit: while anybody has it open, the directory is not cleared away."""

    def make_home(self) -> None:
        """Have the shell begin in a home of its own."""
        (self.path / HOME).mkdir(mode=0o700)


@contextmanager
def opened() -> Generator[ShellDirectory]:
    """A new directory for the user alone, for the length of a block. Clears those of shells that were killed."""
    root = paths.cache_dir() / "shells"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    # One at a time: between its making and its being held, a new directory looks like one that was left.
    with (root / ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        _clear(root)
        path = Path(tempfile.mkdtemp(dir=root))
        held = os.open(path / _HELD, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield ShellDirectory(path, held)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


def _clear(root: Path) -> None:
    """Remove the directories that no process holds."""
    for entry in root.iterdir():
        if not entry.is_dir():
            continue
        try:
            with (entry / _HELD).open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        except FileNotFoundError:
            pass
        shutil.rmtree(entry, ignore_errors=True)
