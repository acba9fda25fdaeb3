"""The interface of a stand-in provider, without gRPC.

A plugin is a `Provider` that finds a `Resource` for each type; `server.serve`
speaks Pulumi's provider protocol for it (proto/pulumi/provider.proto of the
pinned SDK). Handlers get and return plain properties: the server takes secret
marks off the inputs and puts them back on what is returned, so that a handler
cannot lose one. A handler may mark further outputs by `properties.Secret`.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from rehearsal.providers.properties import Change, Properties, changes

T = TypeVar("T")
Severity = Literal["debug", "info", "warning", "error"]


class ProviderError(Exception):
    """A failure that the user is to read; its text is shown as it is."""


class UnknownTokenError(ProviderError):
    """A resource type or function that the stand-in does not play."""

    def __init__(self, provider: str, what: str, token: str) -> None:
        """`what` is "resource type" or "function"."""
        super().__init__(
            f"The rehearsal's {provider} provider does not know the {what} {token}. "
            f"Take it out of the program, or run the stack against the real provider."
        )


class CancelledError(ProviderError):
    """The engine asked to stop (Ctrl-C), or is gone."""


class WaitTimeoutError(ProviderError):
    """What was waited for did not come in time."""


@dataclass(frozen=True)
class CheckFailure:
    """One input that is wrong; `property` is a path as Pulumi writes it."""

    property: str
    reason: str


class InvalidPropertiesError(ProviderError):
    """Inputs that are wrong, each named. For `Resource.check`, `Provider.check_config` and `invoke`."""

    def __init__(self, failures: Sequence[CheckFailure]) -> None:
        super().__init__("; ".join(f"{f.property}: {f.reason}" for f in failures))
        self.failures = tuple(failures)


class InitFailedError(ProviderError):
    """The object exists (again), but is not as it should be.

    The engine keeps the id and outputs with the reasons, so that the next run
    updates the object instead of making a second one, and destroy deletes it.
    """

    def __init__(
        self, identity: str, outputs: Properties, reasons: Sequence[str], inputs: Properties | None = None
    ) -> None:
        """`inputs` are needed from `read` alone."""
        super().__init__("; ".join(reasons))
        self.id = identity
        self.outputs = outputs
        self.reasons = tuple(reasons)
        self.inputs = inputs


@dataclass(frozen=True)
class Autonaming:
    """The stack's own rule for names (`pulumi:autonaming`)."""

    proposed: str
    mode: Literal["propose", "enforce", "disable"]


@dataclass
class Context:
    """One call of the engine: about which resource, and how to talk back meanwhile."""

    urn: str = ""
    name: str = ""
    """Logical name; in `invoke` empty."""
    type: str = ""
    """Type token, or the function's token in `invoke`."""
    preview: bool = False
    timeout: float = 0.0
    """Seconds that the program allows (`custom_timeouts`); 0: the provider's own default."""
    random_seed: bytes = b""
    """In `check`: the same seed for the same plan, for generated names."""
    autonaming: Autonaming | None = None
    log_to: Callable[[Severity, str, bool], None] = field(default=lambda _severity, _text, _status: None)
    created_to: Callable[[str], None] = field(default=lambda _identity: None)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def log(self, message: str, severity: Severity = "info") -> None:
        """A message beside the resource that stays in the engine's output."""
        self.log_to(severity, message, False)

    def status(self, message: str) -> None:
        """A message beside the resource that the next one overwrites."""
        self.log_to("info", message, True)

    def created(self, identity: str) -> None:
        """Call at once when the object exists: whatever fails afterwards, the engine gets to know of it."""
        self.created_to(identity)

    def wait(
        self,
        what: str,
        poll: Callable[[], T | None],
        *,
        timeout: float,
        interval: float = 0.2,
        patience: float = 0.0,
    ) -> T:
        """Ask `poll` every `interval` seconds until it answers something other than None.

        `what` says what is waited for ("cluster myeks to become ACTIVE"); after
        a second it is shown beside the resource. The program's own timeout goes
        before `timeout` (seconds). After a cancellation `poll` is asked for `patience`
        seconds more, and once at least. Raises CancelledError or WaitTimeoutError,
        and whatever `poll` raises.
        """
        limit = self.timeout or timeout
        start = time.monotonic()
        shown = 0
        last: float | None = None
        while True:
            cancelled = self.cancelled.is_set()  # looked at first, so that the last answer is newer than it
            answer = poll()
            if answer is not None:
                return answer
            now = time.monotonic()
            waited = now - start
            if waited > limit:
                raise WaitTimeoutError(
                    f"Waiting for {what} took longer than {limit:.0f} s. "
                    f"Look at the resource, then run the update again."
                )
            if waited >= shown + 1:
                shown = int(waited)
                self.status(f"waiting for {what} ({shown} s)")
            if not cancelled:
                self.cancelled.wait(interval)
                continue
            if last is None:
                last = now + patience
            if now >= last:
                raise CancelledError(f"Waiting for {what} was cancelled. Run the update again.")
            time.sleep(interval)


