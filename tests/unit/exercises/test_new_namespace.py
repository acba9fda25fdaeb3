"""A namespace that is made for a question is never left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exercises.k04.new_namespace import CHECK_LABEL, FORGOTTEN, InNewNamespace
from grading.outcomes import Done, Outcome, http
from tests.unit.exercises.k04_cases import BUSY, MADE, answering
from tests.unit.grading.fake_lab import FakeLab, lab

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "try"}, "spec": {"containers": []}}
QUESTION = InNewNamespace("tenant-new", "k04", POD)
NAMESPACES = "/api/v1/namespaces"


def asked(one: FakeLab, method: str) -> list[tuple[str, Any]]:
    return [(path, body) for verb, path, body, _ in one.api.asked if verb == method]


def deleted(one: FakeLab) -> list[str]:
    return [path for path, _ in asked(one, "DELETE")]


@pytest.mark.parametrize("pod", [MADE, BUSY])
def test_the_namespace_goes_whatever_came_back(pod: Outcome):
    one = lab()
    answering(pod=pod)(one)
    assert QUESTION.ask(one.session) == pod
    (path, made), (_, account), (pods, tried) = asked(one, "POST")
    name = made["metadata"]["name"]
    assert path == NAMESPACES
    assert name.startswith("tenant-new-")
    assert made["metadata"]["labels"] == {"lab.myeks/exercise": "k04", CHECK_LABEL: "k04"}
    assert pods == f"{NAMESPACES}/{name}/pods?dryRun=All"
    assert tried["metadata"]["namespace"] == account["metadata"]["namespace"] == name
    assert tried["spec"]["serviceAccountName"] == account["metadata"]["name"]
    assert deleted(one) == [f"{NAMESPACES}/{name}"]


def test_the_namespace_goes_when_the_asking_is_interrupted():
    one = lab()

    def answer(method: str, path: str, _body: Any, _token: str | None) -> Outcome | None:
        if "/pods" in path:
            raise KeyboardInterrupt
        return MADE if method == "POST" else http(200, {"items": []})

    one.api.answers.append(answer)
    with pytest.raises(KeyboardInterrupt):
        QUESTION.ask(one.session)
    assert len(deleted(one)) == 1


def test_two_checks_have_two_namespaces():
    one = lab()
    answering()(one)
    assert isinstance(QUESTION.ask(one.session), Done)
    assert isinstance(QUESTION.ask(one.session), Done)
    assert len(set(deleted(one))) == 2


def test_only_namespaces_that_a_check_left_behind_are_deleted():
    one = lab()
    now = datetime.now(UTC)
    ages = {"left": FORGOTTEN + timedelta(seconds=5), "in-use": FORGOTTEN - timedelta(seconds=60)}
    items = [
        {"metadata": {"name": name, "creationTimestamp": (now - age).strftime("%Y-%m-%dT%H:%M:%SZ")}}
        for name, age in ages.items()
    ]
    one.api.on("GET", f"{NAMESPACES}?labelSelector=lab.myeks/check%3Dk04", 200, {"items": items})
    answering()(one)
    QUESTION.ask(one.session)
    assert f"{NAMESPACES}/left" in deleted(one)
    assert f"{NAMESPACES}/in-use" not in deleted(one)
