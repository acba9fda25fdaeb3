"""Runs programs for the engine as the SDK's Automation API does, several in one process, and however an engine ended.

The SDK (3.259) is made for one program a process. It keeps the servers of all programs' transforms and stops them again
at each program's end; one whose event loop ended meanwhile makes a later program fail. And it sends each line of its
debug log to the engine in a call of its own, some 600 in a run of the lab, and the engine drops them. Such a call fails
when the engine has ended: if a transform is being answered then, gRPC writes a trace to the user's terminal. Nor does
it wait for a program whose engine was interrupted: that one goes on until it next asks the engine, and writes files.
"""

import threading
from typing import Any, Final

from pulumi import log
from pulumi.automation import _stack  # pyright: ignore[reportPrivateUsage]
from pulumi.automation._server import LanguageServer
from pulumi.runtime._callbacks import _CallbackServicer  # pyright: ignore[reportPrivateUsage]

END_WITHIN: Final = 30.0
"""Seconds that a program gets to notice that its engine has ended; it may be waiting for chart repositories."""

_running = threading.Lock()
"""Held while a program runs: an engine runs one at a time."""


class CleanLanguageServer(LanguageServer):
    """The SDK's own, whose programs find nothing of those before them."""

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802  # its name in the protocol
        """Run the program to its end, as the engine asks."""
        with _running:
            _CallbackServicer._servicers.clear()  # pyright: ignore[reportPrivateUsage]
            return super().Run(request, context)


def wait_for_program() -> bool:
    """Wait until no program runs, END_WITHIN at the most; whether that is so."""
    if not _running.acquire(timeout=END_WITHIN):
        return False
    _running.release()
    return True


def install() -> None:
    """Have every stack of this process run its program so, without the SDK's debug log."""
    _stack.LanguageServer = CleanLanguageServer  # pyright: ignore[reportPrivateImportUsage]
    log.debug = _drop


def _drop(*_line: object, **_about: object) -> None:
    pass
