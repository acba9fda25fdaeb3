"""`lab down`: take the lab away and show that nothing is left."""

from typing import Annotated

import typer

from cli import aws_stack, rehearsed
from cli.console import Progress, duration, err, progress
from cli.events import Watcher
from cli.failures import Failure
from cli.stacks import REHEARSAL, Stack, StackOption, load
from rehearsal import world as worlds
from rehearsal.engine import interruptible
from rehearsal.recovery import AlreadyRunning
from rehearsal.run import RunFailed
from rehearsal.world import World


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="down", help="Take the lab away and show that nothing is left.")(down)


def down(
    stack: StackOption = REHEARSAL,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="AWS: do not ask before anything is deleted.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Rehearsal: stop it without deleting its resources one by one first."),
    ] = False,
) -> None:
    """Take the lab away and show that nothing is left."""
    chosen = load(stack)
    if not chosen.is_rehearsal:
        aws_stack.down(chosen, yes=yes)
        return
    if force:
        # Also when the emulator hangs or something else answers in its place.
        worlds.sweep(force=True)
        err.print("The rehearsal is stopped; nothing is left of it.")
        return
    with progress() as shown:
        here = rehearsed.attached()
        if here is None:
            worlds.sweep()
            err.print("The rehearsal is not up; nothing is left of it.")
            return
        left = _destroy(here, chosen, shown)
        worlds.stop(here)
    if left:
        table = "\n".join(f"  {service}: {', '.join(ids)}" for service, ids in left.items())
        raise Failure(
            f"The program left resources behind; on AWS they would go on costing:\n{table}\n"
            "The emulator is stopped, so that they are gone here. This is a defect of the stack: please report it."
        )
    err.print(f"Nothing is left: no resource, no process, no file. {duration(shown.elapsed)}.")


def _destroy(here: World, chosen: Stack, shown: Progress) -> dict[str, list[str]]:
    stack = rehearsed.stack_in(here, rehearsed.tools(shown), chosen, shown.phase)
    if stack.exists():
        try:
            with interruptible(stack.engine, shown.phase):
                stack.destroy(Watcher(shown, "deleting"))
        except (AlreadyRunning, RunFailed) as error:
            raise Failure(
                f"The lab could not be taken away:\n{error}\nRun ./lab down again, or ./lab down --force to stop the "
                "rehearsal as it is."
            ) from error
        shown.phase("every resource deleted; asking the emulator what is left")
    return worlds.leftovers(here)
