"""What an interactive shell starts with, and what its user is greeted with."""

import io
import sys
from pathlib import Path

import pytest

from cli import shell_sessions
from cli.shell_environment import Who
from infra.config.loading import parse
from stacks.stack import Stack

OUTPUTS = {"clusterName": "myeks", "region": "ap-northeast-2"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("command", "terminal", "by_hand"),
    [
        (None, False, "/bin/zsh"),
        (["bash"], True, "bash"),
        (["/bin/bash", "-i"], True, "/bin/bash"),
        (["bash"], False, None),
        (["bash", "-c", "true"], True, None),
        (["kubectl"], True, None),
    ],
)
def test_a_shell_alone_on_a_terminal_is_for_a_person(
    command: list[str] | None, terminal: bool, by_hand: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SHELL", "/bin/zsh")
    monkeypatch.setattr(sys, "stdin", Terminal() if terminal else io.StringIO())
    assert shell_sessions.asked_for(command) == by_hand


def test_bash_and_zsh_read_a_file_of_ours_that_exists_and_others_start_as_ever():
    line, _ = shell_sessions.started("/usr/bin/bash", {"A": "1"})
    assert line[:2] == ["/usr/bin/bash", "--rcfile"]
    assert Path(line[2]).is_file()
    line, seen = shell_sessions.started("zsh", {"ZDOTDIR": "/home/me/zsh"})
    assert (line, seen["LAB_ZDOTDIR"]) == (["zsh", "-i"], "/home/me/zsh")
    assert {each.name for each in Path(seen["ZDOTDIR"]).iterdir()} == {".zshenv", ".zshrc"}
    assert shell_sessions.started("fish", {"A": "1"}) == (["fish", "-i"], {"A": "1"})


@pytest.mark.parametrize("shell", ["/bin/bash", "/usr/bin/fish"])
@pytest.mark.parametrize("name", ["rehearsal", "dev"])
def test_the_greeting_has_four_lines_who_where_what_next_and_how_to_leave(
    shell: str, name: str, capsys: pytest.CaptureFixture[str]
):
    stack = Stack(name, Path("/nonexistent"), parse({}, "ap-northeast-2"))
    shell_sessions.greet(shell, stack, OUTPUTS, Who("testuser", "arn:aws:iam::1:user/testuser", is_subject=True))
    who, where, following, leave = capsys.readouterr().err.splitlines()
    assert who.startswith("You are testuser (arn:aws:iam::1:user/testuser).")
    assert ("The prompt of fish does not tell it" in who) is (shell == "/usr/bin/fish")
    assert ("it costs nothing" in where) is (name == "rehearsal")
    assert ("costs until ./lab down -s dev" in where) is (name == "dev")
    assert "kubectl auth whoami" in following
    assert leave.startswith("Leave with exit.")
    assert "~ is your own" in leave
    assert all(len(line) <= 80 for line in (where, following, leave))
