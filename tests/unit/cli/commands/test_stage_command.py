"""`lab stage` without anything that runs: what it writes, when, and what it tells."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.commands import stage
from cli.views import cost
from exercises.catalogue import EXERCISES
from grading.check import ExerciseName
from infra.config.loading import ConfigError, parse
from stacks import cluster_facts, kept_stages, pulumi_cli, stack, staging
from stacks.aws_backend import engine
from stacks.console import Progress
from stacks.errors import BadInput, CannotAsk, Failure, NotUp
from stacks.outcomes import Run, Update
from stacks.rehearsal_backend import RehearsalBackend
from stacks.stack import CHECKOUT, Stack

pytestmark = pytest.mark.usefixtures("pulumi_installed")


OUTPUTS = {"clusterName": "myeks"}


class Lab:
    """A checkout with two stacks, and what was run in it."""

    def __init__(self, root: Path) -> None:
        text = (CHECKOUT / "Pulumi.rehearsal.yaml").read_text()
        self.files = {name: root / f"Pulumi.{name}.yaml" for name in ("rehearsal", "dev")}
        for file in self.files.values():
            file.write_text(text)
        self.text = text
        self.ran: list[tuple[str, dict[str, object]]] = []
        self.fails: BaseException | None = None

    def exercises(self, name: str = "rehearsal") -> dict[str, object]:
        return stack.settings_of(stack.load(name))["config"]["myeks:exercises"]

    def pulumi(self, _stack: Stack, *arguments: str, **_: object) -> None:
        file = arguments[arguments.index("--config-file") + 1] if "--config-file" in arguments else self.files["dev"]
        self.run(Stack(arguments[arguments.index("--stack") + 1], Path(file), parse({}, "ap-northeast-2")))

    def run(self, chosen: Stack) -> None:
        self.ran.append((chosen.name, stack.settings_of(chosen)["config"]["myeks:exercises"]))
        if self.fails:
            raise self.fails


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab(tmp_path)

    def up(backend: RehearsalBackend, *_: object, **__: object) -> Update:
        made.run(backend.stack)
        return Update(outputs=OUTPUTS, run=Run(counts={"same": 9}))

    monkeypatch.setattr(stack, "CHECKOUT", tmp_path)
    monkeypatch.setattr(RehearsalBackend, "up", up)
    monkeypatch.setattr(engine, "change", made.pulumi)
    monkeypatch.setattr(pulumi_cli, "outputs", lambda _stack: {"clusterName": "myeks"})
    monkeypatch.setattr(cluster_facts, "after_up", lambda *_: ())
    monkeypatch.setattr(cost, "tell", lambda _stack: None)
    return made


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
        (["rbac"], "no stage is named. Name one of: off, before, after"),
        (["irsa", "before"], "irsa has no stage before. Name one of: off, account, on"),
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


def test_a_wrong_stage_in_the_file_can_be_mended_by_the_command(lab: Lab):
    file = lab.files["rehearsal"]
    file.write_text(lab.text.replace('rbac: "off"', 'rbac: "befor"'))
    lab.fails = Failure("The update stopped.")
    with pytest.raises(Failure) as told:
        stage.stage(["rbac", "before"])
    assert lab.exercises()["rbac"] == "before"
    # There is no way back to what was no stage.
    assert "goes back" not in str(told.value)


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
    assert lab.exercises() == {**lab.exercises("dev"), "irsa": "on", "podIdentity": True}
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


def test_a_failed_update_leaves_the_new_stage_and_tells_the_way_back(lab: Lab):
    lab.fails = Failure("The update stopped.")
    with pytest.raises(Failure) as told:
        stage.stage(["rbac", "after", "pod-identity", "on"])
    assert str(told.value) == (
        "The update stopped.\nThe rehearsal's setting says rbac after, pod-identity on now: ./lab up tries again, "
        "./lab stage rbac off pod-identity off goes back."
    )
    assert lab.exercises()["rbac"] == "after"
    assert told.value.exit_code == 1


def test_an_interrupted_update_tells_the_way_back(lab: Lab, capsys: pytest.CaptureFixture[str]):
    lab.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        stage.stage(["rbac", "before"], stack="dev", yes=True)
    assert "./lab up -s dev tries again, ./lab stage rbac off -s dev goes back" in capsys.readouterr().err
    assert lab.exercises("dev")["rbac"] == "before"


def test_a_failure_before_the_file_is_written_does_not_speak_of_it(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    def untouchable(*_: object) -> None:
        raise CannotAsk("Prices could not be asked for.")

    monkeypatch.setattr(cost, "tell", untouchable)
    with pytest.raises(CannotAsk) as told:
        stage.stage(["rbac", "before"], stack="dev", yes=True)
    assert "now" not in str(told.value)
    assert lab.files["dev"].read_text() == lab.text


def test_a_file_that_changes_while_aws_is_asked_about_is_not_overwritten(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    def edit(_question: str) -> bool:
        lab.files["dev"].write_text(lab.text + "# mine\n")
        return True

    monkeypatch.setattr(typer, "confirm", edit)
    with pytest.raises(Failure, match="was changed by somebody else"):
        stage.stage(["rbac", "before"], stack="dev")
    assert lab.files["dev"].read_text() == lab.text + "# mine\n"
    assert lab.ran == []


def test_on_aws_nothing_is_written_without_consent(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    monkeypatch.setattr(cost, "tell", lambda chosen: told.append(chosen.name))
    monkeypatch.setattr(typer, "confirm", lambda _question: False)
    with pytest.raises(typer.Exit) as left:
        stage.stage(["rbac", "before"], stack="dev")
    assert left.value.exit_code == 1
    assert told == ["dev"]
    assert lab.ran == []
    assert lab.files["dev"].read_text() == lab.text
    monkeypatch.setattr(typer, "confirm", lambda _question: True)
    stage.stage(["rbac", "before"], stack="dev")
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
    assert rows["rbac"][:6] == ["rbac", "after", "off", "off,", "before,", "after"]
    assert rows["irsa"][:6] == ["irsa", "on", "off", "off,", "account,", "on"]
    assert "Not all stands as configured: ./lab up -s dev" in below
    stage.stage([], as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["exercises"][1] == {
        "exercise": "identity-mapping",
        "stages": ["off", "masters", "authenticated", "unmapped", "entry"],
        "standing": "off",
        "configured": "off",
    }


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
    assert [row["standing"] for row in json.loads(capsys.readouterr().out)["exercises"]] == [None] * 4
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


@pytest.mark.parametrize("name", ["rehearsal", "dev"])
def test_an_end_that_has_passed_is_told_before_anything_is_written(lab: Lab, name: str):
    file = lab.files[name]
    file.write_text(lab.text.replace("config:\n", 'config:\n  myeks:expires: "2026-01-01T00:00Z"\n'))
    before = file.read_text()
    with pytest.raises(BadInput, match="has passed"):
        stage.stage(["rbac", "before"], stack=name, yes=True)
    assert (lab.ran, file.read_text()) == ([], before)
