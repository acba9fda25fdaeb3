"""What learners read of an exercise, from the text files in its folder.

The words of an exercise stand in one file for each language, `text.en.yaml` and `text.ko.yaml`, so that a teacher can
change a word without reading code. What all exercises share is in the same files of the folder `shared`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field

from exercises.progress import HINTS, State
from grading.check import ExerciseName, Goal, Row

Language = Literal["en", "ko"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

ROOM: Final = Path(__file__).parent


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

    play: PlayTexts
    rows: dict[str, str] = Field(default_factory=dict)
    """Short name of a row → what a learner learns from it."""

    sentences: dict[str, str] = Field(default_factory=dict)
    """The same for rows whose English words stand in checks.py: English → this language."""


class PlayCommands(_Words):
    """What each command is for while an exercise is played."""

    shell: str
    answers: str
    """The same command, for an exercise that wants answers and no repair."""

    check: str
    hint: str
    reset: str


class RowHeads(_Words):
    """What stands before each part of a row that is shown in full."""

    row: str
    typed: str
    expected: str
    answered: str
    why: str


class Columns(_Words):
    """Heads of the table of progress."""

    exercise: str
    state: str
    points: str
    time: str
    hints: str
    tries: str


class Frame(_Words):
    """Words around the exercises' own, in the commands that show those; `{name}` stands for what differs."""

    goals: str
    names: dict[Goal, str]
    """Of the goals, before what each wants."""

    commands: PlayCommands
    in_play_already: str
    ask_play: str
    done_by_hand: str
    and_more: str
    ask_reset: str
    was_reset: str
    reset_begins: str
    reset_goes_on: str
    reset_passed: str
    hint: str
    last_hint: str
    ask_solution: str
    solution_stands: str
    points: str
    reached: dict[Goal, str]
    """Of the goals, with how many of their rows passed."""

    counted: str
    solved: str
    no_points: str
    not_asked: str
    heads: RowHeads
    columns: Columns
    states: dict[State, str]


class Gates(_Words):
    """Why no repair may break what every exercise has."""

    operator: str
    kube_system: str = Field(alias="kube-system")
    bootstrap: str
    user_facing_roles: str = Field(alias="user-facing-roles")


class Shared(_Words):
    """Words that all exercises share."""

    gates: Gates
    frame: Frame


def folder(exercise: ExerciseName | Literal["shared"]) -> Path:
    """Where an exercise's files are, or those that all share."""
    return ROOM / exercise.replace("-", "_")


@lru_cache
def texts(exercise: ExerciseName, language: Language = "en") -> Texts:
    """The words of an exercise; the English ones where the language has none yet.

    Raises OSError and ValueError for a file that cannot be read or is not whole.
    """
    return Texts.model_validate(_read(exercise, language))


@lru_cache
def shared(language: Language = "en") -> Shared:
    """The words that all exercises share. Raises OSError and ValueError."""
    return Shared.model_validate(_read("shared", language))


def why(row: Row, language: Language = "en") -> str:
    """What a learner learns from a row; in English where the language has no words for it yet."""
    return row.why if language == "en" else _whys(row.exercise, language).get(row.why, row.why)


@lru_cache
def _whys(exercise: ExerciseName, language: Language) -> dict[str, str]:
    """English → this language, for every row of an exercise."""
    english, other = texts(exercise), texts(exercise, language)
    rows = {english.rows[name]: text for name, text in other.rows.items() if name in english.rows}
    gates = zip(_values(shared().gates), _values(shared(language).gates), strict=True)
    return {**rows, **other.sentences, **dict(gates)}


def _values(words: _Words) -> list[str]:
    return list(words.model_dump().values())


def _read(name: ExerciseName | Literal["shared"], language: Language) -> Any:
    file = folder(name) / f"text.{language}.yaml"
    if not file.exists():
        file = folder(name) / "text.en.yaml"
    return yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
