"""`lab check`: which rows, which exit code, and a walk that always ends where it began. Nobody is asked here."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import NoCredentialsError

from cli.commands import check
from exercises import by_hand
from exercises.catalogue import EXERCISES, standing, walk
from exercises.judge import Score, rows_of
from exercises.progress import Record
from exercises.registry import ROWS
from exercises.report import Report
from exercises.texts import texts
from grading.check import ExerciseName, Row
from grading.grade import Answer, Verdict
from grading.outcomes import Unanswered
from grading.session import GradingSession, NoOperator
from infra.config.loading import parse
from operations.testuser import access_key
from stacks import checking, cluster_facts, staging, unfinished
from stacks import progress as learners
from stacks.cluster_facts import Node
from stacks.console import Progress
from stacks.errors import BadInput, CannotAsk, Failure
from stacks.stack import Stack
from tests.unit.grading.fake_lab import OUTPUTS, lab

REHEARSAL = Stack("rehearsal", Path("Pulumi.rehearsal.yaml"), parse({}, "ap-northeast-2"))
AWS = Stack("dev", Path("Pulumi.dev.yaml"), parse({}, "ap-northeast-2"))


def node(max_pods: int) -> Node:
    return Node(f"ip-{max_pods}", "ap-northeast-2a", "t3.medium", ready=True, max_pods=max_pods)


class Played:
    """A lab that stands where its updates bring it, and answers as a test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stack: Stack) -> None:
        self.own: dict[str, Any] = {"rbac": "off", "identityMapping": "off", "irsa": False, "podIdentity": False}
        self.stages = dict(self.own)
        self.updates: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.keys: list[str] = []
        self.verdict: Callable[[Row], Verdict] = lambda _: Verdict.PASSED
        self.on_update: Callable[[Mapping[ExerciseName, str]], None] = lambda _: None
        self.no_key: Exception | None = None
        self.no_operator = ""
        self.up = True
        self.boundary = True
        self.max_pods = 100
        self.failed = False
        self.by_hand: dict[ExerciseName, str] = {}
        self.nodes: Callable[[], tuple[Node, ...]] = lambda: (node(100), node(100))
        monkeypatch.setattr(cluster_facts, "entered", lambda _: None)
        monkeypatch.setattr(cluster_facts, "nodes", lambda _: self.nodes())
        monkeypatch.setattr(check, "load", lambda _: stack)
        for module in (check, checking):
            monkeypatch.setattr(module, "outputs_of", self.outputs_of)
        monkeypatch.setattr(checking, "opened", self.opened)
        monkeypatch.setattr(checking, "_found", self.found)
        monkeypatch.setattr(unfinished, "_failed", lambda _: self.failed)
        monkeypatch.setattr(checking, "ask_all", self.ask_all)
        monkeypatch.setattr(staging, "apply", self.apply)
        monkeypatch.setattr(access_key, "key_of", self.key)

    @contextmanager
    def outputs_of(self, stack: Stack) -> Generator[tuple[dict[str, Any], Path]]:
        if not self.up:
            raise CannotAsk("It is not up.")
        pods = {"maxPods": self.max_pods, "kubeconfig": "{}"}
        yield {**OUTPUTS, **pods, "exercises": {**self.stages, "testuserBoundary": self.boundary}}, Path()

    @contextmanager
    def key(self, arn: str, region: str, directory: Path, tell: object) -> Generator[access_key.Credentials]:
        if self.no_key and not isinstance(self.no_key, access_key.NotDeleted):
            raise self.no_key
        self.keys.append(arn)
        yield access_key.Credentials("AKIATESTUSER0000", "secret")
        if self.no_key:
            raise self.no_key

    @contextmanager
    def opened(self, outputs: Mapping[str, Any], **settings: Any) -> Generator[GradingSession]:
        if self.no_operator:
            raise NoOperator(self.no_operator)
        here = lab(testuser=settings["testuser"]).session
        here.stages = settings["stages"]
        here.boundary = settings["boundary"]
        yield here

    def found(self, outputs: Mapping[str, Any]) -> by_hand.Standing:
        return by_hand.Standing({**standing(outputs), **self.by_hand}, frozenset(self.by_hand), outputs)

    def ask_all(
        self, rows: Sequence[Row], here: GradingSession, told: Callable[[Answer], object]
    ) -> tuple[Answer, ...]:
        found: list[Answer] = []
        for row in rows:
            self.asked.append(row.name)
            mapped = row.exercise == "identity-mapping"
            silent = mapped and isinstance(here.testuser, Unanswered)
            answer = Answer(row, Verdict.NOT_ASKED if silent else self.verdict(row), "seen")
            told(answer)
            found.append(answer)
        return tuple(found)

    def apply(self, stack: Stack, stages: Mapping[ExerciseName, str], shown: Progress) -> None:
        self.updates.append({str(name): at for name, at in stages.items()})
        self.on_update(stages)
        self.stages = dict(self.own)
        for name, at in stages.items():
            self.stages[EXERCISES[name].key] = True if at == "on" else at


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    return Played(monkeypatch, REHEARSAL)


