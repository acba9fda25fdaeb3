"""Runs programs for the engine as the SDK's Automation API does, several in one process, and however an engine ended.

The SDK (3.259) is made for one program a process. It keeps the servers of all programs' transforms and stops them again
at each program's end; one whose event loop ended meanwhile makes a later program fail. And it sends each line of its
debug log to the engine in a call of its own, some 600 in a run of the lab, and the engine drops them. Such a call fails
when the engine has ended: if a transform is being answered then, gRPC writes a trace to the user's terminal.
"""

from typing import Any

from pulumi import log
from pulumi.automation import _stack  # pyright: ignore[reportPrivateUsage]
from pulumi.automation._server import LanguageServer
from pulumi.runtime._callbacks import _CallbackServicer  # pyright: ignore[reportPrivateUsage]


class CleanLanguageServer(LanguageServer):
    """The SDK's own, whose programs find nothing of those before them."""

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802  # its name in the protocol
        """Run the program to its end, as the engine asks."""
        _CallbackServicer._servicers.clear()  # pyright: ignore[reportPrivateUsage]
        return super().Run(request, context)


def install() -> None:
    """Have every stack of this process run its program so, without the SDK's debug log."""
    _stack.LanguageServer = CleanLanguageServer  # pyright: ignore[reportPrivateImportUsage]
    log.debug = _drop


def _drop(*_line: object, **_about: object) -> None:
    pass
