"""How the end of the user's pulumi is told; no process is started."""

import json
import os
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path

import pytest

from stacks import pulumi_cli
from stacks.errors import CannotAsk, Failure
from stacks.pulumi_cli import Ended


def ended(code: int, errors: str = "", *, interrupted: bool = False) -> Ended:
    return Ended(code, errors, "", interrupted)


def test_what_went_well_is_not_told(capsys: pytest.CaptureFixture[str]):
    pulumi_cli.require(ended(0, "error: forgiven"), "up")
    # It had finished when Ctrl-C came.
    pulumi_cli.require(ended(0, interrupted=True), "up")
    assert capsys.readouterr() == ("", "")


def test_a_failure_has_its_cause():
    with pytest.raises(Failure) as told:
        pulumi_cli.require(ended(255, "error: AccessDenied: no"), "up")
    assert str(told.value).startswith("pulumi up ended with exit code 255. AccessDenied: no\nYour AWS user lacks")
    assert told.value.exit_code == 1
    with pytest.raises(Failure, match="What it said stands above"):
        pulumi_cli.require(ended(255), "destroy")


def test_ctrl_c_is_an_interrupt(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(KeyboardInterrupt):
        pulumi_cli.require(ended(1, "error: Waiting for EKS was cancelled.", interrupted=True), "up")
    assert "pulumi up was stopped. Waiting for EKS was cancelled." in capsys.readouterr().err


def test_a_killed_pulumi_is_told_with_the_way_on():
    with pytest.raises(Failure, match=r"ended from outside \(signal 9\). Run the same command again"):
        pulumi_cli.require(ended(-9), "up")


@pytest.mark.parametrize(
    ("code", "text", "failed"),
    [
        (0, '[{"kind": "destroy", "result": "failed"}]', True),
        (0, '[{"kind": "update", "result": "succeeded"}]', False),
        (0, "[]", False),
        (0, "no JSON", False),
        (6, "", False),
    ],
)
def test_whether_the_last_update_failed_is_in_the_history(
    monkeypatch: pytest.MonkeyPatch, code: int, text: str, failed: bool
):
    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        assert arguments == ("stack", "history", "--json", "--page-size", "1", "--stack", "dev")
        return subprocess.CompletedProcess(arguments, code, text, "")

    monkeypatch.setattr(pulumi_cli, "ask", ask)
    assert pulumi_cli.last_update_failed("dev") is failed


@pytest.mark.parametrize("quiet", [True, False])
def test_what_it_says_about_errors_is_passed_on_and_kept(quiet: bool, monkeypatch: pytest.MonkeyPatch):
    shown = StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    reading, writing = os.pipe()
    text = "error: Größe\nno line end"
    # Cut inside a letter.
    os.write(writing, text.encode()[:10])
    os.close(writing)
    kept: list[str] = []
    with os.fdopen(reading, "rb") as stream:
        pulumi_cli._read(stream, kept, quiet)  # pyright: ignore[reportPrivateUsage]
    assert "".join(kept) == text.encode()[:10].decode(errors="ignore")
    assert shown.getvalue() == ("" if quiet else "".join(kept))


def test_the_event_log_is_followed_while_it_is_written(tmp_path: Path):
    log = tmp_path / "events"
    pieces = ['{"sequence": 1}\n{"seq', 'uence": 2}\nno JSON\n{"sequence": 3}']
    seen: list[object] = []

    class Over(threading.Event):
        """Each wait is one look: before the first there is no file, before each other one more of it."""

        def wait(self, timeout: float | None = None) -> bool:
            looks.append(list(seen))
            if len(looks) == 1:
                return False
            if not pieces:
                return True
            with log.open("a") as file:
                file.write(pieces.pop(0))
            return False

    looks: list[list[object]] = []
    pulumi_cli.follow(log, Over(), seen.append)
    # The last line has no end yet.
    assert looks == [[], [], [{"sequence": 1}], [{"sequence": 1}, {"sequence": 2}]]


def test_outputs_that_cannot_be_read_are_not_taken_for_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pulumi_cli, "binary", lambda: "pulumi")
    answer = subprocess.CompletedProcess([], 255, "", "error: no stack named 'dev' found\n")
    monkeypatch.setattr(subprocess, "run", lambda *_a, **_k: answer)
    with pytest.raises(CannotAsk, match="no stack named") as caught:
        pulumi_cli.outputs("dev")
    assert caught.value.exit_code == 3
    answer.returncode, answer.stdout = 0, json.dumps({"clusterName": "myeks"})
    assert pulumi_cli.outputs("dev") == {"clusterName": "myeks"}
