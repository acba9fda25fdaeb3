"""Runs a command for the user as if it stood alone on their terminal.

A signal that this process gets is the command's to handle, and its end is this process's end; only then is there
time to clear up after it.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Timer
from types import FrameType
from typing import Any, Final

from programs import dying
from stacks.errors import BadInput

FROM_KEYS: Final = frozenset({signal.SIGINT, signal.SIGQUIT})
"""Signals that a terminal sends to every process in its foreground, the command's among them."""
ENDING: Final = frozenset({signal.SIGTERM, signal.SIGHUP})
GRACE: Final = 10.0
"""Seconds that a command has to end after SIGTERM or SIGHUP before it is killed."""


def run(
    line: Sequence[str], environment: Mapping[str, str], *, holds: Sequence[int] = (), dies_with_us: bool = False
) -> int:
    """Run a command where the user called us, to its end.

    Args:
        line: the command and its arguments.
        environment: all of its environment.
        holds: file descriptors that it has open as long as it lives.
        dies_with_us: on Linux, kill it when this process is killed outright. Its own children stay.

    Returns:
        Its exit code; 128 + n when signal n ended it, as shells tell it.

    Raises:
        BadInput: there is no such command.
    """
    child = _Child()
    # What is ignored here (nohup) stays ignored in the command.
    before = {n: old for n in FROM_KEYS | ENDING if (old := signal.getsignal(n)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, child.pass_on)
    try:
        return child.run(line, environment, holds, dying.with_us() if dies_with_us else None)
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)


class _Child:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._kill: Timer | None = None

    def run(
        self,
        line: Sequence[str],
        environment: Mapping[str, str],
        holds: Sequence[int],
        prepare: Callable[[], None] | None,
    ) -> int:
        try:
            process = subprocess.Popen(
                line,
                env=environment,
                pass_fds=holds,
                cwd=os.environ.get("LAB_INVOKED_FROM") or None,
                preexec_fn=prepare,  # noqa: PLW1509  # it takes no lock that another thread might hold
            )
        except OSError as error:
            if isinstance(error, FileNotFoundError) and error.filename == line[0]:
                raise BadInput(f"There is no command {line[0]}. Check its name.") from error
            raise BadInput(f"{line[0]} cannot be run: {error.strerror} ({error.filename}). Check it.") from error
        self._process = process
        for number in self._early:
            self.pass_on(number, None)
        try:
            code = process.wait()
        finally:
            if self._kill:
                self._kill.cancel()
        return code if code >= 0 else 128 - code

    def pass_on(self, number: int, _frame: FrameType | None) -> Any:
        """A signal for us: the command gets it, unless its terminal has sent it there too."""
        process = self._process
        if process is None:
            self._early.append(number)
            return
        if number in FROM_KEYS and _in_foreground():
            return
        with suppress(ProcessLookupError):
            process.send_signal(number)
        if number in ENDING and self._kill is None:
            self._kill = Timer(GRACE, process.kill)
            self._kill.daemon = True
            self._kill.start()


def _in_foreground() -> bool:
    """Whether a key of a terminal reaches us, and so what we have started."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