def ending(*names: str, **options: Any) -> int:
    with pytest.raises(typer.Exit) as left:
        check.check(list(names) or None, **options)
    return left.value.exit_code


def test_every_row_of_the_standing_stages_is_asked(played: Played, capsys: pytest.CaptureFixture[str]):
    played.stages = {"rbac": "before", "identityMapping": "entry", "irsa": True, "podIdentity": True}
    assert ending() == 0
    wanted = {"rbac": "before", "identity-mapping": "entry", "irsa": "on", "pod-identity": "on"}
    assert played.asked == [
        row.name for row in ROWS if wanted.get(row.exercise) == row.stage and row.boundary is not False
    ]
    said = capsys.readouterr().out
    for line in ("rbac before: 14 passed", "identity-mapping entry: 19 passed", "irsa on: 17 passed"):
        assert line in said
    assert "permissions boundary: mapping-entry-aws-s3-allowed. Set" in said
    assert "./lab stage rbac after" in said
    assert "✓ dev-k8s    kubectl get pods" in said
    assert "kubectl exec" not in said
    assert ending(verbose=True) == 0
    assert "kubectl exec -it dev-kubectl -n dev-team -- kubectl get pods" in capsys.readouterr().out


def test_only_what_is_named_is_asked(played: Played):
    played.stages["rbac"] = "after"
    played.stages["irsa"] = True
    assert ending("irsa") == 0
    assert {row.exercise for row in ROWS if row.name in played.asked} == {"irsa"}
    assert played.keys == []


def test_a_key_is_made_for_testusers_rows_alone(played: Played):
    played.stages["identityMapping"] = "unmapped"
    assert ending() == 0
    assert played.keys == ["arn:aws:iam::111122223333:user/testuser"]


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [({"irsa-trust": Verdict.FAILED}, 1), ({"irsa-trust": Verdict.NOT_ASKED}, 3), ({}, 0)],
)
def test_the_exit_code_tells_a_script(played: Played, verdicts: dict[str, Verdict], code: int):
    played.stages["irsa"] = True
    played.verdict = lambda row: verdicts.get(row.name, Verdict.PASSED)
    assert ending("irsa") == code


def test_a_node_that_holds_another_number_of_pods_fails_the_check(played: Played, capsys: pytest.CaptureFixture[str]):
    played.stages["irsa"] = True
    assert ending() == 0
    assert "maxPods" not in capsys.readouterr().out
    played.nodes = lambda: (node(100), node(17))
    assert ending() == 1
    said = capsys.readouterr().out
    assert "nodeGroup.maxPods is 100" in said
    assert "ip-17 (17)." in said
    assert "ip-100" not in said
    assert ending("irsa", as_json=True, every_stage=True) == 1
    assert json.loads(capsys.readouterr().out)["nodes"]["verdict"] == "failed"
    played.stages["irsa"] = True
    played.max_pods = 0  # an older lab, which does not tell it
    assert ending() == 0


def test_nodes_that_could_not_be_asked_are_no_pass(played: Played, capsys: pytest.CaptureFixture[str]):
    def nodes() -> tuple[Node, ...]:
        raise CannotAsk("The API server could not be asked for its nodes.")

    played.stages["irsa"] = True
    played.nodes = nodes
    assert ending() == 3
    assert "could not be asked for its nodes" in capsys.readouterr().out
    played.verdict = lambda _: Verdict.FAILED
    assert ending() == 1


def test_what_is_off_is_told_with_the_way_on(played: Played, capsys: pytest.CaptureFixture[str]):
    assert ending() == 0
    said = capsys.readouterr().out
    assert "No exercise is on, so there is nothing to ask. Begin with the first: ./lab stage rbac before\n" in said
    for name, exercise in EXERCISES.items():
        assert f"{name} is off. Turn it on: ./lab stage {name} {exercise.stages[0]}" in said
    assert played.asked == []


