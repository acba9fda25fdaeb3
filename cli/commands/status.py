"""`lab status`: what stands, and for how long."""

import json
from typing import Annotated

import typer

from cli.views import summary
from stacks import status as facts
from stacks.console import out, progress
from stacks.outputs import outputs_of
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="status", help="Show what is running, and for how long.")(status)


def status(
    stack: StackOption = REHEARSAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what is running, and for how long."""
    chosen = load(stack)
    with progress() as shown:
        shown.waiting(f"reading the outputs of stack {chosen.name}")
        with outputs_of(chosen) as (outputs, _):
            shown.waiting("asking EKS and the API server what stands")
            seen = facts.collect(chosen, outputs)
    if as_json:
        out.print_json(json.dumps(seen.as_json()))
    else:
        summary.standing(seen)
