"""Runs a program on the real engine with chosen plugins, for the tests of the plugins."""

import json
import os
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation as auto

from rehearsal.engine import EngineCommand
from rehearsal.toolchain.cache import ensure

ROOT = Path(__file__).parents[2]
Program = Callable[[], None]


@dataclass
class Run:
    """What one run of the engine did."""

    steps: list[tuple[str, str]]
    """Operation and URN, as the engine announced them; "same" left out."""
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    messages: str = ""
    """Everything that the engine said, warnings included."""
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    """Per URN the detailed diff's property names, and the keys that force a replacement."""

    @property
    def operations(self) -> Counter[str]:
        """How many resources met each operation."""
        return Counter(operation for operation, _ in self.steps)

    def named(self, operation: str) -> set[str]:
        """Logical names of the resources that met the operation."""
        return {urn.rsplit("::", 1)[1] for step, urn in self.steps if step == operation}


class Engine:
    """One stack in a directory of its own, with plugins started by these command lines."""

    def __init__(
        self, directory: Path, plugins: Mapping[str, list[str]], env: Mapping[str, str | None] | None = None
    ) -> None:
        self.directory = directory
        binaries = ensure(lambda _line: None)
        launchers = directory / "plugins"
        launchers.mkdir(parents=True)
        for name, command in plugins.items():
            launcher = launchers / f"pulumi-resource-{name}"
            launcher.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            launcher.chmod(0o700)
        for part in ("home", "backend", "work"):
            (directory / part).mkdir()
        path = [str(launchers), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.env: dict[str, str] = {
            "PULUMI_HOME": str(directory / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "only for this test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(ROOT),
            "AWS_PROFILE": "",
            **{key: value for key, value in (env or {}).items() if value is not None},
        }
        self._command = EngineCommand(binaries / "pulumi")

    def _stack(self, program: Program) -> auto.Stack:
        options = auto.LocalWorkspaceOptions(
            work_dir=str(self.directory / "work"),
            pulumi_command=self._command,
            env_vars=self.env,
            project_settings=auto.ProjectSettings(
                name="plugins",
                runtime="python",
                backend=auto.ProjectBackend(url=f"file://{self.directory / 'backend'}"),
            ),
        )
        return auto.create_or_select_stack("test", project_name="plugins", program=program, opts=options)

    def up(self, program: Program) -> Run:
        return self._run(program, "up")

    def preview(self, program: Program) -> Run:
        return self._run(program, "preview")

    def refresh(self, program: Program) -> Run:
        return self._run(program, "refresh")

    def destroy(self, program: Program = lambda: None) -> Run:
        return self._run(program, "destroy")

    def export(self) -> list[dict[str, Any]]:
        """Every resource in the state."""
        deployment = self._stack(lambda: None).export_stack().deployment
        assert deployment is not None
        return deployment.get("resources") or []

    def rewrite(self, old: str, new: str) -> None:
        """Put another text into the state, wherever the old one is."""
        stack = self._stack(lambda: None)
        deployment = stack.export_stack()
        text = json.dumps(deployment.deployment).replace(old, new)
        stack.import_stack(auto.Deployment(version=deployment.version, deployment=json.loads(text)))

    def _run(self, program: Program, what: str) -> Run:
        stack = self._stack(program)
        steps: list[tuple[str, str]] = []
        messages: list[str] = []
        details: dict[str, Any] = {}

        def on_event(event: auto.EngineEvent) -> None:
            if event.diagnostic_event and event.diagnostic_event.severity != "debug":
                messages.append(event.diagnostic_event.message)
            if event.resource_pre_event:
                step = event.resource_pre_event.metadata
                details[step.urn] = (sorted(step.detailed_diff or {}), sorted(step.keys or []))
                if step.op != "same":
                    steps.append((str(step.op.value if hasattr(step.op, "value") else step.op), step.urn))

        try:
            result = getattr(stack, what)(on_event=on_event)
        except auto.CommandError as error:
            raise EngineFailedError("\n".join(messages) + str(error), Run(steps)) from error
        outputs = {key: value.value for key, value in (getattr(result, "outputs", None) or {}).items()}
        return Run(steps, outputs, "\n".join(messages) + result.stdout, details)


class EngineFailedError(AssertionError):
    """A run ended with errors; the text is what the engine said."""

    def __init__(self, text: str, run: Run) -> None:
        super().__init__(text)
        self.run = run


def failing(engine: Engine, program: Program, what: str = "up") -> str:
    """What the engine said about a run that had to fail."""
    with pytest.raises(EngineFailedError) as failure:
        getattr(engine, what)(program)
    return str(failure.value)
