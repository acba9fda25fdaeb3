"""`lab sweep`: ask AWS what is left of a lab, and delete it.

It asks AWS and not the engine, so that it also finds what the engine never knew and what it forgot.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from cli.views import leftovers as views
from infra.lab_tag import LAB_TAG
from operations import cleanup
from operations.cleanup import Leftover, Outcome, Report
from stacks import backend, leftover_tables
from stacks.aws_lab import SETTLED_WITHIN, LabSession, standing_cluster
from stacks.console import out, progress
from stacks.errors import BadInput
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="sweep", help="List what is left of a lab on AWS, and delete it with --delete.")(sweep)


def sweep(
    stack: StackOption = REHEARSAL,
    delete: Annotated[bool, typer.Option("--delete", help="Delete what is left, after asking.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With --delete: do not ask; data that may not be the lab's stays.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --delete: also while a cluster exists; bypasses Pulumi and its state.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """List what is left of a lab on AWS, and delete it with --delete."""
    if (yes or force) and not delete:
        raise BadInput(f"{'--yes' if yes else '--force'} does nothing without --delete. Add that, or leave it out.")
    if delete and as_json and not yes:
        raise BadInput("With --json the command cannot ask before --delete. Add --yes.")
    with backend.of(load(stack)).opened() as lab:
        with progress() as shown:
            report = cleanup.find(lab.client, lab.lab, lab.recorded.ids, tell=shown.waiting)
        outcome = None
        if delete and (chosen := _chosen(lab, report, yes=yes, force=force)):
            _agree(lab, chosen, yes=yes)
            report, outcome = _deleted(lab, chosen, force=force)
    if as_json:
        out.print_json(json.dumps(views.as_json(lab.stack, report, lab.recorded, outcome)))
    else:
        if outcome is not None:
            leftover_tables.outcome(outcome)
        views.show(lab.stack, report, lab.recorded)
    if code := views.exit_code(report, lab.recorded):
        raise typer.Exit(code)


def _chosen(lab: LabSession, report: Report, *, yes: bool, force: bool) -> list[Leftover]:
    """What may be deleted.

    Raises BadInput where that would pull a standing lab from under the engine, or where a cluster stands of which
    the engine knows nothing: then somebody has to say that all this is theirs.
    """
    left = [replace(each, recorded=False) for each in report.left] if force else report.left
    chosen = [each for _, mine in cleanup.in_order(left) for each in mine]
    if not force:
        _hold(lab, report, chosen)
    if yes and not lab.stack.is_rehearsal:
        # Nobody looks: what may be the data of an older cluster of this name stays.
        return [each for each in chosen if each.sure]
    return chosen


def _hold(lab: LabSession, report: Report, chosen: Sequence[Leftover]) -> None:
    name, held, option = lab.lab.cluster, lab.recorded, lab.stack.option
    ours = any(each.kind is cleanup.CLUSTERS and each.ours for each in report.left)
    if ours and held.has_cluster:
        raise BadInput(
            f"The lab {name} stands, and the engine's state holds it. Run ./lab down{option}; if that cannot work, "
            "--delete --force deletes it past the engine."
        )
    if ours and held.unknown:
        raise BadInput(
            f"The cluster {name} stands, and whether the engine's state holds it is not known: {held.unknown}. Fix "
            f"that and run ./lab down{option}, or add --force if the state is lost."
        )
    if not chosen or not standing_cluster(report):
        return
    if ours:
        raise BadInput(
            f"The cluster {name} stands, and stack {lab.stack.name} does not hold it: its state is lost, or somebody "
            "else's stack made it. Make sure that it is yours, then add --force to delete all that is the lab's."
        )
    raise BadInput(
        f"A cluster {name} stands that is not this lab's: it lacks the tag {LAB_TAG}. Make sure that the rest is "
        "yours, then add --force to delete that; this cluster stays, and so does what is known by its name alone."
    )


def _agree(lab: LabSession, chosen: Sequence[Leftover], *, yes: bool) -> None:
    if yes:
        return
    leftover_tables.table(chosen)
    if unsure := views.unsure(chosen):
        out.print(unsure)
    where = "the rehearsal" if lab.stack.is_rehearsal else "AWS"
    if not typer.confirm(f"Delete these {len(chosen)} of {lab.lab.cluster} in {lab.lab.region} from {where} for good?"):
        raise typer.Exit(views.LEFT)


def _deleted(lab: LabSession, chosen: Sequence[Leftover], *, force: bool) -> tuple[Report, Outcome]:
    known = {} if force else lab.recorded.ids
    with progress() as shown:
        outcome = cleanup.delete(lab.client, lab.lab, chosen, known, tell=shown.waiting)
        shown.phase(f"{len(outcome.deleted)} of {len(chosen)} deleted; asking what is left")
        report = cleanup.settled(lab.client, lab.lab, lab.recorded.ids, within=SETTLED_WITHIN, tell=shown.waiting)
    return report, outcome
