"""The engine as a plugin sees it: it takes messages, and it can be gone.

Apart from the server, so that the part that calls the engine and the part that
is called by it can be understood and tested one by one.
"""

from __future__ import annotations

import socket
import sys
import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from rehearsal.providers.protocol import Severity

MESSAGE_BYTES = 400 * 1024 * 1024  # what the SDKs and the engine allow
OPTIONS = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
]
_SEVERITIES: dict[Severity, engine_pb2.LogSeverity.ValueType] = {
    "debug": engine_pb2.DEBUG,
    "info": engine_pb2.INFO,
    "warning": engine_pb2.WARNING,
    "error": engine_pb2.ERROR,
}


class Engine:
    """The engine's end of the connection. Connects when the first message is sent."""

    def __init__(self, address: str) -> None:
        """`address` is "127.0.0.1:PORT"."""
        self.address = address
        self._lock = threading.Lock()
        self._stub: engine_pb2_grpc.EngineStub | None = None

    def log(self, urn: str, severity: Severity, text: str, status: bool) -> None:
        """Show a message beside the resource; `status` messages overwrite each other.

        A message that the engine does not take goes to stderr: no operation
        fails for want of a listener.
        """
        with self._lock:
            if self._stub is None:
                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self.address, OPTIONS))
        request = engine_pb2.LogRequest(severity=_SEVERITIES[severity], message=text, urn=urn, ephemeral=status)
        try:
            self._stub.Log(request, timeout=5)
        except grpc.RpcError as error:
            print(f"{text} (the engine took no message: {error})", file=sys.stderr)

    def answers(self) -> bool:
        """Whether the engine still listens."""
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
        except TimeoutError:
            return True  # a busy machine is not a dead engine
        except OSError:
            return False
        return True
