"""`lab down`: take the lab away and show that nothing is left."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli import aws_stack
from cli.commands import sweep
from cli.views import leftovers as leftover_tables
from exercises.catalogue import EXERCISES
from operations import cleanup
from rehearsal import world as worlds
from rehearsal.at_work import AlreadyRunning
from rehearsal.engine import interruptible
from rehearsal.environment import environment
from rehearsal.outcome import RunFailed
from rehearsal.stack import RehearsalStack
from rehearsal.world import World
from stacks import (
    expiry,
    ingresses,
    kept_stages,
    own_things,
    rehearsal_backend,
    services,
    undoing,
    wait_probes,
)
from stacks import progress as kept_progress
from stacks.aws_lab import AnotherCluster, Opened, cluster_is_gone, in_rehearsal, opened, state_of
from stacks.console import Progress, duration, err, out, progress
from stacks.engine_events import Watcher
from stacks.error_hints import cause
from stacks.errors import BadInput, Failure
from stacks.made_by_hand import confirmed
from stacks.stack import REHEARSAL, Stack, StackOption, load

EVER: Final = datetime.min.replace(tzinfo=UTC)
ANYWHERE: Final = "0.0.0.0/0"
_UNREACHABLE: Final = re.compile(
    r"cluster (is )?unreachable|unreachable cluster|\.eks\.amazonaws\.com\S*: (dial tcp|net/http|context deadline)"
)
"""How the Kubernetes provider says that the API server does not answer."""


_YOURS: Final = ("route53 hosted zones", "acm certificates")
"""What the settings name for a lab with a domain. It is made beforehand and stays; the program makes none."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="down", help="Take the lab away and show that nothing is left.")(down)


def down(
    stack: StackOption = REHEARSAL,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before anything is deleted.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Rehearsal: stop it without deleting its resources one by one first."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is left as JSON.")] = False,
) -> None:
    """Take the lab away and show that nothing is left."""
    if force and stack == REHEARSAL:
        # Also when the settings are wrong, the emulator hangs or something else answers in its place.
        worlds.sweep(force=True)
        kept_stages.forget()
        kept_progress.all_left(REHEARSAL, datetime.now(UTC))
        _gone("The rehearsal is stopped; nothing is left of it.", as_json=as_json)
        return
    chosen = load(stack)
    if not chosen.is_rehearsal:
        if as_json and not yes:
            raise BadInput("With --json nobody can be asked before the lab is deleted. Add --yes.")
        _down_on_aws(chosen, yes=yes, as_json=as_json)
        return
    with progress() as shown:
        here = rehearsal_backend.attached()
        if here is None:
            worlds.sweep()
            kept_stages.forget()
            kept_progress.all_left(chosen.name, datetime.now(UTC))
            _gone("The rehearsal is not up; nothing is left of it.", as_json=as_json)
            return
        left, own = _destroy(here, chosen, shown, yes=yes)
        worlds.stop(here)
        kept_stages.forget()
        kept_progress.all_left(chosen.name, datetime.now(UTC))
    if left:
        if as_json:
            _print(left, shown.elapsed, own)
        table = "\n".join(f"  {service}: {', '.join(ids)}" for service, ids in left.items())
        raise Failure(
            f"The program left resources behind; on AWS they would go on costing:\n{table}\n"
            "The emulator is stopped, so that they are gone here. This is a defect of the stack: please report it."
        )
    lasted = duration(shown.elapsed)
    told = f"Nothing is left: no resource, no process, no file. {lasted}."
    if own:
        told = "\n".join(
            (
                f"Nothing of the lab is left. {lasted}. These were yours, made by hand. They went with the rehearsal; "
                "on AWS they would stay until you remove them:",
                *own_things.lines(own, here.account_id),
            )
        )
    _gone(told, as_json=as_json, after=shown.elapsed, own=own)
    expiry.forget(chosen)


def _gone(told: str, *, as_json: bool, after: float = 0.0, own: own_things.Found | None = None) -> None:
    """Tell that nothing is left of the rehearsal, `after` so many seconds of work; `own` was made by hand."""
    if as_json:
        _print({}, after, own or {})
    err.print(told, markup=False, soft_wrap=True)


def _print(left: own_things.Found, seconds: float, own: own_things.Found) -> None:
    out.print_json(json.dumps({"left": left, "yours": own, "seconds": round(seconds, 1)}))


