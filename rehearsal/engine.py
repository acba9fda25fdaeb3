"""One Pulumi engine process at a time, kept on a short lead.

The Automation API starts the engine in the caller's process group, so that a
Ctrl-C reaches it twice (from the terminal and from a caller who passes it
on), and the second one makes it abandon resources in flight. Here the engine
has a group of its own and gets exactly the interrupts that it is meant to get.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

from pulumi import automation as auto
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from rehearsal import language_server


class Workspace(auto.LocalWorkspace):
    """Spares the engine a process: every command that is run here names its stack."""

    def select_stack(self, stack_name: str) -> None:
        """Nothing to do."""


class EngineStack(auto.Stack):
    """Spares the engine three processes after each run: outputs and counts come from its events and its state."""

    def outputs(self) -> auto.OutputMap:
        """None: they are read from the state."""
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:  # noqa: ARG002  # the base class names it
        """A run that succeeded, of which the events tell more."""
        return auto.UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")


class EngineCommand(auto.PulumiCommand):
    """The engine binary that the rehearsal built, run as the Automation API asks.

    The binary is built at the SDK's own version (see rehearsal/tools), so that the
    Automation API's version handshake, a process of its own, is not needed.
    """

    def __init__(self, binary: Path) -> None:  # pyright: ignore[reportMissingSuperCall]  # it would start a process
        language_server.install()
        self.command = str(binary)
        self.version = VersionInfo.parse(version("pulumi"))
        self.interrupted = False
        """Whether an engine was asked to stop since `interruptible` began: nothing more is to be started then."""
        self._process: subprocess.Popen[str] | None = None

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], object] | None = None,
        on_error: Callable[[str], object] | None = None,
    ) -> auto.CommandResult:
        """Run one engine command to its end; raises the Automation API's CommandError if it fails."""
        with subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            process_group=0,
        ) as process:
            self._process = process
            try:
                out, err = _drain(process, on_output, on_error)
            finally:
                self._process = None
        result = auto.CommandResult(stdout="\n".join(out), stderr="\n".join(err), code=process.returncode)
        if process.returncode != 0:
            raise create_command_error(result)
        return result

    def tell(self, args: list[str], cwd: str, text: str) -> None:
        """Run a short command that reads `text` from its standard input, where no other process sees it."""
        ended = subprocess.run(
            [self.command, "--non-interactive", *args],
            cwd=cwd,
            input=text,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if ended.returncode != 0:
            raise create_command_error(
                auto.CommandResult(stdout=ended.stdout, stderr=ended.stderr, code=ended.returncode)
            )

    def interrupt(self) -> bool:
        """Ask a running engine to stop after the resources in flight; a second call makes it stop at once.

        Returns False when no engine is running.
        """
        process = self._process
        if process is None or process.poll() is not None:
            return False
        self.interrupted = True
        process.send_signal(signal.SIGINT)
        return True


def _drain(
    process: subprocess.Popen[str],
    on_output: Callable[[str], object] | None,
    on_error: Callable[[str], object] | None,
) -> tuple[list[str], list[str]]:
    lines: tuple[list[str], list[str]] = ([], [])

    def read(stream: IO[str], kept: list[str], callback: Callable[[str], object] | None) -> None:
        for line in stream:
            kept.append(line.rstrip())
            if callback:
                callback(kept[-1])

    if process.stdout is None or process.stderr is None:
        raise RuntimeError("the engine's output is not piped")
    readers = [
        threading.Thread(target=read, args=(process.stdout, lines[0], on_output), daemon=True),
        threading.Thread(target=read, args=(process.stderr, lines[1], on_error), daemon=True),
    ]
    for reader in readers:
        reader.start()
    process.wait()
    # A plug-in that outlives a killed engine may hold the pipe open: what the engine said is here by now.
    for reader in readers:
        reader.join(timeout=2)
    return lines


@contextmanager
def interruptible(command: EngineCommand, tell: Callable[[str], object]) -> Generator[None]:
    """While this holds, Ctrl-C and SIGTERM stop a running engine, and are a KeyboardInterrupt when the block ends.

    However the engine ended then, it may have left something out. With no engine running they interrupt at once.
    """
    command.interrupted = False

    def handler(_number: int, _frame: object) -> None:
        if not command.interrupt():
            raise KeyboardInterrupt
        tell("Stopping once the resources in flight are done; press Ctrl-C again to stop at once.")

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
        if command.interrupted:
            raise KeyboardInterrupt
