"""A command in a pod that is gone or over: whatever exec says of it, what to do is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from kubernetes.stream import ws_client
from websocket import WebSocketBadStatusException, WebSocketConnectionClosedException

from grading.kube_api import Client, Endpoint
from grading.outcomes import HttpRefused, Outcome, Ran, Unanswered, http

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
