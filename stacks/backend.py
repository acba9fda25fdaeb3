"""One interface for both worlds in which a lab can stand: AWS, and the rehearsal on this machine.

A command asks the backend of its stack and does not know which of the two it is. What only one of them does is a method
that does nothing, or answers None, in the other.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from operations.doctor.findings import Finding
from stacks.aws_backend import AwsBackend
from stacks.aws_lab import LabSession
from stacks.console import Progress
from stacks.made_by_hand import Agree, nobody
from stacks.outcomes import Left, Run, Update
from stacks.pending_operations import Json
from stacks.rehearsal_backend import RehearsalBackend, World
from stacks.stack import Stack
from stacks.takeover import Engine


class Backend(Protocol):
    """What makes, changes and deletes one stack, and knows how it is reached."""

    @property
    def stack(self) -> Stack:
        """The stack with its checked settings."""
        ...

    @property
    def costs(self) -> bool:
        """Whether what stands costs money.

        Then the user is asked before a change, doctor looks before `up`, and what costs is taken away at the lab's end.
        """
        ...

    @property
    def place(self) -> str:
        """Where doctor looks, for a person."""
        ...

    @property
    def patience(self) -> float:
        """Seconds that a change of roles and policies may take to spread."""
        ...

    def examine(self) -> tuple[Finding, ...]:
        """What doctor finds: whether the lab can be built. Changes nothing."""
        ...

    def with_end(self, expires: str | None) -> tuple[Stack, Callable[[], None]]:
        """The stack with this end of its life in the settings, and what writes them; None: the end that it has.

        `expires` is as in `myeks:expires`, empty for no end. Raises BadInput; the writing raises Failure.
        """
        ...

    def agree(self, *, yes: bool, tell: Callable[[Stack], object] | None) -> None:
        """Have the user's consent to an update, before anything is written or begun.

        `tell` is called with the stack where it costs something, to show what, before the user is asked. Raises
        BadInput when the lab's end has passed, CannotAsk when the engine is not there, typer.Exit without consent.
        """
        ...

    def up(self, shown: Progress, *, yes: bool, agree: Agree, refresh: bool = False, as_json: bool = False) -> Update:
        """Bring the stack to what its settings say.

        Args:
            shown: shows what is done; its line is hidden while pulumi has the terminal.
            yes: whether what a killed update left is put right without asking, as far as that needs no more.
            agree: asked before what was made by hand is replaced.
            refresh: read everything again first, so that what was changed by hand is put right.
            as_json: leave stdout to the caller.

        Raises:
            BadInput: the engine does not take the settings, or the lab's end has passed.
            Failure: the update failed.
        """
        ...

    def apply(self, shown: Progress, *, refresh: bool = False, agree: Agree = nobody) -> None:
        """As `up`, of a stack whose file may be elsewhere; one update of several.

        The user's consent is the caller's business. Stdout stays the caller's, and no result is printed.
        """
        ...

    def preview(self, shown: Progress, *, as_json: bool = False) -> Run | None:
        """What `up` would change; None when pulumi has told that. Raises BadInput, Failure."""
        ...

    def destroy(self, shown: Progress, *, yes: bool, as_json: bool = False) -> Left:
        """Delete every resource, and tell what is left. Raises Failure, typer.Exit without consent."""
        ...

    def outputs(self) -> AbstractContextManager[tuple[Mapping[str, Any], Path]]:
        """The stack's outputs and a directory for files of its shell; raises NotUp, CannotAsk.

        While the block runs, this process's environment is the one in which the lab's AWS answers.
        """
        ...

    def opened(self) -> AbstractContextManager[LabSession]:
        """The lab with what the engine's state holds of it; in the block AWS answers. Raises CannotAsk."""
        ...

    def resources(self) -> list[Json]:
        """What the engine's state holds, in its own JSON form; nothing where there is no state.

        Ask inside `outputs`. Raises NotUp.
        """
        ...

    def engine(self) -> AbstractContextManager[Engine]:
        """What keeps the state, to change it past an update; in the rehearsal no other command works on it meanwhile.

        Raises NotUp, and Failure while another command works on it.
        """
        ...

    def last_update_failed(self) -> bool:
        """Whether the last update failed or was stopped; no where nobody can tell."""
        ...

    def operator(self, outputs: Mapping[str, Any]) -> tuple[str, str]:
        """Name and ARN of whom an operator's shell belongs to; ask inside `outputs`. Raises CannotAsk."""
        ...

    def world(self) -> World | None:
        """The rehearsal that plays the stack's AWS; None where AWS is the real one. Raises NotUp."""
        ...

    def is_gone(self) -> bool:
        """Whether the rehearsal that this process's environment leads to has ended meanwhile; another one may run."""
        ...


def of(stack: Stack) -> Backend:
    """The backend of a stack: its name alone decides."""
    return RehearsalBackend(stack) if stack.is_rehearsal else AwsBackend(stack)