@dataclass(frozen=True)
class Diff:
    """What an update would change; empty: nothing."""

    changes: Sequence[Change] = ()
    delete_before_replace: bool = False


@dataclass(frozen=True)
class State:
    """A resource as it is."""

    id: str
    inputs: Properties
    outputs: Properties


class Resource(ABC):
    """One resource type, or a family of them. Handlers run in threads, many at a time.

    `inputs` are what `check` returned; UNKNOWN can be in them only when
    `preview` is called, and in `check` and `diff`.
    """

    @abstractmethod
    def check(self, ctx: Context, old: Properties | None, new: Properties) -> Properties:
        """Validated inputs with defaults and generated names. Raises InvalidPropertiesError.

        `old` are the inputs of the last run, so that a generated name stays;
        None for a new resource.
        """

    @abstractmethod
    def diff(self, ctx: Context, old: State, new: Properties) -> Diff:
        """Changes from the old inputs to the new ones, each with its path and whether it replaces."""

    @abstractmethod
    def preview(self, ctx: Context, old: State | None, inputs: Properties) -> Properties:
        """Outputs that `create` (`old` None) or `update` would give, UNKNOWN where only they can tell."""

    @abstractmethod
    def create(self, ctx: Context, inputs: Properties) -> State:
        """Make it, call `ctx.created` with its id at once, and return it.

        Whatever is raised after `ctx.created` reaches the engine as a failed
        initialisation of an object that exists: it is kept and not lost.
        """

    @abstractmethod
    def read(self, ctx: Context, identity: str, known: State | None) -> State | None:
        """The resource as it really is, None when it is gone.

        `known` None (an import, or a creation that the engine did not hear
        of): the id alone must suffice, and the inputs must be complete.
        Otherwise `known.inputs` tells which inputs the program manages.
        """

    @abstractmethod
    def update(self, ctx: Context, old: State, inputs: Properties) -> Properties:
        """Change it in place and return all outputs. Raises InitFailedError like `create`."""

    @abstractmethod
    def delete(self, ctx: Context, old: State) -> None:
        """Delete it, and wait until it is gone. That it is gone already is no error."""


class Provider(ABC):
    """One plugin."""

    name: str
    version: str
    """The SDK's version: the engine warns when they differ."""

    @abstractmethod
    def resource(self, token: str) -> Resource:
        """The handlers of a type such as "aws:ec2/vpc:Vpc". Raises UnknownTokenError."""

    @abstractmethod
    def invoke(self, ctx: Context, token: str, args: Properties) -> Properties:
        """The result of a function such as "aws:index/getRegion:getRegion". Raises UnknownTokenError."""

    @abstractmethod
    def configure(self, ctx: Context, config: Properties) -> None:
        """Take the checked configuration. Raises ProviderError when nothing can be done with it."""

    def check_config(self, ctx: Context, old: Properties | None, new: Properties) -> Properties:
        """Validated configuration. Raises InvalidPropertiesError."""
        del ctx, old
        return new

    def diff_config(self, ctx: Context, old: Properties, new: Properties) -> Diff:
        """Changes of the configuration; a change that replaces the provider replaces every resource."""
        del ctx
        return Diff(changes(old, new))
