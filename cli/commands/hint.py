"""`lab hint`: the next of three hints for an exercise in play."""

import json
from typing import Annotated

import typer

from cli import language, moving
from cli.views import playing
from exercises.progress import HINTS
from exercises.texts import shared, texts
from stacks import progress
from stacks.console import err, out
from stacks.errors import BadInput
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="hint", help="Show the next of three hints for an exercise in play.")(hint)


def hint(
    exercise: moving.ExerciseArgument,
    stack: StackOption = REHEARSAL,
    lang: language.LanguageOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the hints as JSON.")] = False,
) -> None:
    """Show the next of three hints for an exercise in play; after the last, all of them."""
    asked = moving.exercise_named(exercise)
    spoken = language.chosen(lang)
    chosen = load(stack)
    name, option = asked.name, chosen.option
    if not progress.of(chosen, name).is_open:
        raise BadInput(f"{name} is not in play. Begin it with ./lab play {name}{option}.")
    hints = texts(asked.name, spoken).play.hints
    before = progress.hinted(chosen, name).hints
    taken = min(before + 1, HINTS)
    told = range(taken) if before == HINTS else range(before, taken)
    if as_json:
        listed = [{"number": number + 1, "hint": hints[number]} for number in told]
        out.print_json(json.dumps({"exercise": name, "taken": taken, "of": HINTS, "hints": listed}))
        return
    frame = shared(spoken).frame
    for number in told:
        # A command stands on a line of its own, so that it can be copied.
        text = f"\n{hints[number]}" if hints[number].startswith(playing.COMMANDS) else hints[number]
        playing.text(frame.hint.format(number=number + 1, all=HINTS, text=text))
    if taken == HINTS:
        err.print(frame.last_hint.format(solution=f"./lab solution {name}{option}"), markup=False)
