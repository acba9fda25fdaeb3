"""`lab up`: stand the lab up, or bring it to what the settings say now."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from cli import aws_stack, preflight, updates
from stacks import expiry, kept_stages, settings_file
from stacks.aws_lab import cluster_is_gone, opened
from stacks.console import progress
from stacks.errors import BadInput, Failure
from stacks.made_by_hand import confirmed
from stacks.stack import REHEARSAL, Stack, StackOption, content, load, parsed, read


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="up", help="Stand the lab up, or bring it to what the settings say now.")(up)


def up(
    stack: StackOption = REHEARSAL,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Do not ask before AWS costs or what was made by hand is replaced."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ttl: Annotated[
        str,
        typer.Option("--ttl", metavar="4h", help="After that time AWS takes away what costs by the hour; none: never."),
    ] = "",
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Look at everything anew first, and put back what was changed by hand.")
    ] = False,
    skip_doctor: Annotated[
        bool, typer.Option("--skip-doctor", help="AWS: do not look first whether the lab can stand up.")
    ] = False,
) -> None:
    """Stand the lab up, or bring it to what the settings say now."""
    chosen = load(stack)
    if as_json and not yes and not chosen.is_rehearsal:
        raise BadInput("With --json nobody can be asked before AWS costs. Add --yes.")
    write = nothing
    now = datetime.now(UTC)
    if ttl:
        if not chosen.is_rehearsal and expiry.has_begun_to_end(chosen.config, now):
            _insist_on_the_cluster(chosen)
            # Its pages may be gone, its nodes too.
            refresh = True
        chosen, write = _ending(chosen, ttl, now)
    expiry.insist(chosen.config, now)
    if chosen.is_rehearsal:
        write()
        # What was edited in the file since counts from now on, whatever it is edited to next.
        kept_stages.keep(content(chosen.file, read(chosen.file)), chosen.stages)
        with progress() as shown:
            made = updates.rehearse(chosen, shown, refresh=refresh, agree=confirmed(yes=yes))
        updates.tell(made, as_json=as_json, refreshed=refresh)
        return
    if not skip_doctor:
        preflight.insist(chosen, as_json=as_json)
    aws_stack.up(chosen, yes=yes, agreed=write, refresh=refresh, as_json=as_json)


def nothing() -> None:
    """Nothing is to be written."""


def _ending(chosen: Stack, ttl: str, now: datetime) -> tuple[Stack, Callable[[], None]]:
    """The stack with its end in the settings, and what writes them; raises BadInput."""
    before = read(chosen.file)
    if chosen.is_rehearsal:
        # Kept beside the lab: its file is under version control.
        kept = {**chosen.stages, kept_stages.EXPIRES: expiry.ends(ttl, now)}
        return parsed(chosen.name, chosen.file, before, kept), nothing
    after = settings_file.with_expires(before, expiry.ends(ttl, now))
    return parsed(chosen.name, chosen.file, after, chosen.stages), partial(
        settings_file.write, chosen.file, before, after
    )


def _insist_on_the_cluster(chosen: Stack) -> None:
    """Raises Failure when the lab's end has taken the cluster that the state holds: nothing could be built on it."""
    with opened(chosen) as lab, progress() as shown:
        if lab.recorded.has_cluster and cluster_is_gone(lab, shown):
            raise Failure(
                f"The lab's time was up at {chosen.config.expires}, and AWS has taken its cluster away. Clear up with "
                f"./lab down{chosen.option}, then run this again."
            )
