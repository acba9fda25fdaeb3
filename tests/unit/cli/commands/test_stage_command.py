"""`lab stage` without anything that runs: what it takes, and what it tells. The move is `test_staging.py`'s."""

import io
import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from rich.console import Console

from cli.commands import stage
from cli.views import cost
from exercises.catalogue import EXERCISES
from exercises.progress import Record
from infra.config.loading import ConfigError
from stacks import kept_stages
from stacks import progress as kept_progress
from stacks.errors import BadInput, CannotAsk, NotUp
from stacks.stack import Stack
from tests.unit.cli.narrow import narrow
from tests.unit.stacks.stage_lab import Lab, lab_in

NOW = datetime(2026, 11, 1, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("pulumi_installed")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(cost, "tell", lambda _stack: None)
    return lab_in(tmp_path, monkeypatch)


def test_the_setting_is_written_and_then_applied(lab: Lab, capsys: pytest.CaptureFixture[str]):
    stage.stage(["identity-mapping", "entry", "irsa", "on"])
    ((name, applied),) = lab.ran
    assert name == "rehearsal"
    assert applied == lab.exercises()
    assert (applied["identityMapping"], applied["irsa"], applied["rbac"]) == ("entry", "on", "off")
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(" ")]
    assert len(said) == 7
    assert said[0] == "9 unchanged in 0 s."
    assert said[1].startswith("identity-mapping stands at entry. ")
    assert said[2] == "Try it in ./lab shell: ./lab as testuser -- kubectl auth whoami"
    assert said[3] == "Then: ./lab check identity-mapping grades it, ./lab stage irsa account goes on."
    stage.stage(["irsa", "off", "identity-mapping", "off"])
    assert lab.files["rehearsal"].read_text() == lab.text
    assert lab.files["dev"].read_text() == lab.text


def test_a_stage_at_which_it_stands_already_is_applied_all_the_same(lab: Lab):
    stage.stage(["rbac", "off"])
    assert len(lab.ran) == 1
    assert lab.files["rehearsal"].read_text() == lab.text


@pytest.mark.parametrize(
    ("moves", "said"),
    [
        (["rbacc", "before"], "no exercise rbacc. Name one of: rbac, identity-mapping, irsa, pod-identity"),
        (["rbac"], "no stage is named. Name one of: off, before, after, least"),
        (["irsa", "before"], "irsa has no stage before. Name one of: off, account, on, wide"),
        (["rbac", "on"], "rbac has no stage on"),
        (["rbac", "before", "irsa"], "irsa is to be moved, and no stage"),
        (["rbac", "before", "rbac", "after"], "cannot stand at before and at after"),
    ],
)
def test_what_cannot_be_meant_touches_nothing(lab: Lab, moves: list[str], said: str):
    with pytest.raises(BadInput, match=said):
        stage.stage(moves)
    assert lab.ran == []
    assert lab.files["rehearsal"].read_text() == lab.text


def test_an_unknown_stack_and_wrong_settings_are_told_before_anything_is_written(lab: Lab):
    with pytest.raises(BadInput, match="no stack prod"):
        stage.stage(["rbac", "before"], stack="prod")
    file = lab.files["rehearsal"]
    file.write_text(lab.text.replace("192.168.0.0/16", "10.100.0.0/16"))
    before = file.read_text()
    with pytest.raises(BadInput, match="vpcCidr") as told:
        stage.stage(["rbac", "before"])
    assert isinstance(told.value.__cause__, ConfigError)
    assert file.read_text() == before
    assert lab.ran == []


def test_the_rehearsals_file_is_left_alone_and_what_is_edited_in_it_afterwards_counts(lab: Lab):
    file = lab.files["rehearsal"]
    stage.stage(["rbac", "after", "irsa", "on"])
    assert file.read_text() == lab.text
    assert (lab.exercises()["rbac"], lab.exercises()["irsa"]) == ("after", "on")
    file.write_text(lab.text.replace('rbac: "off"', "rbac: before"))
    assert (lab.exercises()["rbac"], lab.exercises()["irsa"]) == ("before", "on")
    stage.stage(["pod-identity", "on"])
    # What the edit has undone stays so when the edit is undone.
    file.write_text(lab.text)
    assert lab.exercises() == {**lab.exercises("dev"), "irsa": "on", "podIdentity": "on"}
    kept_stages.forget()
    assert lab.exercises() == lab.exercises("dev")


def test_an_aws_stacks_stages_stay_in_its_file(lab: Lab):
    stage.stage(["rbac", "before"], stack="dev", yes=True)
    assert yaml.safe_load(lab.files["dev"].read_text())["config"]["myeks:exercises"]["rbac"] == "before"
    assert not kept_stages.file().exists()


