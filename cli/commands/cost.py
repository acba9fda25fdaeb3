"""`lab cost`: what the lab costs an hour, a day, and if it is forgotten for a month."""

import json
from typing import Annotated, Final

import typer

from cli.views import cost as views
from stacks.console import out
from stacks.errors import BadInput, CannotAsk
from stacks.stack import REHEARSAL, StackOption, load

MOST_HOURS: Final = 24 * 366.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="cost", help="Show what the lab costs per hour, per day and in a forgotten month.")(cost)


def cost(
    stack: StackOption = REHEARSAL,
    hours: Annotated[
        float | None, typer.Option("--hours", metavar="N", help="Add a column: what it costs for so many hours.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every row as JSON.")] = False,
) -> None:
    """Show what the lab costs per hour, per day and in a forgotten month."""
    if hours is not None and not 0 < hours <= MOST_HOURS:
        raise BadInput(f"--hours is {hours:g}. Give more than 0 and at most {MOST_HOURS:.0f}, which is a year.")
    found = views.estimate(load(stack), hours)
    if not found.bill.rows:
        raise CannotAsk(
            f"No price is known for {found.stack.config.region}: {found.not_live or 'AWS returned none'}, and the "
            "table does not have that region. Name an AWS stack with -s and have credentials that may ask for prices."
        )
    if as_json:
        out.print_json(json.dumps(views.as_json(found)))
    else:
        views.show(found)