def test_an_exercise_that_is_named_and_off_is_no_pass(played: Played):
    played.stages["rbac"] = "before"
    assert ending() == 0
    assert ending("rbac", "irsa") == 3
    played.verdict = lambda _: Verdict.FAILED
    assert ending("rbac", "irsa") == 1


def test_an_unknown_exercise_is_bad_input(played: Played):
    with pytest.raises(BadInput, match="rbca"):
        check.check(["rbca"])
    assert played.asked == []


def test_a_lab_that_is_not_up_cannot_be_asked(played: Played):
    played.up = False
    for every_stage in (False, True):
        with pytest.raises(CannotAsk):
            check.check(None, every_stage=every_stage)
    assert played.updates == []


def test_without_credentials_nobody_can_be_asked(played: Played):
    played.no_operator = "There are no AWS credentials."
    with pytest.raises(CannotAsk, match="no AWS credentials"):
        check.check(None)


@pytest.mark.parametrize("error", [access_key.NoKey("Two keys."), NoCredentialsError()])
def test_without_a_key_testuser_cannot_be_asked(played: Played, error: Exception):
    played.stages |= {"identityMapping": "masters", "irsa": True}
    played.no_key = error
    assert ending() == 3
    assert "irsa-trust" in played.asked


def test_a_key_that_stays_is_a_failure(played: Played):
    played.stages["identityMapping"] = "masters"
    played.no_key = access_key.NotDeleted("The access key AKIA could not be deleted.")
    with pytest.raises(Failure, match="could not be deleted"):
        check.check(None)


def test_json_has_every_row_and_nothing_else_is_on_stdout(played: Played, capsys: pytest.CaptureFixture[str]):
    played.stages["rbac"] = "before"
    assert ending(as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["rows"]) == len(ROWS)
    assert told["summary"]["off"] == [name for name in EXERCISES if name != "rbac"]
    assert told["seconds"] >= 0
    assert ending(as_json=True, every_stage=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["rows"]) == len(ROWS)
    verdicts = {row["name"]: (row["verdict"], row["observed"]) for row in told["rows"]}
    silent = {f"mapping-{stage}-aws-s3-allowed" for stage in EXERCISES["identity-mapping"].stages}
    assert {verdicts.pop(name) for name in silent} == {(None, "not with this permissions boundary")}
    assert {verdict for verdict, _ in verdicts.values()} == {"passed"}
    assert len(told["summary"]["stages"]) == sum(len(one.stages) for one in EXERCISES.values())


STEPS = [dict(step) for step in walk(EXERCISES)]
UPDATES = [*itertools.accumulate(STEPS, lambda before, step: {**before, **step})]
"""Who has been at all stages stays at the last one until the end."""


def test_a_walk_reaches_every_stage_and_comes_back(played: Played, capsys: pytest.CaptureFixture[str]):
    assert ending(every_stage=True) == 0
    assert played.updates == [*UPDATES, {}]
    assert set(played.asked) == {row.name for row in ROWS if row.boundary is not False}
    assert len(played.asked) == len(set(played.asked))
    told = capsys.readouterr()
    *stages, last = [line for line in told.out.splitlines() if ": " in line]
    assert [line.split(":")[0] for line in stages] == [f"{name} {at}" for step in STEPS for name, at in step.items()]
    assert last.startswith("Not asked, because only for testuser without the permissions boundary: mapping-masters-aws")
    assert last.endswith("Set exercises.testuserBoundary: false in Pulumi.rehearsal.yaml, then ./lab up.")
    assert "your own settings again" in told.err


def test_a_walk_of_one_exercise_moves_no_other(played: Played, capsys: pytest.CaptureFixture[str]):
    assert ending("rbac", every_stage=True) == 0
    assert played.updates == [{"rbac": "before"}, {"rbac": "after"}, {"rbac": "least"}, {}]
    assert "Not asked" not in capsys.readouterr().out


