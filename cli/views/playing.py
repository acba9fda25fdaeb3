"""What a learner who plays an exercise reads: story and goals, hints, the answer, and how far they have come."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

from rich.cells import cell_len

from exercises.catalogue import Exercise
from exercises.progress import HINTS, Record
from exercises.texts import Frame, Language, shared, texts
from stacks import tables
from stacks.console import out

NEVER = "-"
FILE_WIDTH: Final = 114
"""Columns of a terminal that a text file's lines fill, beside their indentation."""


def numbers(exercise: Exercise) -> str:
    """Its numbers in OWASP's lists: `K03 (2022), K02 (2025)`; empty where it has none."""
    told = [(exercise.owasp_2022, "2022"), (", ".join(exercise.owasp_2025), "2025")]
    return ", ".join(f"{number} ({year})" for number, year in told if number)


def story(exercise: Exercise, option: str, language: Language) -> None:
    """What stands, what is to be reached, and how to begin; `option` names the stack to a command."""
    told, frame = texts(exercise.name, language).play, shared(language).frame
    owasp = numbers(exercise)
    tables.prose(texts(exercise.name, language).title + (f". OWASP Kubernetes Top Ten: {owasp}" if owasp else ""))
    out.print()
    text(told.story)
    out.print()
    for name, task in told.parts.items():
        tables.line(f"{name}:")
        text(task)
        out.print()
    tables.line(frame.goals)
    for goal, wanted in told.goals.items():
        tables.prose(f"  {frame.names[goal]}: {wanted}")
    out.print()
    if told.real:
        text(told.real)
        out.print()
    tables.show(("", ""), commands(exercise.name, option, language, asks=bool(told.parts)))


def commands(name: str, option: str, language: Language = "en", *, asks: bool) -> Iterator[tuple[str, str]]:
    """Command and what it does, for who plays an exercise; `option` names the stack to a command.

    `asks`: the exercise wants answers, and no repair.
    """
    told = shared(language).frame.commands
    yield f"./lab shell{option}", told.answers if asks else told.shell
    yield f"./lab check {name}{option}", told.check
    yield f"./lab hint {name}{option}", told.hint.format(all=HINTS, solution=f"./lab solution {name}{option}")
    yield f"./lab reset {name}{option}", told.reset


COMMANDS: Final = ("kubectl ", "aws ", "./lab ")
"""How a line begins that is typed as it stands: the terminal alone breaks it."""


def text(told: str) -> None:
    """Paragraphs, broken at the terminal's width, and commands, each on a line of its own."""
    for each in paragraphs(told):
        (tables.line if each.startswith(COMMANDS) else tables.prose)(each)


def paragraphs(told: str) -> Iterator[str]:
    """A text's paragraphs, in which the text file breaks lines at its own width, and its commands."""
    running = ""
    lines = [each.strip() for each in told.strip().splitlines()]
    for line, following in zip_longest(lines, lines[1:], fillvalue=""):
        if line.startswith(COMMANDS):
            if running:
                yield running
            running = ""
            yield line
            continue
        running = f"{running} {line}".strip()
        # Where the next word had room, the file ends a paragraph.
        fits = cell_len(line) + 1 + cell_len(following.partition(" ")[0]) <= FILE_WIDTH
        if fits and line.endswith((".", ":", "?")):
            yield running
            running = ""
    if running:
        yield running


def as_json(name: str, record: Record, now: datetime) -> dict[str, Any]:
    """A record as plain values; moments as in ISO 8601."""
    moments = {"begun": record.begun, "passed": record.passed, "solution": record.solution}
    return {
        "exercise": name,
        "state": record.state,
        "points": record.points,
        "hints": record.hints,
        "attempts": record.attempts,
        "seconds": round(record.spent(now), 1),
        **{key: moment and moment.isoformat() for key, moment in moments.items()},
    }


def table(
    exercises: Sequence[Exercise], records: Mapping[str, Record], now: datetime, language: Language = "en"
) -> None:
    """A line for each exercise that can be played."""
    frame = shared(language).frame
    heads = frame.columns
    tables.show(
        (heads.exercise, "OWASP", heads.state, heads.points, heads.time, heads.hints, heads.tries),
        (_row(each, records.get(each.name, Record()), now, frame) for each in exercises),
        right=(3, 4, 5, 6),
    )


def _row(exercise: Exercise, record: Record, now: datetime, frame: Frame) -> tuple[str, ...]:
    about = (exercise.name, exercise.owasp_2022 or NEVER)
    if record.begun is None:
        return (*about, NEVER, *[NEVER] * 4)
    minutes, seconds = divmod(round(record.spent(now)), 60)
    counts = (f"{record.hints}/{HINTS}", str(record.attempts))
    return (*about, frame.states[record.state], str(record.points), f"{minutes}:{seconds:02}", *counts)
