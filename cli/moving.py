"""What `play`, `solution` and `reset` share: the exercise that is named, and the user's consent to a move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from cli import messages
from exercises.catalogue import EXERCISES, Exercise, named
from exercises.texts import Language, shared
from grading.check import ExerciseName
from stacks import exercise_moves, tables
from stacks.console import Progress, err
from stacks.errors import BadInput
from stacks.stack import Stack

ExerciseArgument = Annotated[
    str, typer.Argument(metavar="EXERCISE", help="Its name, or its other name.", show_default=False)
]
"""Names an exercise."""

SHOWN: Final = 30
"""Lines at most of what was done by hand."""


def exercise_named(word: str) -> Exercise:
    """The exercise that the user names; raises BadInput where there is none."""
    found = named(word)
    if found is None:
        raise BadInput(f"There is no exercise {word}. Name one of: {', '.join(EXERCISES)}.")
    return found


def bring(
    chosen: Stack,
    name: ExerciseName,
    stage: str,
    shown: Progress,
    *,
    question: str,
    language: Language,
    yes: bool,
    asks_always: bool,
    anew: bool = False,
) -> list[str]:
    """As `exercise_moves.bring`, with the user's consent.

    Args:
        chosen: the stack; where it is not up the update creates it.
        name: the exercise.
        stage: where to.
        shown: shows what is done; its line is hidden while the user is asked.
        question: what the user is asked.
        language: of the list of what is undone.
        yes: do not ask.
        asks_always: ask also where nothing was done by hand and nothing costs.
        anew: make the exercise's own objects again also where no change by hand was seen.

    Raises Failure, CannotAsk, BadInput, and typer.Exit when the user does not agree.
    """

    def agree(told: Sequence[str], costs: bool) -> None:
        _agree(shown, told, question, language, yes=yes or not (asks_always or told or costs))

    return exercise_moves.bring(chosen, name, stage, shown, agree=agree, anew=anew)


def _agree(shown: Progress, told: Sequence[str], question: str, language: Language, *, yes: bool) -> None:
    if told:
        frame = shared(language).frame
        tables.line(frame.done_by_hand, to=err)
        for each in told[:SHOWN]:
            tables.line(f"  {messages.told(each, language)}", to=err)
        if len(told) > SHOWN:
            tables.line(f"  {frame.and_more.format(count=len(told) - SHOWN)}", to=err)
    if yes:
        return
    with shown.paused():
        if not typer.confirm(question, err=True):
            raise typer.Exit(code=1)


def require_yes(*, as_json: bool, yes: bool) -> None:
    """With --json stdout is for a script, and nobody can be asked; raises BadInput."""
    if as_json and not yes:
        raise BadInput("With --json the command cannot ask before something is changed. Add --yes.")
