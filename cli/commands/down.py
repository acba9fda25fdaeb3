"""`lab down`: take the lab away and show that nothing is left."""

from typing import Annotated

import typer

from cli.views import down as views
from stacks import backend, expiry
from stacks.console import progress
from stacks.errors import BadInput
from stacks.outcomes import LeftOnAws
from stacks.rehearsal_backend import end_by_force
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="down", help="Delete the lab, and show whether anything is left.")(down)


def down(
    stack: StackOption = REHEARSAL,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before anything is deleted.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Rehearsal: stop it without deleting its resources one by one first."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is left as JSON.")] = False,
) -> None:
    """Delete the lab, and show whether anything is left."""
    if force and stack == REHEARSAL:
        views.in_rehearsal(end_by_force(), as_json=as_json)
        return
    chosen = load(stack)
    lab = backend.of(chosen)
    if as_json and not yes and lab.costs:
        raise BadInput("With --json the command cannot ask before the lab is deleted. Add --yes.")
    with progress() as shown:
        left = lab.destroy(shown, yes=yes, as_json=as_json)
    if isinstance(left, LeftOnAws):
        if code := views.on_aws(chosen, left, as_json=as_json):
            raise typer.Exit(code)
    else:
        views.in_rehearsal(left, as_json=as_json)
        if not left.was_up:
            return
    expiry.forget(chosen)
