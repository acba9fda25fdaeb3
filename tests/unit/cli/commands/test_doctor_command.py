"""`lab doctor`: what it shows, when AWS is asked, and its exit codes."""

import json
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import typer
from botocore.exceptions import ProfileNotFound
from typer.testing import CliRunner

from cli import preflight
from cli.commands import doctor, up
from cli.views import update
from clients import aws as aws_clients
from infra.config.loading import parse
from operations.doctor import machine, probes
from operations.doctor.findings import Finding, Layer, Status
from operations.doctor.observations import Machine, RecordedResources, Unseen
from stacks import pulumi_cli, state
from stacks.aws_backend import AwsBackend, examination
from stacks.console import Progress
from stacks.errors import Failure
from stacks.outcomes import Update
from stacks.stack import Stack

OK = Finding(Layer.MACHINE, Status.OK, "Python is 3.12.")
WARN = Finding(Layer.VERSION, Status.WARN, "It ends.", "Take another.")
FAIL = Finding(Layer.QUOTAS, Status.FAIL, "None left.", "Have it raised.")
UNCHECKED = Finding(Layer.NETWORK, Status.UNCHECKED, "Nobody answered.")


def stack(name: str = "dev") -> Stack:
    return Stack(name, Path("/nonexistent"), parse({}, "ap-northeast-2"))


def run(monkeypatch: pytest.MonkeyPatch, chosen: Stack, *arguments: str) -> Any:
    monkeypatch.setattr(doctor, "load", lambda _name: chosen)
    app = typer.Typer()
    doctor.register(app)
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ((OK,), 0),
        ((OK, WARN), 0),
        ((OK, UNCHECKED), 3),
        ((OK, FAIL), 1),
        ((UNCHECKED, FAIL, WARN), 1),
    ],
)
def test_the_exit_code_is_the_worst_of_the_findings(
    monkeypatch: pytest.MonkeyPatch, found: tuple[Finding, ...], code: int
):
    monkeypatch.setattr(examination, "on_aws", lambda _stack: found)
    assert run(monkeypatch, stack()).exit_code == code
    assert run(monkeypatch, stack(), "--json").exit_code == code
    assert preflight.stops(found) == (code == 1)


def test_findings_are_shown_with_their_remedies_and_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(examination, "on_aws", lambda _stack: (OK, FAIL, UNCHECKED))
    said = run(monkeypatch, stack()).output
    (line,) = [text for text in said.splitlines() if "None left." in text]
    assert line.split() == ["quotas", "fail", "None", "left.", "Have", "it", "raised."]
    assert "1 ok, 0 warn, 1 fail, 1 could not check." in said
    told = json.loads(run(monkeypatch, stack(), "--json").stdout)
    assert told[1] == {"layer": "quotas", "status": "fail", "finding": "None left.", "remedy": "Have it raised."}


@pytest.mark.parametrize(("found", "told"), [((OK,), ""), ((OK, WARN), "It ends."), ((OK, UNCHECKED), "Nobody")])
def test_up_goes_on_with_what_does_not_stop_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: tuple[Finding, ...], told: str
):
    monkeypatch.setattr(examination, "on_aws", lambda _stack: found)
    preflight.require(stack())
    said = capsys.readouterr().out
    assert told in said
    assert OK.finding not in said


def test_up_stops_at_what_would_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(examination, "on_aws", lambda _stack: (OK, FAIL))
    with pytest.raises(Failure, match="nothing was changed") as caught:
        preflight.require(stack())
    assert caught.value.exit_code == 1
    said = capsys.readouterr().out
    assert "Have it raised." in said
    assert "1 ok, 0 warn, 1 fail, 0 could not check." in said, "what is well is counted all the same"


def test_the_rehearsal_looks_at_this_machine_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(examination, "on_aws", lambda _stack: pytest.fail("AWS was asked"))
    found = preflight.examine(stack("rehearsal"))
    assert {finding.layer for finding in found} == {Layer.MACHINE}
    assert any("go" in finding.finding for finding in found)
    assert not any("pulumi" in finding.finding for finding in found)


def no_profile(profile: str | None, region: str) -> Any:
    raise ProfileNotFound(profile=profile)


