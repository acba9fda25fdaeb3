"""Entry of every launcher: `python programs/__main__.py PROGRAM DIRECTORY ARGUMENT...`.

DIRECTORY is the launcher's own. The launcher starts this file by its path, so that the caller's directory and
environment stay as they are; the checkout is put on the path of imports here.
"""

import atexit
import gc
import os
import sys
from importlib import import_module
from pathlib import Path

BROKEN_PIPE = 141
"""Exit code of a program that SIGPIPE ends, as a shell tells it."""


def run(program: str, directory: Path, arguments: list[str]) -> int:
    """Run one program; its exit code."""
    from programs import not_here
    from programs.cluster import Stopped
    from programs.names import EKSCTL, LACKING, LEAVING, PLUGINS

    try:
        if program in LEAVING:
            not_here.leaving(program, arguments, directory)
        elif program in LACKING:
            not_here.lacking(program)
        elif program == EKSCTL:
            import_module("programs.eksctl").main(arguments)
        else:
            plugin = next(one for one in PLUGINS if one.program == program)
            import_module(f"programs.{plugin.module}").main(arguments)
        sys.stdout.flush()
    except Stopped as stopped:
        sys.stdout.flush()
        shown = program.replace("kubectl-", "kubectl ").replace("_", "-")
        other = "Error" if program == EKSCTL else "error"
        not_here.tell(shown if program in (*LEAVING, *LACKING) else other, stopped)
        return stopped.code
    except BrokenPipeError:
        # Who reads has seen enough, as `head` has; what is still in a buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    # The collector would take half of the time that a program needs to start (`rehearsal.collector`).
    gc.disable()
    atexit.register(gc.freeze)
    sys.path[0] = str(Path(__file__).absolute().parent.parent)
    sys.exit(run(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
