"""Runs programs for the engine as the SDK's Automation API does, several in one process, and however an engine ended.

The SDK (3.259) is made for one program a process. It keeps the servers of all programs' transforms and stops them again
at each program's end; one whose event loop ended meanwhile makes a later program fail. And where an engine ends during
a transform, what the SDK was sending to it fails, and gRPC writes that failure's trace to the user's terminal.
"""

from typing import Any

from grpc._cython.cygrpc import ExecuteBatchError
from pulumi.automation import _stack  # pyright: ignore[reportPrivateUsage]
from pulumi.automation._server import LanguageServer
from pulumi.runtime._callbacks import _CallbackServicer  # pyright: ignore[reportPrivateUsage]
from pulumi.runtime.proto import language_pb2


class CleanLanguageServer(LanguageServer):
    """The SDK's own, which neither finds nor leaves anything of another program."""

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802  # its name in the protocol
        """Run the program to its end, as the engine asks."""
        _CallbackServicer._servicers.clear()  # pyright: ignore[reportPrivateUsage]
        try:
            return super().Run(request, context)
        except ExecuteBatchError:
            return language_pb2.RunResponse(error="The engine ended while the program ran.")


def install() -> None:
    """Have every stack of this process run its program so."""
    _stack.LanguageServer = CleanLanguageServer  # pyright: ignore[reportPrivateImportUsage]
