"""What the page reads of the lab, by the functions behind the commands.

They lead this process's environment to the lab while they ask. So readings go one after another, in a thread of their
own, and never in the one that answers requests.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Concatenate, Final, ParamSpec, TypeVar

from cli.views import cost
from clients.aws import ClientFactory, clients
from exercises import catalogue
from exercises.catalogue import EXERCISES, Exercise
from exercises.progress import Record
from grading.check import ExerciseName
from rehearsal.stack_files import Refused
from stacks import backend, exercise_moves, expiry, landscape, progress, rehearsal_backend, status, unfinished
from stacks.console import Progress
from stacks.errors import Failure, NotUp
from stacks.landscape import Landscape
from stacks.outputs import outputs_of
from stacks.stack import Stack, load
from stacks.status import Facts

Given = ParamSpec("Given")
Told = TypeVar("Told")

EXPECTED: Final = (Failure, Refused, *rehearsal_backend.EXPECTED, OSError)
"""What is told in a sentence wherever it comes up."""


@dataclass(frozen=True)
class Problem:
    """Why something could not be read."""

    text: str
    not_up: bool = False
    """Whether it is only that the lab does not stand."""


@dataclass(frozen=True)
class Standing:
    """Where the exercises stand, and how far the learner has come with each."""

    option: str
    """What names the stack at the end of a command."""

    stages: Mapping[ExerciseName, str]
    """Empty where nobody can tell."""

    records: progress.Records
    problem: Problem | None = None
    unfinished: str = ""
    """What the settings want and no update has brought; empty where nothing is."""

    def stage(self, name: ExerciseName) -> str:
        """Where an exercise stands; empty where nobody can tell."""
        return self.stages.get(name, "")

    def record(self, name: ExerciseName) -> Record:
        """The learner's way through an exercise."""
        return self.records.get(name, Record())

    def in_play(self, exercise: Exercise) -> bool:
        """Whether it is judged by its goals: begun, and standing where play begins."""
        return self.record(exercise.name).is_open and self.stage(exercise.name) == exercise.play.start


@dataclass(frozen=True)
class Overview:
    """The lab as it stands; each part that nobody could tell is None, and the problem says why."""

    option: str
    is_rehearsal: bool
    facts: Facts | None
    seen: Landscape | None
    bill: cost.Estimate | None
    ends: str
    problem: Problem | None


class Reader:
    """Reads one stack. Every method may take a second, and raises nothing that is expected."""

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._one = ThreadPoolExecutor(1, thread_name_prefix="reading")

    async def ask(
        self, reading: Callable[Concatenate[str, Given], Told], *args: Given.args, **kwargs: Given.kwargs
    ) -> Told:
        """A function's answer about the stack, from the thread of the readings; raises what it raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._one, lambda: reading(self._stack, *args, **kwargs))

    def end(self) -> None:
        """No more readings."""
        self._one.shutdown(wait=False, cancel_futures=True)


def problem_of(error: BaseException) -> Problem:
    """An expected failure, for a reader."""
    if isinstance(error, OSError) and not isinstance(error, Failure):
        where = f" ({error.filename})" if error.filename else ""
        return Problem(f"{error.strerror or error}{where}.")
    return Problem(str(error), isinstance(error, NotUp))


def standing(name: str) -> Standing:
    """Where the exercises stand. What nobody can tell is left out, and the problem says why."""
    try:
        chosen = load(name)
    except EXPECTED as error:
        return Standing(f" -s {name}", {}, {}, problem_of(error))
    records = progress.read(chosen)
    try:
        with outputs_of(chosen) as (outputs, _):
            stages = catalogue.standing(outputs)
            behind = unfinished.of(chosen, outputs).line(chosen.option)
    except EXPECTED as error:
        return Standing(chosen.option, {}, records, problem_of(error))
    return Standing(chosen.option, stages, records, None, behind)


def overview(name: str) -> Overview:
    """The lab, as far as it can be told."""
    try:
        chosen = load(name)
    except EXPECTED as error:
        return Overview(f" -s {name}", False, None, None, None, "", problem_of(error))
    try:
        with outputs_of(chosen) as (outputs, _):
            facts = status.collect(chosen, outputs)
            seen = landscape.look(_clients(chosen), outputs)
        problem = None
    except EXPECTED as error:
        facts = seen = None
        problem = problem_of(error)
        # Credentials may be other ones at the next try.
        _kept.cache_clear()
    ends = expiry.told(facts.expires, datetime.now(UTC)) if facts else ""
    return Overview(chosen.option, chosen.is_rehearsal, facts, seen, _bill(chosen), ends, problem)


def _clients(chosen: Stack) -> ClientFactory:
    """Clients for the environment of now. Making them takes longer than all they are asked."""
    leads = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    return _kept(chosen.profile, chosen.config.region, leads)


@lru_cache(maxsize=1)
def _kept(profile: str | None, region: str, _leads: tuple[tuple[str, str], ...]) -> ClientFactory:
    return clients(profile, region)


def _bill(chosen: Stack) -> cost.Estimate | None:
    found = cost.estimate(chosen, None)
    return found if found.bill.rows else None


@dataclass(frozen=True)
class Consent:
    """What an action on an exercise would do that its command asks for."""

    asks: bool
    """Whether the user has to agree."""

    stage: str
    """Where the exercise is brought."""

    taken_back: tuple[str, ...]
    """What was done by hand and would go."""

    costs: bool
    stands: bool
    """Whether the lab is up; if not, it is stood up first."""


def consent(name: str, action: str, exercise: ExerciseName) -> Consent:
    """What `play`, `reset` or `solution` would ask. Raises what is EXPECTED."""
    chosen, one = load(name), EXERCISES[exercise]
    stage = exercise_moves.stage_of(chosen, exercise)
    costs = backend.of(chosen).costs
    found = tuple(exercise_moves.would_take_back(chosen, exercise, _Silent()))
    wanted = one.play.solved if action == "solution" else one.play.start
    return Consent(action != "play" or costs or bool(found), wanted, found, costs, stage is not None)


def world_stands(name: str) -> bool | None:
    """Whether the rehearsal runs; None where the lab is on AWS, which costs a question each time. Raises EXPECTED."""
    chosen = load(name)
    if not chosen.is_rehearsal:
        return None
    try:
        backend.of(chosen).world()
    except NotUp:
        return False
    return True


class _Silent(Progress):
    """Says nothing on the terminal: the page is asked, not the command line."""

    def phase(self, text: str) -> None:
        del text
