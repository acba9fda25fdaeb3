"""A command in a pod that is gone or over: whatever exec says of it, what to do is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, Literal

import pytest
from kubernetes.stream import ws_client
from websocket import WebSocketBadStatusException, WebSocketConnectionClosedException

from grading.endpoint import Endpoint
from grading.kube_api import Client
from grading.outcomes import Done, HttpRefused, Outcome, Ran, Unanswered, http

REMEDY = "./lab stage EXERCISE off and back makes it anew."
INTERNAL = 'Internal error occurred: unable to upgrade connection: container not found ("my-aws-cli")'


class Played:
    """A client whose exec ends as a test wants, and an API server that tells of the pod."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stop = Event()
        self.looked: list[str] = []
        self.pod: Outcome = http(200, {"status": {"phase": "Running"}})
        self.exec: Callable[[], Any] = dict
        self.client = Client(Endpoint("https://127.0.0.1:1", b"", ()), Path("ca.crt"), lambda: "token", self.stop)
        monkeypatch.setattr(ws_client, "WSClient", lambda *_, **__: self.exec())
        monkeypatch.setattr(self.client, "request", self.request)

    def request(self, method: str, path: str, body: object = None, token: str | None = None) -> Outcome:
        assert (method, body, token) == ("GET", None, None)
        self.looked.append(path)
        return self.pod

    def run(self) -> Ran | Unanswered:
        return self.client.run("default", "eks-iam-test3", ("true",))

    def reason(self) -> str:
        ended = self.run()
        assert isinstance(ended, Unanswered)
        return ended.shown


class Channel:
    """A WebSocket that is over, with this on its error channel."""

    def __init__(self, status: str) -> None:
        self._status = status

    def is_open(self) -> bool:
        return False

    def read_channel(self, number: int) -> str:
        return self._status if number == ws_client.ERROR_CHANNEL else ""

    def close(self) -> None:
        pass


def refusing(status: int, body: bytes) -> Callable[[], Any]:
    def refuse() -> Any:
        raise WebSocketBadStatusException("Handshake status %d %s", status, "x", {}, body)

    return refuse


def failing() -> Any:
    return Channel('{"status": "Failure", "reason": "InternalError", "message": "no running task found"}')


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    return Played(monkeypatch)


EXECS = [refusing(400, b"bad request"), refusing(404, b"x"), refusing(500, INTERNAL.encode() * 9), failing]
IDS = ["400", "404", "500", "the error channel"]


@pytest.mark.parametrize("exec_", EXECS, ids=IDS)
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_whose_hours_are_over_is_told_with_the_remedy(played: Played, exec_: Callable[[], Any], phase: str):
    played.exec, played.pod = exec_, http(200, {"status": {"phase": phase}})
    assert played.reason() == f"The pod eks-iam-test3 has ended ({phase}). {REMEDY}"
    assert played.looked == ["/api/v1/namespaces/default/pods/eks-iam-test3"]


@pytest.mark.parametrize("exec_", EXECS, ids=IDS)
def test_a_pod_that_is_not_there_is_told_with_the_remedy(played: Played, exec_: Callable[[], Any]):
    played.exec, played.pod = exec_, HttpRefused(404, "not found")
    reason = played.reason()
    assert reason.startswith("The pod eks-iam-test3 is not there. ")
    assert reason.endswith(REMEDY)


@pytest.mark.parametrize(
    "pod", [http(200, {"status": {"phase": "Running"}}), http(200, {}), HttpRefused(403, "no"), Unanswered("down")]
)
@pytest.mark.parametrize(("exec_", "said"), [(EXECS[0], "400 bad request"), (failing, "no running task found")])
def test_another_refusal_stays_what_it_is(played: Played, exec_: Callable[[], Any], said: str, pod: Outcome):
    played.exec, played.pod = exec_, pod
    reason = played.reason()
    assert said in reason
    assert "lab stage" not in reason


def test_nobody_looks_at_the_pod_of_a_command_that_ran(played: Played):
    played.exec = lambda: Channel('{"status": "Success"}')
    assert played.run() == Ran(0, "", "")
    assert played.looked == []


def test_nobody_looks_where_nobody_answers_or_after_the_end(played: Played):
    def cut() -> Any:
        raise WebSocketConnectionClosedException("cut")

    played.exec = cut
    assert "got no answer: cut" in played.reason()
    played.exec = failing
    played.stop.set()
    assert "no running task" in played.reason()
    assert played.looked == []


class Line:
    """An HTTPS connection that answers once."""

    def __init__(self, status: int, body: bytes = b"", error: OSError | None = None) -> None:
        self.status, self._body, self._error = status, body, error
        self.asked: list[Any] = []
        self.closed = False

    def __call__(self, host: str, port: int, **_: Any) -> Line:
        self.asked += [host, port]
        return self

    def request(self, method: str, path: str, headers: dict[str, str]) -> None:
        if self._error:
            raise self._error
        self.asked += [method, path, headers]

    def getresponse(self) -> Line:
        return self

    def getheaders(self) -> list[tuple[str, str]]:
        return [("Connection", "Upgrade")]

    def read(self) -> bytes:
        return self._body

    def close(self) -> None:
        self.closed = True


def begun(monkeypatch: pytest.MonkeyPatch, line: Line, method: Literal["GET", "POST"] = "GET") -> Outcome:
    monkeypatch.setattr("http.client.HTTPSConnection", line)
    monkeypatch.setattr("ssl.create_default_context", lambda **_: None)
    client = Client(Endpoint("https://api.example:6443", b"", ()), Path("ca.crt"), lambda: "token", Event())
    return client.begin_streams(method, "/exec?command=true", "mine", "an-id")


@pytest.mark.parametrize(("method", "upgrade"), [("GET", "websocket"), ("POST", "SPDY/3.1")])
def test_streams_that_are_opened_are_closed_and_have_the_id_that_was_given(
    monkeypatch: pytest.MonkeyPatch, method: Literal["GET", "POST"], upgrade: str
):
    line = Line(101)
    found = begun(monkeypatch, line, method)
    assert isinstance(found, Done)
    assert (found.value, found.headers["audit-id"]) == ("", "an-id")
    assert line.asked[:4] == ["api.example", 6443, method, "/exec?command=true"]
    headers = line.asked[4]
    assert (headers["Upgrade"], headers["Connection"]) == (upgrade, "Upgrade")
    assert (headers["Authorization"], headers["Audit-ID"]) == ("Bearer mine", "an-id")
    assert line.closed


def test_streams_that_are_refused_say_why(monkeypatch: pytest.MonkeyPatch):
    line = Line(403, b'{"message": "pods \\"shop\\" is forbidden"}')
    found = begun(monkeypatch, line)
    assert found == HttpRefused(403, 'pods "shop" is forbidden')
    assert isinstance(found, HttpRefused)
    assert found.headers["audit-id"] == "an-id"
    assert begun(monkeypatch, Line(400, b"no JSON")) == HttpRefused(400, "no JSON")
    assert isinstance(begun(monkeypatch, Line(0, error=ConnectionRefusedError("down"))), Unanswered)
    assert line.closed
