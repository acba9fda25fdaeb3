"""What `lab check` shows of an exercise that is played: its goals, what each of them misses, and how to go on."""

from collections.abc import Mapping
from typing import Final

from rich.text import Text

from cli.views.check import MARKS, STYLE, rows, tell_cause
from exercises.catalogue import EXERCISES
from exercises.judge import FULL, Score
from exercises.report import Report
from grading.check import Goal
from grading.finding import Finding
from grading.grade import Verdict
from stacks.tables import line, prose

NAMES: Final[dict[Goal, str]] = {
    "attack": "The attack is refused",
    "use": "Legitimate use works",
    "intact": "Nothing else broke",
}


def show(report: Report, option: str, *, verbose: bool) -> None:
    """Each score; `option` names the stack to a command."""
    for score in report.scores:
        _one(score, report.causes, option, verbose=verbose)


def _one(score: Score, causes: Mapping[str, tuple[Finding, ...]], option: str, *, verbose: bool) -> None:
    name = score.exercise
    line(Text(f"{name}: {score.points} of {FULL} points", STYLE[score.verdict]))
    words = EXERCISES[name].words.play
    for goal, verdict in score.goals.items():
        answers = score.of(goal)
        passed = [each for each in answers if each.verdict is Verdict.PASSED]
        missed = [each for each in answers if each.verdict is not Verdict.PASSED]
        counted = f"{len(passed)} of {len(answers)}"
        line(Text(f"{MARKS[verdict]} {NAMES[goal]} ({counted})", STYLE[verdict]))
        if missed and words:
            prose(f"  {words.goals[goal]}")
        rows(missed, verbose=verbose, why=True)
        for cause in dict.fromkeys(cause for each in missed for cause in causes.get(each.row.name, ())):
            tell_cause(cause)
        if verbose:
            rows(passed, verbose=True)
    if score.passed:
        prose(
            f"Solved. ./lab solution {name}{option} tells the lab's own answer and asks before it applies it; your pass"
            f" stays. ./lab stage {name} off{option} ends it."
        )
    elif any(verdict is not Verdict.PASSED for goal, verdict in score.goals.items() if goal != "attack"):
        prose("There are points only while legitimate use works and nothing else is broken.")
    line("")
