"""A terminal in which the note is typed: one interactive `lab shell`, whose variables, aliases, directory and
background jobs stay from line to line.

Each line is put into a file that the shell reads (`.`), so that here-documents and quotes arrive as they are in the
note. Standard input and output are a terminal's, as they are for a learner: `kubectl exec -it` gets one.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

import pexpect

from tests.rehearsal.conftest import Lab
from tests.rehearsal.note.lines import Answer, Keys

SIZE: Final = (50, 200)
"""Rows and columns. Tables of `aws --output table` fit."""

_DRAWN: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07|\r")
"""What a terminal acts upon and does not show."""


class Terminal:
    """One open `lab shell` with these options, and bash as the user's shell."""

    def __init__(self, lab: Lab, name: str, *options: str) -> None:
        self._script = lab.home / f"typed-in-{name}"
        self._turn = 0
        self._child: pexpect.spawn[str] = pexpect.spawn(
            str(lab.checkout / "lab"),
            ["shell", *options],
            env=lab.env | {"SHELL": "/bin/bash", "TERM": "dumb"},  # a dumb terminal gets no colours
            cwd=str(lab.home),
            encoding="utf-8",
            codec_errors="replace",
            dimensions=SIZE,
            echo=False,
            timeout=120,
        )
        self.enter(":")

    def enter(self, line: str, *, within: float = 120, keys: Keys = (), stop: float | None = None) -> Answer:
        """Type a line and wait for its end.

        Args:
            line: one command line, with the here-documents that belong to it.
            within: seconds after which the line counts as hung. It is then ended by Ctrl-C.
            keys: what to type while the line runs: regular expressions for the questions that it asks, in their
                order, and the answers.
            stop: seconds after which a line that goes on for ever is ended by Ctrl-C.
        """
        self._turn += 1
        begin, end = f"begin-{self._turn}-", f"end-{self._turn}-"
        self._script.write_text(line + "\n")
        # The marks are put together by printf: the terminal's echo of what is typed does not hold them.
        self._child.sendline(
            f"printf 'begin-%s-\\n' {self._turn}; . {shlex.quote(str(self._script))}; "
            f"printf '\\nend-%s-%s.\\n' {self._turn} $?"
        )
        self._child.expect_exact(begin, timeout=120)
        return self._answer(re.compile(end + r"(\d+)\."), within, keys, stop)

    def _answer(self, end: re.Pattern[str], within: float, keys: Keys, stop: float | None) -> Answer:
        seen = ""
        for question, answer in (*keys, ("", "")):
            wanted: list[Any] = [end, pexpect.TIMEOUT, *([re.compile(question)] if question else [])]
            found = self._child.expect(wanted, timeout=stop or within)
            seen += self._child.before or ""
            if found == 0:
                return Answer(self._code(), _plain(seen))
            if found == 1:
                break
            seen += str(self._child.after)
            self._child.sendline(answer)
        seen = self._child.before or seen
        for _ in range(3):
            # Ctrl-C takes the rest of the typed line away too, and so the mark behind it.
            self._child.sendintr()
            self._child.sendline(f"printf '\\nend-%s-%s.\\n' {self._turn} 130")
            if self._child.expect([end, pexpect.TIMEOUT], timeout=20) == 0:
                return Answer(None, _plain(seen))
        raise AssertionError(f"The shell did not come back after Ctrl-C. It shows:\n{self._child.before}")

    def _code(self) -> int:
        assert isinstance(self._child.match, re.Match)
        return int(self._child.match[1])

    def close(self) -> None:
        """Leave the shell as a learner does."""
        self._child.sendline("exit")
        try:
            self._child.expect(pexpect.EOF, timeout=30)
        finally:
            self._child.close(force=True)
            self._script.unlink(missing_ok=True)


def _plain(text: str) -> str:
    return _DRAWN.sub("", text).strip()
