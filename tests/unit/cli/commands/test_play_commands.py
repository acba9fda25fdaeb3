"""play, hint, solution, reset and progress without a lab: what they ask for, what they keep, and what they say."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.commands import hint, play, reset, solution, stage
from cli.commands import progress as progress_command
from cli.moving import SHOWN
from exercises.catalogue import EXERCISES
from exercises.texts import texts
from infra.config.loading import parse
from stacks import exercise_moves, exercise_state, progress, stage_settings, undoing
from stacks.console import Progress
from stacks.errors import BadInput, Failure
from stacks.rehearsal_backend import RehearsalBackend
from stacks.stack import REHEARSAL, Stack
from stacks.traces import Trace
from stacks.undoing import Undoing

HERE = Stack(REHEARSAL, Path("Pulumi.rehearsal.yaml"), parse({}, "ap-northeast-2"))


@dataclass(frozen=True)
class Score:
    points: int = 100
    passed: bool = True


@dataclass
class Lab:
    """Where exercise k03 stands, what was done to it by hand, and what was done about it."""

    stands: str | None = "off"
    found: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    did: list[str] = field(default_factory=list[str])
    fails: Failure | None = None
    marks: bool = True
    on_aws: bool = False

    @contextmanager
    def looked_at(self, *_: object) -> Generator[Any]:
        kind = {"type": "aws:iam/role:Role"}
        held = exercise_state.Held((kind,) if self.on_aws else (), ())
        traces = [Trace(each, lambda: None) for each in self.found]
        sight = Undoing(HERE, None, held, traces, tuple(self.changed))  # pyright: ignore[reportArgumentType]
        yield sight

    def run(self, _shown: Progress) -> None:
        self.did.append("taken back")

    def read_again(self) -> bool:
        self.did.append("read again")
        return self.marks

    def apply(self, *, refresh: bool) -> None:
        if self.fails:
            raise self.fails
        self.stands = str(stage_settings.load(REHEARSAL).config.exercises.stages()["k03"])
        self.did.append(f"update{' with a refresh' if refresh else ''} to {self.stands}")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab()
    monkeypatch.setattr(undoing, "looked_at", made.looked_at)
    monkeypatch.setattr(Undoing, "run", made.run)
    monkeypatch.setattr(Undoing, "read_again", made.read_again)
    monkeypatch.setattr(exercise_moves, "stage_of", lambda *_: made.stands)
    monkeypatch.setattr(RehearsalBackend, "apply", lambda *_, refresh, **__: made.apply(refresh=refresh))
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: pytest.fail("asked"))
    return made


def answers(monkeypatch: pytest.MonkeyPatch, answer: bool) -> list[str]:
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr(typer, "confirm", confirm)
    return asked


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("stands", ["off", "closed", None])
def test_play_brings_it_tells_the_story_and_starts_the_clock(
    lab: Lab, capsys: pytest.CaptureFixture[str], stands: str | None
):
    lab.stands = stands
    play.play("permissions")
    assert lab.did == ["update to open"]
    said = capsys.readouterr().out
    words = EXERCISES["k03"].words.play
    assert words
    for each in ("K03 (2022), K02 (2025)", *words.goals.values(), "./lab shell", "./lab hint k03", "./lab check k03"):
        assert each in said
    assert progress.of(HERE, "k03").state == "in play"


def test_play_tells_the_parts_of_an_exercise_that_has_some(lab: Lab, capsys: pytest.CaptureFixture[str]):
    lab.stands = "open"
    play.play("crypto")
    said = capsys.readouterr().out
    words = EXERCISES["crypto"].words.play
    assert words
    assert len(words.parts) == 6
    for part, task in words.parts.items():
        assert f"{part}:\n{task.splitlines()[0][:40]}" in said
    assert "to hand in your answers" in said
    assert "repair" not in said
    play.play("crypto", as_json=True)
    assert printed(capsys)["parts"] == words.parts


@pytest.mark.parametrize(("runs", "down"), [("1.36", "run ./lab down and "), ("1.35", "run ./lab down and "), ("", "")])
def test_what_only_an_older_version_has_is_not_begun_on_another(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, runs: str, down: str
):
    lab.stands = "open"
    monkeypatch.setattr(exercise_moves, "version_of", lambda _: runs)
    with pytest.raises(BadInput) as told:
        play.play("k10")
    assert f"k10 needs Kubernetes 1.34, and this lab is of {runs or '1.36'}." in str(told.value)
    assert str(told.value).endswith(f"in Pulumi.rehearsal.yaml, then {down}./lab play k10.")
    assert lab.did == []
    assert progress.read(HERE) == {}
    monkeypatch.setattr(exercise_moves, "version_of", lambda _: "1.34")
    play.play("k10")
    assert progress.of(HERE, "k10").is_open


@pytest.mark.parametrize(("today", "more"), [("2026-12-02", ""), ("2026-12-03", " and supportType: EXTENDED")])
def test_a_version_without_standard_support_needs_the_setting_for_more(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, today: str, more: str
):
    lab.stands = "off"
    monkeypatch.setattr(exercise_moves, "version_of", lambda _: "1.36")
    clock = type("Clock", (), {"now": staticmethod(lambda _: datetime.fromisoformat(today))})
    monkeypatch.setattr(exercise_moves, "datetime", clock)
    with pytest.raises(BadInput, match=f'write kubernetesVersion: "1.34"{more} in'):
        play.play("k10")


def test_what_stands_there_untouched_needs_no_update(lab: Lab):
    lab.stands = "open"
    play.play("k03")
    assert lab.did == []
    assert progress.of(HERE, "k03").is_open


def test_what_aws_has_of_it_is_read_again(lab: Lab):
    lab.stands, lab.on_aws = "open", True
    play.play("k03")
    assert lab.did == ["read again", "update to open"]


def test_a_second_play_keeps_the_clock_and_looks_at_nothing(lab: Lab, capsys: pytest.CaptureFixture[str]):
    began = datetime.now(UTC) - timedelta(minutes=5)
    progress.begun(HERE, "k03", began)
    lab.stands, lab.changed = "open", ["Role x was changed"]
    play.play("k03")
    assert lab.did == []
    assert "in play already, for 5 min" in capsys.readouterr().err
    assert progress.of(HERE, "k03").since == began


def test_what_would_be_taken_back_is_told_and_nothing_is_done(lab: Lab):
    lab.found, lab.changed = ["ClusterRole mine"], ["Role x was changed"]
    assert exercise_moves.would_take_back(HERE, "k03", Progress()) == ["ClusterRole mine", "Role x was changed"]
    lab.stands = None
    assert exercise_moves.would_take_back(HERE, "k03", Progress()) == []
    assert lab.did == []


def test_play_takes_back_only_with_consent(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    lab.stands, lab.found = "open", ["ClusterRole mine"]
    asked = answers(monkeypatch, answer=False)
    with pytest.raises(typer.Exit):
        play.play("k03")
    assert asked == ["Bring k03 to open?"]
    assert lab.did == []
    assert progress.read(HERE) == {}
    assert "ClusterRole mine" in capsys.readouterr().err
    play.play("k03", yes=True)
    assert lab.did == ["taken back", "read again", "update to open"]


def test_an_update_that_fails_starts_no_clock_and_names_the_way_on(lab: Lab):
    lab.fails = Failure("The update stopped.")
    with pytest.raises(Failure, match=r"k03 open now\. Run the same command again"):
        play.play("k03")
    assert progress.read(HERE) == {}


def test_hints_come_one_by_one(lab: Lab, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(BadInput, match="not in play"):
        hint.hint("k03")
    progress.begun(HERE, "k03", datetime.now(UTC))
    words = EXERCISES["k03"].words.play
    assert words
    for number, each in enumerate(words.hints, 1):
        hint.hint("k03", as_json=True)
        assert printed(capsys)["hints"] == [{"number": number, "hint": each}]
    hint.hint("k03")
    told = capsys.readouterr()
    assert told.out.count("Hint ") == 3
    assert words.hints[2].startswith("kubectl ")
    assert all(line in told.out.splitlines() for line in words.hints[2].splitlines())
    assert "./lab solution k03" in told.err
    assert progress.of(HERE, "k03").hints == 3


def test_what_a_learner_reads_is_in_the_language_that_is_asked_for(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    words = texts("k03", "ko").play
    assert words
    play.play("k03", lang="ko", as_json=True)
    told = printed(capsys)
    assert (told["story"], told["goals"]) == (words.story, words.goals)
    play.play("k03", lang="ko")
    assert "이미 진행 중" in capsys.readouterr().err
    monkeypatch.setenv("LAB_LANG", "ko")
    hint.hint("k03")
    assert f"힌트 1/3: {words.hints[0]}" in capsys.readouterr().out
    progress_command.progress()
    assert "진행 중" in capsys.readouterr().out
    asked = answers(monkeypatch, answer=True)
    solution.solution("k03")
    assert words.why.split()[0] in capsys.readouterr().out
    assert "랩이 준비한 답" in asked[0]


def test_a_language_that_there_is_not_touches_nothing(lab: Lab):
    for command in (play.play, hint.hint, solution.solution):
        with pytest.raises(BadInput, match="--lang 'fr' is no language"):
            command("k03", lang="fr")
    with pytest.raises(BadInput, match="--lang 'fr' is no language"):
        progress_command.progress(lang="fr")
    assert lab.did == []
    assert progress.read(HERE) == {}


def test_the_solution_is_applied_after_asking_and_is_no_pass(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    lab.stands = "open"
    progress.begun(HERE, "k03", datetime.now(UTC))
    asked = answers(monkeypatch, answer=False)
    with pytest.raises(typer.Exit):
        solution.solution("k03")
    assert (len(asked), lab.did, progress.of(HERE, "k03").state) == (1, [], "in play")
    words = EXERCISES["k03"].words.play
    assert words
    assert words.why.split()[0] in capsys.readouterr().out
    answers(monkeypatch, answer=True)
    solution.solution("k03")
    assert lab.did == ["update to closed"]
    kept = progress.of(HERE, "k03")
    assert (kept.state, kept.passed, kept.is_open) == ("solution applied", None, False)


def test_reset_always_makes_it_again_and_keeps_the_clock(lab: Lab, capsys: pytest.CaptureFixture[str]):
    began = datetime.now(UTC) - timedelta(minutes=5)
    progress.begun(HERE, "k03", began)
    lab.stands, lab.found, lab.changed = "closed", ["ClusterRole mine"], ["Role x is gone"]
    reset.reset("permissions", yes=True, as_json=True)
    assert lab.did == ["taken back", "read again", "update to open"]
    told = printed(capsys)
    assert (told["stage"], told["taken_back"]) == ("open", ["ClusterRole mine", "Role x is gone"])
    assert progress.of(HERE, "k03").since == began
    lab.found, lab.changed, lab.did = [], [], []
    reset.reset("k03", yes=True)
    assert lab.did == ["taken back", "read again", "update to open"]
    assert capsys.readouterr().err.splitlines()[-1].endswith(" s. Your clock goes on.")


def test_reset_after_a_pass_says_that_the_pass_stays(lab: Lab, capsys: pytest.CaptureFixture[str]):
    began = datetime.now(UTC) - timedelta(minutes=5)
    progress.begun(HERE, "k03", began)
    progress.attempted(HERE, "k03", Score(), began + timedelta(minutes=2))
    lab.stands = "open"
    reset.reset("k03", yes=True)
    assert "You passed it before, and that stays. The clock runs again" in capsys.readouterr().err
    kept = progress.of(HERE, "k03")
    assert kept.passed == began + timedelta(minutes=2)
    assert kept.since
    assert kept.since > began
    # What is begun again is in play, and told so.
    reset.reset("k03", yes=True)
    assert "Your clock goes on." in capsys.readouterr().err


def test_reset_asks_in_the_language_that_is_asked_for(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    lab.stands, lab.found, lab.changed = "open", [f"ClusterRole {n}" for n in range(SHOWN)], ["Role x is gone"]
    asked = answers(monkeypatch, answer=True)
    reset.reset("k03", lang="ko")
    told = capsys.readouterr().err
    assert "k03 실습의 오브젝트를 다시 만들고" in asked[0]
    assert "손으로 한 것 중 되돌릴 것:" in told
    assert "그 밖에 1개" in told
    lab.found = []
    reset.reset("k03", lang="ko", yes=True)
    assert "Role x: 없어짐" in capsys.readouterr().err


def test_after_an_update_that_was_cut_off_everything_is_read(lab: Lab):
    lab.stands, lab.marks = "open", False
    reset.reset("k03", yes=True)
    assert lab.did[-1] == "update with a refresh to open"


def test_reset_of_what_is_not_in_play_begins_nothing(lab: Lab, capsys: pytest.CaptureFixture[str]):
    lab.stands = "open"
    reset.reset("k03", yes=True)
    assert progress.read(HERE) == {}
    assert "./lab play k03 begins it" in capsys.readouterr().err


def test_what_cannot_be_meant_is_told(lab: Lab):
    with pytest.raises(BadInput, match="no exercise k99"):
        play.play("k99")
    for command in (solution.solution, reset.reset):
        with pytest.raises(BadInput, match="Add --yes"):
            command("k03", as_json=True)
    assert lab.did == []


def test_progress_tells_of_every_exercise_that_can_be_played(lab: Lab, capsys: pytest.CaptureFixture[str]):
    began = datetime.now(UTC) - timedelta(minutes=3)
    progress.begun(HERE, "k03", began)
    progress.hinted(HERE, "k03")
    progress.attempted(HERE, "k03", Score(40, passed=False), began)
    progress.attempted(HERE, "k03", Score(), began + timedelta(minutes=2))
    progress_command.progress(as_json=True)
    rows = {each["exercise"]: each for each in printed(capsys)["exercises"]}
    assert list(rows) == list(EXERCISES)
    assert rows["rbac"]["state"] == "not begun"
    k03 = rows["k03"]
    assert (k03["state"], k03["points"], k03["hints"], k03["attempts"], k03["seconds"]) == ("passed", 100, 1, 2, 120)
    assert (k03["owasp2022"], k03["owasp2025"]) == ("K03", ["K02"])
    progress_command.progress()
    (line,) = (each for each in capsys.readouterr().out.splitlines() if each.startswith("k03"))
    assert line.split() == ["k03", "K03", "passed", "100", "2:00", "1/3", "2"]


def test_a_stage_that_is_not_where_it_is_played_ends_play(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(stage, "_move", lambda *_, **__: None)
    monkeypatch.setattr(exercise_moves, "clear_the_way", lambda *_, **__: None)
    progress.begun(HERE, "k03", datetime.now(UTC))
    stage.stage(["permissions", "open", "rbac", "after"])
    assert progress.of(HERE, "k03").is_open
    stage.stage(["k03", "closed"])
    assert not progress.of(HERE, "k03").is_open
    assert "k03 is not in play any more" in capsys.readouterr().err
