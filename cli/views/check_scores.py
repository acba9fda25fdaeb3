"""What `lab check` shows of an exercise that is played: its goals, what each of them misses, and how to go on."""

from collections.abc import Mapping

from rich.text import Text

from cli.views.check import MARKS, STYLE, rows, tell_cause
from exercises.judge import FULL, SCORED, Score
from exercises.report import Report
from exercises.texts import Language, shared, texts
from grading.finding import Finding
from grading.grade import Verdict
from stacks.tables import line, prose


def show(report: Report, option: str, language: Language = "en", *, verbose: bool) -> None:
    """Each score; `option` names the stack to a command."""
    for score in report.scores:
        _one(score, report.causes, option, language, verbose=verbose)


def _one(
    score: Score, causes: Mapping[str, tuple[Finding, ...]], option: str, language: Language, *, verbose: bool
) -> None:
    name, frame = score.exercise, shared(language).frame
    told = frame.points.format(name=name, points=score.points, full=FULL)
    line(Text(told, STYLE[score.verdict]))
    words = texts(name, language).play
    for goal, verdict in score.goals.items():
        answers = score.of(goal)
        passed = [each for each in answers if each.verdict is Verdict.PASSED]
        missed = [each for each in answers if each.verdict is not Verdict.PASSED]
        counted = frame.counted.format(passed=len(passed), all=len(answers))
        line(Text(f"{MARKS[verdict]} {frame.reached[goal]} ({counted})", STYLE[verdict]))
        if missed:
            prose(f"  {words.goals[goal]}")
        rows(missed, language, verbose=verbose, why=True)
        for cause in dict.fromkeys(cause for each in missed for cause in causes.get(each.row.name, ())):
            tell_cause(cause)
        if verbose:
            rows(passed, language, verbose=True)
    if score.passed:
        solution, off = f"./lab solution {name}{option}", f"./lab stage {name} off{option}"
        prose(frame.solved.format(solution=solution, off=off))
    elif any(verdict is not Verdict.PASSED for goal, verdict in score.goals.items() if goal not in SCORED):
        prose(frame.no_points)
    line("")
