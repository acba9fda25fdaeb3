"""Drives the user's own pulumi CLI and backend for a stack on AWS.

State, secrets provider, credentials and prompts stay the user's: this only checks
the settings first, says what the lab will cost, and asks.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import typer

from cli import cost
from cli.console import err
from cli.failures import CannotAsk, Failure
from cli.stacks import CHECKOUT, Stack


def up(stack: Stack, *, yes: bool, agreed: Callable[[], object] = lambda: None) -> None:
    """Tell the cost, ask, and run `pulumi up`; raises Failure when it fails.

    `agreed` is called between the user's consent and the first thing that is done.
    """
    cost.tell(stack)
    _agree(f"Stand {stack.config.cluster_name} up on AWS in {stack.config.region} (stack {stack.name})?", yes=yes)
    agreed()
    _pulumi("up", "--yes", "--skip-preview", "--stack", stack.name)
    err.print(f"Take it away when you are done: ./lab down -s {stack.name}")


def apply(stack: Stack) -> None:
    """Run `pulumi up` with the stack's file, wherever that is, and ask nothing; raises Failure when it fails.

    What pulumi says goes to stderr: the caller's stdout may be for a script.
    """
    _pulumi(
        "up", "--yes", "--skip-preview", "--stack", stack.name, "--config-file", str(stack.file), stdout=sys.stderr
    )


def preview(stack: Stack) -> None:
    """Run `pulumi preview`."""
    cost.tell(stack)
    _pulumi("preview", "--stack", stack.name)


def down(stack: Stack, *, yes: bool) -> None:
    """Ask, and run `pulumi destroy`."""
    _agree(f"Delete {stack.config.cluster_name} and everything in it from AWS (stack {stack.name})?", yes=yes)
    _pulumi("destroy", "--yes", "--skip-preview", "--stack", stack.name)


def outputs(stack: Stack) -> dict[str, Any]:
    """The stack's outputs, secret ones masked; raises CannotAsk when pulumi cannot tell."""
    ended = subprocess.run(
        [_binary(), "stack", "output", "--json", "--stack", stack.name],
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


def _binary() -> str:
    found = shutil.which("pulumi")
    if not found:
        raise Failure("The pulumi CLI is not on PATH. Install it from https://www.pulumi.com/docs/install/ and log in.")
    return found


def _pulumi(*arguments: str, stdout: IO[str] | None = None) -> None:
    """Run pulumi on the user's terminal; Ctrl-C is pulumi's to handle."""
    process = subprocess.Popen([_binary(), *arguments], cwd=Path(CHECKOUT), stdout=stdout)
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            continue
    if code != 0:
        raise Failure(f"pulumi {arguments[0]} ended with exit code {code}. What it said stands above.")
