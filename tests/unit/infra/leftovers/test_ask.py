"""The question to all kinds: nothing that was not answered is taken for nothing there."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from infra import leftovers
from infra.leftovers import KINDS, Lab
from infra.leftovers.answers import reason
from tests.unit.infra.leftovers.cloud import LAB, no_client, refusal, shelves
from tests.unit.infra.leftovers.stubbed import REGION


def test_a_clean_account_is_clean() -> None:
    _, kinds = shelves("box", "crate")
    report = leftovers.find(no_client, LAB, kinds=kinds)
    assert report.clean
    assert report.asked == tuple(kinds)


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Throttling"])
def test_an_unanswered_kind_is_told_with_its_reason(code: str) -> None:
    (box, crate), kinds = shelves("box", "crate")
    box.unanswered = code
    crate.put("c-1")
    report = leftovers.find(no_client, LAB, kinds=kinds)
    assert not report.clean
    assert [each.thing.id for each in report.left] == ["c-1"]
    (unasked,) = report.unasked
    assert unasked.kind.name == "box"
    assert code in unasked.why
    assert ("ec2:Describebox" in unasked.why) is (code != "Throttling")


def test_an_api_that_is_down_is_told() -> None:
    report = leftovers.find(_down, Lab("myeks", REGION))
    assert report.left == ()
    assert len(report.unasked) == len(report.asked) == len(KINDS) - 1
    assert all("endpoint" in each.why for each in report.unasked)
    assert [kind.name for kind in report.inapplicable] == ["record"]


def _down(service: str) -> Any:
    class Down:
        def __getattr__(self, name: str) -> Any:
            raise EndpointConnectionError(endpoint_url=f"https://{service}")

    return Down()


def test_what_the_engine_holds_is_marked_by_type_and_id() -> None:
    (box, crate), kinds = shelves("box", "crate")
    box.put("1")
    box.put("2", recorded_id="group/2")
    crate.put("1")
    report = leftovers.find(no_client, LAB, {"aws:box": frozenset({"1", "group/2"})}, kinds=kinds)
    assert [(each.kind.name, each.thing.id, each.recorded) for each in report.left] == [
        ("box", "1", True),
        ("box", "2", True),
        ("crate", "1", False),
    ]


@pytest.mark.parametrize(("lasts", "left"), [(2, 0), (10_000, 1)])
def test_what_goes_by_itself_is_waited_for_with_a_bound(lasts: int, left: int) -> None:
    (box,), kinds = shelves("box")
    box.put("1", going=True)
    box.going.add("1")
    box.slow["1"] = lasts
    told: list[str] = []
    report = leftovers.settled(no_client, LAB, within=1.5, tell=told.append, kinds=kinds)
    assert len(report.left) == left
    assert any("letting go" in line for line in told)


def test_what_does_not_go_is_not_waited_for() -> None:
    (box,), kinds = shelves("box")
    box.put("1", going=True)
    box.put("2")
    report = leftovers.settled(no_client, LAB, within=60, tell=lambda _: None, kinds=kinds)
    assert len(report.left) == 2


def test_a_question_that_fails_while_waiting_is_no_end() -> None:
    (box,), kinds = shelves("box")
    box.put("1", going=True)

    def fail(line: str) -> None:
        if "letting go" in line:
            box.unanswered = "ExpiredToken"

    report = leftovers.settled(no_client, LAB, within=3, tell=fail, kinds=kinds)
    assert not report.clean
    assert [each.why for each in report.unasked] == ["ExpiredToken: ExpiredToken it is"]


def test_a_reason_is_one_line() -> None:
    assert "\n" not in reason(EndpointConnectionError(endpoint_url="https://x\ny"))
    assert reason(refusal("DependencyViolation")) == "DependencyViolation: DependencyViolation it is"
