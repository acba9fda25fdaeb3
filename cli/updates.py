"""One update of the rehearsal by the real engine, and how its end is told.

`up` runs one, `stage` after it has changed a setting, and `check --every-stage` one for each stage.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from cli.views import next_steps, summary
from rehearsal.at_work import AlreadyRunning
from rehearsal.engine import interruptible
from rehearsal.environment import environment
from rehearsal.outcome import Result, RunFailed, SettingsRefused
from stacks import cluster_facts, expiry, rehearsal_backend, wait_probes
from stacks.cluster_facts import Release
from stacks.console import Progress, duration, err, out
from stacks.engine_events import Change, Watcher
from stacks.error_hints import cause
from stacks.errors import BadInput, Failure
from stacks.made_by_hand import Agree, nobody
from stacks.stack import Stack


@dataclass(frozen=True)
class Update:
    """How an update ended."""

    result: Result
    changes: tuple[Change, ...]
    seconds: float
    """Since the command began."""

    releases: tuple[Release, ...] | None = None
    """What Helm has afterwards; None when the API server did not answer."""

    def as_json(self) -> dict[str, Any]:
        """What --json prints: resources by operation, the stack's outputs, what Helm has, and the seconds."""
        return {
            "changes": self.result.changes,
            "outputs": self.result.outputs,
            "releases": None if self.releases is None else [asdict(one) for one in self.releases],
            "seconds": round(self.seconds, 1),
        }


def rehearse(chosen: Stack, shown: Progress, *, refresh: bool = False, agree: Agree = nobody) -> Update:
    """Bring the rehearsal to what the stack's settings say, starting it where there is none.

    Raises BadInput when the lab's end has passed, and Failure.

    With `refresh` the engine first reads everything again, so that what was changed by hand is put right. `agree` is
    asked before what was made by hand is replaced.
    """
    expiry.insist(chosen.config, datetime.now(UTC))
    world, bin_dir, _ = rehearsal_backend.begin(chosen, shown, to_run=True)
    stack = rehearsal_backend.stack_in(world, bin_dir, chosen, shown, agree=agree)
    late = wait_probes.reporter(chosen, shown.phase, builds=True)
    watcher = Watcher(shown, "applying" if stack.exists() else "creating", late)
    try:
        # What asks beside the engine does it in the engine's environment, also when the engine is done.
        asked = environment(stack.environment(), world.unset())
        with asked, late.watching(), interruptible(stack.engine, shown.phase):
            if refresh and stack.exists():
                stack.refresh(Watcher(shown, "reading", late))
            result = stack.up(watcher)
    except AlreadyRunning as error:
        raise Failure(str(error)) from error
    except SettingsRefused as error:
        raise BadInput(f"The engine does not take the settings: {cause(str(error))}") from error
    except RunFailed as error:
        raise Failure(
            f"The update stopped: {cause(str(error))}\nWhat stands is recorded: ./lab up goes on, "
            "./lab down takes it away."
        ) from error
    shown.waiting("asking the API server what Helm has")
    with environment(stack.environment(), world.unset()):
        releases = cluster_facts.after_up(result.outputs)
    return Update(result, tuple(watcher.changes), shown.elapsed, releases)


def tell(update: Update, *, as_json: bool, refreshed: bool = False, with_lab: bool = True) -> None:
    """Print what an update did and how to go on.

    `refreshed`: it has looked at what stands, and not at the settings alone. `with_lab`: tell what the lab has too.
    """
    if as_json:
        out.print_json(json.dumps(update.as_json()))
        return
    if update.result.changed:
        summary.changes(update.changes)
    err.print(f"{summary.counts(update.result.changes)} in {duration(update.seconds)}.")
    if with_lab:
        summary.stood_up(update.result.outputs, update.releases or ())
    if not update.result.changed and not refreshed:
        out.print(next_steps.SETTINGS_ONLY.format(""), markup=False)
    if with_lab:
        out.print(next_steps.after_up(update.result.outputs, ""), markup=False)
