"""`lab solution`: tell the lab's own answer to an exercise and why, and bring the exercise there."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import language, moving
from cli.views import playing
from exercises.texts import shared, texts
from stacks import progress
from stacks.console import err, out
from stacks.console import progress as shown_progress
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="solution", help="Show the lab's own answer to an exercise and why, and apply it.")(solution)


def solution(
    exercise: moving.ExerciseArgument,
    stack: StackOption = REHEARSAL,
    lang: language.LanguageOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it is applied.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show the lab's own answer to an exercise and why, and apply it; it does not count as your pass."""
    asked = moving.exercise_named(exercise)
    spoken = language.chosen(lang)
    chosen = load(stack)
    moving.require_yes(as_json=as_json, yes=yes)
    name, stage, option = asked.name, asked.play.solved, chosen.option
    told, frame = texts(asked.name, spoken).play, shared(spoken).frame
    if not as_json:
        playing.text(told.why)
    with shown_progress() as shown:
        taken_back = moving.bring(
            chosen,
            asked.name,
            stage,
            shown,
            question=frame.ask_solution.format(name=name, stage=stage),
            language=spoken,
            yes=yes,
            asks_always=True,
        )
    progress.solved(chosen, name, datetime.now(UTC))
    if as_json:
        record = playing.as_json(name, progress.of(chosen, name), datetime.now(UTC))
        out.print_json(json.dumps({**record, "stage": stage, "why": told.why, "taken_back": taken_back}))
        return
    check, play = f"./lab check {name}{option} -v", f"./lab play {name}{option}"
    err.print(
        frame.solution_stands.format(name=name, stage=stage, check=check, play=play), markup=False, soft_wrap=True
    )
