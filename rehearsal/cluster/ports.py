"""Free ports on loopback that stay ours while their program is away.

A port that was merely found free may be somebody's by the time the program
binds it, or while it restarts. On Linux a socket that is bound but does not
listen keeps it: others are not given it, and our own program, which asks for
address reuse as every Go server does, may bind it beside us.
"""

import socket
import sys

LOOPBACK = "127.0.0.1"


class Port:
    """A port of 127.0.0.1 chosen by the kernel; on macOS it is only known to have been free."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((LOOPBACK, 0))
        self.number: int = self._socket.getsockname()[1]
        if sys.platform != "linux":
            self._socket.close()

    @property
    def address(self) -> str:
        """Host and port, as "127.0.0.1:40123"."""
        return f"{LOOPBACK}:{self.number}"

    def release(self) -> None:
        """Let others have it."""
        self._socket.close()
