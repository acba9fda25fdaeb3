"""How the command line ends: a message and the documented exit code, never a traceback."""

import errno
import io
import sys
from collections.abc import Callable

import pytest
import typer

from cli import app
from cli.commands import reset, status
from rehearsal.endpoint import WorldError
from rehearsal.outcome import RunFailed
from stacks.errors import BadInput, CannotAsk, Failure, Interrupted


def ending(monkeypatch: pytest.MonkeyPatch, raised: BaseException) -> int | str | None:
    def fail(prog_name: str) -> None:
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
        (Interrupted("a"), 130),
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


def left(monkeypatch: pytest.MonkeyPatch, doing: Callable[[str], object]) -> int | str | None:
    """How `lab status -s dev` leaves when this happens in it."""
    monkeypatch.setattr(status, "load", doing)
    monkeypatch.setattr(sys, "argv", ["lab", "status", "-s", "dev"])
    with pytest.raises(SystemExit) as caught:
        app.main()
    return caught.value.code


def interrupt(*_: object) -> str:
    raise KeyboardInterrupt


def asking(_stack: str) -> bool:
    return typer.confirm("Really?")


class Keys(io.StringIO):
    """A terminal at which somebody presses Ctrl-C."""

    readline = interrupt


def test_ctrl_c_in_a_command_is_told_with_the_command_that_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert left(monkeypatch, interrupt) == 130
    assert capsys.readouterr().err == "\nlab: Interrupted. To go on: ./lab status -s dev\n"


def test_ctrl_c_at_a_question_is_an_interrupt_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "stdin", Keys())
    assert left(monkeypatch, asking) == 130
    assert capsys.readouterr().err == "\nlab: Interrupted. To go on: ./lab status -s dev\n"


def test_a_question_that_nobody_answers_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert left(monkeypatch, asking) == 1
    assert capsys.readouterr().err.endswith("lab: Nobody answered. Run it where you can answer: ./lab status -s dev\n")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "Run it where you can answer, or agree beforehand: ./lab reset k03 --yes"),
        # Some questions nobody can agree to beforehand.
        (["--yes"], "Run it where you can answer: ./lab reset k03 --yes"),
        (["-y"], "Run it where you can answer: ./lab reset k03 -y"),
    ],
)
def test_yes_is_told_only_where_it_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: list[str], told: str
):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    monkeypatch.setattr(reset, "load", asking)
    monkeypatch.setattr(sys, "argv", ["lab", "reset", "k03", *given])
    with pytest.raises(SystemExit) as caught:
        app.main()
    assert caught.value.code == 1
    assert capsys.readouterr().err.endswith(f"lab: Nobody answered. {told}\n")


@pytest.mark.parametrize(("raised", "code"), [(typer.Exit(3), 3), (SystemExit(7), 7)])
def test_a_commands_own_exit_code_stands(monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int):
    def leave(_stack: str) -> None:
        raise raised

    assert left(monkeypatch, leave) == code


@pytest.mark.parametrize("command", [[], *([name.rstrip("_")] for name in app.COMMANDS), ["whocan", "ask"]])
def test_a_short_h_is_help_as_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
):
    told: list[str] = []
    for option in ("--help", "-h"):
        monkeypatch.setattr(sys, "argv", ["lab", *command, option])
        with pytest.raises(SystemExit) as left:
            app.main()
        assert not left.value.code
        told.append(capsys.readouterr().out)
    assert "Usage: ./lab" in told[0]
    assert told[0] == told[1]
