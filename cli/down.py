"""`lab down`: take the lab away and show that nothing is left."""

import json
from typing import Annotated

import typer

from cli import aws_stack, leftover_tables, recorded, rehearsed, sweep
from cli.causes import cause
from cli.console import Progress, duration, err, out, progress
from cli.events import Watcher
from cli.failures import BadInput, Failure
from cli.lab_on_aws import Opened, cluster_is_gone, in_rehearsal, opened
from cli.stacks import REHEARSAL, Stack, StackOption, load
from infra import leftovers
from rehearsal import world as worlds
from rehearsal.engine import interruptible
from rehearsal.recovery import AlreadyRunning
from rehearsal.run import RehearsalStack, RunFailed, environment
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
    as_json: Annotated[bool, typer.Option("--json", help="Print what is left as JSON.")] = False,
) -> None:
    """Take the lab away and show that nothing is left."""
    chosen = load(stack)
    if not chosen.is_rehearsal:
        if as_json and not yes:
            raise BadInput("With --json nobody can be asked before the lab is deleted. Add --yes.")
        _down_on_aws(chosen, yes=yes, as_json=as_json)
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
    if as_json:
        out.print_json(json.dumps({"left": left, "seconds": round(shown.elapsed, 1)}))
    if left:
        table = "\n".join(f"  {service}: {', '.join(ids)}" for service, ids in left.items())
        raise Failure(
            f"The program left resources behind; on AWS they would go on costing:\n{table}\n"
            "The emulator is stopped, so that they are gone here. This is a defect of the stack: please report it."
        )
    err.print(f"Nothing is left: no resource, no process, no file. {duration(shown.elapsed)}.")


def _down_on_aws(chosen: Stack, *, yes: bool, as_json: bool) -> None:
    """Destroy by the engine, then ask AWS what is left; raises Failure, or leaves with `sweep`'s exit codes."""
    with opened(chosen) as lab:

        def gone() -> bool:
            with progress() as shown:
                return cluster_is_gone(lab, shown)

        try:
            aws_stack.down(chosen, yes=yes, cluster_is_gone=gone, as_json=as_json)
        except Failure as failure:
            raise Failure(f"{failure}\n{_in_the_way(lab)}") from failure
        now = recorded.on_aws(chosen)
        with progress() as shown:
            shown.phase("the engine is done; asking AWS what is left")
            report = leftovers.settled(lab.client, lab.lab, now.ids, within=sweep.SETTLED_WITHIN, tell=shown.waiting)
    if as_json:
        out.print_json(json.dumps(leftover_tables.as_json(chosen, report, now, None)))
    else:
        leftover_tables.show(chosen, report, now)
    if any(each.ours for each in report.left):
        err.print(f"Delete what is left with ./lab sweep -s {chosen.name} --delete.")
    if code := sweep.exit_code(report, now):
        raise typer.Exit(code)


def _in_the_way(lab: Opened) -> str:
    """After the engine has failed: what else of the lab AWS has, and the command that goes on."""
    name = lab.stack.name
    now = recorded.on_aws(lab.stack)
    with progress() as shown:
        report = leftovers.find(lab.client, lab.lab, now.ids, tell=shown.waiting)
    beside = [each for each in report.left if not each.recorded and not each.thing.going]
    if now.has_cluster or not beside:
        return f"Run ./lab down -s {name} again."
    err.print("The engine knows nothing of these, and they may be what held it up:")
    err.print(leftover_tables.table(beside))
    return f"Delete them with ./lab sweep -s {name} --delete, then run ./lab down -s {name} again."


def _destroy(here: World, chosen: Stack, shown: Progress) -> dict[str, list[str]]:
    stack = rehearsed.stack_in(here, rehearsed.tools(shown), chosen, shown.phase)
    if stack.exists():
        try:
            with interruptible(stack.engine, shown.phase):
                _destroy_with_engine(stack, chosen, shown)
        except (AlreadyRunning, RunFailed) as error:
            raise Failure(
                f"The lab could not be taken away: {cause(str(error))}\n./lab down goes on; ./lab down --force stops "
                "the rehearsal as it is."
            ) from error
        shown.phase("every resource deleted; asking the emulator what is left")
    return worlds.leftovers(here)


def _destroy_with_engine(stack: RehearsalStack, chosen: Stack, shown: Progress) -> None:
    """As `aws_stack.down` does it: what was in a cluster that is gone is forgotten first."""
    with in_rehearsal(chosen, stack) as lab:
        gone = cluster_is_gone(lab, shown)
    with environment(aws_stack.FORGET_WITH_CLUSTER if gone else {}, set()):
        if gone:
            shown.phase("the cluster is gone: what was in it goes from the engine's state alone")
            stack.refresh(Watcher(shown, "reading"))
        stack.destroy(Watcher(shown, "deleting"))
