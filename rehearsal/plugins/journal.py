"""Remembers what was created before the engine heard of it.

When the engine dies between an AWS call and the answer to it, its state only
says that a creation was under way. The next run reads from this journal which
identifier the object got, and deletes it before the engine makes another one
(rehearsal/recovery.py).
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

ENVIRONMENT_VARIABLE = "MYEKS_REHEARSAL_JOURNAL"


class Journal:
    """Appends JSON lines to a file: `{"urn", "id"}` for each object that was made.

    A line is one write to a file opened for appending, so several plugins may
    share the file, and a killed plugin leaves no half of a line behind.
    """

    def __init__(self, path: Path | None) -> None:
        """`path` None: nothing is written."""
        self._path = path
        self._lock = threading.Lock()

    @classmethod
    def from_environment(cls) -> Journal:
        """The journal named by `$MYEKS_REHEARSAL_JOURNAL`, or one that keeps nothing."""
        path = os.environ.get(ENVIRONMENT_VARIABLE)
        return cls(Path(path) if path else None)

    def created(self, urn: str, identity: str) -> None:
        """The object exists under this id. Raises OSError when the file cannot be written."""
        if self._path is None:
            return
        line = json.dumps({"urn": urn, "id": identity}) + "\n"
        with self._lock:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
