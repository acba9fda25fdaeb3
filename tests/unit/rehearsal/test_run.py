"""What a run reads out of the engine's own records."""

import copy
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandResult
from pulumi.automation.errors import CommandError

from rehearsal import outcome, processes
from rehearsal.at_work import AlreadyRunning
from rehearsal.environment import environment
from rehearsal.outcome import Result, RunFailed
from rehearsal.stack import RehearsalStack
from rehearsal.world import World

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def test_secret_outputs_are_masked_wherever_they_stand():
    outputs = {"a": 1, "b": SECRET, "c": {"d": [SECRET, "x"]}}
    assert outcome.unwrapped(outputs) == {"a": 1, "b": "[secret]", "c": {"d": ["[secret]", "x"]}}


def test_the_engines_own_errors_are_told_once():
    printed = "Updating (rehearsal):\n\n error: no such subnet\n error: no such subnet\n error: second\n"
    error = CommandError(CommandResult(stdout=printed, stderr="", code=255))
    assert outcome.said(error) == "no such subnet\nsecond"


def test_what_the_engine_refuses_before_its_first_event_is_told_by_its_cause():
    said = "error: Stack 'rehearsal' with configuration key 'operatorCidrs' must be of type 'array<string>'"
    error = CommandError(CommandResult(stdout="", stderr=said, code=255))
    told = outcome.refused(outcome.said(error))
    assert str(told) == said.removeprefix("error: ")
    assert isinstance(told, outcome.SettingsRefused)
    assert not isinstance(outcome.refused("no such subnet"), outcome.SettingsRefused)
    # With nothing that it calls an error, its words stand without the Automation API's.
    assert outcome.said(CommandError(CommandResult(stdout="", stderr="fatal", code=2))) == "2\nfatal"


def test_two_at_once_are_told_of_each_other(stack: RehearsalStack):
    with stack.alone(), stack.alone():
        other = copy.copy(stack)
        other._holds = 0  # pyright: ignore[reportPrivateUsage]
        for begin in (other.up, other.preview, other.refresh, other.destroy):
            with pytest.raises(
                AlreadyRunning, match=rf"process {os.getpid()} \(\./lab up\) since \d\d:\d\d:\d\d\. Wait"
            ):
                begin()
    with other.alone():
        pass


def test_changed_means_anything_but_same():
    assert not Result({"same": 90}).changed
    assert Result({"same": 90, "update": 1}).changed


def test_the_callers_environment_comes_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "own")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    def fail_inside() -> None:
        with environment({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, {"AWS_PROFILE"}):
            assert "AWS_PROFILE" not in os.environ
            assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_inside()
    assert os.environ["AWS_PROFILE"] == "own"
    assert "AWS_ENDPOINT_URL" not in os.environ


@pytest.fixture
def stack(tmp_path: Path) -> RehearsalStack:
    """A stack in a world in which nothing was begun."""
    project, settings = tmp_path / "Pulumi.yaml", tmp_path / "Pulumi.rehearsal.yaml"
    project.write_text("name: myeks\nruntime: python\n")
    settings.write_text("config:\n  aws:region: ap-northeast-2\n  myeks:password: new\n")
    (tmp_path / "world").mkdir()
    return RehearsalStack(
        World("id", 1, "http://127.0.0.1:1", "111122223333", "ap-northeast-2", tmp_path / "world"),
        Path("/nowhere"),
        project_file=project,
        stack_file=settings,
        program=lambda: None,
        secret_keys=["myeks:password"],
        command="./lab up",
    )


def test_who_only_looks_writes_nothing(stack: RehearsalStack):
    assert not stack.exists()
    assert stack.environment()["PULUMI_BACKEND_URL"]
    assert (stack.outputs(), stack.resources(), stack.export()) == ({}, [], {"deployment": {}})
    assert list(stack.world.dir.rglob("*")) == []


def test_a_running_engine_keeps_its_settings(stack: RehearsalStack, monkeypatch: pytest.MonkeyPatch):
    lock = stack.world.dir / "pulumi/backend/.pulumi/locks/organization/myeks/rehearsal/1.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": os.getpid()}))
    settings = stack.world.dir / "pulumi/work/Pulumi.rehearsal.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("config: {myeks:password: {secure: just set}}\n")
    monkeypatch.setattr(processes, "alive", lambda _pid, _part: True)
    for begin in (stack.up, stack.preview, stack.refresh, stack.destroy):
        with pytest.raises(AlreadyRunning):
            begin()
    assert settings.read_text() == "config: {myeks:password: {secure: just set}}\n"


def test_after_an_interrupt_nothing_more_is_begun(stack: RehearsalStack, monkeypatch: pytest.MonkeyPatch):
    begun: list[str] = []

    class Opened:
        def refresh(self, **_: Any) -> None:
            begun.append("refresh")
            # It ends as if it had done its work.
            stack.engine.interrupted = True

        def up(self, **_: Any) -> None:
            begun.append("up")

    @contextmanager
    def opened(_self: RehearsalStack, **_: object) -> Generator[Opened]:
        yield Opened()

    monkeypatch.setattr(RehearsalStack, "_opened", opened)
    stack.refresh()
    with pytest.raises(RunFailed):
        stack.up()
    assert begun == ["refresh"]
