"""`lab shell`: a shell in which the study note's commands work as they stand."""

import os
import sys
from typing import Annotated

import typer

from cli import children, surroundings
from cli.console import err
from cli.outputs import outputs_of
from cli.stacks import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="shell",
        help="Open a shell with kubectl, aws and the note's variables set up, or run COMMAND in it.",
        context_settings={"ignore_unknown_options": True},
    )(shell)


def shell(
    stack: StackOption = REHEARSAL,
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="Run this instead.")] = None,
) -> None:
    """Open a shell with kubectl, aws and the note's variables set up, or run COMMAND in it."""
    chosen = load(stack)
    with outputs_of(chosen) as (outputs, directory):
        settings = surroundings.of(chosen, outputs, directory)
        settings |= surroundings.kubectl_files(directory, outputs["kubeconfig"])
        if not command:
            err.print(
                f"A shell in stack {chosen.name}: KUBECONFIG, AWS and the note's variables are set. Leave it by exit."
            )
        ended = children.run(command or children.login_shell(), os.environ | settings)
    sys.exit(ended)
