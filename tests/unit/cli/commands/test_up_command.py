"""`lab up` on AWS: first doctor, then the user's consent, then the settings, then pulumi; nothing out of turn."""

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli import preflight
from cli.commands import up
from cli.views import cost
from stacks import cluster_facts, expiry, kept_stages, pulumi_cli
from stacks import stack as stacks
from stacks.aws_backend import AwsBackend, engine
from stacks.cluster_facts import Release
from stacks.errors import BadInput, CannotAsk, Failure
from stacks.rehearsal_backend import RehearsalBackend

pytestmark = pytest.mark.usefixtures("pulumi_installed")

RELEASE = Release("grafana", "monitoring", "grafana", "1.0.0", "deployed", 2, 3, 3)
SETTINGS = "config:\n  aws:region: ap-northeast-2\n"


class Evening:
    """What happened, in its order."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.steps: list[str] = []
        self.agrees = True
        self.fails_in_doctor = False

    def run(self, *arguments: str) -> Any:
        app = typer.Typer()
        up.register(app)
        return CliRunner().invoke(app, ["-s", "dev", *arguments])

    @property
    def written(self) -> bool:
        return self.file.read_text() != SETTINGS


@pytest.fixture
def evening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Evening:
    monkeypatch.setattr(stacks, "CHECKOUT", tmp_path)
    made = Evening(tmp_path / "Pulumi.dev.yaml")
    made.file.write_text(SETTINGS)

    def require(stack: Any, **_: Any) -> None:
        made.steps.append("doctor")
        if made.fails_in_doctor:
            raise Failure("The lab cannot be built.")

    def confirm(_question: str) -> bool:
        made.steps.append("asked")
        return made.agrees

    def pulumi(_stack: Any, *arguments: str, **_: Any) -> None:
        made.steps.append(" ".join(arguments[: arguments.index("--stack")]))
        made.steps.append("settings written" if made.written else "settings as they were")

    def tell(_stack: Any) -> None:
        made.steps.append("cost")

    def outputs(_stack: Any) -> dict[str, str]:
        return {"clusterName": "myeks"}

    def after_up(_outputs: Any, option: str) -> tuple[Release, ...]:
        assert option == " -s dev"
        return (RELEASE,)

    monkeypatch.setattr(preflight, "require", require)
    monkeypatch.setattr(cost, "tell", tell)
    monkeypatch.setattr(typer, "confirm", confirm)
    monkeypatch.setattr(engine, "change", pulumi)
    monkeypatch.setattr(pulumi_cli, "outputs", outputs)
    monkeypatch.setattr(cluster_facts, "after_up", after_up)
    return made


UP = "up --yes --skip-preview"


def test_doctor_looks_first_then_the_user_is_asked_then_pulumi_runs(evening: Evening):
    assert evening.run().exit_code == 0
    assert evening.steps == ["doctor", "cost", "asked", UP, "settings as they were"]


def test_what_doctor_finds_stops_it_before_anything_is_asked_or_done(evening: Evening):
    evening.fails_in_doctor = True
    ended = evening.run("--ttl", "4h")
    assert isinstance(ended.exception, Failure)
    assert evening.steps == ["doctor"]
    assert not evening.written


def test_it_can_be_told_to_skip_that(evening: Evening):
    evening.run("--skip-doctor", "--yes", "--refresh")
    assert evening.steps == ["cost", f"{UP} --refresh", "settings as they were"]


def test_it_ends_with_what_helm_has(evening: Evening):
    assert "deployed, revision 2, 3 of 3 pods ready" in evening.run("--yes").stdout


def test_without_consent_nothing_is_written_or_done(evening: Evening):
    evening.agrees = False
    assert evening.run("--ttl", "4h").exit_code == 1
    assert evening.steps == ["doctor", "cost", "asked"]
    assert not evening.written


def test_the_end_is_in_the_settings_when_pulumi_reads_them(evening: Evening):
    evening.run("--ttl", "4h")
    assert evening.steps == ["doctor", "cost", "asked", UP, "settings written"]
    assert "myeks:expires" in evening.file.read_text()


def test_json_needs_consent_beforehand_and_is_alone_on_stdout(evening: Evening):
    refused = evening.run("--json")
    assert isinstance(refused.exception, BadInput)
    assert evening.steps == []
    ended = evening.run("--json", "--yes")
    released = [asdict(RELEASE)]
    assert json.loads(ended.stdout) == {"outputs": {"clusterName": "myeks"}, "releases": released}
    assert evening.steps == ["doctor", UP, "settings as they were"]


def test_after_an_update_that_failed_everything_is_read_anew(evening: Evening, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pulumi_cli, "last_update_failed", lambda stack: stack == "dev")
    evening.run("--yes")
    assert evening.steps == ["doctor", "cost", f"{UP} --refresh", "settings as they were"]


def test_without_pulumi_nobody_is_asked(evening: Evening, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    ended = evening.run("--skip-doctor")
    assert isinstance(ended.exception, CannotAsk)
    assert evening.steps == []


LATE = "config:\n  aws:region: ap-northeast-2\n  myeks:expires: 2026-01-31T09:05Z\n"


def test_an_end_that_has_passed_is_told_before_doctor_looks(evening: Evening):
    evening.file.write_text(LATE)
    refused = evening.run("--yes")
    assert isinstance(refused.exception, BadInput)
    assert "./lab down" in str(refused.exception)
    assert evening.steps == []


@pytest.mark.parametrize(("recorded", "gone"), [(True, True), (True, False), (False, True)])
def test_more_time_after_the_end_needs_a_cluster_that_still_stands(
    evening: Evening, monkeypatch: pytest.MonkeyPatch, recorded: bool, gone: bool
):
    evening.file.write_text(LATE)
    lab = SimpleNamespace(recorded=SimpleNamespace(has_cluster=recorded))
    monkeypatch.setattr(AwsBackend, "opened", lambda _self: nullcontext(lab))
    monkeypatch.setattr(up, "cluster_is_gone", lambda _lab, _shown: gone)
    ended = evening.run("--yes", "--ttl", "4h")
    if recorded and gone:
        assert isinstance(ended.exception, Failure)
        assert "./lab down -s dev" in str(ended.exception)
        assert evening.file.read_text() == LATE
        assert evening.steps == []
    else:
        # What the end has taken already, pages first, is made again.
        assert f"{UP} --refresh" in evening.steps


def test_the_rehearsals_end_is_kept_beside_it_and_its_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(tmp_path / "world"))
    monkeypatch.setattr(stacks, "CHECKOUT", tmp_path)
    file = tmp_path / "Pulumi.rehearsal.yaml"
    file.write_text(SETTINGS)
    meant: list[stacks.Stack] = []

    def stop(lab: RehearsalBackend, *_: Any, **__: Any) -> None:
        meant.append(lab.stack)
        raise Failure("Stopped here.")

    monkeypatch.setattr(RehearsalBackend, "up", stop)
    for nobody in (preflight, "require"), (cost, "tell"), (typer, "confirm"):
        monkeypatch.setattr(*nobody, lambda *_, **__: pytest.fail("it costs nothing"))
    app = typer.Typer()
    up.register(app)
    CliRunner().invoke(app, ["--ttl", "4h"])
    CliRunner().invoke(app, [])
    first, second = (chosen.config.expires for chosen in meant)
    assert first
    assert second == first, "the next up keeps the end"
    assert stacks.settings_of(meant[0])["config"]["myeks:expires"] == first
    assert file.read_text() == SETTINGS
    expiry.forget(meant[0])
    assert file.read_text() == SETTINGS
    kept_stages.forget()
    assert not stacks.load("rehearsal").config.expires
    # Who writes an end into the file means that one.
    CliRunner().invoke(app, ["--ttl", "4h"])
    file.write_text(f'{SETTINGS}  myeks:expires: "2099-01-01T00:00Z"\n')
    assert stacks.load("rehearsal").config.expires == "2099-01-01T00:00Z"
    CliRunner().invoke(app, ["--ttl", "none"])
    assert not meant[-1].config.expires
    assert not stacks.load("rehearsal").config.expires