def _down_on_aws(chosen: Stack, *, yes: bool, as_json: bool) -> None:
    """Destroy by the engine, then ask AWS what is left; raises Failure, or leaves with `sweep`'s exit codes."""
    with opened(chosen) as lab:
        now = lab.recorded
        if now.missing:
            err.print(
                f"Pulumi has no stack {chosen.name}: it was never up, or its state is lost or in another backend "
                "(pulumi whoami -v). So there is nothing to destroy.",
                markup=False,
            )
        else:
            _destroy_on_aws(lab, yes=yes, as_json=as_json)
            kept_progress.all_left(chosen.name, datetime.now(UTC))
            now = state_of(chosen)
        with progress() as shown:
            shown.phase("asking AWS what is left")
            report = cleanup.settled(lab.client, lab.lab, now.ids, within=sweep.SETTLED_WITHIN, tell=shown.waiting)
    if as_json:
        out.print_json(json.dumps(leftover_tables.as_json(chosen, report, now, None)))
    else:
        leftover_tables.show(chosen, report, now)
    if any(each.ours for each in report.left):
        err.print(f"Delete what is left with {sweep.delete_command(chosen, report)}.", markup=False)
    if code := sweep.exit_code(report, now):
        raise typer.Exit(code)
    expiry.forget(chosen)


def _destroy_on_aws(lab: Opened, *, yes: bool, as_json: bool) -> None:
    """Raises Failure with what may have held the engine up, and the command that goes on."""

    def gone() -> bool:
        with progress() as shown:
            if not cluster_is_gone(lab, shown):
                if lab.recorded.has_cluster:
                    again = f"./lab down{lab.stack.option}"
                    services.clear(lab, shown, yes=yes, again=again)
                    ingresses.clear(lab, shown, yes=yes, again=f"{again} --yes")
                    _clear_the_exercises_way(lab, shown)
                return False
        _clear_the_network(lab, yes=yes)
        return True

    try:
        aws_stack.down(lab.stack, yes=yes, cluster_is_gone=gone, as_json=as_json)
    except AnotherCluster:
        raise
    except Failure as failure:
        raise type(failure)(f"{failure}\n{_in_the_way(lab, str(failure))}") from failure


def _clear_the_exercises_way(lab: Opened, shown: Progress) -> None:
    """The user has agreed that the cluster goes, and every policy in it."""
    undoing.clear_the_way(lab, tuple(EXERCISES), shown, agree=confirmed(yes=True), since=EVER)


def _clear_the_network(lab: Opened, *, yes: bool) -> None:
    """Delete what the cluster's controllers left in the VPC when they went with it; tell what else stands there.

    The engine knows nothing of either, and would wait for its subnets to become free, up to twenty minutes each.
    """
    kinds = [kind for kind in cleanup.KINDS if kind in (*cleanup.FIRST, *cleanup.HOLDERS)]
    with progress() as shown:
        report = cleanup.find(lab.client, lab.lab, lab.recorded.ids, kinds=kinds, tell=shown.waiting)
    unknown = [each for each in report.left if each.kind in cleanup.HOLDERS and not each.recorded]
    held = [each for each in unknown if each.ours or not each.thing.going]
    if all(each.thing.going for each in held):
        return
    err.print("The engine knows nothing of these, and its network cannot go before them:")
    leftover_tables.table(held, err)
    beside = [each for _, mine in cleanup.in_order(held) for each in mine]
    if not beside:
        return
    if not yes and not typer.confirm(f"Delete the {len(beside)} that are the lab's for good first?"):
        raise typer.Exit(1)
    with progress() as shown:
        outcome = cleanup.delete(lab.client, lab.lab, beside, lab.recorded.ids, tell=shown.waiting)
    leftover_tables.show_outcome(outcome, err)


def _in_the_way(lab: Opened, said: str) -> str:
    """After the engine has failed: what else of the lab AWS has, and the command that goes on."""
    if _UNREACHABLE.search(said) and (shut_out := _shut_out(lab)):
        return shut_out
    name = lab.stack.name
    now = state_of(lab.stack)
    with progress() as shown:
        report = cleanup.find(lab.client, lab.lab, now.ids, tell=shown.waiting)
    beside = [each for each in report.left if not each.recorded and not each.thing.going]
    if now.has_cluster or not beside:
        return f"Run ./lab down -s {name} again."
    err.print("The engine knows nothing of these, and they may be what held it up:")
    leftover_tables.table(beside, err)
    if not any(each.ours for each in beside):
        return f"Look whose they are, and run ./lab down -s {name} again when they are gone."
    return f"Delete them with {sweep.delete_command(lab.stack, report)}, then run ./lab down -s {name} again."


