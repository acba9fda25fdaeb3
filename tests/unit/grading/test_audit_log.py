"""A call is found again in the audit log: by its ID, page after page, for as long as it may take, or not at all."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from grading import audit_log
from grading.audit_log import ARRIVES_WITHIN, CLOCKS, Newest, events_of, last, newest, recent, told
from grading.aws_api import Signer
from grading.outcomes import AwsRefused, Broke, Done, Outcome, Unanswered
from tests.unit.grading.fake_lab import Clock, FakeLab, lab

ID = "6f9c"
EVENT = {
    "auditID": ID,
    "stage": "ResponseComplete",
    "verb": "get",
    "user": {"username": "u"},
    "objectRef": {"resource": "pods", "subresource": "exec"},
    "responseStatus": {"code": 101},
    "annotations": {"authorization.k8s.io/decision": "allow"},
}
STARTED = {**EVENT, "stage": "ResponseStarted"}
OTHER = {**EVENT, "auditID": "other", "requestURI": f"/api?{ID}"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(audit_log.time, "monotonic", made.monotonic)
    return made


def page(*events: Any, token: str = "") -> Outcome:
    found: dict[str, Any] = {"events": [{"message": json.dumps(each)} for each in events]}
    return Done({**found, "nextToken": token} if token else found, "")


def answering(clock: Clock, *pages: Outcome, on: bool = True) -> tuple[FakeLab, list[dict[str, Any]]]:
    """A lab whose log answers with these pages, the last of them from then on; and what it was asked."""
    one, left = lab(clock=clock), list(pages)
    asked: list[dict[str, Any]] = []
    logging = {"clusterLogging": [{"types": ["api"], "enabled": True}, {"types": ["audit"], "enabled": on}]}

    def call(service: str, operation: str, signer: Signer = "operator", **params: Any) -> Outcome:
        if operation == "describe_cluster":
            return Done({"cluster": {"logging": logging}}, "")
        assert (service, operation, signer) == ("logs", "filter_log_events", "operator")
        asked.append(params)
        return left.pop(0) if len(left) > 1 else left[0]

    one.aws.call = call  # type: ignore[method-assign]
    return one, asked


def test_an_event_is_found_on_a_later_page_of_a_later_look(clock: Clock):
    one, asked = answering(
        clock, page(), page(token="more"), page(STARTED), page(token="more"), page(OTHER, STARTED, EVENT)
    )
    found = events_of(one.session, ID, 5000.0)
    assert found == (STARTED, EVENT)
    assert [each.get("nextToken", "") for each in asked] == ["", "", "more", "", "more"]
    assert {each["filterPattern"] for each in asked} == {'"6f9c"'}
    assert {each["logGroupName"] for each in asked} == {"/aws/eks/myeks/cluster"}
    assert {each["startTime"] for each in asked} == {int((5000 - CLOCKS) * 1000)}


def test_who_waits_in_vain_is_told_so_and_has_no_verdict(clock: Clock):
    began = clock.now
    one, asked = answering(clock, page(STARTED))
    found = events_of(one.session, ID, 0.0)
    assert isinstance(found, Unanswered)
    assert ID in found.reason
    assert ARRIVES_WITHIN <= clock.now - began < ARRIVES_WITHIN + 10
    assert len(asked) < 60


def test_a_log_that_is_off_is_not_waited_for(clock: Clock):
    one, asked = answering(clock, page(EVENT), on=False)
    for found in (events_of(one.session, ID, 0.0), recent(one.session, "{}", 60.0)):
        assert isinstance(found, Broke)
        assert "audit log is off" in found.message
    assert asked == []


def test_a_group_that_is_not_there_yet_has_no_events(clock: Clock):
    one, _ = answering(clock, AwsRefused("ResourceNotFoundException", "FilterLogEvents", "no group"))
    assert recent(one.session, "{}", 60.0) == ()


def test_who_may_not_read_the_log_has_no_verdict(clock: Clock):
    one, asked = answering(clock, AwsRefused("AccessDeniedException", "FilterLogEvents", "no"))
    found = events_of(one.session, ID, 0.0)
    assert len(asked) == 1
    assert isinstance(found, Unanswered)
    assert "AccessDenied" in found.reason


def test_a_log_that_is_asked_too_often_is_asked_again(clock: Clock):
    busy = Unanswered("AWS answered ThrottlingException: slow down")
    one, asked = answering(clock, busy, page(token="more"), busy, page(EVENT))
    assert events_of(one.session, ID, 0.0) == (EVENT,)
    assert len(asked) == 4
    one, _ = answering(clock, busy)
    found = events_of(one.session, ID, 0.0)
    assert isinstance(found, Unanswered)
    assert "Throttling" in found.reason
    assert isinstance(recent(one.session, "{}", 60.0), Unanswered)


def test_an_event_tells_its_call():
    allowed = {"verb": "get", "resource": "pods/exec", "user": "u", "code": 101, "decision": "allow"}
    assert told(last((EVENT, STARTED))) == allowed
    assert told({"stage": "x"}) == {"verb": None, "resource": "", "user": None, "code": None, "decision": None}


NOW = 1_000_000.0


def read_newest(one: FakeLab, seconds: float, most: int, pattern: str = "") -> Newest[str] | Outcome:
    return newest(one.session.aws, "myeks", pattern, seconds, most, keep=lambda event: str(event["auditID"]))


def named(*names: str, token: str = "") -> Outcome:
    return page(*({**EVENT, "auditID": each} for each in names), token=token)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log.time, "time", lambda: NOW)


@pytest.mark.usefixtures("noon")
def test_the_newest_events_are_read_slice_by_slice_without_a_gap(clock: Clock):
    one, asked = answering(clock, named("e", token="more"), named("f"), named("c", "d"), named("a", "b"), named())
    assert read_newest(one, 600.0, 100, "{ $.a = 1 }") == Newest(("a", "b", "c", "d", "e", "f"), whole=True)
    assert {each["filterPattern"] for each in asked} == {"{ $.a = 1 }"}
    slices = list(dict.fromkeys((each["startTime"], each["endTime"]) for each in asked))
    assert slices[0][1] >= NOW * 1000
    assert slices[-1][0] == (NOW - 600) * 1000
    for (start, _), (_, end) in pairwise(slices):
        assert end == start - 1


@pytest.mark.usefixtures("noon")
def test_of_a_log_that_is_too_long_the_oldest_are_left_out(clock: Clock):
    one, asked = answering(clock, named("d"), named("a", "b", "c"))
    assert read_newest(one, 3600.0, 3) == Newest(("b", "c", "d"), whole=False)
    assert len(asked) == 2
    assert "filterPattern" not in asked[0]
    # A slice with too many pages ends before its newest events, and nothing older than a gap is told.
    one, asked = answering(clock, named("d"), named("a", token="more"))
    assert read_newest(one, 3600.0, 100) == Newest(("d",), whole=False)
    assert len(asked) < 100


@pytest.mark.usefixtures("noon")
def test_newest_events_that_cannot_be_read_are_no_empty_log(clock: Clock):
    one, _ = answering(clock, named("a"), AwsRefused("AccessDeniedException", "FilterLogEvents", "no"))
    found = read_newest(one, 3600.0, 100)
    assert isinstance(found, Unanswered)
    assert "AccessDenied" in found.reason
    one, asked = answering(clock, named("a"), on=False)
    assert isinstance(read_newest(one, 60.0, 100), Broke)
    assert asked == []
    one, _ = answering(clock, AwsRefused("ResourceNotFoundException", "FilterLogEvents", "no group"))
    assert read_newest(one, 60.0, 100) == Newest((), whole=True)
