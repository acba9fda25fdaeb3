"""`lab page`: the lab in a browser, on this machine's own address."""

import sys
from typing import Annotated

import typer

from rehearsal import collector
from stacks.console import err, out
from stacks.stack import REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="page", help="Show the lab in a browser: what stands, and the exercises with their buttons.")(page)


def page(
    stack: StackOption = REHEARSAL,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="Listen there; without it, on a free port.")
    ] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only print the address, and open no browser.")] = False,
) -> None:
    """Show the lab in a browser: what stands, and the exercises with their buttons; Ctrl-C ends it."""
    # The other commands do without a server and templates.
    from cli.page import serve

    load(stack)
    # This one stays.
    collector.seldom()
    sock = serve.listening(port)
    # The address is what a script wants of it.
    serve.serve(
        stack,
        sock,
        opens=not no_open and sys.stdout.isatty(),
        tell=lambda text: (out if "http://" in text else err).print(text, markup=False, soft_wrap=True),
    )
