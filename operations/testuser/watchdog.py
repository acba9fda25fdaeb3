"""Deletes testuser's access key when the command that made it was killed outright.

A process of its own, because nothing in a killed one runs any more. It holds no secret: it reads, from a pipe,
whose key is to be made, then its id, then that all is done. The end of the pipe, which the kernel brings about however
the other side ends, is when it acts. As a script it runs isolated from the project and from PYTHONPATH.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

DONE: Final = "done"
PAUSES: Final = (1, 2, 4, 8, 16, 32)
"""Seconds between two attempts at a deletion, a minute in all. For as long, a key that IAM does not find may turn up:
it may be in the making still, or made and not spread yet (IAM User Guide, "Troubleshoot IAM": changes are not always
immediately visible)."""
CLOCKS: Final = timedelta(minutes=5)
"""By how much this machine's clock and AWS's may differ."""
PROMPT: Final = 5.0
"""Seconds in which a guard that has nothing left to do ends."""


class Guard:
    """The side of the pipe in the command that makes a key."""

    def __init__(self, user_name: str, region: str, before: Collection[str], lock: int, lease: Path) -> None:
        """Start watching.

        Args:
            user_name: of the IAM user whose key is to be made.
            region: AWS region.
            before: ids of the user's keys before that.
            lock: file descriptor of the lock under which keys are made; also held by the guard, until it knows the
                new key's id or ends.
            lease: file that goes once the key is deleted.
        """
        self._is_done = False
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, str(lock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            # Out of reach of the terminal's signals, and of the end of the terminal.
            start_new_session=True,
        )
        self._say(json.dumps({"user": user_name, "region": region, "before": list(before), "lease": str(lease)}))

    def __enter__(self) -> Guard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go: unless it was told that all is done, the guard acts now, and nobody waits for it."""
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
        if self._is_done:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PROMPT)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def made(self, key_id: str) -> None:
        """The key exists now."""
        self._say(key_id)

    def done(self) -> None:
        """The key is deleted, or none was made."""
        self._is_done = True
        self._say(DONE)

    def _say(self, line: str) -> None:
        pipe = self._process.stdin
        # A guard that was killed protects nothing, but is no reason to fail what it guards.
        if pipe is not None and not pipe.closed:
            with suppress(OSError):
                os.write(pipe.fileno(), f"{line}\n".encode())


def client(region: str) -> Any:
    """IAM, asked as the operator; one try a call, since a second try of a creation might make a second key."""
    import boto3
    from botocore.config import Config

    settings = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1, "mode": "standard"})
    return boto3.client("iam", region_name=region, config=settings)


def keys_of(iam: Any, user_name: str) -> dict[str, datetime]:
    """The user's keys: id → when it was made."""
    return {
        key["AccessKeyId"]: key["CreateDate"]
        for page in iam.get_paginator("list_access_keys").paginate(UserName=user_name)
        for key in page["AccessKeyMetadata"]
    }


def made_since(iam: Any, user_name: str, before: Collection[str], until: datetime | None = None) -> list[str]:
    """Ids of the keys that were not there before, and that were made until then."""
    return [
        key
        for key, made in keys_of(iam, user_name).items()
        if key not in before and (until is None or made <= until + CLOCKS)
    ]


def delete(iam: Any, user_name: str, key_id: str) -> bool:
    """Delete a key; whether it was there still. Raises what boto3 raises."""
    try:
        iam.delete_access_key(UserName=user_name, AccessKeyId=key_id)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


def watch(pipe: IO[str], lock: int) -> None:
    """The guard's own side: wait for the end of the pipe, and delete the key unless that was done."""
    told: dict[str, Any] = json.loads(pipe.readline() or "null") or {}
    key_id = pipe.readline().strip()
    if key_id:
        # Whose the new key is is known now: others may make theirs.
        os.close(lock)
    if not told or DONE in (key_id, pipe.readline().strip()):
        return
    for pause in (*PAUSES, None):
        with suppress(Exception):  # whatever it is, the next attempt may fare better
            if _cleared(told, key_id) or pause is None:
                Path(told["lease"]).unlink(missing_ok=True)
                return
        time.sleep(pause or 0)


def _cleared(told: dict[str, Any], key_id: str) -> bool:
    """Delete the key; whether it was there. None found is not the end: one may turn up."""
    iam = client(told["region"])
    ids = [key_id] if key_id else made_since(iam, told["user"], told["before"])
    deleted = [delete(iam, told["user"], one) for one in ids]
    return any(deleted)


if __name__ == "__main__":
    for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(_number, signal.SIG_IGN)
    watch(sys.stdin, int(sys.argv[1]))
