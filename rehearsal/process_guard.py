"""Sees to it that no child outlives us, even when we are killed outright.

Linux can signal a child when its parent's thread ends, macOS cannot, and a
thread is not a process. A pipe works on both: a tiny shell reads which
process groups are ours, and the end of its input, which the kernel brings
about however we end, is when it kills them.
"""

import contextlib
import os
import signal
import subprocess
from types import TracebackType

_SCRIPT = """
trap '' HUP INT TERM
groups=
while read -r sign group; do
  case $sign in
    +) groups="$groups $group" ;;
    -) kept=; for g in $groups; do [ "$g" = "$group" ] || kept="$kept $g"; done; groups=$kept ;;
  esac
done
for g in $groups; do kill -s KILL -- "-$g" 2>/dev/null; done
"""


class Guard:
    """One watching shell; close it when the processes have been ended in the ordinary way.

    Every process given to it must lead a process group of its own
    (`start_new_session=True`), so that its own children go with it.
    """

    def __init__(self) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # In a session of its own it survives a signal to our whole group.
            start_new_session=True,
        )

    def __enter__(self) -> "Guard":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The watching shell's process id."""
        return self._shell.pid

    def add(self, pid: int) -> None:
        """Kill this process's group when we end."""
        self._say(f"+ {pid}\n")

    def remove(self, pid: int) -> None:
        """The process has ended; its number may soon be another's."""
        self._say(f"- {pid}\n")

    def close(self) -> None:
        """End the watch; what is still being watched is killed."""
        stdin = self._shell.stdin
        if stdin is not None:
            with contextlib.suppress(OSError):
                stdin.close()
        self._shell.wait()

    def _say(self, line: str) -> None:
        stdin = self._shell.stdin
        if stdin is None or stdin.closed:
            return
        # A guard that was killed protects nothing, but is no reason to fail what it guards.
        with contextlib.suppress(OSError):
            os.write(stdin.fileno(), line.encode())


def kill_group(pid: int, sign: signal.Signals = signal.SIGKILL) -> None:
    """Signal a process and its children; a group that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, sign)
