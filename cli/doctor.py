"""`lab doctor`: whether the lab can stand up, before its first resource.

On AWS it asks with the user's own credentials and changes nothing. The rehearsal
needs this machine alone, so that is all that is looked at there.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.table import Table

from cli import aws_stack, cost
from cli.console import out, progress
from cli.failures import CannotAsk, Failure
from cli.stacks import REHEARSAL, Stack, StackOption, load
from infra.doctor import machine
from infra.doctor.diagnose import diagnose_machine
from infra.doctor.findings import Finding, Status
from infra.doctor.seen import Unseen

STYLES: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.UNCHECKED: "yellow"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="doctor", help="Look whether the lab can stand up, and say what to mend.")(doctor)


def doctor(
    stack: StackOption = REHEARSAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print every finding as JSON.")] = False,
) -> None:
    """Look whether the lab can stand up, and say what to mend."""
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


def examine(stack: Stack) -> tuple[Finding, ...]:
    """Every finding about a stack; asks AWS only about one that stands there."""
    with progress() as shown:
        shown.waiting("looking")
        if stack.is_rehearsal:
            return tuple(diagnose_machine(machine.look(machine.REHEARSAL_TOOLS)))
        return _on_aws(stack)


def insist(stack: Stack) -> None:
    """Before `up`: show what is not ok; raises Failure when `up` would fail."""
    found = examine(stack)
    wrong = [finding for finding in found if finding.status is not Status.OK]
    if wrong:
        show(wrong)
    if stops(found):
        raise Failure(
            "The lab cannot stand up as things are; nothing was touched. Mend what is marked as failing above, "
            "or run the command with --skip-doctor."
        )


def show(found: Sequence[Finding]) -> None:
    """The findings as a table, and how many there are of each kind."""
    shown = Table("", "", "finding", "what to do", box=None, pad_edge=False)
    layer = ""
    for finding in found:
        shown.add_row(
            "" if finding.layer == layer else finding.layer.value,
            f"[{STYLES[finding.status]}]{finding.status.value}[/]",
            finding.finding,
            finding.remedy,
        )
        layer = finding.layer
    out.print(shown)
    counts = [f"{sum(f.status is status for f in found)} {status.value}" for status in Status]
    out.print(f"{', '.join(counts)}.")


def stops(found: Sequence[Finding]) -> bool:
    """Whether `up` would fail."""
    return any(finding.status is Status.FAIL for finding in found)


def _on_aws(stack: Stack) -> tuple[Finding, ...]:
    # These take a while to import, and most commands need none of them.
    from botocore.exceptions import BotoCoreError

    from infra.clients import clients
    from infra.doctor.diagnose import diagnose
    from infra.doctor.probes import Sight, see
    from infra.lookups import AwsLookups

    config, profile = stack.config, cost.profile(stack)
    try:
        client = clients(profile, config.region)
    except BotoCoreError as error:
        raise CannotAsk(f"{str(error).rstrip('.')}. Mend aws:profile in {stack.file.name}, or AWS_PROFILE.") from error
    sight = Sight(client, AwsLookups(config.region, profile, client), stands=lambda: _stands(stack))
    return diagnose(config, see(config, sight), datetime.now(UTC))


def _stands(stack: Stack) -> bool | Unseen:
    """Whether the stack has a cluster already, as its state says."""
    try:
        return bool(aws_stack.outputs(stack).get("clusterName"))
    except Failure as error:
        if "no stack named" in str(error):
            return False
        return Unseen(str(error).rstrip("."))
