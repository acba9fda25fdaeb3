"""`lab up`: stand the lab up, or bring it to what the settings say now."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import preflight
from cli.views import cost, update
from stacks import backend, expiry
from stacks.aws_lab import cluster_is_gone
from stacks.backend import Backend
from stacks.console import progress
from stacks.errors import BadInput, Failure
from stacks.made_by_hand import confirmed
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="up", help="Build the lab, or update it to the current settings.")(up)


def up(
    stack: StackOption = REHEARSAL,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Do not ask before AWS costs money or what was made by hand is replaced."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ttl: Annotated[
        str,
        typer.Option("--ttl", metavar="4h", help="After this time AWS deletes what costs by the hour; none: never."),
    ] = "",
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read the real state first, and restore what was changed by hand.")
    ] = False,
    skip_doctor: Annotated[
        bool, typer.Option("--skip-doctor", help="AWS: do not run the checks of lab doctor first.")
    ] = False,
) -> None:
    """Build the lab, or update it to the current settings."""
    chosen = load(stack)
    lab = backend.of(chosen)
    if as_json and not yes and lab.costs:
        raise BadInput("With --json the command cannot ask before AWS costs money. Add --yes.")
    now = datetime.now(UTC)
    if ttl and lab.costs and expiry.has_begun_to_end(chosen.config, now):
        _insist_on_the_cluster(lab)
        # Its pages may be gone, its nodes too.
        refresh = True
    chosen, write = lab.with_end(expiry.ends(ttl, now) if ttl else None)
    lab = backend.of(chosen)
    expiry.require(chosen.config, now)
    if lab.costs and not skip_doctor:
        preflight.require(chosen, as_json=as_json)
    lab.agree(yes=yes, tell=None if as_json else cost.tell)
    write()
    with progress() as shown:
        made = lab.up(shown, yes=yes, agree=confirmed(yes=yes), refresh=refresh, as_json=as_json)
    update.tell(chosen, made, as_json=as_json, refreshed=refresh)


def _insist_on_the_cluster(lab: Backend) -> None:
    """Raises Failure when the lab's end has taken the cluster that the state holds: nothing could be built on it."""
    with lab.opened() as opened, progress() as shown:
        if opened.recorded.has_cluster and cluster_is_gone(opened, shown):
            stack = lab.stack
            raise Failure(
                f"The lab's time was up at {stack.config.expires}, and AWS has taken its cluster away. Clear up with "
                f"./lab down{stack.option}, then run this again."
            )
