"""`lab check`: ask the API server and AWS, as the subjects of the exercises, and tell whether all came out right.

Asking is `stacks.checking`'s business; here is which exercises, the walk through all stages, and what a person or a
script is shown.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import typer

from cli import language
from cli.views import check as check_tables
from cli.views import check_scores
from exercises.catalogue import EXERCISES, named, walk
from exercises.registry import ROWS
from exercises.report import EXIT_CODES, Report, summaries
from exercises.texts import Language
from grading.check import ExerciseName
from grading.grade import Answer, Verdict
from operations.diagnosis import Finding
from stacks import backend, checking, cluster_facts, staging, status, tables, unfinished
from stacks.console import Progress, duration, err, out, progress
from stacks.errors import BadInput, CannotAsk, Failure
from stacks.outputs import outputs_of
from stacks.stack import REHEARSAL, Stack, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="check", help="Grade the exercises by real calls.")(check)


def check(
    exercises: Annotated[
        list[str] | None, typer.Argument(metavar="[EXERCISE...]", help=f"Of {', '.join(EXERCISES)}; all without it.")
    ] = None,
    stack: StackOption = REHEARSAL,
    every_stage: Annotated[
        bool, typer.Option("--every-stage", help="Move the exercises through all their stages by real updates.")
    ] = False,
    lang: language.LanguageOption = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every row, with what it teaches.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every row and a summary as JSON.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="AWS: do not ask before --every-stage.")] = False,
) -> None:
    """Grade the exercises by real calls."""
    names, spoken = _names(exercises or []), language.chosen(lang)
    chosen = load(stack)
    with progress() as shown:
        with outputs_of(chosen) as (outputs, _):
            nodes = _nodes(outputs)
            behind = unfinished.of(chosen, outputs)
        if every_stage:
            report = _every_stage(chosen, names, shown, yes=yes, quiet=as_json)
            behind = unfinished.Unfinished()
        else:
            report = checking.ask(chosen, names, shown, looks=True)
        elapsed = shown.elapsed
    if as_json:
        told = {"verdict": nodes.verdict.value, "wrong": nodes.wrong}
        out.print_json(
            json.dumps(
                {
                    **report.as_json(spoken),
                    "nodes": told,
                    "unfinished": behind.line(chosen.option),
                    "seconds": round(elapsed, 1),
                }
            )
        )
    else:
        _show(report, chosen, behind, spoken, every_stage=every_stage, verbose=verbose)
        if nodes.wrong:
            out.print(nodes.wrong, markup=False, soft_wrap=True)
        err.print(f"Asked {len(report.answers)} rows in {duration(elapsed)}.")
    codes = {_exit_code(report, named=bool(exercises)), EXIT_CODES[nodes.verdict]}
    raise typer.Exit(1 if 1 in codes else max(codes))


class _Nodes(NamedTuple):
    """Whether the nodes hold as many pods as the setting says; `wrong` says what is not so."""

    verdict: Verdict
    wrong: str


def _nodes(outputs: Mapping[str, Any]) -> _Nodes:
    wanted = status.wanted_max_pods(outputs)
    if not wanted:
        return _Nodes(Verdict.PASSED, "")
    try:
        wrong = status.other_max_pods(cluster_facts.nodes(cluster_facts.entered(outputs)), wanted)
    except CannotAsk as error:
        return _Nodes(Verdict.NOT_ASKED, str(error))
    return _Nodes(Verdict.FAILED if wrong else Verdict.PASSED, wrong)


def _names(wanted: Sequence[str]) -> tuple[ExerciseName, ...]:
    """The exercises to check, in their own order; raises BadInput for a name that is none."""
    unknown = [name for name in wanted if not named(name)]
    if unknown:
        raise BadInput(f"There is no exercise {', '.join(unknown)}. Name some of: {', '.join(EXERCISES)}.")
    chosen = {meant.name for name in wanted if (meant := named(name))}
    return tuple(name for name in EXERCISES if not wanted or name in chosen)


def _exit_code(report: Report, *, named: bool) -> int:
    """1 if a row failed, else 3 if one could not be asked, or if an exercise that was named does not stand."""
    if not named and report.all_off:
        return EXIT_CODES[Verdict.PASSED]
    verdict = report.verdict
    if verdict is Verdict.PASSED and named and report.off:
        verdict = Verdict.NOT_ASKED
    return EXIT_CODES[verdict]


def _every_stage(chosen: Stack, names: Sequence[ExerciseName], shown: Progress, *, yes: bool, quiet: bool) -> Report:
    """Every row of every stage: the lab is moved by real updates, and back to its own settings at the end."""
    with outputs_of(chosen) as (outputs, _):  # It must be up, or there is nothing to move.
        playing = checking.in_play(chosen, outputs) & set(names)
    if playing:
        told = ", ".join(sorted(playing))
        tables.prose(f"In play, and left as it is: {told}. Without --every-stage it is judged by its goals.", to=err)
    names = [name for name in names if name not in playing]
    steps = walk(names)
    if backend.of(chosen).costs and not yes:
        with shown.paused():
            _agree(chosen, len(steps) + 1)
    answers: list[Answer] = []
    causes: dict[str, tuple[Finding, ...]] = {}
    reached: dict[ExerciseName, str] = {}
    try:
        for number, step in enumerate(steps, 1):
            moves = ", ".join(f"{name} {to}" for name, to in step.items())
            shown.phase(f"update {number} of {len(steps)}: {moves}")
            # Those that have been at all their stages go together at the end: a namespace takes seconds to go.
            reached = {**reached, **step}
            staging.apply(chosen, reached, shown)
            found = checking.ask(chosen, tuple(step), shown)
            if found.stages != step:
                raise Failure(
                    f"The update was to bring {moves}, but the stack's outputs differ. Run ./lab up, then this again."
                )
            answers.extend(found.answers)
            causes |= found.causes
            if not quiet:
                _tell(found.answers)
    finally:
        shown.phase("update to your own settings")
        _back(chosen, shown)
    asked = {answer.row.name for answer in answers}
    elsewhere = tuple(row for row in ROWS if row.exercise in names and row.name not in asked)
    return Report(tuple(answers), elsewhere, causes=causes)


def _back(chosen: Stack, shown: Progress) -> None:
    try:
        staging.apply(chosen, {}, shown)
    except BaseException:
        err.print(f"The lab does not stand at your own settings. Bring it back with ./lab up{chosen.option}.")
        raise
    shown.phase("the lab stands at your own settings again")


def _agree(chosen: Stack, updates: int) -> None:
    question = f"Move stack {chosen.name} through all stages on AWS: {updates} updates of some minutes each?"
    if not typer.confirm(question):
        raise typer.Exit(code=1)


def _tell(answers: Iterable[Answer]) -> None:
    for one in summaries(answers):
        out.print(one.line, markup=False)


def _show(
    report: Report, chosen: Stack, behind: unfinished.Unfinished, spoken: Language, *, every_stage: bool, verbose: bool
) -> None:
    check_tables.not_passed(report, spoken, verbose=verbose)
    check_scores.show(report, chosen.option, spoken, verbose=verbose)
    if not every_stage:
        check_tables.passed(report, spoken, verbose=verbose)
        check_tables.not_standing(report, chosen.option, behind.wanted)
        _tell_by_hand(report, chosen)
        if told := behind.line(chosen.option):
            tables.prose(told)
    elif verbose:
        check_tables.passed(report, spoken, verbose=True)
    _tell_other_boundary(report, chosen)


def _tell_by_hand(report: Report, chosen: Stack) -> None:
    """Exercises that were graded at a stage that no update brought."""
    for name in report.by_hand:
        at = (report.stages or {})[name]
        tables.prose(f"{name} stands at {at}, made by hand. ./lab stage {name} {at}{chosen.option} takes it over.")


def _tell_other_boundary(report: Report, chosen: Stack) -> None:
    """Rows that no stage reaches, but another setting."""
    for wanted, having, setting in ((True, "with", "true"), (False, "without", "false")):
        names = [row.name for row in report.other_boundary if row.boundary is wanted]
        if names:
            tables.prose(
                f"Not asked, because only for testuser {having} the permissions boundary: {', '.join(names)}."
                f" Set exercises.testuserBoundary: {setting} in {chosen.file.name}, then ./lab up{chosen.option}."
            )
