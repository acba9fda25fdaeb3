"""A child that ends with its parent, however that ends: also when it is killed outright, when nothing can clear up."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def with_us() -> Callable[[], None] | None:
    """What a child does between its fork and its start (`preexec_fn`) so that it is killed when we end; Linux alone."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
