"""Stacks on AWS: what is run, what is asked first; no process is started."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import typer

from infra.config.loading import parse
from stacks import cluster_facts, pulumi_cli, takeover
from stacks.aws_backend import AwsBackend, down, engine
from stacks.console import Progress
from stacks.errors import BadInput, Failure
from stacks.made_by_hand import Agree, confirmed, nobody
from stacks.pulumi_cli import Ended
from stacks.stack import Stack

pytestmark = pytest.mark.usefixtures("pulumi_installed")

STACK = Stack("dev", Path("Pulumi.dev.yaml"), parse({}, "ap-northeast-2"))
LAB = AwsBackend(STACK)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(engine, "change", lambda _stack, *arguments, **_: calls.append(arguments))
    monkeypatch.setattr(pulumi_cli, "outputs", lambda _stack: {})
    return calls


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here asks AWS or a cluster."""
    monkeypatch.setattr(cluster_facts, "after_up", lambda *_: ())


def test_without_consent_nothing_is_done_and_the_cost_is_told_first(
    ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
):
    told: list[str] = []

    def confirm(question: str) -> bool:
        assert question == "Stand myeks up on AWS in ap-northeast-2 (stack dev)?"
        assert told == ["dev"]
        return False

    monkeypatch.setattr(typer, "confirm", confirm)
    with pytest.raises(typer.Exit) as left:
        LAB.agree(yes=False, tell=lambda stack: told.append(stack.name))
    assert left.value.exit_code == 1
    assert ran == []
    monkeypatch.setattr(typer, "confirm", lambda _question: pytest.fail("asked"))
    LAB.agree(yes=True, tell=None)


def test_up_and_down_name_the_stack(ran: list[tuple[str, ...]]):
    LAB.up(Progress(), yes=True, agree=nobody)
    down.by_engine(STACK, yes=True, is_gone=lambda: False)
    assert [(call[0], call[-2:]) for call in ran] == [
        ("up", ("--stack", "dev")),
        ("destroy", ("--stack", "dev")),
    ]


def test_down_asks_first(ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(typer, "confirm", lambda _question: False)
    with pytest.raises(typer.Exit):
        down.by_engine(STACK, yes=False, is_gone=lambda: pytest.fail("asked before the user"))
    assert ran == []


def test_down_forgets_what_was_in_a_cluster_that_is_gone(monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[tuple[str, ...], str | None]] = []
    variable = "PULUMI_K8S_DELETE_UNREACHABLE"
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(
        engine, "change", lambda _stack, *arguments, **_: seen.append((arguments, os.environ.get(variable)))
    )
    down.by_engine(STACK, yes=True, is_gone=lambda: False)
    down.by_engine(STACK, yes=True, is_gone=lambda: True)
    # Only what reads anew forgets a release: its deletion is refused.
    assert [(("--refresh" in arguments), value) for arguments, value in seen] == [(False, None), (True, "true")]
    assert variable not in os.environ


def test_no_pulumi_cli_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Failure, match="pulumi CLI is not on PATH"):
        LAB.preview(Progress())


LATE = Stack("dev", Path("Pulumi.dev.yaml"), parse({"expires": "2026-01-01T00:00Z"}, "ap-northeast-2"))


@pytest.mark.parametrize(
    "build",
    [lambda: AwsBackend(LATE).agree(yes=True, tell=None), lambda: AwsBackend(LATE).apply(Progress())],
)
def test_a_lab_whose_end_has_passed_is_not_built(
    build: Callable[[], None], ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(typer, "confirm", lambda _question: pytest.fail("asked"))
    with pytest.raises(BadInput, match="--ttl"):
        build()
    assert ran == []


def test_a_lab_whose_end_has_passed_is_taken_away(ran: list[tuple[str, ...]]):
    down.by_engine(LATE, yes=True, is_gone=lambda: False)
    assert [call[0] for call in ran] == ["destroy"]


class Change:
    """What is handed to the putting right, and whether pulumi is run as it should be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[str, bool, bool]] = []
        self.agreed: list[bool] = []
        self.ran: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        monkeypatch.setattr(takeover, "update", self.update)
        monkeypatch.setattr(pulumi_cli, "run", self.run)
        monkeypatch.setattr(pulumi_cli, "outputs", lambda _stack: {"clusterName": "myeks"})

    def update(self, stack: Stack, run: Callable[[], Ended], *, yes: bool, builds: bool, agree: Agree) -> Ended:
        self.seen.append((stack.name, yes, builds))
        self.agreed.append(agree("Made by hand; replace?"))
        return run()

    def run(self, *arguments: str, **options: Any) -> Ended:
        self.ran.append((arguments, options))
        return Ended(0, "", "", interrupted=False)


def test_every_change_of_a_stack_puts_right_what_a_killed_one_left(monkeypatch: pytest.MonkeyPatch):
    change = Change(monkeypatch)
    monkeypatch.setattr(typer, "confirm", lambda _question, **_: True)
    LAB.up(Progress(), yes=False, agree=confirmed(yes=False))
    LAB.up(Progress(), yes=True, agree=confirmed(yes=True))
    LAB.apply(Progress())
    down.by_engine(STACK, yes=True, is_gone=lambda: False)
    down.by_engine(STACK, yes=False, is_gone=lambda: True)
    builds = [("dev", False, True), ("dev", True, True), ("dev", True, True)]
    assert change.seen == [*builds, ("dev", True, False), ("dev", False, False)]
    # A check that moves the lab asks nobody, and so replaces nothing.
    assert change.agreed == [True, True, False, False, False]
    LAB.preview(Progress())
    assert len(change.seen) == 5
    assert [arguments[0] for arguments, _ in change.ran] == ["up", "up", "up", "destroy", "destroy", "preview"]


def test_with_json_pulumi_says_nothing_on_stdout(monkeypatch: pytest.MonkeyPatch):
    change = Change(monkeypatch)
    made = LAB.up(Progress(), yes=True, agree=nobody, as_json=True)
    assert made.as_json() == {"outputs": {"clusterName": "myeks"}, "releases": []}
    assert change.ran[0][1]["stdout"] is sys.stderr


def test_a_failed_change_is_told(monkeypatch: pytest.MonkeyPatch):
    failed = Ended(255, "error: DependencyViolation: it has dependencies", "", interrupted=False)
    monkeypatch.setattr(takeover, "update", lambda *_, **__: failed)
    with pytest.raises(Failure, match="pulumi destroy ended with exit code 255"):
        down.by_engine(STACK, yes=True, is_gone=lambda: False)


def test_one_of_several_updates_takes_the_file_where_it_is_and_reads_again_when_told(ran: list[tuple[str, ...]]):
    LAB.apply(Progress())
    LAB.apply(Progress(), refresh=True)
    assert [call[-2:] for call in ran] == [("--config-file", "Pulumi.dev.yaml")] * 2
    assert ["--refresh" in call for call in ran] == [False, True]


@pytest.mark.parametrize(
    ("printed", "held"),
    [('{"deployment": {"resources": [{"urn": "one"}]}}', [{"urn": "one"}]), ('{"deployment": {}}', []), ("", [])],
)
def test_what_the_state_holds_is_pulumis_export(monkeypatch: pytest.MonkeyPatch, printed: str, held: list[object]):
    def ask(*arguments: str) -> CompletedProcess[str]:
        assert arguments == ("stack", "export", "--stack", "dev")
        return CompletedProcess([], 0, printed, "")

    monkeypatch.setattr(pulumi_cli, "ask", ask)
    assert LAB.resources() == held
