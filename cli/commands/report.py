"""`lab report`: how far a learner has come, in one signed file; and for who collects such files, what they say."""

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli import language
from cli.views import playing, report_page
from cli.views import report as tables
from exercises.catalogue import EXERCISES
from exercises.progress import Record
from exercises.report import Report
from stacks import checking
from stacks import progress as kept
from stacks.console import Progress, err, out, progress
from stacks.errors import BadInput, NotUp
from stacks.files import replace_text
from stacks.outputs import outputs_of
from stacks.report import document, signing
from stacks.report.collecting import collected
from stacks.report.data import learners_name, made
from stacks.report.verifying import verified
from stacks.stack import REHEARSAL, Stack, StackOption, load

HELP: Final = "How far you have come, in one signed file to hand in; verify one, or collect many."

_AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command, and the two below it."""
    group = typer.Typer(rich_markup_mode=None)
    group.callback(invoke_without_command=True)(report)
    group.command(name="verify", help="Show what was changed in a report since the lab wrote it.")(verify)
    group.command(name="collect", help="Make one table of the reports in a directory.")(collect)
    app.add_typer(group, name="report", help=HELP, context_settings={"help_option_names": ["-h", "--help"]})


def report(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", help="Your name, as the report shows it.")] = "",
    stack: StackOption = REHEARSAL,
    to: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to; default: a new file here."),
    ] = None,
    lang: language.LanguageOption = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print data and signature as JSON; a file only with --out.")
    ] = False,
) -> None:
    """Check the exercises, and write your progress into one signed file to hand in."""
    if context.invoked_subcommand:
        return
    learner = learners_name(name)
    chosen, spoken = load(stack), language.chosen(lang)
    now = datetime.now(UTC)
    file = to or (None if as_json else Path(_file_name(learner, now)))
    if file and not file.absolute().parent.is_dir():
        raise BadInput(f"There is no directory {file.absolute().parent}. Make it, or name another file with --out.")
    key = signing.own_key(chosen.name)
    with progress() as shown:
        asked, outputs = _asked(chosen, shown)
    now = datetime.now(UTC)
    records = kept.read(chosen)
    told = [playing.as_json(each.name, records.get(each.name, Record()), now) for each in EXERCISES.values()]
    by = report_page.drawn_by()
    data = made(chosen, learner, asked, told, outputs, now, drawn_by=by, language=spoken)
    if file:
        replace_text(file, document.as_page(data, key, report_page.draw))
        key_id = signing.key_id(signing.public(key))
        said = f"Report of {learner}, signed with key {key_id}, is in {file}. See it in a browser, then hand it in."
        err.print(said, markup=False, soft_wrap=True)
        if asked is None:
            err.print(f"The lab is not up, so nothing was asked. ./lab up{chosen.option} first, for rows.")
    if as_json:
        out.print_json(json.dumps(document.as_json(data, key)))


def _asked(chosen: Stack, shown: Progress) -> tuple[Report | None, Mapping[str, Any]]:
    """What `lab check` would find now, and the stack's outputs; None and no outputs of a lab that is not up."""
    try:
        with outputs_of(chosen) as (outputs, _):
            kept_outputs = dict(outputs)
        return checking.ask(chosen, tuple(EXERCISES), shown, looks=True), kept_outputs
    except NotUp:
        return None, {}


def _file_name(learner: str, now: datetime) -> str:
    words = re.sub(r"[^\w]+", "-", learner).strip("-")
    return f"lab-report-{words or 'learner'}-{now:%Y%m%dT%H%M%SZ}.html"


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A report, HTML or JSON.", show_default=False)],
    as_json: _AsJson = False,
) -> None:
    """Show what was changed in a report since the lab wrote it; exit code 1 if anything was."""
    try:
        found = verified(document.read(file), report_page.draw, report_page.drawn_by())
    except document.NoReport as error:
        raise BadInput(f"{file} is no report: {error}. Name a file that ./lab report wrote.") from error
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}. Name a file that ./lab report wrote.") from error
    if as_json:
        changes = [{"where": each.where, "what": each.what} for each in found.changes]
        told = {
            "file": str(file),
            "intact": found.intact,
            "keyId": found.key_id,
            "changes": changes,
            "note": found.note,
            "data": found.data and found.data.model_dump(),
        }
        out.print_json(json.dumps(told))
    else:
        tables.verified(found, str(file))
    raise typer.Exit(0 if found.intact else 1)


def collect(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the reports are.", show_default=False)],
    as_json: _AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print it for a spreadsheet.")] = False,
) -> None:
    """Make one table of the reports in a directory and in those below it; what is none is a line too."""
    if as_json and as_csv:
        raise BadInput("--json and --csv exclude each other. Give one of them.")
    if not directory.is_dir():
        raise BadInput(f"There is no directory {directory}. Name the one that holds the reports.")
    lines = collected(directory, report_page.draw, report_page.drawn_by())
    if as_json:
        out.print_json(json.dumps({"reports": [each.as_json() for each in lines]}))
    elif as_csv:
        sys.stdout.write(tables.as_csv(lines))
    else:
        tables.collected(lines)
