"""Puts right what a killed engine left: its lock, its plug-ins, and resources that it does not know of.

The engine writes its state behind what it does, so after a kill the state may
lack resources that were made, and even that they were begun. The plug-ins'
journal does not: each id stands there before anything else can happen. What
the journal has and the state has not is deleted here, latest first, so that
the next run makes it again under the engine's eyes.
"""

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.aws import processes
from rehearsal.plugins.protocol import Context, Provider


class AlreadyRunning(Exception):
    """Another process is at work on this stack."""


@dataclass(frozen=True)
class Orphan:
    """A resource that exists and that the engine's state does not hold."""

    urn: str
    id: str

    @property
    def type(self) -> str:
        """Type token: the last of the chain of types in the URN."""
        return self.urn.split("::")[2].split("$")[-1]


def clear_locks(locks: Path, stack: str) -> bool:
    """Remove the engine's locks whose process is dead; whether there were any. Raises AlreadyRunning."""
    found = list(locks.rglob("*.json"))
    for lock in found:
        try:
            pid = int(json.loads(lock.read_text()).get("pid", 0))
        except (ValueError, AttributeError):
            pid = 0  # cut off while it was written
        if processes.alive(pid, "pulumi"):
            raise AlreadyRunning(
                f"Another run is at work on stack {stack} (process {pid}). Wait for it, then run this again."
            )
        lock.unlink(missing_ok=True)
    return bool(found)


def restore_checkpoint(checkpoint: Path) -> bool:
    """Where a kill cut the engine's state file off while it was written, take the one before; whether it did so.

    The engine keeps that one beside it. What lies between the two is in the journal.
    """
    for candidate in (checkpoint, checkpoint.with_name(f"{checkpoint.name}.bak")):
        try:
            json.loads(candidate.read_text())
        except FileNotFoundError:
            continue
        except json.JSONDecodeError:
            candidate.unlink()
            continue
        if candidate == checkpoint:
            return False
        shutil.copy(candidate, checkpoint)
        return True
    return False


def orphans(journal: Path, known: Collection[tuple[str, str]]) -> list[Orphan]:
    """What the journal holds and `known` (URN, id) does not; the latest made first."""
    if not journal.exists():
        return []
    made: list[Orphan] = []
    for line in journal.read_text().splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            continue  # the line at which a plug-in was killed
        made.append(Orphan(entry["urn"], entry["id"]))
    return [orphan for orphan in reversed(made) if (orphan.urn, orphan.id) not in known]


def delete(found: Collection[Orphan], settings: Mapping[str, Mapping[str, Any]], tell: Callable[[str], object]) -> None:
    """Delete orphans by the stand-ins' own hands. Raises ProviderError in AWS's or Kubernetes's words.

    `settings` holds each stand-in's inputs by its package ("aws"). `os.environ` must lead to the emulator; the
    stand-ins prove it.
    """
    providers: dict[str, Provider] = {}
    for orphan in found:
        package = orphan.type.partition(":")[0]
        if package not in settings:
            continue
        if package not in providers:
            from rehearsal.plugins.aws.provider import AwsProvider

            providers[package] = AwsProvider()
            providers[package].configure(Context(), dict(settings[package]))
        context = Context(urn=orphan.urn, name=orphan.urn.split("::")[-1], type=orphan.type)
        resource = providers[package].resource(orphan.type)
        state = resource.read(context, orphan.id, None)
        if state:
            tell(f"deleting {orphan.type} {orphan.id}, which the killed run made and did not record")
            resource.delete(context, state)
