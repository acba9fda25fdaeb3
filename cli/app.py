"""Puts the commands together: each is a function of a file of its own, registered here and nowhere else."""

import os
import shlex
import sys
from importlib import import_module
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from cli import callers
from rehearsal import room
from rehearsal.stack_files import Refused
from stacks import rehearsal_backend
from stacks.errors import EXIT_CODES, BadInput, Failure, Interrupted

COMMANDS: Final = (
    "up",
    "preview",
    "down",
    "status",
    "shell",
    "plan",
    "cost",
    "doctor",
    "whocan",
    "check",
    "play",
    "hint",
    "solution",
    "reset",
    "progress",
    "page",
    "report",
    "stage",
    "as_",
    "sweep",
)


YES: Final = ("--yes", "-y")
"""The option by which a user agrees before being asked."""


class _Commands(TyperGroup):
    """Tells of Ctrl-C: typer itself ends without a word, or with "Aborted!" where it has asked something."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the line names; raises Interrupted, and Failure where nobody answers."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort) as error:
            # The question, or the terminal's "^C", stands on this line.
            sys.stderr.write("\n")
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            options = [option for each in command.params for option in each.opts] if command else []
            raise _ended(error, can_agree=YES[0] in options) from error


def _ended(error: BaseException, *, can_agree: bool) -> Failure:
    """`can_agree`: whether the command has an option by which its user agrees beforehand."""
    again = shlex.join(["./lab", *sys.argv[1:]])
    if isinstance(error.__context__, EOFError):
        if can_agree and not set(YES) & set(sys.argv):
            return Failure(f"Nobody answered. Run it where you can answer, or agree beforehand: {again} {YES[0]}")
        return Failure(f"Nobody answered. Run it where you can answer: {again}")
    return Interrupted(f"Interrupted. To go on: {again}")


app = typer.Typer(
    name="lab",
    cls=_Commands,
    help="The myeks EKS security lab: rehearsed on this machine, or built on AWS with -s STACK.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo("lab 0.1.0")
        raise typer.Exit


@app.callback()
def lab(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """The myeks EKS security lab: rehearsed on this machine, or built on AWS with -s STACK."""
    del version  # its callback has told it
    callers.tell_who_works(context.invoked_subcommand)


for _name in COMMANDS:
    import_module(f"cli.commands.{_name}").register(app)


def main() -> None:
    """Run the command line; every expected failure ends in a message and a documented exit code."""
    callers.leave_the_shell(os.environ)
    try:
        # As the user typed it, and not the module behind the launcher.
        app(prog_name="./lab")
    except Failure as failure:
        _end(str(failure), failure.exit_code)
    except Refused as error:
        _end(str(error), BadInput.exit_code)
    except rehearsal_backend.EXPECTED as error:
        _end(str(error), 1)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _end(f"{error.strerror or error}{where}. Fix that and run the same command again.", 1)


def _end(told: str, code: int) -> NoReturn:
    sys.stderr.write(f"lab: {told}\n")
    # A part that met a full disk may have reported it in other words, or reported something else altogether.
    if code == Failure.exit_code and (full := room.full()):
        sys.stderr.write(f"{full}\n")
    sys.exit(code)
