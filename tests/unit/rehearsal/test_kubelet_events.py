"""What the kubelet tells of containers, and what becomes of it when nobody takes it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet.events import Events, tell_of_start
from tests.unit.rehearsal import own_loop

POD = {"metadata": {"namespace": "dev-team", "name": "one", "uid": "u1"}, "spec": {"nodeName": "node-1"}}


class Api:
    """Keeps what it is sent; `away` many requests are not answered."""

    def __init__(self, away: int = 0) -> None:
        self.sent: list[tuple[str, str, Mapping[str, Any]]] = []
        self._away = away

    async def request(self, method: str, path: str, body: Mapping[str, Any], content_type: str) -> dict[str, Any]:
        assert content_type == ("application/json" if method == "POST" else "application/merge-patch+json")
        if self._away:
            self._away -= 1
            raise ControlPlaneError("away")
        self.sent.append((method, path, body))
        return {}


async def told(api: Api, *messages: str) -> None:
    """One container tells these."""
    events = Events(api)
    events.start()
    tell = events.of(POD, "main")
    for message in messages:
        tell("Warning", "BackOff", message)
    await asyncio.sleep(0.05)
    await events.stop()


def test_an_event_says_whose_it_is() -> None:
    api = Api()
    own_loop.run(told(api, "no"))
    ((method, path, body),) = api.sent
    assert (method, path) == ("POST", "/api/v1/namespaces/dev-team/events")
    assert (body["involvedObject"]["uid"], body["involvedObject"]["fieldPath"]) == ("u1", "spec.containers{main}")
    assert (body["type"], body["reason"], body["message"], body["count"]) == ("Warning", "BackOff", "no", 1)
    assert body["source"] == {"component": "kubelet", "host": "node-1"}


def test_what_is_told_again_is_counted() -> None:
    api = Api()
    own_loop.run(told(api, "no", "other", "no", "no"))
    first = f"{api.sent[0][1]}/{api.sent[0][2]['metadata']['name']}"
    assert [method for method, _, _ in api.sent] == ["POST", "POST", "PATCH", "PATCH"]
    assert [(path, body["count"]) for _, path, body in api.sent[2:]] == [(first, 2), (first, 3)]


def test_what_nobody_takes_is_forgotten_and_the_next_is_sent() -> None:
    api = Api(away=1)
    own_loop.run(told(api, "lost", "kept", "lost"))
    assert [(method, body["message"]) for method, _, body in api.sent] == [("POST", "kept"), ("POST", "lost")]


@pytest.mark.parametrize(
    ("container", "reasons"),
    [
        ({"image": "busybox:1", "imagePullPolicy": "IfNotPresent"}, ["Pulled", "Created", "Started"]),
        ({"image": "busybox", "imagePullPolicy": "Always"}, ["Pulling", "Pulled", "Created", "Started"]),
    ],
)
def test_a_start_is_told_by_the_pull_policy(container: dict[str, str], reasons: list[str]) -> None:
    seen: list[str] = []
    tell_of_start(lambda _, reason, __: seen.append(reason), container)
    assert seen == reasons
