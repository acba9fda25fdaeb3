"""`lab up`: stand the lab up, or bring it to what the settings say now."""

from typing import Annotated

import typer

from cli import aws_stack, updates
from cli.console import progress
from cli.stacks import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="up", help="Stand the lab up, or bring it to what the settings say now.")(up)


def up(
    stack: StackOption = REHEARSAL,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="AWS: do not ask before anything is created.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Stand the lab up, or bring it to what the settings say now."""
    chosen = load(stack)
    if chosen.is_rehearsal:
        with progress() as shown:
            made = updates.rehearse(chosen, shown)
        updates.tell(made, as_json=as_json)
    else:
        aws_stack.up(chosen, yes=yes)