def test_a_profile_that_does_not_exist_is_a_finding_like_any_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "config").write_text("[default]\n[profile lab]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr(aws_clients, "clients", no_profile)
    monkeypatch.setattr(machine, "_tool", lambda name, *_: machine.Tool(name, "v3.260.0"))
    monkeypatch.setattr(state, "on_aws", lambda _stack: state.StackState())
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    chosen = replace(stack(), profile="study")
    ended = run(monkeypatch, chosen, "--json")
    assert ended.exit_code == 1
    told = json.loads(ended.stdout)
    (one,) = [finding for finding in told if finding["layer"] == "credentials"]
    assert one["status"] == "fail"
    assert "(study) could not be found" in one["finding"]
    assert one["remedy"].endswith("default, lab.")
    assert any(finding["layer"] == "this machine" and finding["status"] == "ok" for finding in told)
    assert "could not be found" in run(monkeypatch, chosen).stdout


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (
            state.StackState({"aws:eks/cluster:Cluster": frozenset({"myeks"})}, 1),
            RecordedResources({"aws:eks/cluster:Cluster": frozenset({"myeks"})}),
        ),
        (state.StackState(), RecordedResources()),
        (state.StackState(unknown="getting secrets manager."), Unseen("getting secrets manager")),
    ],
)
def test_what_stands_is_what_the_state_says_and_not_the_outputs(
    monkeypatch: pytest.MonkeyPatch, found: state.StackState, seen: RecordedResources | Unseen
):
    """A run that failed has written no outputs."""
    monkeypatch.setattr(pulumi_cli, "outputs", lambda _stack: pytest.fail("the outputs were asked"))
    monkeypatch.setattr(state, "on_aws", lambda _stack: found)
    looked: list[RecordedResources | Unseen] = []

    def see(config: Any, sight: probes.Sight) -> Any:
        assert sight.stack == "dev"
        looked.append(sight.recorded())
        raise KeyboardInterrupt

    monkeypatch.setattr(aws_clients, "clients", lambda *_: pytest.fail)
    monkeypatch.setattr(probes, "see", see)
    with pytest.raises(KeyboardInterrupt):
        preflight.examine(stack())
    assert looked == [seen]


def test_with_json_stdout_is_left_to_what_up_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(examination, "on_aws", lambda _stack: (OK, WARN))
    monkeypatch.setattr(up, "load", lambda _name: stack())
    monkeypatch.setattr(AwsBackend, "agree", lambda *_, **__: None)
    monkeypatch.setattr(AwsBackend, "up", lambda *_, **__: Update(outputs={}))
    monkeypatch.setattr(update, "tell", lambda *_, **__: None)
    up.up("dev", yes=True, as_json=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert "It ends." in said.err
    up.up("dev", yes=True)
    assert "It ends." in capsys.readouterr().out


def test_what_aws_says_in_brackets_is_shown(monkeypatch: pytest.MonkeyPatch):
    bad = Finding(Layer.NETWORK, Status.UNCHECKED, "It said [red] and [/].", "Look at [link].")
    monkeypatch.setattr(examination, "on_aws", lambda _stack: (bad,))
    said = run(monkeypatch, stack()).output
    assert "It said [red] and [/]." in said
    assert "Look at [link]." in said


@pytest.mark.parametrize("name", ["dev", "rehearsal"])
def test_a_pipe_is_told_of_what_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
):
    """Once, and then no oftener than any progress."""
    told = Event()

    class Shown(Progress):
        def phase(self, text: str) -> None:
            super().phase(text)
            told.set()

    def slow(*_: Any) -> Any:
        # Before the first heartbeat of any progress.
        assert told.wait(Progress.HEARTBEAT / 2)
        return (OK,) if name == "dev" else Machine((3, 12), ())

    monkeypatch.setattr("stacks.console.Progress", Shown)
    monkeypatch.setattr(preflight, "QUIET", 0.0)
    monkeypatch.setattr(examination, "on_aws", slow)
    monkeypatch.setattr(machine, "look", slow)
    preflight.examine(stack(name))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[0].endswith("looking at AWS in ap-northeast-2" if name == "dev" else "this machine")
    assert len(said.err.splitlines()) == 1


def test_a_quick_look_tells_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    assert preflight.QUIET == 2.0
    monkeypatch.setattr(examination, "on_aws", lambda _stack: (OK,))
    preflight.examine(stack())
    assert capsys.readouterr().err == ""
