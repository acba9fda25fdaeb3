"""The bytes on the WebSocket of `kubectl exec`, and the words that end it.

Each message is one byte, the channel, and then data. Protocol v4 is what the
Python client speaks; v5 (kubectl) adds that one side may close a single
channel. What is pure about them lives here, apart from sockets and processes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

V5: Final = "v5.channel.k8s.io"
V4: Final = "v4.channel.k8s.io"
PROTOCOLS: Final = (V5, V4)
"""In the order in which they are preferred."""

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
ERROR: Final = 3
RESIZE: Final = 4
CLOSE: Final = 255
"""v5 alone: the byte after it names the channel on which nothing more will come."""


class BadRequest(Exception):
    """The request is not one that a kubelet can serve; the text goes to the client."""


@dataclass(frozen=True)
class Streams:
    """What a client wants to have connected."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Streams":
        """From the query that the API server passes on. Raises BadRequest."""
        tty = query.get("tty") == "1"
        stdin, stdout = query.get("input") == "1", query.get("output") == "1"
        # A terminal has one output only.
        stderr = query.get("error") == "1" and not tty
        if not (stdin or stdout or stderr):
            raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
        return cls(stdin, stdout, stderr, tty)

    @property
    def first(self) -> int:
        """The channel on which an empty message tells the client that it is connected."""
        if self.stdout:
            return STDOUT
        return STDERR if self.stderr else ERROR


@dataclass(frozen=True)
class Data:
    """Input for the command."""

    data: bytes


@dataclass(frozen=True)
class EndOfInput:
    """No more input will come."""


@dataclass(frozen=True)
class Resize:
    """The client's terminal has this many columns and rows now."""

    width: int
    height: int


Message = Data | EndOfInput | Resize


def parse(protocol: str, message: bytes) -> list[Message]:
    """What a client's message says; messages on other channels say nothing. Raises BadRequest."""
    if not message:
        return []
    channel, data = message[0], message[1:]
    if channel == STDIN:
        return [Data(data)] if data else []
    if channel == RESIZE:
        return list(_sizes(data))
    if channel == CLOSE and protocol == V5:
        if len(data) != 1:
            raise BadRequest("one byte, the channel, must follow the close signal")
        return [EndOfInput()] if data[0] == STDIN else []
    return []


def _sizes(data: bytes) -> list[Resize]:
    found: list[Resize] = []
    for line in data.splitlines():
        try:
            size = json.loads(line)
            found.append(Resize(_short(size["Width"]), _short(size["Height"])))
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest("a terminal's size is an object with Width and Height") from error
    return found


def _short(value: Any) -> int:
    number = int(value)
    if not 0 <= number <= 0xFFFF:
        raise ValueError(value)
    return number


def exit_code(returncode: int) -> int:
    """As a container runtime counts: a process that a signal ended has 128 and the signal's number."""
    return returncode if returncode >= 0 else 128 - returncode


def ended(code: int, command: Sequence[str], protocol: str) -> bytes:
    """The Status that tells the client how its command ended."""
    if code == 0:
        return _status({"status": "Success"})
    # v5 is translated by the kubelet from what the runtime said, v4 is the runtime's own word.
    how = (
        f"command terminated with exit code {code}"
        if protocol == V5
        else f"error executing command [{' '.join(command)}], exit code {code}"
    )
    return _status(
        {
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: {how}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    )


def failed(message: str) -> bytes:
    """The Status that tells the client that its command could not be run."""
    why = f"error executing command in container: {message}"
    return _status(
        {
            "status": "Failure",
            "message": f"Internal error occurred: {why}",
            "reason": "InternalError",
            "details": {"causes": [{"message": why}]},
            "code": 500,
        }
    )


def _status(fields: Mapping[str, Any]) -> bytes:
    return json.dumps({"metadata": {}, **fields}).encode()
