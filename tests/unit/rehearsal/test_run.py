"""What a run reads out of the engine's own records."""

import os

import pytest
from pulumi.automation import CommandResult
from pulumi.automation.errors import CommandError

from rehearsal import run
from rehearsal.run import Result, environment

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def test_secret_outputs_are_masked_wherever_they_stand():
    outputs = {"a": 1, "b": SECRET, "c": {"d": [SECRET, "x"]}}
    assert run.unwrapped(outputs) == {"a": 1, "b": "[secret]", "c": {"d": ["[secret]", "x"]}}


def test_the_engines_own_errors_are_told_once():
    printed = "Updating (rehearsal):\n\n error: no such subnet\n error: no such subnet\n error: second\n"
    error = CommandError(CommandResult(stdout=printed, stderr="", code=255))
    assert run.said(error) == "no such subnet\nsecond"


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
