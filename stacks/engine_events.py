"""Turns the engine's events into progress for a person and a list of changes for a table."""

import time
from dataclasses import dataclass, field

from pulumi import automation as auto

from stacks.console import Progress
from stacks.waits import Reporter

_WORDS = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "create-replacement": "replacement created",
    "delete-replaced": "replaced one deleted",
    "refresh": "read",
    "read": "read",
}
_QUIET = ("same", "refresh", "read", "delete-replaced", "create-replacement")


@dataclass(frozen=True)
class Change:
    """One resource that a run changes, or would change."""

    operation: str
    """create, update, replace or delete."""
    type: str
    """Type token without its module: `aws:ec2/vpc:Vpc` → `aws:Vpc`."""
    name: str
    properties: tuple[str, ...]
    """Paths of the properties that differ; a replacement's cause is among them."""


@dataclass
class Watcher:
    """Follows one run of the engine."""

    progress: Progress
    verb: str
    waits: Reporter | None = None
    """Tells what takes long; None: nobody does."""

    changes: list[Change] = field(default_factory=list[Change])
    _running: dict[str, float] = field(default_factory=dict[str, float])
    _done: int = 0
    _warned: set[str] = field(default_factory=set[str])

    def __call__(self, event: auto.EngineEvent) -> None:
        """Take one event in; called from the engine's event thread."""
        if self.waits:
            self.waits.take(event)
        if event.resource_pre_event:
            meta = event.resource_pre_event.metadata
            operation = _operation(meta)
            if operation != "same" and not _is_component(meta):
                self._running[meta.urn] = time.monotonic()
            if operation not in _QUIET:
                self.changes.append(
                    Change(operation, _short(meta.type), _name(meta.urn), tuple(sorted(meta.detailed_diff or {})))
                )
        elif event.res_outputs_event:
            self._finish(event.res_outputs_event.metadata, planned=bool(event.res_outputs_event.planning))
        elif event.res_op_failed_event:
            meta = event.res_op_failed_event.metadata
            self._running.pop(meta.urn, None)
            self.progress.phase(f"failed: {_operation(meta)} {_short(meta.type)} {_name(meta.urn)}")
        elif event.diagnostic_event and event.diagnostic_event.severity == "warning":
            self._warn(event.diagnostic_event.message)
        self._tell()

    def _warn(self, message: str) -> None:
        """Tell a warning once. That plug-ins come from PATH is how the rehearsal works, and no news."""
        text = " ".join(message.removeprefix("warning:").split())
        if text and text not in self._warned and not text.startswith("using pulumi-resource-"):
            self._warned.add(text)
            self.progress.phase(f"warning: {text}")

    def _finish(self, meta: auto.StepEventMetadata, *, planned: bool) -> None:
        began = self._running.pop(meta.urn, None)
        if began is None:
            return
        self._done += 1
        took = time.monotonic() - began
        if took >= 1.5:
            # In a preview nothing is made: what took its time was to find out what would be.
            word = "compared" if planned else _WORDS.get(_operation(meta), _operation(meta))
            self.progress.detail(f"{_short(meta.type)} {_name(meta.urn)} {word} in {took:.1f} s")

    def _tell(self) -> None:
        waits = sorted(self._running, key=lambda urn: self._running[urn])
        names = ", ".join(f"{_short(urn.split('::')[-2].split('$')[-1])} {_name(urn)}" for urn in waits[:3])
        more = f" and {len(waits) - 3} more" if len(waits) > 3 else ""
        now = f"; now {names}{more}" if names else ""
        self.progress.waiting(f"{self.verb}: {self._done} done{now}", self.verb)


def _operation(meta: auto.StepEventMetadata) -> str:
    return str(getattr(meta.op, "value", meta.op))


def _is_component(meta: auto.StepEventMetadata) -> bool:
    """Whether it only holds others, so that its time is theirs."""
    state = meta.new or meta.old
    return state is not None and not state.custom


def _short(token: str) -> str:
    package, _, rest = token.partition(":")
    return f"{package}:{rest.split(':')[-1]}"


def _name(urn: str) -> str:
    return urn.split("::")[-1]
