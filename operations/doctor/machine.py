"""Looks at this machine: the commands that the engine and its plug-ins call."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Final

from operations.doctor.observations import Machine, Tool

TOOLS: Final[dict[str, tuple[str, ...]]] = {
    "pulumi": ("version",),
    "aws": ("--version",),
    "kubectl": ("version", "--client"),
}
"""Command → arguments that make it tell its version."""

REHEARSAL_TOOLS: Final[dict[str, tuple[str, ...]]] = {"go": ("version",), "make": ("--version",)}
"""What building the rehearsal's own tools takes; it brings everything else."""

PATIENCE: Final = 15.0
"""Seconds; a Python program such as the AWS CLI takes one or two."""

Run = Callable[[Sequence[str]], str]
"""Runs a command; its output. Raises OSError or subprocess.SubprocessError."""


def look(tools: Mapping[str, Sequence[str]] = TOOLS, run: Run | None = None) -> Machine:
    """What is here; `run` is for tests."""
    return Machine(
        python=(sys.version_info.major, sys.version_info.minor),
        tools=tuple(_tool(name, arguments, run or _run) for name, arguments in tools.items()),
        sdk=_sdk(),
    )


def _sdk() -> str:
    try:
        return metadata.version("pulumi")
    except metadata.PackageNotFoundError:
        return ""


def _tool(name: str, arguments: Sequence[str], run: Run) -> Tool:
    path = shutil.which(name)
    if path is None:
        return Tool(name, None)
    try:
        said = run([path, *arguments])
    except (OSError, subprocess.SubprocessError):
        return Tool(name, "")
    found = re.search(r"v?\d+\.\d+(\.\d+)?[-\w.]*", said)
    return Tool(name, found.group() if found else "")


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