def test_a_walk_without_the_boundary_names_what_only_the_boundary_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    played = Played(monkeypatch, AWS)
    played.boundary = False
    assert ending("identity-mapping", every_stage=True, yes=True) == 0
    silent = [row.name for row in ROWS if row.boundary is True]
    assert set(played.asked) == {row.name for row in ROWS if row.exercise == "identity-mapping"} - set(silent)
    said = capsys.readouterr().out
    assert f"with the permissions boundary: {', '.join(silent)}. " in said
    assert "testuserBoundary: true in Pulumi.dev.yaml, then ./lab up -s dev." in said


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Failure("The update stopped."), SystemExit(143)])
@pytest.mark.parametrize("at", [0, 2])
def test_a_walk_that_is_cut_short_comes_back_too(
    played: Played, error: BaseException, at: int, capsys: pytest.CaptureFixture[str]
):
    def cut(stages: Mapping[ExerciseName, str]) -> None:
        if dict(stages) == UPDATES[at]:
            raise error

    played.on_update = cut
    with pytest.raises(type(error)):
        check.check(None, every_stage=True)
    assert played.updates == [*UPDATES[: at + 1], {}]
    assert "your own settings again" in capsys.readouterr().err


def test_a_walk_that_cannot_come_back_says_so(played: Played, capsys: pytest.CaptureFixture[str]):
    def fail(stages: Mapping[ExerciseName, str]) -> None:
        if not stages:
            raise Failure("The update stopped.")

    played.on_update = fail
    with pytest.raises(Failure):
        check.check(None, every_stage=True)
    said = capsys.readouterr().err
    assert "does not stand at your own settings" in said
    assert "./lab up" in said


