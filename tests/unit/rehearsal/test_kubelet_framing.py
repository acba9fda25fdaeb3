"""What goes over kubectl exec's WebSocket, byte by byte."""

import json

import pytest

from rehearsal.cluster.kubelet.framing import (
    V4,
    V5,
    BadRequest,
    Data,
    EndOfInput,
    Message,
    Resize,
    Streams,
    ended,
    exit_code,
    failed,
    parse,
)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (b"\x00typed", [Data(b"typed")]),
        (b"\x00\x00\xff", [Data(b"\x00\xff")]),
        (b"\x00", []),
        (b"", []),
        (b'\x04{"Width":120,"Height":40}\n', [Resize(120, 40)]),
        (b'\x04{"Width":1,"Height":2}\n{"Width":3,"Height":4}\n', [Resize(1, 2), Resize(3, 4)]),
        (b"\x01output from a client", []),
        (b"\x09unknown", []),
    ],
)
@pytest.mark.parametrize("protocol", [V4, V5])
def test_messages(protocol: str, message: bytes, found: list[Message]) -> None:
    assert parse(protocol, message) == found


def test_only_v5_closes_a_channel() -> None:
    assert parse(V5, b"\xff\x00") == [EndOfInput()]
    assert parse(V5, b"\xff\x01") == []
    assert parse(V4, b"\xff\x00") == []


@pytest.mark.parametrize(
    "message",
    [b"\xff", b"\xff\x00\x00", b"\x04no json", b'\x04{"Width":1}', b'\x04{"Width":-1,"Height":1}', b"\x04[1]"],
)
def test_nonsense_is_refused(message: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(V5, message)


def test_streams_that_are_asked_for() -> None:
    assert Streams.of({"output": "1", "error": "1"}) == Streams(False, True, True, False)
    assert Streams.of({"input": "1"}) == Streams(True, False, False, False)
    # A terminal has no second output.
    assert Streams.of({"input": "1", "output": "1", "error": "1", "tty": "1"}) == Streams(True, True, False, True)
    with pytest.raises(BadRequest, match="at least 1 of stdin, stdout, stderr"):
        Streams.of({"tty": "1", "error": "1"})
    with pytest.raises(BadRequest):
        Streams.of({"output": "true"})


@pytest.mark.parametrize(
    ("query", "channel"),
    [({"input": "1", "output": "1", "error": "1"}, 1), ({"error": "1"}, 2), ({"input": "1"}, 3)],
)
def test_the_first_message_is_on_the_lowest_channel_that_can_be_written(query: dict[str, str], channel: int) -> None:
    assert Streams.of(query).first == channel


def test_success() -> None:
    assert json.loads(ended(0, ["true"], V5)) == {"metadata": {}, "status": "Success"}


@pytest.mark.parametrize(
    ("protocol", "how"),
    [
        (V5, "command terminated with exit code 3"),
        (V4, "error executing command [sh -c exit 3], exit code 3"),
    ],
)
def test_an_exit_code(protocol: str, how: str) -> None:
    assert json.loads(ended(3, ["sh", "-c", "exit 3"], protocol)) == {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {how}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
    }


def test_a_command_that_could_not_be_run() -> None:
    status = json.loads(failed("no such file"))
    assert status["status"] == "Failure"
    assert status["reason"] == "InternalError"
    assert status["code"] == 500
    assert status["message"] == "Internal error occurred: error executing command in container: no such file"


@pytest.mark.parametrize(("returncode", "code"), [(0, 0), (1, 1), (255, 255), (-9, 137), (-15, 143)])
def test_exit_codes_of_signals(returncode: int, code: int) -> None:
    assert exit_code(returncode) == code
