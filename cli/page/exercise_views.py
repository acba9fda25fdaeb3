"""What the pages of the exercises show, from the catalogue, the learner's progress and the last check: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cli.page.look import Standing
from cli.page.runs import Run
from cli.page.words import say
from cli.views import playing
from exercises.answers import told as in_words
from exercises.catalogue import EXERCISES, OFF, Exercise
from exercises.judge import FULL, GOALS, SCORED, rows_of
from exercises.progress import HINTS
from exercises.registry import ROWS
from exercises.texts import Language, PlayTexts, shared, texts, why
from grading.check import ExerciseName, Row

CHANGES: Final = ("play", "reset", "solution")
"""Commands after which an earlier check says nothing any more."""

ACTIONS: Final = ("play", "check", "hint", "reset", "solution")

NOT_YET: Final = "not-yet"
"""Verdict of a row, or of a goal, that was not asked since the page began or the exercise was moved."""


@dataclass(frozen=True)
class Part:
    """A paragraph, or a command that stands on a line of its own."""

    text: str
    is_command: bool


@dataclass(frozen=True)
class RowSeen:
    """One row of a check, asked or not."""

    name: str
    subject: str
    brief: str
    typed: str
    expected: str
    why: str
    verdict: str = NOT_YET
    observed: str = ""
    wrong: str = ""


@dataclass(frozen=True)
class Group:
    """Rows that belong together: of a goal, or of a stage."""

    title: str
    wanted: str
    """In a sentence; empty for a stage."""

    verdict: str
    rows: tuple[RowSeen, ...]

    @property
    def passed(self) -> int:
        """How many of its rows passed."""
        return sum(each.verdict == "passed" for each in self.rows)


@dataclass(frozen=True)
class Line:
    """One exercise in the catalogue."""

    name: str
    alias: str
    title: str
    owasp: str
    stage: str
    stages: tuple[str, ...]
    state: str
    points: str
    time: str
    hints: str
    attempts: str


@dataclass(frozen=True)
class Shown:
    """One exercise on its page."""

    line: Line
    about: str
    story: tuple[Part, ...]
    real: tuple[Part, ...]
    in_play: bool
    groups: tuple[Group, ...]
    points: int | None
    """Of the last check; None where it was not judged."""

    passed: bool
    is_broken: bool
    """Whether legitimate use fails, or something else broke: then there are no points."""

    checked: datetime | None
    hints: tuple[tuple[Part, ...], ...]
    """Those that were taken."""

    why: tuple[Part, ...]
    """Why the lab's own answer is right; empty until the exercise is passed, or the answer was applied."""

    actions: tuple[str, ...]
    """What can be done with it now."""

    commands: tuple[tuple[str, str], ...]
    """Command and what it does."""


def parts(text: str) -> tuple[Part, ...]:
    """A text of an exercise in its paragraphs and commands."""
    return tuple(Part(each, each.startswith(playing.COMMANDS)) for each in playing.paragraphs(text)) if text else ()


def catalogue(standing: Standing, now: datetime, language: Language = "en") -> list[Line]:
    """Every exercise, in its order."""
    return [_line(each, standing, now, language) for each in EXERCISES.values()]


def shown(
    exercise: Exercise,
    standing: Standing,
    last: Mapping[tuple[str, str], Run],
    now: datetime,
    language: Language = "en",
) -> Shown:
    """One exercise.

    Args:
        exercise: which one.
        standing: where it stands.
        last: (action, exercise) → the last run that came to its end.
        now: for the clock.
        language: of the texts.
    """
    name, words, record = exercise.name, texts(exercise.name, language), standing.record(exercise.name)
    check = _fresh_check(name, last)
    told = check.told if check else {}
    play = words.play
    score = next((each for each in _played(told) if each["exercise"] == name), None)
    in_play = standing.in_play(exercise)
    return Shown(
        line=_line(exercise, standing, now, language),
        about=words.about,
        story=_story(play),
        real=parts(play.real),
        in_play=in_play,
        groups=_groups(exercise, standing, told, language, by_goal=in_play or score is not None),
        points=score["points"] if score else None,
        passed=bool(score and score["passed"]),
        is_broken=bool(score)
        and any(each["verdict"] != "passed" for goal, each in score["goals"].items() if goal not in SCORED),
        checked=check.began if check and told else None,
        hints=tuple(parts(each) for each in play.hints[: record.hints]),
        why=parts(play.why) if record.passed or record.solution else (),
        actions=tuple(_actions(exercise, standing, in_play=in_play)),
        commands=tuple(_commands(exercise, standing, language)),
    )


