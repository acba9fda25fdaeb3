"""Drives the user's own pulumi CLI and backend for a stack on AWS.

State, secrets provider, credentials and prompts stay the user's: this only checks
the settings first, says what the lab will cost, and asks.
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any, Final

import typer
from pulumi import automation as auto

from cli.views import cost, next_steps, summary
from rehearsal.environment import environment
from stacks import cluster_facts, expiry, pulumi_cli, takeover, wait_probes, waits
from stacks.console import err, out
from stacks.made_by_hand import Agree, confirmed, nobody
from stacks.stack import Stack

FORGET_WITH_CLUSTER: Final = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
"""Environment in which the Kubernetes provider forgets what is in a cluster that it cannot reach."""


def up(
    stack: Stack,
    *,
    yes: bool,
    agreed: Callable[[], object] = lambda: None,
    refresh: bool = False,
    as_json: bool = False,
) -> None:
    """Tell the cost, ask, and run `pulumi up`; raises Failure when it fails, BadInput when the lab's end has passed.

    `agreed` is called between the user's consent and the first thing that is done. With `as_json` stdout holds the
    stack's outputs and what Helm has, and nothing else.
    """
    expiry.insist(stack.config, datetime.now(UTC))
    pulumi_cli.binary()  # before anybody is asked
    if not as_json:
        cost.tell(stack)
    _agree(f"Stand {stack.config.cluster_name} up on AWS in {stack.config.region} (stack {stack.name})?", yes=yes)
    agreed()
    refresh = refresh or pulumi_cli.last_update_failed(stack.name)
    arguments = ["up", "--yes", "--skip-preview", *(["--refresh"] if refresh else []), "--stack", stack.name]
    _pulumi(*arguments, stdout=sys.stderr if as_json else None, changes=stack, yes=yes, agree=confirmed(yes=yes))
    made = pulumi_cli.outputs(stack.name)
    with environment(*stack.aws_environment):
        releases = cluster_facts.after_up(made, stack.option)
    if as_json:
        listed = None if releases is None else [asdict(one) for one in releases]
        out.print_json(json.dumps({"outputs": made, "releases": listed}))
    else:
        summary.helm(releases or ())
        err.print(next_steps.after_up(made, stack.option), markup=False)
    err.print(f"Take it away when you are done: ./lab down -s {stack.name}")


def apply(stack: Stack, *, refresh: bool = False, agree: Agree = nobody) -> None:
    """Run `pulumi up` with the stack's file, wherever that is, and ask nothing; raises Failure when it fails.

    What pulumi says goes to stderr: the caller's stdout may be for a script. With `refresh` everything is read again
    first; `agree` is asked before what was made by hand is replaced.
    """
    expiry.insist(stack.config, datetime.now(UTC))
    arguments = ["up", "--yes", "--skip-preview", *(["--refresh"] if refresh else []), "--stack", stack.name]
    _pulumi(*arguments, "--config-file", str(stack.file), stdout=sys.stderr, changes=stack, yes=True, agree=agree)


def preview(stack: Stack, *, as_json: bool = False) -> None:
    """Run `pulumi preview`, or print its own JSON."""
    if not as_json:
        cost.tell(stack)
    _pulumi("preview", *(["--json"] if as_json else []), "--stack", stack.name)


def down(stack: Stack, *, yes: bool, cluster_is_gone: Callable[[], bool], as_json: bool = False) -> None:
    """Ask, and run `pulumi destroy`; raises Failure when it fails.

    `cluster_is_gone` is asked after the user's consent. Then what was in the cluster can only be forgotten, and the
    engine must be told so, or it fails on the first object in it. Reading everything anew first is part of it:
    pulumi-kubernetes refuses to delete a release of a cluster that it cannot reach, and forgets it only when it
    reads it (pulumi-kubernetes 4.34, provider/pkg/provider/provider.go, Read and Delete).
    """
    pulumi_cli.binary()  # before anybody is asked
    _agree(f"Delete {stack.config.cluster_name} and everything in it from AWS (stack {stack.name})?", yes=yes)
    arguments = ["destroy", "--yes", "--skip-preview", "--stack", stack.name]
    # With --json stdout is for what is left alone.
    stdout = sys.stderr if as_json else None
    change = partial(_pulumi, stdout=stdout, changes=stack, yes=yes)
    if not cluster_is_gone():
        change(*arguments)
        return
    err.print(
        f"EKS has no cluster {stack.config.cluster_name} any more: what was in it goes from the engine's state alone.",
        markup=False,
    )
    with environment(FORGET_WITH_CLUSTER, set()):
        change(*arguments, "--refresh")


def _agree(question: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        raise typer.Exit(code=1)


def _pulumi(
    *arguments: str,
    stdout: IO[str] | None = None,
    changes: Stack | None = None,
    yes: bool = False,
    agree: Agree = nobody,
) -> None:
    """Run pulumi on the user's terminal. Raises Failure with the cause in a line, KeyboardInterrupt after Ctrl-C.

    Where it `changes` a stack, what a killed update left there is put right first; `yes` is the user's consent to that
    as far as it needs none that is more explicit.
    """
    if changes is None:
        pulumi_cli.insist(pulumi_cli.run(*arguments, stdout=stdout), arguments[0])
        return
    builds = arguments[0] == "up"

    def run() -> pulumi_cli.Ended:
        with wait_probes.reporter(changes, _tell, builds=builds).watching() as late:
            return pulumi_cli.run(*arguments, stdout=stdout, on_event=partial(_take, late))

    pulumi_cli.insist(takeover.update(changes, run, yes=yes, builds=builds, agree=agree), arguments[0])


def _take(late: waits.Reporter, event: dict[str, Any]) -> None:
    # An event of a newer engine in a form that is not known says nothing.
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        late.take(auto.EngineEvent.from_json(event))


def _tell(line: str) -> None:
    err.print(line, markup=False, soft_wrap=True)
