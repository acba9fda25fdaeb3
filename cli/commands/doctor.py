"""`lab doctor`: check whether the lab can be built, before its first resource."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from cli.preflight import examine
from cli.views.doctor import show
from operations.doctor.findings import Status
from stacks.console import out
from stacks.errors import CannotAsk, Failure
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="doctor", help="Check whether the lab can be built, and say what to fix.")(doctor)


def doctor(
    stack: StackOption = REHEARSAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print every finding as JSON.")] = False,
) -> None:
    """Check whether the lab can be built, and say what to fix."""
    found = examine(load(stack))
    if as_json:
        out.print_json(json.dumps([asdict(finding) for finding in found]))
    else:
        show(found)
    statuses = {finding.status for finding in found}
    if Status.FAIL in statuses:
        raise typer.Exit(code=Failure.exit_code)
    if Status.UNCHECKED in statuses:
        raise typer.Exit(code=CannotAsk.exit_code)