def _line(exercise: Exercise, standing: Standing, now: datetime, language: Language) -> Line:
    record = standing.record(exercise.name)
    begun = record.begun is not None
    minutes, seconds = divmod(round(record.spent(now)), 60)
    return Line(
        exercise.name,
        exercise.alias,
        texts(exercise.name, language).title,
        playing.numbers(exercise),
        standing.stage(exercise.name),
        exercise.stages,
        record.state if begun else "",
        f"{record.points} / {FULL}" if begun else "",
        f"{minutes}:{seconds:02}" if begun else "",
        f"{record.hints} / {HINTS}" if begun else "",
        str(record.attempts) if begun else "",
    )


def _fresh_check(name: ExerciseName, last: Mapping[tuple[str, str], Run]) -> Run | None:
    """The last check of an exercise, unless the exercise was moved since."""
    check = last.get(("check", name))
    moved = max((run.number for action in CHANGES if (run := last.get((action, name)))), default=0)
    return check if check and check.number > moved else None


def _played(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return told.get("summary", {}).get("played", [])


def _groups(
    exercise: Exercise, standing: Standing, told: Mapping[str, Any], language: Language, *, by_goal: bool
) -> tuple[Group, ...]:
    asked = {each["name"]: each for each in told.get("rows", []) if each["verdict"]}
    name, stage = exercise.name, standing.stage(exercise.name)
    if by_goal:
        rows, play, reached = rows_of(name), texts(name, language).play, shared(language).frame.reached
        grouped = {
            (reached[goal], play.goals.get(goal, "")): [each for each in rows if each.goal == goal] for goal in GOALS
        }
    else:
        asked_here = {each["stage"] for each in asked.values()} or {stage}
        grouped = {
            (f"{name} {at}", ""): [row for row in ROWS if (row.exercise, row.stage) == (name, at)]
            for at in exercise.stages
            if at in asked_here
        }
    return tuple(
        _group(title, wanted, [_row(each, asked.get(each.name), language) for each in of])
        for (title, wanted), of in grouped.items()
        if of
    )


def _group(title: str, wanted: str, rows: Iterable[RowSeen]) -> Group:
    seen = tuple(rows)
    verdicts = {each.verdict for each in seen}
    order = ("failed", "could-not-be-asked", NOT_YET, "passed")
    return Group(title, wanted, next(one for one in order if one in verdicts), seen)


def _row(row: Row, asked: Mapping[str, Any] | None, language: Language) -> RowSeen:
    about = (row.name, row.subject, in_words(row.question.brief, language))
    if asked is None:
        return RowSeen(*about, row.command, in_words(row.expected.text, language), why(row, language))
    return RowSeen(
        *about,
        asked["command"],
        in_words(asked["expected"], language),
        why(row, language),
        asked["verdict"],
        in_words(asked["observed"], language),
        in_words(asked["wrong"], language),
    )


def _actions(exercise: Exercise, standing: Standing, *, in_play: bool) -> Iterable[str]:
    stage = standing.stage(exercise.name)
    stands = stage not in ("", OFF)
    if not (in_play and standing.record(exercise.name).since):
        yield "play"
    if stands:
        yield "check"
    if standing.record(exercise.name).is_open and standing.record(exercise.name).hints < HINTS:
        yield "hint"
    if stands:
        yield "reset"
    yield "solution"


def _story(play: PlayTexts) -> tuple[Part, ...]:
    """The story, and what each part of the exercise asks for."""
    tasks = (part for name, task in play.parts.items() for part in parts(f"{name}:\n{task}"))
    return (*parts(play.story), *tasks)


def _commands(exercise: Exercise, standing: Standing, language: Language) -> Iterable[tuple[str, str]]:
    asks = bool(texts(exercise.name, language).play.parts)
    yield from playing.commands(exercise.name, standing.option, language, asks=asks)
    for each in exercise.stages:
        yield f"./lab stage {exercise.name} {each}{standing.option}", say("brings it to {0}", language).format(each)
    yield f"./lab stage {exercise.name} {OFF}{standing.option}", say("takes it away", language)
