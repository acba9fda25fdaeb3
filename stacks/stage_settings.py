"""Where `lab stage` writes a stage: an AWS stack's own settings file, or what is kept beside the rehearsal's world."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from exercises.catalogue import EXERCISES
from grading.check import ExerciseName
from stacks import kept_stages, settings_file
from stacks.stack import REHEARSAL, Stack, content, file_of, load, parsed, read


@dataclass(frozen=True)
class Change:
    """A change of stages that is checked and not yet written."""

    meant: Stack
    """What the stack will be."""

    where: str
    """What says so afterwards: a file's name, or words for a person."""

    write: Callable[[], None]
    """Write it; raises Failure when somebody else has written to the file meanwhile."""

    is_written: Callable[[], bool]
    """Whether it differs from what was there before and has been written."""

    before: Callable[[], Stack]
    """The stack as it was; raises BadInput where its settings were no good."""


def change(name: str, wanted: Mapping[ExerciseName, str]) -> Change:
    """A change of these exercises' stages in the stack's settings; raises BadInput, and touches nothing."""
    file = file_of(name)
    text = read(file)
    if name != REHEARSAL:
        changed = settings_file.with_stages(text, wanted)
        return Change(
            parsed(name, file, changed),
            file.name,
            partial(settings_file.write, file, text, changed),
            lambda: read(file) != text,
            lambda: parsed(name, file, text),
        )
    own = content(file, text)
    old = kept_stages.over(own)
    new = {**old, **{EXERCISES[one].key: stage for one, stage in wanted.items()}}
    meant = parsed(name, file, text, new)
    return Change(
        meant,
        "The rehearsal's setting",
        lambda: kept_stages.keep(own, new),
        lambda: load(name).config.exercises != parsed(name, file, text, old).config.exercises,
        lambda: parsed(name, file, text, old),
    )
