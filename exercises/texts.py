"""What learners read of an exercise, from the text file in its folder.

The words of an exercise stand in one file for each language, `text.en.yaml`, so that another language can stand beside
it and a teacher can change a word without reading code.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field

from grading.check import ExerciseName, Goal

ROOM: Final = Path(__file__).parent
HINTS: Final = 3


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlayTexts(_Words):
    """What is read while an exercise is played."""

    story: str
    """What stands here, what an attacker does with it, what has to keep working, how to begin."""

    parts: dict[str, str] = Field(default_factory=dict)
    """Name of a part → what is to be done in it; empty: the exercise is one whole."""

    goals: dict[Goal, str]
    """What each goal wants, in a sentence."""

    hints: tuple[str, ...] = Field(min_length=HINTS, max_length=HINTS)
    """From a direction to the command."""

    why: str
    """Why the lab's own answer is right."""

    real: str = ""
    """What is real here, and what can be asked on AWS alone; empty: all is asked in both."""


class Texts(_Words):
    """All words of an exercise."""

    title: str
    about: str
    """What it shows, for the docs."""

    setting: str
    """What each value of its setting means."""

    play: PlayTexts | None = None
    rows: dict[str, str] = Field(default_factory=dict)
    """Short name of a row → what a learner learns from it."""


def folder(exercise: ExerciseName) -> Path:
    """Where an exercise's files are."""
    return ROOM / exercise.replace("-", "_")


@lru_cache
def texts(exercise: ExerciseName) -> Texts:
    """The words of an exercise. Raises OSError and ValueError for a file that is not there or not whole."""
    return Texts.model_validate(yaml.load((folder(exercise) / "text.en.yaml").read_text(), yaml.CSafeLoader))
