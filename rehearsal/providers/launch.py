"""The programs by which the engine starts its plug-ins, and the end of those that a killed engine left.

The engine takes plug-ins from PATH by their names. Each name leads to a small launcher of ours: it notes the process
id, and gives the plug-in an environment in which it can reach this machine alone.
"""

import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rehearsal import aws_cli, processes

KUBERNETES: Final = "pulumi-resource-kubernetes"
"""Pulumi's own provider, one of the built tools."""

STAND_INS: Final = ("aws", "eks")
"""Providers that are played by `rehearsal.providers`."""

END_WITHIN: Final = 10.0
"""Seconds that plug-ins get to finish what they had begun: the stand-ins give themselves five."""

_NOWHERE: Final = "http://127.0.0.1:1"
"""A proxy that nobody serves. Go's HTTP client asks it for every host but those on loopback (net/http, Proxy-
FromEnvironment), so that nothing leaves this machine, whatever a kubeconfig or a chart's repository says."""


def lay_out(directory: Path, bin_dir: Path, pids: Path, own: Path) -> None:
    """Write the launchers into `directory`, which is to be on PATH, and the AWS CLI that a kubeconfig runs.

    `bin_dir` holds the built tools, `pids` gets an empty file for each process that is started, and `own` is a
    directory for files that the Kubernetes provider makes.
    """
    aws_cli.write(directory / "aws")
    checkout = Path(__file__).parents[2]
    for name in STAND_INS:
        command = [sys.executable, "-m", f"rehearsal.providers.{name}"]
        _write(directory / f"pulumi-resource-{name}", command, {"PYTHONPATH": str(checkout)}, pids)
    own.mkdir(parents=True, exist_ok=True)
    _write(directory / KUBERNETES, [str(bin_dir / KUBERNETES)], _kept_here(own), pids)


def _kept_here(own: Path) -> dict[str, str]:
    """Environment in which the provider reaches loopback alone, and neither reads nor writes the user's files."""
    loopback = "127.0.0.1,localhost"
    return {
        # Where a program gives no kubeconfig, the provider takes the user's.
        "KUBECONFIG": str(own / "none"),
        "HELM_CONFIG_HOME": str(own / "helm"),
        "HELM_CACHE_HOME": str(own / "helm"),
        "HELM_DATA_HOME": str(own / "helm"),
        # It leaves a copy of each kubeconfig there.
        "TMPDIR": str(own),
        "HTTP_PROXY": _NOWHERE,
        "HTTPS_PROXY": _NOWHERE,
        # For the AWS CLI, which the kubeconfig runs.
        "NO_PROXY": loopback,
        "no_proxy": loopback,
    }


def _write(launcher: Path, command: list[str], environment: Mapping[str, str], pids: Path) -> None:
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    # The process keeps its id through `exec`.
    launcher.write_text(f'#!/bin/sh\n: > {shlex.quote(str(pids))}/$$\n{settings} exec {shlex.join(command)} "$@"\n')
    launcher.chmod(0o755)


def end(pids: Path) -> None:
    """Wait until the plug-ins of earlier runs have ended; those that do not within END_WITHIN, all in all, are killed.

    The Kubernetes provider notices only after minutes that its engine is gone.
    """
    deadline = time.monotonic() + END_WITHIN
    for file in pids.iterdir():
        pid = int(file.name)
        ours = processes.alive(pid, "rehearsal.providers") or processes.alive(pid, KUBERNETES)
        if ours and not processes.wait_gone(pid, max(0.0, deadline - time.monotonic())):
            processes.end(pid, 0)
        file.unlink(missing_ok=True)
