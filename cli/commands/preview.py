"""`lab preview`: what `up` would change, without changing it."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import aws_stack
from cli.views import summary
from rehearsal import world as worlds
from rehearsal.at_work import AlreadyRunning
from rehearsal.engine import interruptible
from rehearsal.outcome import RunFailed
from stacks import expiry, rehearsal_backend
from stacks.console import err, out, progress
from stacks.engine_events import Watcher
from stacks.error_hints import cause, refusal
from stacks.errors import Failure
from stacks.stack import REHEARSAL, Stack, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="preview", help="Show what up would change, without changing it.")(preview)


def preview(
    stack: StackOption = REHEARSAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """Show what up would change, without changing it."""
    chosen = load(stack)
    expiry.insist(chosen.config, datetime.now(UTC))
    if chosen.is_rehearsal:
        _rehearse(chosen, as_json)
    else:
        aws_stack.preview(chosen, as_json=as_json)


def _rehearse(chosen: Stack, as_json: bool) -> None:
    with progress() as shown:
        world, bin_dir, started = rehearsal_backend.begin(chosen, shown)
        stack = rehearsal_backend.stack_in(world, bin_dir, chosen, shown)
        watcher = Watcher(shown, "comparing")
        try:
            with interruptible(stack.engine, shown.phase):
                result = stack.preview(watcher)
        except AlreadyRunning as error:
            raise Failure(str(error)) from error
        except RunFailed as error:
            raise refusal(error)(f"The preview stopped: {cause(str(error))}") from error
        finally:
            if started:
                # A preview of nothing leaves nothing.
                worlds.stop(world)
    if as_json:
        out.print_json(json.dumps({"changes": [asdict(c) for c in watcher.changes], "counts": result.changes}))
        return
    summary.changes(watcher.changes, every=True)
    err.print(summary.counts(result.changes, would=True) + ".")