def _shut_out(lab: Opened) -> str:
    """How to let this machine into the cluster again; empty when EKS has none, or lets everybody reach it."""
    try:
        access = lab.client("eks").describe_cluster(name=lab.lab.cluster)["cluster"]["resourcesVpcConfig"]
    except (BotoCoreError, ClientError):
        return ""
    allowed = access.get("publicAccessCidrs", [])
    if not allowed or ANYWHERE in allowed:
        return ""
    where = f"--region {lab.lab.region} --name {lab.lab.cluster}"
    if lab.stack.profile:
        where += f" --profile {lab.stack.profile}"
    return (
        f"EKS lets only {', '.join(allowed)} reach the cluster from outside. If that (myeks:operatorCidrs) lacks "
        "this machine's public address, let it in:\n"
        f"  aws eks update-cluster-config {where} --resources-vpc-config publicAccessCidrs=YOUR-ADDRESS/32\n"
        f"  aws eks wait cluster-active {where}\n"
        f"Then run ./lab down{lab.stack.option} again."
    )


def _destroy(here: World, chosen: Stack, shown: Progress, *, yes: bool) -> tuple[own_things.Found, own_things.Found]:
    """What is left afterwards: of the lab, and of what the learner made by hand."""
    stack = rehearsal_backend.stack_in(here, rehearsal_backend.tools(shown), chosen, shown)
    held: cleanup.Recorded = {}
    if stack.exists():
        with in_rehearsal(chosen, stack) as lab:
            held = lab.recorded.ids
        try:
            with stack.alone(), interruptible(stack.engine, shown.phase):
                _destroy_with_engine(stack, chosen, shown, yes=yes)
        except AlreadyRunning as error:
            raise Failure(f"{error} ./lab down --force stops the rehearsal as it is.") from error
        except RunFailed as error:
            raise Failure(
                f"The lab could not be taken away: {cause(str(error))}\n{_yours_in_the_way(stack, chosen, held)}"
                "./lab down goes on; ./lab down --force stops the rehearsal as it is."
            ) from error
        shown.phase("every resource deleted; asking the emulator what is left")
    return _told_apart(stack, chosen, held)


def _told_apart(
    stack: RehearsalStack, chosen: Stack, held: cleanup.Recorded
) -> tuple[own_things.Found, own_things.Found]:
    found = {kind: ids for kind, ids in worlds.leftovers(stack.world).items() if kind not in _YOURS}
    if not found:
        return {}, {}
    with in_rehearsal(chosen, stack) as lab:
        return own_things.told_apart(found, cleanup.find(lab.client, lab.lab), held)


def _yours_in_the_way(stack: RehearsalStack, chosen: Stack, held: cleanup.Recorded) -> str:
    """What the learner made by hand and may keep the lab's network; empty when that is nothing."""
    _, own = _told_apart(stack, chosen, held)
    keeping = {kind: own[kind] for kind in own_things.IN_THE_WAY if kind in own}
    if not keeping:
        return ""
    listed = "\n".join(own_things.lines(keeping, stack.world.account_id))
    return f"These are yours, made by hand, and may be in the way. Remove them in ./lab shell:\n{listed}\n"


def _destroy_with_engine(stack: RehearsalStack, chosen: Stack, shown: Progress, *, yes: bool) -> None:
    """As `aws_stack.down` does it: what was in a cluster that is gone is forgotten first."""
    with in_rehearsal(chosen, stack) as lab:
        gone = cluster_is_gone(lab, shown)
        if lab.recorded.has_cluster and not gone:
            services.clear(lab, shown, yes=True, again="./lab down")
            ingresses.clear(lab, shown, yes=yes, again="./lab down --yes")
            _clear_the_exercises_way(lab, shown)
    late = wait_probes.reporter(chosen, shown.phase, builds=False)
    forgets = aws_stack.FORGET_WITH_CLUSTER if gone else {}
    with environment({**stack.environment(), **forgets}, stack.world.unset()), late.watching():
        if gone:
            shown.phase("the cluster is gone: what was in it goes from the engine's state alone")
            stack.refresh(Watcher(shown, "reading", late))
        stack.destroy(Watcher(shown, "deleting", late))
