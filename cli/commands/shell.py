"""`lab shell`: a shell in which the study note's commands work as they stand."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import child_process, shell_directory, shell_environment, shell_helm, shell_sessions
from cli.shell_environment import Who
from stacks import backend, rehearsal_backend
from stacks.console import progress
from stacks.errors import BadInput
from stacks.outputs import outputs_of
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="shell",
        help="Open a shell with kubectl, aws and the note's variables set up, or run COMMAND in it.",
        context_settings={"ignore_unknown_options": True},
    )(shell)
    app.command(name="refresh-shell", hidden=True)(refresh_shell)
    app.command(name="build-helm", hidden=True)(build_helm)


def shell(
    stack: StackOption = REHEARSAL,
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="Run this instead.")] = None,
    own_home: Annotated[
        bool,
        typer.Option(
            "--own-home", help="Give it a home directory of its own, as on another machine; it goes with the shell."
        ),
    ] = False,
) -> None:
    """Open a shell with kubectl, aws and the note's variables set up, or run COMMAND in it."""
    before = dict(os.environ)
    chosen = load(stack)
    with outputs_of(chosen) as (outputs, _), shell_directory.opened() as own:
        who = Who(*backend.of(chosen).operator(outputs))
        if own_home:
            own.make_home()
        line, environment = command, shell_environment.of(chosen, outputs, own.path, who).around(before)
        if by_hand := shell_sessions.asked_for(command):
            shell_sessions.greet(by_hand, chosen, outputs, who, own_home=own_home)
            line, environment = shell_sessions.started(by_hand, environment)
        ended = child_process.run(line or [], environment, holds=[own.held])
    sys.exit(ended)


def refresh_shell() -> None:
    """Lead the shell in which this is typed to the rehearsal that stands now."""
    own = os.environ.get(shell_directory.VARIABLE)
    if not own or not Path(own).is_dir():
        raise BadInput("This is no shell of the lab's. Open one with ./lab shell.")
    chosen = load(REHEARSAL)
    with outputs_of(chosen) as (outputs, _):
        shell_environment.of(chosen, outputs, Path(own), Who(*backend.of(chosen).operator(outputs)))


def build_helm() -> None:
    """Build the Helm that a shell has when the user has none; a shell's own `helm` runs this at its first call."""
    with progress() as shown:
        rehearsal_backend.tools(shown, [shell_helm.PROGRAM])
