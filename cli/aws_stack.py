"""Drives the user's own pulumi CLI and backend for a stack on AWS.

State, secrets provider, credentials and prompts stay the user's: this only checks
the settings first, says what the lab will cost, and asks.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

import typer

from cli import causes, cost
from cli.console import err, out
from cli.failures import CannotAsk, Failure
from cli.stacks import CHECKOUT, Stack
from rehearsal.run import environment

EVENT_LOG: Final = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Environment in which the pulumi CLI knows `--event-log`, as its own Automation API sets it."""

FORGET_WITH_CLUSTER: Final = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
"""Environment in which the Kubernetes provider forgets what is in a cluster that it cannot reach."""


def up(
    stack: Stack,
    *,
    yes: bool,
    agreed: Callable[[], object] = lambda: None,
    refresh: bool = False,
    as_json: bool = False,
) -> None:
    """Tell the cost, ask, and run `pulumi up`; raises Failure when it fails.

    `agreed` is called between the user's consent and the first thing that is done. With `as_json` stdout holds the
    stack's outputs alone.
    """
    if not as_json:
        cost.tell(stack)
    _agree(f"Stand {stack.config.cluster_name} up on AWS in {stack.config.region} (stack {stack.name})?", yes=yes)
    agreed()
    arguments = ["up", "--yes", "--skip-preview", *(["--refresh"] if refresh else []), "--stack", stack.name]
    _pulumi(*arguments, stdout=sys.stderr if as_json else None)
    if as_json:
        out.print_json(json.dumps({"outputs": outputs(stack)}))
    err.print(f"Take it away when you are done: ./lab down -s {stack.name}")


def apply(stack: Stack) -> None:
    """Run `pulumi up` with the stack's file, wherever that is, and ask nothing; raises Failure when it fails.

    What pulumi says goes to stderr: the caller's stdout may be for a script.
    """
    _pulumi("up", "--yes", "--skip-preview", "--stack", stack.name, "--config-file", str(stack.file), stdout=sys.stderr)


def preview(stack: Stack, *, as_json: bool = False) -> None:
    """Run `pulumi preview`, or print its own JSON."""
    if not as_json:
        cost.tell(stack)
    _pulumi("preview", *(["--json"] if as_json else []), "--stack", stack.name)


def down(stack: Stack, *, yes: bool, cluster_is_gone: Callable[[], bool], as_json: bool = False) -> None:
    """Ask, and run `pulumi destroy`; raises Failure when it fails.

    `cluster_is_gone` is asked after the user's consent. Then what was in the cluster can only be forgotten, and the
    engine must be told so, or it fails on the first object in it. Reading everything anew first is part of it:
    pulumi-kubernetes refuses to delete a release of a cluster that it cannot reach, and forgets it only when it
    reads it (pulumi-kubernetes 4.34, provider/pkg/provider/provider.go, Read and Delete).
    """
    _agree(f"Delete {stack.config.cluster_name} and everything in it from AWS (stack {stack.name})?", yes=yes)
    arguments = ["destroy", "--yes", "--skip-preview", "--stack", stack.name]
    # With --json stdout is for what is left alone.
    stdout = sys.stderr if as_json else None
    if not cluster_is_gone():
        _pulumi(*arguments, stdout=stdout)
        return
    err.print(
        f"EKS has no cluster {stack.config.cluster_name} any more: what was in it goes from the engine's state alone.",
        markup=False,
    )
    with environment(FORGET_WITH_CLUSTER, set()):
        _pulumi(*arguments, "--refresh", stdout=stdout)


def outputs(stack: Stack) -> dict[str, Any]:
    """The stack's outputs, secret ones masked; raises CannotAsk when pulumi cannot tell."""
    ended = subprocess.run(
        [binary(), "stack", "output", "--json", "--stack", stack.name],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines()
        raise CannotAsk(
            f"pulumi could not read the outputs of stack {stack.name}: {said[-1] if said else 'it said nothing'}. "
            "Check pulumi login and the stack's name."
        )
    return json.loads(ended.stdout or "{}")


def _agree(question: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        raise typer.Exit(code=1)


def binary() -> str:
    """The user's own pulumi; raises Failure when there is none."""
    found = shutil.which("pulumi")
    if not found:
        raise Failure("The pulumi CLI is not on PATH. Install it from https://www.pulumi.com/docs/install/ and log in.")
    return found


def _pulumi(*arguments: str, stdout: IO[str] | None = None) -> None:
    """Run pulumi on the user's terminal; Ctrl-C is pulumi's to handle. Raises Failure with the cause in a line."""
    with tempfile.TemporaryDirectory() as directory:
        events = Path(directory, "events")
        # The log holds outputs and settings: it is gone with the command.
        process = subprocess.Popen(
            [binary(), *arguments, "--event-log", str(events)],
            cwd=Path(CHECKOUT),
            env=os.environ | EVENT_LOG,
            stdout=stdout,
        )
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:
                continue
        if code == 0:
            return
        said = causes.logged(events)
    told = causes.cause(said) if said else "What it said stands above."
    raise Failure(f"pulumi {arguments[0]} ended with exit code {code}. {told}")