@pytest.mark.parametrize("text", ["", "[]", '{"rbac": "after"}', '{"rbac": {"stage": "after"}}', "{"])
def test_kept_stages_that_cannot_be_read_are_none(lab: Lab, text: str):
    kept_stages.file().write_text(text)
    assert lab.exercises() == lab.exercises("dev")


def outputs(monkeypatch: pytest.MonkeyPatch, told: dict[str, Any] | Exception) -> None:
    @contextmanager
    def outputs_of(_stack: Stack) -> Generator[tuple[dict[str, Any], Path]]:
        if isinstance(told, Exception):
            raise told
        yield told, Path()

    monkeypatch.setattr(stage, "outputs_of", outputs_of)


def table(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, list[str]], str]:
    """Exercise → the words of its row; and what stands below the table."""
    lines = capsys.readouterr().out.splitlines()
    count = len(EXERCISES) + 1
    return {line.split()[0]: line.split() for line in lines[1:count]}, "\n".join(lines[count:])


def test_the_table_tells_where_each_exercise_stands(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    outputs(monkeypatch, {"exercises": {"rbac": "after", "identityMapping": "off", "irsa": True, "podIdentity": False}})
    stage.stage([], stack="dev")
    rows, below = table(capsys)
    assert list(rows) == list(EXERCISES)
    assert rows["rbac"][:7] == ["rbac", "after", "(set:", "off)", "before,", "after,", "least"]
    assert rows["irsa"][:7] == ["irsa", "on", "(set:", "off)", "account,", "on,", "wide"]
    assert rows["pod-identity"][:2] == ["pod-identity", "off"]
    assert "Not all stands as configured: ./lab up -s dev" in below
    stage.stage([], as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["exercises"][1].pop("progress")["state"] == "not begun"
    assert told["exercises"][1] == {
        "exercise": "identity-mapping",
        "stages": ["off", "masters", "authenticated", "unmapped", "entry"],
        "standing": "off",
        "configured": "off",
    }


def test_the_table_fits_an_ordinary_terminal(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    outputs(monkeypatch, {"exercises": {"k03": "open"}})
    monkeypatch.setattr(stage, "configured", lambda _config: dict.fromkeys(EXERCISES, "off") | {"k03": "open"})
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    narrow(monkeypatch, console)
    monkeypatch.setattr(stage, "out", console)
    monkeypatch.setattr(kept_progress, "read", lambda _stack: {"k03": Record(begun=NOW, is_open=True, since=NOW)})
    stage.stage([])
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["exercise", "standing", "stages", "what", "it", "shows"]
    assert len(lines) <= 2 * len(EXERCISES) + 3
    k03 = next(line for line in lines if line.startswith("k03 "))
    assert k03.split()[1:3] == ["open,", "in"]
    assert "K03" not in k03


def test_the_table_of_a_lab_that_is_not_up(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    outputs(monkeypatch, NotUp("The rehearsal is not up."))
    stage.stage([])
    rows, below = table(capsys)
    assert rows["rbac"][1] == "-"
    assert "is not up: ./lab up brings" in below
    assert "as configured" not in below


def test_a_table_that_lacks_an_answer_says_so(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    outputs(monkeypatch, CannotAsk("pulumi could not read the outputs."))
    with pytest.raises(CannotAsk, match="pulumi could not") as told:
        stage.stage([], stack="dev", as_json=True)
    assert told.value.exit_code == 3
    assert [row["standing"] for row in json.loads(capsys.readouterr().out)["exercises"]] == [None] * len(EXERCISES)
    with pytest.raises(CannotAsk):
        stage.stage([], stack="dev")
    assert "is not up" not in capsys.readouterr().out


def test_on_aws_json_needs_yes_and_has_stdout_for_itself(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(typer, "confirm", lambda _question: pytest.fail("asked"))
    monkeypatch.setattr(cost, "tell", lambda _stack: pytest.fail("told on stdout"))
    with pytest.raises(BadInput, match="--yes"):
        stage.stage(["rbac", "before"], stack="dev", as_json=True)
    assert (lab.ran, lab.files["dev"].read_text()) == ([], lab.text)
    stage.stage(["rbac", "before"], stack="dev", yes=True, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"outputs": {"clusterName": "myeks"}, "releases": []}
    assert lab.exercises("dev")["rbac"] == "before"
    # The rehearsal asks nobody.
    stage.stage(["rbac", "before"], as_json=True)


def test_on_aws_the_cost_is_told_before_anybody_is_asked(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    monkeypatch.setattr(cost, "tell", lambda chosen: told.append(chosen.name))

    def confirm(_question: str) -> bool:
        assert told == ["dev"]
        return True

    monkeypatch.setattr(typer, "confirm", confirm)
    stage.stage(["rbac", "before"], stack="dev")
    assert [name for name, _ in lab.ran] == ["dev"]
    stage.stage(["rbac", "before"])
    assert told == ["dev"], "what costs nothing tells no cost"
