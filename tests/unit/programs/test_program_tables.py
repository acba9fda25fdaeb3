"""Tables look as those of the libraries that the real plug-ins print with."""

import io
import sys

import pytest

from programs import text


def test_bars_are_those_of_tablewriter() -> None:
    assert text.bars(("SUBJECT", "SCOPE"), [("system:masters", "ClusterRole"), ("a", "")]) == [
        "  SUBJECT        | SCOPE        ",
        "-----------------+--------------",
        "  system:masters | ClusterRole  ",
        "  a              |              ",
    ]


def test_bars_of_nothing_are_the_head() -> None:
    assert text.bars(("A", "B"), []) == ["  A | B  ", "----+----"]


def test_columns_are_those_of_tabwriter() -> None:
    # The example of the tests of rakkess v0.5.1.
    assert text.columns(("NAME", "GET", "LIST"), [("resource1", "✔", "✔")]) == [
        "NAME       GET  LIST",
        "resource1  ✔    ✔",
    ]


def test_centred_has_its_first_and_last_column_at_the_left() -> None:
    assert text.centred([("Resource", "Name", "G L"), ("pods", "[*]", "✔ ✖")]) == [
        "  Resource  Name  G L  ",
        "  pods      [*]   ✔ ✖  ",
    ]


def test_padded_has_a_space_around_each_cell() -> None:
    assert text.padded([("A", "BB"), ("ccc", "d")]) == [" A    BB ", " ccc  d  "]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_and_hints_are_for_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("LAB_STACK", "rehearsal")
    piped, terminal = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stderr", piped)
    monkeypatch.setattr(sys, "stdout", piped)
    text.hint("whocan me")
    assert (piped.getvalue(), text.painted("x", "red")) == ("", "x")
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    assert text.painted("x", "red") == "\033[31mx\033[0m"
    # A coloured cell is as wide as it looks.
    assert text.columns(("NAME", "A", "B"), [("n", text.painted("✔", "green"), "")])[1] == "n     \033[32m✔\033[0m  "
    text.hint("whocan me")
    monkeypatch.setenv("LAB_STACK", "dev")
    text.hint("whocan me")
    assert terminal.getvalue().splitlines() == [
        "More by the lab's own command: lab whocan me",
        "More by the lab's own command: ./lab whocan me -s dev",
    ]
    monkeypatch.setenv("NO_COLOR", "1")
    assert text.painted("x", "red") == "x"
