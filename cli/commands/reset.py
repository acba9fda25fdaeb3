"""`lab reset`: bring an exercise back to where play begins, whatever was done to it by hand."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import language, moving
from cli.views import playing
from exercises.catalogue import Exercise
from exercises.progress import Record
from exercises.texts import Frame, shared
from stacks import progress
from stacks.console import duration, err, out
from stacks.console import progress as shown_progress
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="reset", help="Undo all changes by hand in an exercise, back to where it began.")(reset)


def reset(
    exercise: moving.ExerciseArgument,
    stack: StackOption = REHEARSAL,
    lang: language.LanguageOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changes by hand are undone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was undone as JSON.")] = False,
) -> None:
    """Undo all changes by hand in an exercise, back to where it began."""
    asked = moving.exercise_named(exercise)
    spoken = language.chosen(lang)
    frame = shared(spoken).frame
    chosen = load(stack)
    moving.require_yes(as_json=as_json, yes=yes)
    name, option = asked.name, chosen.option
    stage = asked.play.start
    with shown_progress() as shown:
        taken_back = moving.bring(
            chosen,
            name,
            stage,
            shown,
            question=frame.ask_reset.format(name=name, stage=stage),
            language=spoken,
            yes=yes,
            asks_always=True,
            anew=True,
        )
        elapsed = shown.elapsed
    before = progress.of(chosen, name)
    if before.is_open:
        # One that was passed is begun again; the clock of one that was not goes on.
        progress.begun(chosen, name, datetime.now(UTC))
    record = progress.of(chosen, name)
    if as_json:
        told = playing.as_json(name, record, datetime.now(UTC))
        out.print_json(json.dumps({**told, "stage": stage, "taken_back": taken_back, "took": round(elapsed, 1)}))
        return
    told = frame.was_reset.format(name=name, stage=stage, time=duration(elapsed))
    err.print(f"{told} {_onward(before, asked, option, frame)}", markup=False, soft_wrap=True)


def _onward(before: Record, asked: Exercise, option: str, frame: Frame) -> str:
    """What became of the play, from the record before; `option` names the stack to a command."""
    if not before.is_open:
        return frame.reset_begins.format(play=f"./lab play {asked.name}{option}")
    if before.since:
        return frame.reset_goes_on
    return frame.reset_passed.format(check=f"./lab check {asked.name}{option}")
