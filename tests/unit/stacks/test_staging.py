"""A move of exercises without anything that runs: what is written, when, and what is told when it fails."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import pytest
import typer

from grading.check import ExerciseName
from stacks import field_owners, stack, staging
from stacks.console import Progress
from stacks.errors import BadInput, CannotAsk, Failure
from stacks.stack import Stack
from tests.unit.stacks.stage_lab import OUTPUTS, Lab, lab_in

pytestmark = pytest.mark.usefixtures("pulumi_installed")

BEFORE: Final[dict[ExerciseName, str]] = {"rbac": "before"}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return lab_in(tmp_path, monkeypatch)


def test_the_caller_gets_the_stack_as_it_is_now_and_what_the_update_did(lab: Lab):
    moved = staging.move("rehearsal", BEFORE, yes=False)
    assert moved.stack.config.exercises.outputs()["rbac"] == "before"
    assert moved.update.outputs == OUTPUTS
    assert [name for name, _ in lab.ran] == ["rehearsal"]
    assert moved.stack == stack.load("rehearsal"), "it stays so"


def test_policies_are_the_labs_own_before_an_update(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[list[str], int]] = []

    def take_over(_stack: Stack, exercises: Collection[ExerciseName]) -> None:
        seen.append((list(exercises), len(lab.ran)))

    monkeypatch.setattr(field_owners, "take_over", take_over)
    staging.move("rehearsal", {"k02": "watched"}, yes=False)
    staging.apply(stack.load("rehearsal"), {"k02": "closed", "k04": "open"}, Progress())
    assert seen == [(["k02"], 0), (["k02", "k04"], 1)]


def test_a_failed_update_leaves_the_new_stage_and_tells_the_way_back(lab: Lab):
    lab.fails = Failure("The update stopped.")
    with pytest.raises(Failure) as told:
        staging.move("rehearsal", {"rbac": "after", "pod-identity": "on"}, yes=False)
    assert str(told.value) == (
        "The update stopped.\nThe rehearsal's setting says rbac after, pod-identity on now: ./lab up tries again, "
        "./lab stage rbac off pod-identity off goes back."
    )
    assert lab.exercises()["rbac"] == "after"
    assert told.value.exit_code == 1


def test_an_interrupted_update_tells_the_way_back(lab: Lab, capsys: pytest.CaptureFixture[str]):
    lab.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        staging.move("dev", BEFORE, yes=True)
    assert "./lab up -s dev tries again, ./lab stage rbac off -s dev goes back" in capsys.readouterr().err
    assert lab.exercises("dev")["rbac"] == "before"


def test_a_failure_before_the_file_is_written_does_not_speak_of_it(lab: Lab):
    def untouchable(*_: object) -> None:
        raise CannotAsk("Prices could not be asked for.")

    with pytest.raises(CannotAsk) as told:
        staging.move("dev", BEFORE, yes=True, tell_cost=untouchable)
    assert "now" not in str(told.value)
    assert lab.files["dev"].read_text() == lab.text


def test_a_file_that_changes_while_aws_is_asked_about_is_not_overwritten(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    def edit(_question: str) -> bool:
        lab.files["dev"].write_text(lab.text + "# mine\n")
        return True

    monkeypatch.setattr(typer, "confirm", edit)
    with pytest.raises(Failure, match="was changed by another program"):
        staging.move("dev", BEFORE, yes=False)
    assert lab.files["dev"].read_text() == lab.text + "# mine\n"
    assert lab.ran == []


def test_on_aws_nothing_is_written_without_consent(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []

    def tell(chosen: Stack) -> None:
        told.append(chosen.name)

    monkeypatch.setattr(typer, "confirm", lambda _question: False)
    with pytest.raises(typer.Exit) as left:
        staging.move("dev", BEFORE, yes=False, tell_cost=tell)
    assert left.value.exit_code == 1
    assert told == ["dev"]
    assert lab.ran == []
    assert lab.files["dev"].read_text() == lab.text
    monkeypatch.setattr(typer, "confirm", lambda _question: True)
    staging.move("dev", BEFORE, yes=False)
    ((name, applied),) = lab.ran
    assert (name, applied["rbac"]) == ("dev", "before")


@pytest.mark.parametrize("name", ["rehearsal", "dev"])
def test_stages_applied_for_a_check_leave_the_file_alone(lab: Lab, name: str):
    chosen = stack.load(name)
    wanted: dict[ExerciseName, str] = {"rbac": "after", "irsa": "on"}
    staging.apply(chosen, wanted, Progress())
    lab.fails = Failure("The update stopped.")
    with pytest.raises(Failure, match="stopped"):
        staging.apply(chosen, {"rbac": "before"}, Progress())
    lab.fails = None
    staging.apply(chosen, {}, Progress())
    assert [(of, applied["rbac"], applied["irsa"]) for of, applied in lab.ran] == [
        (name, "after", "on"),
        (name, "before", "off"),
        (name, "off", "off"),
    ]
    assert lab.files[name].read_text() == lab.text


@pytest.mark.parametrize("name", ["rehearsal", "dev"])
def test_an_end_that_has_passed_is_told_before_anything_is_written(lab: Lab, name: str):
    file = lab.files[name]
    file.write_text(lab.text.replace("config:\n", 'config:\n  myeks:expires: "2026-01-01T00:00Z"\n'))
    before = file.read_text()
    with pytest.raises(BadInput, match="has passed"):
        staging.move(name, BEFORE, yes=True)
    assert (lab.ran, file.read_text()) == ([], before)


def test_a_wrong_stage_in_the_file_can_be_mended_by_the_command(lab: Lab):
    file = lab.files["rehearsal"]
    file.write_text(lab.text.replace('rbac: "off"', 'rbac: "befor"'))
    lab.fails = Failure("The update stopped.")
    with pytest.raises(Failure) as told:
        staging.move("rehearsal", BEFORE, yes=False)
    assert lab.exercises()["rbac"] == "before"
    # There is no way back to what was no stage.
    assert "goes back" not in str(told.value)
