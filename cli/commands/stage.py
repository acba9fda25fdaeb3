"""`lab stage`: move an exercise to another stage, or show where each stands. The move itself is `stacks.staging`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from cli.views import cost, next_steps, playing, update
from exercises.catalogue import EXERCISES, OFF, named, standing
from exercises.progress import Record
from grading.check import ExerciseName
from stacks import exercise_moves, staging, tables
from stacks import progress as kept_progress
from stacks.console import err, out
from stacks.errors import BadInput, CannotAsk, NotUp
from stacks.outputs import outputs_of
from stacks.stack import REHEARSAL, Stack, StackOption, configured, load

STAGES: Final[Mapping[ExerciseName, tuple[str, ...]]] = {
    name: (OFF, *exercise.stages) for name, exercise in EXERCISES.items()
}
"""Exercise → every stage that it can be moved to."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    listed = "\n\n".join(f"{name}: {', '.join(stages)}" for name, stages in STAGES.items())
    app.command(
        name="stage",
        help="Move exercises to a stage: change the setting and run up; without arguments show the stage of each.\n\n"
        + listed,
        short_help="Move exercises to a stage, or show the stage of each.",
    )(stage)


def stage(
    moves: Annotated[
        list[str] | None,
        typer.Argument(metavar="EXERCISE STAGE", help="Which exercise to move to which stage.", show_default=False),
    ] = None,
    stack: StackOption = REHEARSAL,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Do not ask before AWS is changed or what was made by hand replaced."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table, or the result, as JSON.")] = False,
) -> None:
    """Move exercises to a stage: change the setting and run up; without arguments show the stage of each."""
    wanted = _wanted(moves or [])
    if wanted:
        exercise_moves.clear_the_way(stack, wanted, yes=yes)
        _move(stack, wanted, yes=yes, as_json=as_json)
        _leave_play(load(stack), wanted)
    else:
        _show(load(stack), as_json=as_json)


def _wanted(moves: list[str]) -> dict[ExerciseName, str]:
    """Exercise → stage from the command line; raises BadInput."""
    wanted: dict[ExerciseName, str] = {}
    for word, following in zip(moves[::2], [*moves[1::2], None], strict=False):
        found = named(word)
        if found is None:
            raise BadInput(f"There is no exercise {word}. Name one of: {', '.join(EXERCISES)}.")
        name = found.name
        stages = ", ".join(STAGES[name])
        if following is None:
            raise BadInput(f"Exercise {name} is to be moved, and no stage is named. Name one of: {stages}.")
        if following not in STAGES[name]:
            raise BadInput(f"Exercise {name} has no stage {following}. Name one of: {stages}.")
        if wanted.setdefault(name, following) != following:
            raise BadInput(f"Exercise {name} cannot stand at {wanted[name]} and at {following}. Name one of them.")
    return wanted


def _move(name: str, wanted: Mapping[ExerciseName, str], *, yes: bool, as_json: bool) -> None:
    moved = staging.move(name, wanted, yes=yes, as_json=as_json, tell_cost=cost.tell)
    update.tell(moved.stack, moved.update, as_json=as_json, with_lab=False)
    for exercise, at in wanted.items():
        for line in next_steps.after_stage(exercise, at, moved.stack.option):
            # A command is typed as it stands: only the terminal breaks its line.
            (tables.line if line.startswith(next_steps.TRY) else tables.prose)(line, to=err)


def _leave_play(stack: Stack, stands: Mapping[ExerciseName, str]) -> None:
    """What was moved away from where it is played is not in play any more."""
    moved = [name for name, at in stands.items() if at != EXERCISES[name].play.start]
    for name in kept_progress.left(stack, moved, datetime.now(UTC)):
        told = f"{name} is not in play any more: ./lab play {name}{stack.option} begins it again."
        tables.prose(told, to=err)


def _show(chosen: Stack, *, as_json: bool) -> None:
    """The table; raises CannotAsk after it when nobody can tell where the exercises stand."""
    stands: Mapping[ExerciseName, str | None] = dict.fromkeys(EXERCISES)
    problem: CannotAsk | None = None
    try:
        with outputs_of(chosen) as (outputs, _):
            stands = standing(outputs)
    except CannotAsk as error:
        problem = error
    asked_for = configured(chosen.config)
    records, now = kept_progress.read(chosen), datetime.now(UTC)
    if as_json:
        rows = [
            {
                "exercise": name,
                "stages": stages,
                "standing": stands[name],
                "configured": asked_for[name],
                "progress": playing.as_json(name, records.get(name, Record()), now),
            }
            for name, stages in STAGES.items()
        ]
        out.print_json(json.dumps({"stack": chosen.name, "exercises": rows}))
    else:
        _table(stands, asked_for, records)
        if isinstance(problem, NotUp):
            out.print(f"Stack {chosen.name} is not up: ./lab up{chosen.option} brings them to what is configured.")
        elif not problem and stands != asked_for:
            out.print(f"Not all stands as configured: ./lab up{chosen.option} brings it there.")
        out.print(f"Move one: ./lab stage EXERCISE STAGE{chosen.option}; {OFF} is a stage of each")
        out.print(f"Play one: ./lab play EXERCISE{chosen.option}")
    if problem and not isinstance(problem, NotUp):
        raise problem


def _table(
    stands: Mapping[ExerciseName, str | None], asked_for: Mapping[ExerciseName, str], records: kept_progress.Records
) -> None:
    tables.show(
        ("exercise", "standing", "stages", "what it shows"),
        (
            (
                name,
                _at(stands[name], asked_for[name], records.get(name, Record())),
                ", ".join(exercise.stages),
                # Its own name stands before it.
                exercise.title.removeprefix(f"{name.upper()}: "),
            )
            for name, exercise in EXERCISES.items()
        ),
    )


def _at(stands: str | None, asked_for: str, record: Record) -> str:
    """Where an exercise stands, the stage in the settings where that is another, and how far the learner has come."""
    at = stands or playing.NEVER
    if asked_for != (stands or OFF):
        at += f" (set: {asked_for})"
    return f"{at}, {record.state}" if record.begun else at
