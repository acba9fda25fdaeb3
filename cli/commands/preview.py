"""`lab preview`: what `up` would change, without changing it."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.views import cost
from cli.views import update as views
from stacks import backend, expiry
from stacks.console import progress
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="preview", help="Show what up would change, without changing it.")(preview)


def preview(
    stack: StackOption = REHEARSAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """Show what up would change, without changing it."""
    chosen = load(stack)
    expiry.require(chosen.config, datetime.now(UTC))
    lab = backend.of(chosen)
    if lab.costs and not as_json:
        cost.tell(chosen)
    with progress() as shown:
        found = lab.preview(shown, as_json=as_json)
    if found:
        views.preview(found, as_json=as_json)
