"""One command at a time works on a stack of a world; a second one is refused, and the error names the first.

The engine has a lock of its own, but takes it late: until then two commands would write the same workspace. This lock
falls with the process that holds it, however that ends.
"""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path


class AlreadyRunning(Exception):
    """Another process is at work on this stack."""


@contextmanager
def alone(file: Path, command: str) -> Generator[None]:
    """Hold the lock for the length of a block; raises AlreadyRunning with the process, its command and since when."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise AlreadyRunning(
                f"Another command is at work on this lab: {_who(held.read())}. Wait for it, then run this again."
            ) from None
        held.truncate(0)
        told = {"pid": os.getpid(), "command": command, "since": datetime.now().astimezone().isoformat("T", "seconds")}
        held.write(json.dumps(told))
        held.flush()
        yield


def _who(text: str) -> str:
    try:
        told = json.loads(text)
        command = f" ({told['command']})" if told["command"] else ""
        return f"process {told['pid']}{command} since {datetime.fromisoformat(told['since']):%H:%M:%S}"
    except (ValueError, KeyError, TypeError):
        return "it has only begun"
