"""`lab play`: bring an exercise to its insecure stage, tell its story, and start the clock."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import language, moving
from cli.views import playing
from exercises.catalogue import EXERCISES, Exercise
from exercises.progress import Record
from exercises.texts import Language, shared, texts
from stacks import backend, exercise_moves, progress
from stacks.console import duration, err, out
from stacks.console import progress as shown_progress
from stacks.stack import REHEARSAL, Stack, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    names = ", ".join(f"{each.name} ({each.alias})" if each.alias else each.name for each in EXERCISES.values())
    told = "Play an exercise: it stands insecure, you repair it, lab check judges."
    app.command(name="play", help=f"{told}\n\n{names}", short_help=told)(play)


def play(
    exercise: moving.ExerciseArgument,
    stack: StackOption = REHEARSAL,
    lang: language.LanguageOption = "",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before AWS is changed or changes by hand are undone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the story and the goals as JSON.")] = False,
) -> None:
    """Set an exercise to its insecure stage, tell its story, and start the clock."""
    asked = moving.exercise_named(exercise)
    spoken = language.chosen(lang)
    frame = shared(spoken).frame
    chosen = load(stack)
    before = progress.of(chosen, asked.name)
    if before.is_open and before.since and exercise_moves.stage_of(chosen, asked.name) == asked.play.start:
        _tell(chosen, asked, before, spoken, as_json=as_json)
        if not as_json:
            spent, reset = duration(before.spent(datetime.now(UTC))), f"./lab reset {asked.name}{chosen.option}"
            err.print(frame.in_play_already.format(name=asked.name, time=spent, reset=reset), markup=False)
        return
    exercise_moves.require_version(chosen, asked)
    if backend.of(chosen).costs:
        moving.require_yes(as_json=as_json, yes=yes)
    with shown_progress() as shown:
        moving.bring(
            chosen,
            asked.name,
            asked.play.start,
            shown,
            question=frame.ask_play.format(name=asked.name, stage=asked.play.start),
            language=spoken,
            yes=yes,
            asks_always=False,
        )
    progress.begun(chosen, asked.name, datetime.now(UTC))
    _tell(chosen, asked, progress.of(chosen, asked.name), spoken, as_json=as_json)


def _tell(chosen: Stack, asked: Exercise, record: Record, spoken: Language, *, as_json: bool) -> None:
    if not as_json:
        playing.story(asked, chosen.option, spoken)
        return
    told = texts(asked.name, spoken).play
    out.print_json(
        json.dumps(
            {
                **playing.as_json(asked.name, record, datetime.now(UTC)),
                "stack": chosen.name,
                "stage": asked.play.start,
                "title": texts(asked.name, spoken).title,
                "story": told.story,
                "parts": dict(told.parts),
                "goals": dict(told.goals),
                "real": told.real,
            }
        )
    )
