"""`lab doctor`: what it shows, when AWS is asked, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import ProfileNotFound
from typer.testing import CliRunner

import infra.clients
from cli import aws_stack, doctor
from cli.failures import CannotAsk, Failure
from cli.stacks import Stack
from infra.config import parse
from infra.doctor.findings import Finding, Layer, Status
from infra.doctor.seen import Unseen

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
    monkeypatch.setattr(doctor, "_on_aws", lambda _stack: found)
    assert run(monkeypatch, stack()).exit_code == code
    assert run(monkeypatch, stack(), "--json").exit_code == code
    assert doctor.stops(found) == (code == 1)


def test_findings_are_shown_with_their_remedies_and_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "_on_aws", lambda _stack: (OK, FAIL, UNCHECKED))
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
    monkeypatch.setattr(doctor, "_on_aws", lambda _stack: found)
    doctor.insist(stack())
    said = capsys.readouterr().out
    assert told in said
    assert OK.finding not in said


def test_up_stops_at_what_would_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(doctor, "_on_aws", lambda _stack: (OK, FAIL))
    with pytest.raises(Failure, match="nothing was touched") as caught:
        doctor.insist(stack())
    assert caught.value.exit_code == 1
    assert "Have it raised." in capsys.readouterr().out


def test_the_rehearsal_looks_at_this_machine_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "_on_aws", lambda _stack: pytest.fail("AWS was asked"))
    found = doctor.examine(stack("rehearsal"))
    assert {finding.layer for finding in found} == {Layer.MACHINE}
    assert any("go" in finding.finding for finding in found)
    assert not any("pulumi" in finding.finding for finding in found)


def test_a_profile_that_does_not_exist_could_not_be_asked(monkeypatch: pytest.MonkeyPatch):
    def clients(profile: str | None, region: str) -> Any:
        raise ProfileNotFound(profile="study")

    monkeypatch.setattr(infra.clients, "clients", clients)
    with pytest.raises(CannotAsk, match=r"\(study\) could not be found. Mend aws:profile"):
        doctor.examine(stack())


@pytest.mark.parametrize(
    ("outputs", "stands"),
    [
        ({"clusterName": "myeks"}, True),
        ({}, False),
        (CannotAsk("pulumi could not read: error: no stack named 'dev' found. Check"), False),
        (CannotAsk("pulumi could not read: error: getting secrets manager."), Unseen),
        (Failure("The pulumi CLI is not on PATH."), Unseen),
    ],
)
def test_whether_the_stack_stands_is_what_its_state_says(
    monkeypatch: pytest.MonkeyPatch, outputs: Any, stands: bool | type[Unseen]
):
    def answer(_stack: Stack) -> dict[str, Any]:
        if isinstance(outputs, Exception):
            raise outputs
        return outputs

    monkeypatch.setattr(aws_stack, "outputs", answer)
    found = doctor._stands(stack())  # pyright: ignore[reportPrivateUsage]  # what it means is tested where it is made
    assert isinstance(found, Unseen) if stands is Unseen else found is stands
