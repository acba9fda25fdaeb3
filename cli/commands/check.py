"""`lab check`: ask the API server and AWS, as the subjects of the exercises, and tell whether all came out right.

Asking is `exercises`' business; here is what goes around it: which rows, testuser's key, the walk through all
stages, and what a person or a script is shown.
"""

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, NamedTuple

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.views import check as check_tables
from cli.views import check_scores
from exercises import by_hand
from exercises.catalogue import EXERCISES, OFF, named, standing, walk
from exercises.judge import judge
from exercises.registry import ROWS
from exercises.report import EXIT_CODES, Report, summaries
from grading.check import ExerciseName
from grading.grade import Answer, Verdict, ask_all, belongs
from grading.outcomes import Unanswered
from grading.session import NoOperator, opened, reached
from grading.tokens import Key
from operations.diagnosis import Finding, explain, is_gate
from operations.testuser import access_key
from stacks import backend, cluster_facts, staging, status, tables, unfinished
from stacks import progress as learners
from stacks.console import Progress, duration, err, out, progress
from stacks.errors import BadInput, CannotAsk, Failure
from stacks.outputs import outputs_of
from stacks.stack import REHEARSAL, Stack, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="check", help="Ask as the exercises' subjects and tell whether all came out right.")(check)


def check(
    exercises: Annotated[
        list[str] | None, typer.Argument(metavar="[EXERCISE...]", help=f"Of {', '.join(EXERCISES)}; all without it.")
    ] = None,
    stack: StackOption = REHEARSAL,
    every_stage: Annotated[
        bool, typer.Option("--every-stage", help="Move the exercises through all their stages by real updates.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every row in full, with what it shows.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every row and a summary as JSON.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="AWS: do not ask before --every-stage.")] = False,
) -> None:
    """Ask as the exercises' subjects and tell whether all came out right."""
    names = _names(exercises or [])
    chosen = load(stack)
    with progress() as shown:
        with outputs_of(chosen) as (outputs, _):
            nodes = _nodes(outputs)
            behind = unfinished.of(chosen, outputs)
        if every_stage:
            report = _every_stage(chosen, names, shown, yes=yes, quiet=as_json)
            behind = unfinished.Unfinished()
        else:
            report = _standing(chosen, names, shown, looks=True)
        elapsed = shown.elapsed
    if as_json:
        told = {"verdict": nodes.verdict.value, "wrong": nodes.wrong}
        out.print_json(
            json.dumps(
                {
                    **report.as_json(),
                    "nodes": told,
                    "unfinished": behind.line(chosen.option),
                    "seconds": round(elapsed, 1),
                }
            )
        )
    else:
        _show(report, chosen, behind, every_stage=every_stage, verbose=verbose)
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


def _standing(chosen: Stack, names: Sequence[ExerciseName], shown: Progress, *, looks: bool = False) -> Report:
    """Every row of the stages at which the exercises stand: by the stack or, if it `looks`, by what is made by hand."""
    with outputs_of(chosen) as (told, directory), ExitStack() as stack:
        found = _found(told) if looks else by_hand.Standing(standing(told), frozenset(), told)
        outputs, stages = found.outputs, found.stages
        asks_testuser = "identity-mapping" in names and stages["identity-mapping"] != OFF
        key: Key | Unanswered = Unanswered("testuser is not asked.")
        if asks_testuser:
            key = stack.enter_context(_key(str(outputs.get("testuserArn") or ""), chosen, directory, shown))
        try:
            lab = stack.enter_context(
                opened(
                    outputs,
                    patience=backend.of(chosen).patience,
                    boundary=outputs["exercises"]["testuserBoundary"],
                    testuser=key,
                    stages=stages,
                )
            )
        except NoOperator as error:
            raise CannotAsk(str(error)) from error
        playing = _in_play(chosen, told) & set(names) if looks else frozenset[ExerciseName]()
        mine = [row for row in ROWS if row.exercise in names]
        rows = [row for row in mine if (row.goal if row.exercise in playing else belongs(row, lab))]
        answers = ask_all(rows, lab, _Teller(len(rows), shown))
        elsewhere = tuple(row for row in mine if row.exercise not in playing and not belongs(row, lab))
        by_hand_here = tuple(name for name in names if name in found.by_hand and name not in playing)
        scores = tuple(judge(name, answers) for name in names if name in playing)
        # Who plays is not told what to repair, but what to mend that no exercise owns.
        explained = [each for each in answers if each.row.exercise not in playing or is_gate(each.row)]
        causes = explain(explained, lab, chosen.option, by_hand_here)
        for score in scores:
            learners.attempted(chosen, score.exercise, score, datetime.now(UTC))
        return Report(answers, elsewhere, {name: stages[name] for name in names}, causes, by_hand_here, scores)


def _in_play(chosen: Stack, outputs: Mapping[str, Any]) -> frozenset[ExerciseName]:
    """The exercises that somebody plays: begun, and standing where play begins."""
    records, stages = learners.read(chosen), standing(outputs)
    return frozenset(
        name
        for name, record in records.items()
        if record.is_open and name in EXERCISES and (play := EXERCISES[name].play) and stages[name] == play.start
    )


def _found(outputs: Mapping[str, Any]) -> by_hand.Standing:
    try:
        with reached(outputs) as operator:
            return by_hand.look(outputs, operator.api, operator.aws)
    except NoOperator as error:
        raise CannotAsk(str(error)) from error


@contextmanager
def _key(arn: str, chosen: Stack, directory: Path, shown: Progress) -> Generator[Key | Unanswered]:
    """testuser's key for the length of a block; where none can be made, why."""
    try:
        with ExitStack() as stack:
            try:
                made: Key | Unanswered = stack.enter_context(
                    access_key.key_of(arn, chosen.config.region, directory, shown.phase)
                )
            except (BotoCoreError, ClientError, access_key.NoKey) as error:
                made = Unanswered(f"testuser has no key: {error}")
            yield made
    except access_key.NotDeleted as error:
        raise Failure(str(error)) from error


class _Teller:
    """Tells how far the asking is; called from several threads."""

    def __init__(self, total: int, shown: Progress) -> None:
        self._total, self._shown = total, shown
        self._done, self._wrong = 0, 0
        self._lock = Lock()

    def __call__(self, answer: Answer) -> None:
        with self._lock:
            self._done += 1
            self._wrong += answer.verdict is not Verdict.PASSED
            wrong = f", {self._wrong} not passed" if self._wrong else ""
            self._shown.waiting(f"asked {self._done} of {self._total} rows{wrong}; last {answer.row.name}", "asking")


def _every_stage(chosen: Stack, names: Sequence[ExerciseName], shown: Progress, *, yes: bool, quiet: bool) -> Report:
    """Every row of every stage: the lab is moved by real updates, and back to its own settings at the end."""
    with outputs_of(chosen) as (outputs, _):  # It must be up, or there is nothing to move.
        playing = _in_play(chosen, outputs) & set(names)
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
    try:
        for number, step in enumerate(steps, 1):
            moves = ", ".join(f"{name} {to}" for name, to in step.items())
            shown.phase(f"update {number} of {len(steps)}: {moves}")
            staging.apply(chosen, step, shown)
            found = _standing(chosen, tuple(step), shown)
            if found.stages != step:
                raise Failure(
                    f"The update was to bring {moves}, and the stack tells otherwise. Run ./lab up and again."
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


def _show(report: Report, chosen: Stack, behind: unfinished.Unfinished, *, every_stage: bool, verbose: bool) -> None:
    check_tables.not_passed(report, verbose=verbose)
    check_scores.show(report, chosen.option, verbose=verbose)
    if not every_stage:
        check_tables.passed(report, verbose=verbose)
        check_tables.not_standing(report, chosen.option, behind.wanted)
        _tell_by_hand(report, chosen)
        if told := behind.line(chosen.option):
            tables.prose(told)
    elif verbose:
        check_tables.passed(report, verbose=True)
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
