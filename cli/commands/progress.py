"""`lab progress`: how far the learner has come with each exercise."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import language
from cli.views import playing
from exercises.catalogue import EXERCISES
from exercises.progress import Record
from stacks import progress as kept
from stacks.console import out
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="progress", help="Show your points, time, hints and attempts for each exercise.")(progress)


def progress(
    stack: StackOption = REHEARSAL,
    lang: language.LanguageOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show your points, time, hints and attempts for each exercise; also of a lab that is down."""
    chosen, spoken = load(stack), language.chosen(lang)
    now, records, exercises = datetime.now(UTC), kept.read(chosen), list(EXERCISES.values())
    if not as_json:
        playing.table(exercises, records, now, spoken)
        return
    rows = [
        {
            **playing.as_json(each.name, records.get(each.name, Record()), now),
            "owasp2022": each.owasp_2022,
            "owasp2025": list(each.owasp_2025),
        }
        for each in exercises
    ]
    out.print_json(json.dumps({"stack": chosen.name, "exercises": rows}))
