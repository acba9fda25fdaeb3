"""What `lab check` shows a person: first what failed, with cause and remedy, then a line a row, then what was not asked
and why."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from exercises.answers import told as in_words
from exercises.catalogue import EXERCISES, OFF
from exercises.report import Report, summaries
from exercises.texts import Language, shared
from exercises.texts import why as reason
from grading.check import ExerciseName
from grading.grade import Answer, Verdict
from grading.outcomes import ERROR, UNLIKE
from operations.diagnosis import Finding
from stacks.console import out
from stacks.tables import line, padded, prose, wrapped

STYLE: Final = {Verdict.PASSED: "green", Verdict.FAILED: "bold red", Verdict.NOT_ASKED: "yellow"}
MARKS: Final = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.NOT_ASKED: "?"}
_SHARE: Final = 0.4
"""Part of the room beside the names that a long question keeps when an answer is long too."""

FIRST: Final = next(iter(EXERCISES))


def not_passed(report: Report, language: Language = "en", *, verbose: bool) -> None:
    """What failed, by its causes, and what could not be asked, by its reason: each with what to do."""
    failed = [each for each in report.by_stage if each.verdict is Verdict.FAILED]
    for causes in dict.fromkeys(report.causes.get(each.row.name, ()) for each in failed):
        for cause in causes:
            tell_cause(cause)
        alike = [each for each in failed if report.causes.get(each.row.name, ()) == causes]
        rows(alike, language, verbose=verbose, why=True)
        line("")
    silent = [each for each in report.by_stage if each.verdict is Verdict.NOT_ASKED]
    for said in dict.fromkeys(each.observed for each in silent):
        prose(shared(language).frame.not_asked.format(reason=in_words(said, language)), style="bold")
        rows([each for each in silent if each.observed == said], language, verbose=verbose)
        line("")


def passed(report: Report, language: Language = "en", *, verbose: bool) -> None:
    """Each stage that was asked: its counts, and a line for each row that passed."""
    for _, group in groupby(report.by_stage, lambda each: (each.row.exercise, each.row.stage)):
        answers = list(group)
        for one in summaries(answers):
            line(Text(one.line, STYLE[_worst(answers)]))
        rows([each for each in answers if each.verdict is Verdict.PASSED], language, verbose=verbose)


def not_standing(report: Report, option: str, unfinished: Mapping[ExerciseName, str] | None = None) -> None:
    """Exercises that are off, and stages at which the lab does not stand; `option` names the stack to a command.

    What the settings have already (`unfinished`: exercise → stage) wants no stage, but an update, of which others tell.
    """
    wanted = unfinished or {}
    if report.all_off and len(report.off) == len(EXERCISES) and not wanted:
        start = f"./lab stage {FIRST} {EXERCISES[FIRST].stages[0]}{option}"
        line(f"No exercise is on, so there is nothing to ask. Begin with the first: {start}")
    played = {score.exercise for score in report.scores}
    for name, stage in (report.stages or {}).items():
        if name in played:
            continue
        if stage == OFF:
            if name not in wanted:
                line(f"{name} is off. Turn it on: ./lab stage {name} {EXERCISES[name].stages[0]}{option}")
            continue
        stages = [row.stage for row in report.elsewhere if row.exercise == name]
        others = [
            other for other in EXERCISES[name].stages if other not in (stage, wanted.get(name)) and other in stages
        ]
        if others:
            counted = ", ".join(f"{other} ({stages.count(other)} rows)" for other in others)
            prose(f"Not asked: {name} {counted}. Go there: ./lab stage {name} {others[0]}{option}")


def _worst(answers: Sequence[Answer]) -> Verdict:
    found = {each.verdict for each in answers}
    return next(one for one in (Verdict.FAILED, Verdict.NOT_ASKED, Verdict.PASSED) if one in found)


def rows(answers: Sequence[Answer], language: Language, *, verbose: bool, why: bool = False) -> None:
    """A line a row: mark, who, what, answer. With `why` what it has to be and what it shows, with `verbose` all."""
    if not answers:
        return
    lines = [(each, in_words(each.row.question.brief, language), in_words(each.brief, language)) for each in answers]
    who = max(len(each.row.subject) for each in answers)
    room = out.width - len("✓ ") - who - 2 * len("  ")
    long = max(cell_len(asked) for _, asked, _ in lines)
    answer = max(cell_len(answered) for _, _, answered in lines)
    what = long if long + answer <= room else max(room - answer, min(long, round(room * _SHARE)))
    for each, asked, answered in lines:
        style = STYLE[each.verdict]
        question = padded(_cut(asked, what), what)
        told = Text.assemble((f"{MARKS[each.verdict]} ", style), f"{each.row.subject:{who}}  {question}  ")
        told.append(_cut(answered, room - cell_len(question)), style)
        line(told)
        if verbose or why:
            _more(each, language, verbose=verbose)


def _more(answer: Answer, language: Language, *, verbose: bool) -> None:
    wrong = f" ({in_words(answer.wrong, language)})" if answer.wrong else ""
    heads = shared(language).frame.heads
    told = {heads.expected: in_words(answer.expected or answer.row.expected.text, language)}
    if verbose:
        told = {heads.row: answer.row.name, heads.typed: answer.row.command, **told}
    if verbose or answer.brief in (ERROR, UNLIKE):
        told[heads.answered] = f"{in_words(answer.observed, language)}{wrong}"
    for head, text in {**told, heads.why: reason(answer.row, language)}.items():
        for each in wrapped(text, out.width, f"    {padded(head + ':', 10)}"):
            line(each)


def tell_cause(cause: Finding) -> None:
    """On one line, or the remedy, which is typed as it stands, on a line of its own."""
    whole = f"{cause.cause}: {cause.remedy}"
    if len(whole) <= out.width:
        line(Text(whole, "bold"))
        return
    prose(f"{cause.cause}:", style="bold")
    line(Text(f"  {cause.remedy}", "bold"))


def _cut(text: str, width: int) -> str:
    """At most so many columns of a text, cut between two words; its first word stays whole."""
    if cell_len(text) <= width:
        return text
    first, *others = text.split(" ")
    kept = first
    for word in others:
        if cell_len(kept) + cell_len(word) + len("  …") > width:
            break
        kept = f"{kept} {word}"
    return f"{kept} …"
