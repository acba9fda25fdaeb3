"""What K06's questions make is gone afterwards, what they wait for has an end, and a token goes nowhere."""

from __future__ import annotations

import base64
import re
import time
from typing import Any

import pytest
from cryptography import x509

from exercises.k06.tokens import TEN_YEARS, LongestToken, TokenOfDeletedPod
from exercises.k06.ways_in import Anonymous, AnonymousMay, ClientCertificate
from grading.outcomes import Done, HttpRefused, Outcome, http
from tests.unit.exercises.k06_cases import BUSY, FRESH, GOOD, UNAUTHORIZED, answering
from tests.unit.grading.fake_lab import Clock, FakeLab, lab

PODS = "/api/v1/namespaces/here/pods"
DELETED = TokenOfDeletedPod("here", "robot")


def asked(one: FakeLab, method: str) -> list[tuple[str, Any]]:
    return [(path, body) for verb, path, body, _ in one.api.asked if verb == method]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time passes while a question waits, and at no other time."""
    found = Clock()
    monkeypatch.setattr(time, "monotonic", found.monotonic)
    return found


def pods_lab(clock: Clock, refused_after: float, minted: Outcome | None = None) -> FakeLab:
    """A lab whose API server refuses a token these seconds after its pod is deleted."""
    one = lab(clock=clock)
    gone: list[float] = []

    def answer(method: str, path: str, _body: Any, token: str | None) -> Outcome | None:
        if path.endswith("/token"):
            return minted or http(201, {"status": {"token": FRESH}})
        if path.endswith("/selfsubjectreviews"):
            assert token == FRESH
            return UNAUTHORIZED if gone and clock.now - gone[0] >= refused_after else GOOD
        if method == "DELETE":
            gone.append(clock.now)
        return http(200, {"metadata": {"uid": "u-1"}})

    one.api.answers.append(answer)
    return one


def test_a_token_that_the_api_server_still_remembers_is_shown_again(clock: Clock):
    one, began = pods_lab(clock, refused_after=12), clock.now
    outcome = DELETED.ask(one.session)
    assert isinstance(outcome, HttpRefused)
    assert outcome.status == 401
    assert 12 <= clock.now - began <= 14


def test_a_token_that_is_never_refused_is_not_shown_for_ever(clock: Clock):
    one, began = pods_lab(clock, refused_after=1e6), clock.now
    assert isinstance(DELETED.ask(one.session), Done)
    assert DELETED.within <= clock.now - began <= DELETED.within + 2


def test_the_token_is_bound_to_a_pod_that_never_runs_and_goes(clock: Clock):
    one = pods_lab(clock, refused_after=0)
    DELETED.ask(one.session)
    (_, pod), (_, request) = [made for made in asked(one, "POST") if not made[0].endswith("reviews")]
    name = pod["metadata"]["name"]
    assert pod["spec"]["schedulingGates"]
    assert request["spec"]["boundObjectRef"] == {"kind": "Pod", "apiVersion": "v1", "name": name, "uid": "u-1"}
    assert [path for path, _ in asked(one, "DELETE")] == [f"{PODS}/{name}"]


def test_the_pod_goes_also_when_there_is_no_token(clock: Clock):
    one = pods_lab(clock, refused_after=0, minted=BUSY)
    assert DELETED.ask(one.session) == BUSY
    assert len(asked(one, "DELETE")) == 1


def test_the_longest_token_is_asked_for_ten_years():
    one = lab()
    answering({"/token": http(201, {"status": {"token": FRESH}})})(one)
    outcome = LongestToken("here", "robot").ask(one.session)
    ((_, body),) = asked(one, "POST")
    assert body["spec"]["expirationSeconds"] == TEN_YEARS
    assert isinstance(outcome, Done)
    assert outcome.value == {"hours": 24}
    assert FRESH not in outcome.shown


def test_the_request_for_a_certificate_is_one_and_goes(clock: Clock):
    one = lab(clock=clock)
    made = http(201, {"metadata": {"name": "x"}, "spec": {}, "status": {}})
    answering({"": made})(one)
    clock.clear()
    began = clock.now
    question = ClientCertificate("mallory")
    question.ask(one.session)
    ((path, body),) = asked(one, "POST")
    pem = base64.b64decode(body["spec"]["request"])
    request = x509.load_pem_x509_csr(pem)
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=mallory"
    ((approval, approved),) = asked(one, "PUT")
    assert approval == f"{path}/{body['metadata']['name']}/approval"
    assert [each["type"] for each in approved["status"]["conditions"]] == ["Approved"]
    assert [gone for gone, _ in asked(one, "DELETE")] == [f"{path}/{body['metadata']['name']}"]
    assert clock.now - began >= question.within  # none is there only after that long


def test_a_certificate_that_is_issued_late_is_seen(clock: Clock):
    one = lab(clock=clock)
    began = clock.now

    def answer(method: str, _path: str, _body: Any, _token: str | None) -> Outcome:
        issued = {"certificate": "LS0t"} if clock.now - began > 2 else {}
        return http(200, {"metadata": {}, "spec": {}, "status": issued if method == "GET" else {}})

    one.api.answers.append(answer)
    outcome = ClientCertificate("mallory").ask(one.session)
    assert isinstance(outcome, Done)
    assert outcome.value["certificate"] == "issued"


def test_nobody_is_asked_without_the_operators_token():
    one = lab()
    answering({"": UNAUTHORIZED})(one)
    Anonymous("/api").ask(one.session)
    assert one.api.asked == [("GET", "/api", None, "")]


def test_a_right_of_nobodys_is_asked_for_the_group_too():
    one = lab()
    answering({"": http(201, {"status": {"allowed": True}})})(one)
    question = AnonymousMay("list", "configmaps", "here")
    question.ask(one.session)
    ((_, body),) = asked(one, "POST")
    assert (body["spec"]["user"], body["spec"]["groups"]) == ("system:anonymous", ["system:unauthenticated"])
    assert re.search(r"kubectl create -f - -o jsonpath", question.typed)
