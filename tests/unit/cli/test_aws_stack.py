"""Stacks on AWS: what is run, what is asked first; no process is started."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import typer

from cli import aws_stack, cost
from cli.failures import CannotAsk, Failure
from cli.stacks import Stack
from infra.config import parse

STACK = Stack("dev", Path("Pulumi.dev.yaml"), parse({}, "ap-northeast-2"))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(aws_stack, "_pulumi", lambda *arguments, **_: calls.append(arguments))
    return calls


@pytest.fixture(autouse=True)
def no_live_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here asks AWS."""
    monkeypatch.setattr(cost, "_asked", lambda *_: ({}, "it was not asked"))


def test_up_tells_the_cost_and_does_nothing_without_consent(
    ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(typer, "confirm", lambda _question: False)
    with pytest.raises(typer.Exit) as left:
        aws_stack.up(STACK, yes=False)
    assert left.value.exit_code == 1
    assert ran == []
    said = capsys.readouterr().out
    assert "USD an hour" in said
    assert "control plane" in said


def test_up_and_down_name_the_stack(ran: list[tuple[str, ...]]):
    aws_stack.up(STACK, yes=True)
    aws_stack.down(STACK, yes=True, cluster_is_gone=lambda: False)
    assert [(call[0], call[-2:]) for call in ran] == [
        ("up", ("--stack", "dev")),
        ("destroy", ("--stack", "dev")),
    ]


def test_down_asks_first(ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(typer, "confirm", lambda _question: False)
    with pytest.raises(typer.Exit):
        aws_stack.down(STACK, yes=False, cluster_is_gone=lambda: pytest.fail("asked before the user"))
    assert ran == []


def test_down_forgets_what_was_in_a_cluster_that_is_gone(monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[tuple[str, ...], str | None]] = []
    variable = "PULUMI_K8S_DELETE_UNREACHABLE"
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(
        aws_stack, "_pulumi", lambda *arguments, **_: seen.append((arguments, os.environ.get(variable)))
    )
    aws_stack.down(STACK, yes=True, cluster_is_gone=lambda: False)
    aws_stack.down(STACK, yes=True, cluster_is_gone=lambda: True)
    # Only what reads anew forgets a release: its deletion is refused.
    assert [(("--refresh" in arguments), value) for arguments, value in seen] == [(False, None), (True, "true")]
    assert variable not in os.environ


def test_outputs_that_cannot_be_read_are_not_taken_for_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aws_stack, "binary", lambda: "pulumi")
    answer = subprocess.CompletedProcess([], 255, "", "error: no stack named 'dev' found\n")
    monkeypatch.setattr(subprocess, "run", lambda *_a, **_k: answer)
    with pytest.raises(CannotAsk, match="no stack named") as caught:
        aws_stack.outputs(STACK)
    assert caught.value.exit_code == 3
    answer.returncode, answer.stdout = 0, json.dumps({"clusterName": "myeks"})
    assert aws_stack.outputs(STACK) == {"clusterName": "myeks"}


def test_no_pulumi_cli_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Failure, match="pulumi CLI is not on PATH"):
        aws_stack.preview(STACK)
