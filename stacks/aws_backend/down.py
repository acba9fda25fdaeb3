"""What goes around `pulumi destroy`: what would stand in its way goes first, and AWS is asked what is left."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import typer
from botocore.exceptions import BotoCoreError, ClientError

from operations import cleanup
from rehearsal.environment import environment
from stacks import exercise_obstacles, ingresses, leftover_tables, pulumi_cli, pulumi_state, services
from stacks import progress as kept_progress
from stacks.aws_backend import engine
from stacks.aws_lab import (
    FORGET_WITH_CLUSTER,
    SETTLED_WITHIN,
    AnotherCluster,
    LabSession,
    cluster_is_gone,
    delete_command,
)
from stacks.console import err, progress
from stacks.errors import Failure
from stacks.outcomes import LeftOnAws
from stacks.stack import Stack
from stacks.state import state_of

ANYWHERE: Final = "0.0.0.0/0"
_UNREACHABLE: Final = re.compile(
    r"cluster (is )?unreachable|unreachable cluster|\.eks\.amazonaws\.com\S*: (dial tcp|net/http|context deadline)"
)
"""How the Kubernetes provider says that the API server does not answer."""


def destroy(lab: LabSession, *, yes: bool, as_json: bool) -> LeftOnAws:
    """Destroy by the engine, then ask AWS what is left; raises Failure, typer.Exit without consent."""
    now = lab.recorded
    if now.missing:
        err.print(
            f"Pulumi has no stack {lab.stack.name}: it was never up, or its state is lost or in another backend "
            "(pulumi whoami -v). So there is nothing to destroy.",
            markup=False,
        )
    else:
        _destroy(lab, yes=yes, as_json=as_json)
        kept_progress.all_left(lab.stack.name, datetime.now(UTC))
        now = state_of(lab.stack)
    with progress() as shown:
        shown.phase("asking AWS what is left")
        report = cleanup.settled(lab.client, lab.lab, now.ids, within=SETTLED_WITHIN, tell=shown.waiting)
    return LeftOnAws(report=report, recorded=now)


def _destroy(lab: LabSession, *, yes: bool, as_json: bool) -> None:
    """Raises Failure with what may have held the engine up, and the command that goes on."""

    def gone() -> bool:
        with progress() as shown:
            if not cluster_is_gone(lab, shown):
                if lab.recorded.has_cluster:
                    again = f"./lab down{lab.stack.option}"
                    services.clear(lab, shown, yes=yes, again=again)
                    ingresses.clear(lab, shown, yes=yes, again=f"{again} --yes")
                    exercise_obstacles.clear_for_down(lab, pulumi_state.OnAws(lab.stack).resources, shown)
                return False
        _clear_the_network(lab, yes=yes)
        return True

    try:
        by_engine(lab.stack, yes=yes, is_gone=gone, as_json=as_json)
    except AnotherCluster:
        raise
    except Failure as failure:
        raise type(failure)(f"{failure}\n{_in_the_way(lab, str(failure))}") from failure


def by_engine(stack: Stack, *, yes: bool, is_gone: Callable[[], bool], as_json: bool = False) -> None:
    """Ask, and run `pulumi destroy`; raises Failure when it fails.

    `is_gone` is asked after the user's consent: whether the cluster exists no more. Then what was in it can only be
    forgotten, and the engine must be told so, or it fails on the first object in it. Reading everything first is part
    of it: pulumi-kubernetes refuses to delete a release of a cluster that it cannot reach, and forgets it only when it
    reads it (pulumi-kubernetes 4.34, provider/pkg/provider/provider.go, Read and Delete).
    """
    pulumi_cli.binary()  # before anybody is asked
    engine.ask(f"Delete {stack.config.cluster_name} and everything in it from AWS (stack {stack.name})?", yes=yes)
    arguments = ["destroy", "--yes", "--skip-preview", "--stack", stack.name]
    # With --json stdout is for what is left alone.
    change = partial(engine.change, stack, stdout=sys.stderr if as_json else None, yes=yes)
    if not is_gone():
        change(*arguments)
        return
    err.print(
        f"EKS has no cluster {stack.config.cluster_name} any more: what was in it goes from the engine's state alone.",
        markup=False,
    )
    with environment(FORGET_WITH_CLUSTER, set()):
        change(*arguments, "--refresh")


def _clear_the_network(lab: LabSession, *, yes: bool) -> None:
    """Delete what the cluster's controllers left in the VPC when they went with it; tell what else stands there.

    The engine knows nothing of either, and would wait for its subnets to become free, up to twenty minutes each.
    """
    kinds = [kind for kind in cleanup.KINDS if kind in (*cleanup.FIRST, *cleanup.HOLDERS)]
    with progress() as shown:
        report = cleanup.find(lab.client, lab.lab, lab.recorded.ids, kinds=kinds, tell=shown.waiting)
    unknown = [each for each in report.left if each.kind in cleanup.HOLDERS and not each.recorded]
    held = [each for each in unknown if each.ours or not each.resource.going]
    if all(each.resource.going for each in held):
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
    leftover_tables.outcome(outcome, err)


def _in_the_way(lab: LabSession, said: str) -> str:
    """After the engine has failed: what else of the lab AWS has, and the command that goes on."""
    if _UNREACHABLE.search(said) and (shut_out := _shut_out(lab)):
        return shut_out
    name = lab.stack.name
    now = state_of(lab.stack)
    with progress() as shown:
        report = cleanup.find(lab.client, lab.lab, now.ids, tell=shown.waiting)
    beside = [each for each in report.left if not each.recorded and not each.resource.going]
    if now.has_cluster or not beside:
        return f"Run ./lab down -s {name} again."
    err.print("The engine knows nothing of these, and they may be what held it up:")
    leftover_tables.table(beside, err)
    if not any(each.ours for each in beside):
        return f"Look whose they are, and run ./lab down -s {name} again when they are gone."
    return f"Delete them with {delete_command(lab.stack, report)}, then run ./lab down -s {name} again."


def _shut_out(lab: LabSession) -> str:
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
