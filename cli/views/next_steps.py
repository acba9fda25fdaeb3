"""What a learner can do next, shown at the end of `up` and `stage`: the exercises in the order of the study note."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exercises.catalogue import EXERCISES, OFF, standing
from exercises.registry import ROWS
from grading.check import ExerciseName

SETTINGS_ONLY: Final = (
    "Nothing changed: up compares with the settings only. What was changed or deleted by hand is found, and put back, "
    "by ./lab up --refresh{0}"
)


TRY: Final = "Try it"
"""How the line begins that ends in a command."""


def after_up(outputs: Mapping[str, Any], option: str) -> str:
    """The next step of a lab that stands; `option` names the stack to a command, as " -s dev"."""
    stages = standing(outputs)
    on = [name for name, stage in stages.items() if stage != OFF]
    shell = f"./lab shell{option} has kubectl and aws set up"
    if not on:
        first = next(iter(EXERCISES))
        return f"Next: ./lab stage {first} {EXERCISES[first].stages[0]}{option} begins the first exercise; {shell}."
    return f"Next: ./lab check{option} grades {', '.join(on)}; {shell}."


def after_stage(name: ExerciseName, stage: str, option: str) -> Iterator[str]:
    """Three lines about a stage that was reached: what it shows, what to try, how to go on."""
    if stage == OFF:
        yield f"{name} is off. ./lab stage{option} shows what stands."
        return
    row = next(row for row in ROWS if (row.exercise, row.stage) == (name, stage))
    yield f"{name} stands at {stage}. {row.why}"
    yield f"{TRY} in ./lab shell{option}: {row.command}"
    stages = EXERCISES[name].stages
    names = list(EXERCISES)
    if stage != stages[-1]:
        onward = f"{name} {stages[stages.index(stage) + 1]}"
    elif name != names[-1]:
        following = names[names.index(name) + 1]
        onward = f"{following} {EXERCISES[following].stages[0]}"
    else:
        yield f"Then: ./lab check {name}{option} grades it. It was the last exercise."
        return
    yield f"Then: ./lab check {name}{option} grades it, ./lab stage {onward}{option} goes on."
