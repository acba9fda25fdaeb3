"""The AWS CLI of the Python environment as a command on somebody's PATH.

pip writes the environment's own directory into the first line of `.venv/bin/aws`. The kernel ends that path at its
first space, so that the command does not start in a checkout whose path has one, and another `aws` on PATH is taken
without a word (github.com/pypa/virtualenv/issues/53). A script of ours starts the module by the interpreter instead.
"""

import shlex
import sys
from pathlib import Path
from typing import Final

START: Final = (
    "import atexit, gc, sys; gc.disable(); atexit.register(gc.freeze); "
    "from awscli.clidriver import main; sys.exit(main())"
)
"""What `python -m awscli` does, without the garbage collector (`rehearsal.collector`): 0.36 s and not 0.62 s."""


def line() -> str:
    """How a shell starts it, without arguments. -I: nothing in the caller's directory is taken for its modules."""
    return f"{shlex.quote(sys.executable)} -I -c {shlex.quote(START)}"


def write(file: Path) -> None:
    """Make `file` a program that is the AWS CLI."""
    file.write_text(f'#!/bin/sh\nexec {line()} "$@"\n')
    file.chmod(0o755)
