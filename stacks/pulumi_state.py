"""The state of a stack on AWS, read and replaced by the user's own pulumi, which keeps it in the user's backend."""

import json
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.environment import PREVIEW, environment
from stacks import locks, pulumi_cli
from stacks.stack import Stack


class Locked(Exception):
    """The state could not be replaced because of a lock."""

    def __init__(self, said: str) -> None:
        """`said` is what pulumi wrote of it."""
        super().__init__(said)
        self.said = said


@dataclass(frozen=True)
class OnAws:
    """One stack's state."""

    stack: Stack

    def export(self) -> dict[str, Any]:
        """The state; an empty one where it cannot be had: then pulumi says why in the update itself."""
        ended = pulumi_cli.ask("stack", "export", "--stack", self.stack.name)
        try:
            kept = json.loads(ended.stdout)
        except ValueError:
            kept = {}
        return kept if kept.get("deployment") else {"deployment": {}}

    def resources(self) -> list[dict[str, Any]]:
        """What the state holds, in the engine's own JSON form."""
        return self.export()["deployment"].get("resources") or []

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Put another state in its place. Raises Locked, Failure."""
        # In a file and not by a pipe: pulumi may have to ask for the passphrase. Secrets in it are encrypted.
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory, "state.json")
            file.touch(mode=0o600)
            file.write_text(json.dumps(kept))
            arguments = ("stack", "import", "--stack", self.stack.name, "--file", str(file))
            ended = pulumi_cli.run(*arguments, stdout=sys.stderr, quiet=True)
        if locks.is_locked(ended.stderr):
            raise Locked(ended.stderr)
        pulumi_cli.require(ended, "stack import")

    def delete(self, urns: Collection[str]) -> None:
        """Delete these resources. Raises Failure."""
        targets = [part for urn in urns for part in ("--target", urn)]
        arguments = ("destroy", "--yes", "--skip-preview", "--stack", self.stack.name, *targets)
        pulumi_cli.require(pulumi_cli.run(*arguments, stdout=sys.stderr), "destroy")

    def gave_up(self) -> bool:
        """Whether the stack's last update failed or was stopped."""
        return pulumi_cli.last_update_failed(self.stack.name)

    def to_create(self) -> list[dict[str, Any]]:
        """What an update would create, in the state's own form.

        Nothing where pulumi cannot tell: the update itself says why.
        """
        with environment(PREVIEW, set()):
            ended = pulumi_cli.ask(
                "preview", "--json", "--stack", self.stack.name, "--config-file", str(self.stack.file.absolute())
            )
        try:
            steps: list[dict[str, Any]] = json.loads(ended.stdout).get("steps") or []
        except ValueError:
            steps = []
        return [each["newState"] for each in steps if each.get("op") == "create" and each.get("newState")]
