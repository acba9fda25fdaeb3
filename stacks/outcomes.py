"""How work on a stack ended, in either world: what an update did, what a preview found, and what `down` has left."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from operations.cleanup import Report
from stacks import own_things
from stacks.cluster_facts import Release
from stacks.engine_events import Change
from stacks.state import StackState


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of the engine whose events we have followed."""

    counts: Mapping[str, int]
    """Resources by operation: {"create": 3, "same": 90}."""

    changes: tuple[Change, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, created, updated, replaced or deleted."""
        return any(count for operation, count in self.counts.items() if operation != "same")


@dataclass(frozen=True, kw_only=True)
class Update:
    """How an update ended that did not fail."""

    outputs: Mapping[str, Any]
    """The stack's, secret ones masked."""

    releases: tuple[Release, ...] | None = None
    """What Helm has afterwards; None when the API server did not answer."""

    run: Run | None = None
    """What it changed; None when pulumi has told that on the user's terminal."""

    seconds: float = 0.0
    """Since the command began."""

    def as_json(self) -> dict[str, Any]:
        """What --json prints: the stack's outputs and what Helm has; of a run of ours resources by operation, too, and
        the seconds."""
        told = {
            "outputs": self.outputs,
            "releases": None if self.releases is None else [asdict(one) for one in self.releases],
        }
        if self.run is None:
            return told
        return {"changes": self.run.counts, **told, "seconds": round(self.seconds, 1)}


@dataclass(frozen=True, kw_only=True)
class LeftOnAws:
    """What AWS has of a lab after `down`, and what the engine's state still holds."""

    report: Report
    recorded: StackState


@dataclass(frozen=True, kw_only=True)
class LeftInRehearsal:
    """What stood in the rehearsal when its resources were deleted; it went with the rehearsal."""

    was_up: bool = True
    forced: bool = False
    """Whether it was stopped without its resources being deleted one by one."""

    left: own_things.Found = field(default_factory=dict[str, list[str]])
    """What the lab's program left behind: a defect of it."""

    own: own_things.Found = field(default_factory=dict[str, list[str]])
    """What the learner made by hand."""

    account_id: str = ""
    seconds: float = 0.0
    """Since the command began."""


Left = LeftOnAws | LeftInRehearsal
