"""Puts the programs on a shell's PATH: one small script a program, in a directory of the lab's own.

The user's own programs come first wherever they do the same. Only what would leave the machine for addresses that the
rehearsal plays is in front of them, and eksctl, which could do nothing there.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from programs.names import EKSCTL, LACKING, LEAVING, PLUGINS

_ENTRY: Final = Path(__file__).absolute().parent / "__main__.py"


def around(directory: Path, *, rehearsal: bool) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Directories for a shell's PATH, those before the user's own and those after; their launchers are made here.

    On AWS that is kubectl's plug-ins at the end, and nothing else.
    """
    last = [*(one.program for one in PLUGINS), *(LACKING if rehearsal else ())]
    first = (_made(directory / "programs-first", (EKSCTL, *LEAVING)),) if rehearsal else ()
    return first, (_made(directory / "programs", last),)


def _made(directory: Path, programs: Sequence[str]) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for program in programs:
        # -I: nothing of the caller's (PYTHONPATH, the current directory) gets into it.
        line = shlex.join([sys.executable, "-I", str(_ENTRY), program, str(directory)])
        content, place = f'#!/bin/sh\nexec {line} "$@"\n', directory / program
        if not place.exists() or place.read_text() != content:
            fresh = place.with_name(f".{program}")
            fresh.write_text(content)
            fresh.chmod(0o700)
            fresh.replace(place)
    return directory
