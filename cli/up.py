"""`lab up`: stand the lab up, or bring it to what the settings say now."""

import json
from typing import Annotated

import typer

from cli import aws_stack, rehearsed, summary
from cli.console import duration, err, out, progress
from cli.events import Watcher
from cli.failures import Failure
from cli.stacks import REHEARSAL, Stack, StackOption, load
from rehearsal.engine import interruptible
from rehearsal.recovery import AlreadyRunning
from rehearsal.run import RunFailed


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="up", help="Stand the lab up, or bring it to what the settings say now.")(up)


def up(
    stack: StackOption = REHEARSAL,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="AWS: do not ask before anything is created.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Stand the lab up, or bring it to what the settings say now."""
    chosen = load(stack)
    if chosen.is_rehearsal:
        _rehearse(chosen, as_json)
    else:
        aws_stack.up(chosen, yes=yes)


def _rehearse(chosen: Stack, as_json: bool) -> None:
    with progress() as shown:
        world, bin_dir, _ = rehearsed.begin(chosen, shown)
        stack = rehearsed.stack_in(world, bin_dir, chosen, shown.phase)
        watcher = Watcher(shown, "applying" if stack.exists() else "creating")
        try:
            with interruptible(stack.engine, shown.phase):
                result = stack.up(watcher)
        except AlreadyRunning as error:
            raise Failure(str(error)) from error
        except RunFailed as error:
            raise Failure(
                f"The update stopped:\n{error}\nWhat stands is recorded; mend the cause and run ./lab up again, "
                "or ./lab down to take it away."
            ) from error
    if as_json:
        out.print_json(
            json.dumps({"changes": result.changes, "outputs": result.outputs, "seconds": round(shown.elapsed, 1)})
        )
        return
    if result.changed:
        summary.changes(watcher.changes)
    err.print(f"{summary.counts(result.changes)} in {duration(shown.elapsed)}.")
    summary.stood_up(result.outputs)
