"""How the command line ends: a message and the documented exit code, never a traceback."""

import errno
import sys

import pytest

from cli import app
from cli.failures import BadInput, CannotAsk, Failure
from rehearsal.run import RunFailed
from rehearsal.world import WorldError


def ending(monkeypatch: pytest.MonkeyPatch, raised: BaseException) -> int | str | None:
    def fail() -> None:
        raise raised

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(SystemExit) as left:
        app.main()
    return left.value.code


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (Failure("a"), 1),
        (BadInput("a"), 2),
        (CannotAsk("a"), 3),
        (RunFailed("a"), 1),
        (WorldError("a"), 1),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "/somewhere/state"), 1),
    ],
)
def test_every_expected_failure_has_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: BaseException, code: int
):
    assert ending(monkeypatch, raised) == code
    said = capsys.readouterr().err
    assert "lab: " in said
    assert "Traceback" not in said


def test_a_full_disk_names_the_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    ending(monkeypatch, OSError(errno.ENOSPC, "No space left on device", "/somewhere/state"))
    assert "No space left on device (/somewhere/state)" in capsys.readouterr().err


def test_an_unknown_command_is_bad_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["lab", "destory"])
    with pytest.raises(SystemExit) as left:
        app.main()
    assert left.value.code == 2
    assert "destory" in capsys.readouterr().err