def test_an_update_that_went_elsewhere_is_no_check(played: Played, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(staging, "apply", lambda *_: None)
    with pytest.raises(Failure, match="outputs differ"):
        check.check(None, every_stage=True)


def test_a_walk_on_aws_asks_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    played = Played(monkeypatch, AWS)
    monkeypatch.setattr(typer, "confirm", lambda _: False)
    assert ending(every_stage=True) == 1
    assert played.updates == []
    assert ending(every_stage=True, yes=True) == 0
    assert played.updates == [*UPDATES, {}]
    asked: list[str] = []
    monkeypatch.setattr(typer, "confirm", lambda question: (asked.append(str(question)), True)[1])
    assert ending(every_stage=True) == 0
    assert "5 updates" in asked[0]
    assert ending() == 0
    assert "./lab stage rbac before -s dev" in capsys.readouterr().out


def test_a_report_without_rows_is_no_pass():
    assert check._exit_code(Report(()), named=False) == 3  # pyright: ignore[reportPrivateUsage]  # the one place


def test_what_was_made_by_hand_is_graded_as_its_stage(played: Played, capsys: pytest.CaptureFixture[str]):
    played.own["rbac"] = played.stages["rbac"] = "before"
    played.by_hand = {"rbac": "after", "irsa": "on"}
    assert ending("rbac", "irsa") == 0
    said = capsys.readouterr().out
    assert "rbac after: 18 passed" in said
    assert "rbac stands at after, made by hand. ./lab stage rbac after takes it over." in said
    assert "irsa is off" not in said
    assert ending("rbac", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["summary"]["by_hand"] == ["rbac"]


def test_a_failed_update_is_told_and_its_stage_not_advised_again(
    played: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    settings = {"exercises": {"rbac": "after", "irsa": "on"}}
    meant = Stack("rehearsal", Path("Pulumi.rehearsal.yaml"), parse(settings, "ap-northeast-2"))
    monkeypatch.setattr(check, "load", lambda _: meant)
    played.stages["rbac"] = "before"
    played.failed = True
    ending()
    said = capsys.readouterr().out
    assert "./lab stage rbac after" not in said
    assert "./lab stage irsa" not in said
    assert "irsa is off" not in said
    on = "./lab up goes on, ./lab stage rbac before irsa off goes back."
    assert f"The last update failed, and the lab has not come to rbac after irsa on: {on}" in said
    assert "./lab stage identity-mapping masters" in said
    played.failed = False
    ending()
    assert "no update has brought it yet: ./lab up does" in capsys.readouterr().out
    played.stages |= {"rbac": "after", "irsa": True}
    ending()
    assert "update" not in capsys.readouterr().out


NOW = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


class Learner:
    """What is kept of a learner who plays exercises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: ExerciseName) -> None:
        self.records = {name: Record(begun=NOW, is_open=True, since=NOW) for name in names}
        self.attempts: list[tuple[ExerciseName, int, bool]] = []
        monkeypatch.setattr(learners, "read", lambda _: self.records)
        monkeypatch.setattr(learners, "attempted", self.attempted)

    def attempted(self, stack: Stack, name: ExerciseName, score: Score, now: datetime) -> None:
        self.attempts.append((name, score.points, score.passed))


def test_an_exercise_in_play_is_judged_by_its_goals(
    played: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    learner = Learner(monkeypatch, "k03")
    played.stages |= {"k03": "open", "rbac": "before"}
    assert ending() == 0
    rbac = [row.name for row in ROWS if (row.exercise, row.stage) == ("rbac", "before")]
    assert played.asked == [*rbac, *(row.name for row in rows_of("k03"))]
    assert learner.attempts == [("k03", 100, True)]
    said = capsys.readouterr().out
    assert "k03: 100 of 100 points" in said
    assert "rbac before: 14 passed" in said
    assert "k03 open" not in said


def test_what_an_exercise_in_play_misses_is_told_by_goal(
    played: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    learner = Learner(monkeypatch, "k03")
    played.stages["k03"] = "open"
    played.verdict = lambda row: Verdict.FAILED if row.goal == "use" else Verdict.PASSED
    assert ending("permissions") == 1
    assert learner.attempts == [("k03", 0, False)]
    said = capsys.readouterr().out
    assert "✗ Legitimate use works (0 of 2)" in said
    assert EXERCISES["k03"].words.play is not None
    assert "There are points only while legitimate use works" in said
    assert ending("k03", as_json=True) == 1
    (told,) = json.loads(capsys.readouterr().out)["summary"]["played"]
    assert (told["exercise"], told["points"], told["passed"]) == ("k03", 0, False)
    assert told["goals"]["use"] == {"verdict": "failed", "rows": 2, "passed": 0}


def test_what_a_learner_reads_is_in_the_language_that_is_asked_for(
    played: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Learner(monkeypatch, "k03")
    played.stages["k03"] = "open"
    played.verdict = lambda row: Verdict.FAILED if row.goal == "use" else Verdict.PASSED
    monkeypatch.setenv("LAB_LANG", "ko")
    assert ending("k03") == 1
    said = capsys.readouterr().out
    assert "✗ 정상 사용 유지 (0/2)" in said
    rows = texts("k03", "ko").rows
    assert rows["set-image"] in said
    assert ending("k03", as_json=True) == 1
    reasons = {row["name"]: row["why"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert reasons["k03-closed-exec"] == rows["exec"]
    monkeypatch.setenv("LAB_LANG", "korean")
    played.asked.clear()
    with pytest.raises(BadInput, match="LAB_LANG 'korean' is no language"):
        check.check(["k03"])
    assert played.asked == []


def test_what_is_begun_and_does_not_stand_where_play_begins_is_asked_by_its_stage(
    played: Played, monkeypatch: pytest.MonkeyPatch
):
    learner = Learner(monkeypatch, "k03")
    played.stages["k03"] = "closed"
    assert ending("k03") == 0
    assert played.asked == [row.name for row in ROWS if (row.exercise, row.stage) == ("k03", "closed")]
    learner.records["k03"] = Record(begun=NOW)
    played.stages["k03"] = "open"
    assert ending("k03") == 0
    assert played.asked[-1].startswith("k03-open-")
    assert learner.attempts == []


def test_a_walk_through_all_stages_leaves_alone_what_is_played(
    played: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    learner = Learner(monkeypatch, "k03")
    played.stages["k03"] = "open"
    assert ending("k03", "rbac", every_stage=True) == 0
    assert set(played.asked) == {row.name for row in ROWS if row.exercise == "rbac"}
    assert "In play, and left as it is: k03." in capsys.readouterr().err
    played.stages["k03"] = "open"
    assert ending("k03", every_stage=True) == 3
    assert learner.attempts == []


def test_a_walk_through_all_stages_judges_nobody(played: Played, monkeypatch: pytest.MonkeyPatch):
    learner = Learner(monkeypatch, "k03")
    assert ending("k03", every_stage=True) == 0
    assert set(played.asked) == {row.name for row in ROWS if row.exercise == "k03"}
    assert learner.attempts == []


def test_who_plays_is_told_how_to_mend_what_no_exercise_owns(
    played: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Learner(monkeypatch, "k03")
    played.stages["k03"] = "open"
    wrong = {"k03-closed-gate-cluster-admin", "k03-closed-own-secret"}
    played.verdict = lambda row: Verdict.FAILED if row.name in wrong else Verdict.PASSED
    assert ending("k03") == 1
    said = capsys.readouterr().out
    assert "./lab reset leaves it:" in said
    assert "kubectl auth reconcile --remove-extra-permissions -f -" in said
    # How the exercise itself is to be repaired is for the learner to find.
    assert "Nothing was found" not in said
