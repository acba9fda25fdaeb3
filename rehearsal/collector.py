"""Python's garbage collector, kept out of the way of processes that start often.

Whoever imports the Pulumi SDK or reads AWS's models makes a million objects and keeps them. The collector looks through
them again and again meanwhile, and once more when the process ends: half of the processor time of a start (2.2 s with
it and 1.2 s without, for the command line with the program; measured 2026-11). Few of them are ever garbage.
"""

import atexit
import gc
from typing import Final

SELDOM: Final = 20_000
"""New objects between two collections, in a process that stays. Python's own is 700."""


def off() -> None:
    """No collection in this process, which is to end within minutes; to be called before the large imports."""
    gc.disable()
    atexit.register(gc.freeze)


def seldom() -> None:
    """Collect what is made from now on, and that seldom; to be called after `off` by a process that stays."""
    gc.freeze()
    gc.set_threshold(SELDOM)
    gc.enable()
