"""Looks whether a lab can stand up: for `lab doctor`, and before `lab up` costs anything.

On AWS it asks with the user's own credentials and changes nothing. The rehearsal needs this machine alone, so that is
all that is looked at there.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any, Final

from cli.views.doctor import show
from operations.doctor import machine
from operations.doctor.diagnose import diagnose_machine
from operations.doctor.findings import Finding, Layer, Status
from operations.doctor.observations import Recorded, Unseen
from rehearsal import paths, room
from stacks import state
from stacks.console import err, out, progress
from stacks.errors import Failure
from stacks.stack import Stack

QUIET: Final = 2.0
"""Seconds between two looks at the clock."""


def examine(stack: Stack) -> tuple[Finding, ...]:
    """Every finding about a stack; asks AWS only about one that stands there."""
    where = "this machine" if stack.is_rehearsal else f"AWS in {stack.config.region}"
    with _waiting(f"looking at {where}"):
        if stack.is_rehearsal:
            return (*diagnose_machine(machine.look(machine.REHEARSAL_TOOLS)), _room())
        return _on_aws(stack)


def insist(stack: Stack, *, as_json: bool = False) -> None:
    """Before `up`: show what is not ok; raises Failure when `up` would fail.

    With `as_json` stdout is left to what `up` prints.
    """
    found = examine(stack)
    if any(finding.status is not Status.OK for finding in found):
        show(found, err if as_json else out, without_ok=True)
    if stops(found):
        raise Failure(
            "The lab cannot stand up as things are; nothing was touched. Mend what is marked as failing above, "
            "or run the command with --skip-doctor."
        )


def stops(found: Sequence[Finding]) -> bool:
    """Whether `up` would fail."""
    return any(finding.status is Status.FAIL for finding in found)


def _room() -> Finding:
    if told := room.lack():
        what, _, remedy = told.partition(". ")
        return Finding(Layer.MACHINE, Status.FAIL, f"{what}.", remedy)
    directory = paths.world_dir().absolute()
    return Finding(Layer.MACHINE, Status.OK, f"{room.free(directory)} MiB are free in {directory}.")


@contextmanager
def _waiting(text: str) -> Generator[None]:
    """Tell what is waited for, as long as it is."""
    done = Event()
    with progress() as shown:
        shown.waiting(text)

        def tick() -> None:
            while not done.wait(QUIET):
                shown.waiting(text)

        ticking = Thread(target=tick, daemon=True)
        ticking.start()
        try:
            yield
        finally:
            done.set()
            ticking.join()


def _on_aws(stack: Stack) -> tuple[Finding, ...]:
    # These take a while to import, and most commands need none of them.
    from botocore.exceptions import BotoCoreError

    from clients.aws import clients
    from infra.config.aws_checks import AwsLookups
    from operations.doctor.diagnose import diagnose
    from operations.doctor.probes import Sight, see

    config, profile = stack.config, stack.profile
    try:
        client = clients(profile, config.region)
    except BotoCoreError as error:
        client = _no_client(error)
    sight = Sight(client, AwsLookups(config.region, profile, client), stack.name, lambda: _recorded(stack))
    return diagnose(config, see(config, sight), datetime.now(UTC))


def _no_client(error: Exception) -> Callable[[str], Any]:
    """Clients of a profile that cannot be used: what is wrong is a finding like any other."""

    def refuse(service: str) -> Any:
        del service
        raise error

    return refuse


def _recorded(stack: Stack) -> Recorded | Unseen:
    """What the engine's state holds: after a run that failed, the outputs say nothing."""
    found = state.on_aws(stack)
    return Unseen(found.unknown.rstrip(".")) if found.unknown else Recorded(found.ids)
