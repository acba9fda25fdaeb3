"""Runs that change a stack on AWS, by the user's own pulumi on the user's terminal.

What a killed run has left is repaired first; what takes long is shown while it lasts.
"""

from contextlib import suppress
from functools import partial
from typing import IO, Any

import typer
from pulumi import automation as auto

from stacks import pulumi_cli, takeover, wait_probes, waits
from stacks.console import err
from stacks.made_by_hand import Agree, nobody
from stacks.stack import Stack


def change(stack: Stack, *arguments: str, yes: bool, stdout: IO[str] | None = None, agree: Agree = nobody) -> None:
    """Run `pulumi up` or `pulumi destroy`; raises Failure with the cause in a line, KeyboardInterrupt after Ctrl-C.

    `yes` is the user's consent to putting right what a killed update left, as far as that needs none that is more
    explicit; `agree` is asked before what was made by hand is replaced.
    """
    builds = arguments[0] == "up"

    def run() -> pulumi_cli.Ended:
        with wait_probes.reporter(stack, _tell, builds=builds).watching() as late:
            return pulumi_cli.run(*arguments, stdout=stdout, on_event=partial(_take, late))

    pulumi_cli.require(takeover.update(stack, run, yes=yes, builds=builds, agree=agree), arguments[0])


def ask(question: str, *, yes: bool) -> None:
    """Ask whoever has not said yes; leaves with exit code 1 without consent."""
    if not yes and not typer.confirm(question):
        raise typer.Exit(code=1)


def _take(late: waits.Reporter, event: dict[str, Any]) -> None:
    # An event of a newer engine in a form that is not known says nothing.
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        late.take(auto.EngineEvent.from_json(event))


def _tell(line: str) -> None:
    err.print(line, markup=False, soft_wrap=True)
