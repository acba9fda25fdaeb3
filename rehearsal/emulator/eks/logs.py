"""Control plane logs: what the cluster's programs write, in the customer's CloudWatch Logs.

Users find there who did what, and why somebody was not let in. A cluster
writes the log types that its logging configuration names, from the moment it
names them, into streams of the group /aws/eks/CLUSTER/cluster (EKS User Guide,
"Send control plane logs to CloudWatch Logs", seen 2026-11). The group is made
again when somebody has deleted it: EKS writes as long as the cluster is there.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from rehearsal.emulator.eks.state import Cluster
from rehearsal.emulator.eks.validation import enabled_logs
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.logs import forget_oldest
from rehearsal.emulator.ministack import Backend

log = logging.getLogger(__name__)

STREAMS: Final = {
    "api": "kube-apiserver",
    "audit": "kube-apiserver-audit",
    "authenticator": "authenticator",
    "controllerManager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
}
"""How the name of a log type's stream begins; a dash and 32 hexadecimal digits of the instance follow."""
FILES: Final = {
    "api": "kube-apiserver.log",
    "audit": "audit.log",
    "controllerManager": "kube-controller-manager.log",
    "scheduler": "kube-scheduler.log",
}
"""Where the control plane's programs write, below `log` in its directory."""

EVERY: Final = 0.5
"""Seconds between two looks at the files; on AWS it takes up to some minutes until an event can be found."""
_PIECE: Final = 4 << 20
"""Bytes of a file that are read at a look."""
_BATCH: Final = 1 << 20
_BATCH_EVENTS: Final = 10_000
_PER_EVENT: Final = 26
"""Limits of PutLogEvents: bytes and events of a call, and what an event counts beside its message."""
KEPT: Final = 16 << 20
"""Characters that a stream keeps: the audit log of a lab is some MiB large in an hour."""


class Followed:
    """A file that grows, and that may be renamed and begun again when it has grown large."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._rest = b""

    def lines(self) -> list[str]:
        """What has been added since the last time, as whole lines."""
        found = self._read()
        # The API server renames its audit log when it is large. When all of it is read, the new one's turn comes.
        if self._file is not None and self._renamed():
            self.close()
            found += self._read()
        *lines, self._rest = (self._rest + found).split(b"\n")
        return [line.decode(errors="replace") for line in lines if line.strip()]

    def _read(self) -> bytes:
        if self._file is None:
            with contextlib.suppress(FileNotFoundError):
                self._file = self._path.open("rb")
        return self._file.read(_PIECE) if self._file is not None else b""

    def _renamed(self) -> bool:
        if self._file is None:
            return False
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        position, opened = self._file.tell(), os.fstat(self._file.fileno())
        return opened.st_ino != now.st_ino and position == opened.st_size

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


class ClusterLogs:
    """Sends one cluster's logs, from `start` to `stop`."""

    def __init__(self, backend: Backend, calls: Calls, cluster: Cluster, directory: Path) -> None:
        """`directory` is the control plane's own."""
        self._backend = backend
        self._calls = calls
        self._cluster = cluster
        self._group = f"/aws/eks/{cluster.name}/cluster"
        self._files = {kind: Followed(directory / "log" / name) for kind, name in FILES.items()}
        self._instance = secrets.token_hex(16)
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with what the files hold already."""
        self._task = asyncio.create_task(self._run(), name=f"logs of {self._cluster.name}")

    async def stop(self) -> None:
        """Send what is left, and end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            await self.send()
        for file in self._files.values():
            file.close()

    async def _run(self) -> None:
        while True:
            await self.send()
            await asyncio.sleep(EVERY)

    async def send(self) -> None:
        """Send what has been written until now, as far as the cluster's configuration says now."""
        async with self._sending:
            await self._send()

    async def _send(self) -> None:
        enabled = enabled_logs(self._cluster.view)
        for kind, prefix in STREAMS.items():
            lines = self._lines(kind)
            # What is not sent is read all the same: a log type that is switched on begins then.
            if lines and kind in enabled:
                try:
                    await self._put(f"{prefix}-{self._instance}", lines)
                except AwsError as error:
                    log.warning("logs of cluster %s were not taken: %s", self._cluster.name, error)

    def _lines(self, kind: str) -> list[str]:
        if kind in self._files:
            return self._files[kind].lines()
        lines = list(self._cluster.authenticator_log)
        self._cluster.authenticator_log.clear()
        return lines

    async def _put(self, stream: str, lines: list[str]) -> None:
        for batch in batches(lines):
            now = int(time.time() * 1000)
            events = [{"timestamp": now, "message": line} for line in batch]
            named = {"logGroupName": self._group, "logStreamName": stream}
            try:
                await self._calls("logs", "PutLogEvents", **named, logEvents=events)
            except AwsError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                await make_group(self._calls, self._cluster)
                await self._calls("logs", "CreateLogStream", **named)
                await self._calls("logs", "PutLogEvents", **named, logEvents=events)
        forget_oldest(self._backend, self._group, stream, KEPT)


async def make_group(calls: Calls, cluster: Cluster) -> None:
    """EKS makes the log group that it writes to, whenever it is not there and something is to be written."""
    if not enabled_logs(cluster.view):
        return
    try:
        await calls("logs", "CreateLogGroup", logGroupName=f"/aws/eks/{cluster.name}/cluster")
    except AwsError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise


def batches(lines: list[str]) -> Iterator[list[str]]:
    """Lines in groups that PutLogEvents takes at once."""
    batch: list[str] = []
    size = 0
    for line in lines:
        length = len(line.encode()) + _PER_EVENT
        if batch and (size + length > _BATCH or len(batch) == _BATCH_EVENTS):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch
