"""`lab up`: stand the lab up, or bring it to what the settings say now."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from cli import aws_stack, doctor, lifetime, settings_file, updates
from cli.console import progress
from cli.failures import BadInput
from cli.files import replace_text
from cli.stacks import REHEARSAL, Stack, StackOption, load, parsed


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="up", help="Stand the lab up, or bring it to what the settings say now.")(up)


def up(
    stack: StackOption = REHEARSAL,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="AWS: do not ask before anything is created.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ttl: Annotated[
        str, typer.Option("--ttl", metavar="4h", help="When that time is over, AWS takes away what costs by the hour.")
    ] = "",
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Look at everything anew first, and put back what was changed or deleted by hand.")
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
    if ttl:
        chosen, write = _ending(chosen, ttl)
    if chosen.is_rehearsal:
        write()
        with progress() as shown:
            made = updates.rehearse(chosen, shown, refresh=refresh)
        updates.tell(made, as_json=as_json)
        return
    if not skip_doctor:
        doctor.insist(chosen, as_json=as_json)
    aws_stack.up(chosen, yes=yes, agreed=write, refresh=refresh, as_json=as_json)


def nothing() -> None:
    """Nothing is to be written."""


def _ending(chosen: Stack, ttl: str) -> tuple[Stack, Callable[[], None]]:
    """The stack with its end in the settings, and what writes them; raises BadInput."""
    expires = lifetime.ends(ttl, datetime.now(UTC))
    text = settings_file.with_expires(settings_file.read(chosen.file), expires)
    return parsed(chosen.name, chosen.file, text), partial(replace_text, chosen.file, text)
