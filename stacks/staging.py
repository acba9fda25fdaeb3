"""Moves exercises to other stages: by the settings, so that they stay there, or for a walk that leaves the settings.

The stage is a setting, so a move is a change of the settings and an update. The change is checked before it is written;
afterwards the settings say what was asked for, whether or not the update succeeded, so that `up` goes on with it. Where
they are written is `stage_settings`' business.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from grading.check import ExerciseName
from stacks import backend, expiry, field_owners, settings_file, stage_settings
from stacks.console import Progress, err, progress
from stacks.errors import BadInput, Failure
from stacks.made_by_hand import confirmed
from stacks.outcomes import Update
from stacks.stack import Stack, configured
from stacks.stage_settings import Change


@dataclass(frozen=True)
class Moved:
    """Exercises that were moved."""

    stack: Stack
    """As it is now."""

    update: Update


def move(
    name: str,
    wanted: Mapping[ExerciseName, str],
    *,
    yes: bool,
    as_json: bool = False,
    tell_cost: Callable[[Stack], object] | None = None,
) -> Moved:
    """Bring the exercises of this stack to these stages, in its settings and by an update.

    Args:
        name: of the stack.
        wanted: exercise → stage.
        yes: do not ask before AWS is changed, and replace what was made by hand without asking.
        as_json: leave stdout to the caller.
        tell_cost: shows what the stack costs, before the user is asked; not called with `as_json`.

    Raises:
        BadInput: the settings do not go together with the stages, or nobody can be asked; nothing was touched.
        Failure: the update failed; the text says what the settings say now, and how to go back.
    """
    # Mistakes are reported before anything is written.
    change = stage_settings.change(name, wanted)
    meant = change.meant
    lab = backend.of(meant)
    if as_json and not yes and lab.costs:
        raise BadInput("With --json the command cannot ask before AWS is changed. Add --yes.")
    expiry.require(meant.config, datetime.now(UTC))
    with _way_back(change, wanted):
        lab.agree(yes=yes, tell=None if as_json else tell_cost)
        with progress() as shown:
            change.write()
            field_owners.take_over(meant, wanted)
            made = lab.up(shown, yes=yes, agree=confirmed(yes=yes), as_json=as_json)
    return Moved(meant, made)


def apply(stack: Stack, stages: Mapping[ExerciseName, str], shown: Progress) -> None:
    """A real update with these stages laid over the stack's settings; its file stays as it is.

    Nothing is asked, also on AWS. Raises BadInput when the settings do not go together with the stages, and Failure.
    """
    field_owners.take_over(stack, stages)
    with settings_file.laid_over(stack, stages) as meant:
        backend.of(meant).apply(shown)


@contextmanager
def _way_back(change: Change, wanted: Mapping[ExerciseName, str]) -> Generator[None]:
    """Where the block fails after the setting was changed, tell what it says now and how to go back."""

    def told() -> str:
        if not change.is_written():
            return ""
        now = ", ".join(f"{name} {at}" for name, at in wanted.items())
        option = change.meant.option
        return f"{change.where} says {now} now: ./lab up{option} tries again{_back(change, wanted)}."

    try:
        yield
    except Failure as error:
        note = told()
        raise (type(error)(f"{error}\n{note}") if note else error) from error
    except KeyboardInterrupt:
        if note := told():
            err.print(note, markup=False)
        raise


def _back(change: Change, wanted: Mapping[ExerciseName, str]) -> str:
    """The command that leads back; nothing where the settings before were no good."""
    try:
        old = configured(change.before().config)
    except BadInput:
        return ""
    moves = " ".join(f"{name} {old[name]}" for name in wanted)
    return f", ./lab stage {moves}{change.meant.option} goes back"
