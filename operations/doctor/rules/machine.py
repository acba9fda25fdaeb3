"""Rules about this machine: Python, the commands that the lab needs, and the clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from infra.config.loading import LabConfig
from operations.doctor.findings import Finding, Layer, Status
from operations.doctor.observations import Machine, Observations, Tool

OLDEST_PYTHON: Final = (3, 11)
OLDEST: Final = {"pulumi": (3, 0), "go": (1, 26)}
"""Command → its oldest version that the lab can use."""
NEEDED: Final = {
    "go": "Install Go from https://go.dev/dl/: it builds the engine and the control plane.",
    "make": "Install make.",
    "pulumi": "Install the Pulumi CLI from https://www.pulumi.com/docs/install/ and log in.",
    "aws": "Install the AWS CLI version 2; the kubeconfig and pulumi-eks call it.",
}
"""Command without which `up` fails → what to do."""
HELPFUL: Final = {"kubectl": "Install kubectl to use the cluster from here; the ops servers have one."}
SKEW_WARN: Final = 60.0
SKEW_FAIL: Final = 300.0
"""Seconds; AWS refuses a signature that is five minutes old (AWS Signature Version 4, 2026-11)."""


def machine(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """Python and the commands that the lab needs."""
    yield from diagnose_machine(seen.machine)


def diagnose_machine(machine: Machine) -> Iterator[Finding]:
    """What is to be said of the machine alone."""
    python = ".".join(map(str, machine.python))
    if machine.python < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        yield Finding(Layer.MACHINE, Status.FAIL, f"Python is {python}.", f"Use Python {wanted} or newer.")
    else:
        yield Finding(Layer.MACHINE, Status.OK, f"Python is {python}.")
    for tool in machine.tools:
        yield _tool(tool, machine.sdk)


def _tool(tool: Tool, sdk: str) -> Finding:
    remedy = NEEDED.get(tool.name) or HELPFUL.get(tool.name, "")
    if tool.version is None:
        status = Status.FAIL if tool.name in NEEDED else Status.WARN
        return Finding(Layer.MACHINE, status, f"{tool.name} is not on PATH.", remedy)
    if not tool.version:
        return Finding(Layer.MACHINE, Status.UNCHECKED, f"{tool.name} did not tell its version.", remedy)
    oldest = OLDEST.get(tool.name)
    if oldest and _numbers(tool.version) < oldest:
        wanted = ".".join(map(str, oldest))
        return Finding(
            Layer.MACHINE, Status.FAIL, f"{tool.name} is {tool.version}.", f"Update it to {wanted} or newer."
        )
    if tool.name == "pulumi" and _numbers(tool.version) < _numbers(sdk):
        told = f"pulumi is {tool.version}, older than its Python SDK, {sdk}."
        return Finding(
            Layer.MACHINE, Status.WARN, told, "Update the Pulumi CLI: it may not know all that the SDK asks."
        )
    return Finding(Layer.MACHINE, Status.OK, f"{tool.name} is {tool.version}.")


def _numbers(version: str) -> tuple[int, ...]:
    """v3.259.0-alpha → (3, 259); nothing → ()."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def clock(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """This machine's clock against AWS's."""
    if seen.clock_ahead is None:
        yield Finding(Layer.MACHINE, Status.UNCHECKED, "The clock: AWS returned no time.")
        return
    skew = abs(seen.clock_ahead)
    told = f"The clock is {skew:.0f} seconds {'ahead of' if seen.clock_ahead > 0 else 'behind'} AWS's."
    if skew < SKEW_WARN:
        yield Finding(Layer.MACHINE, Status.OK, told)
        return
    yield Finding(
        Layer.MACHINE,
        Status.FAIL if skew >= SKEW_FAIL else Status.WARN,
        told,
        "Set it by NTP: AWS refuses signatures that are five minutes off.",
    )
