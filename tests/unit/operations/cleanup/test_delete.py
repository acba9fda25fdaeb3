"""The deletion: in order, patient with what is not yet possible, honest about the rest, and of nothing else."""

import pytest
from botocore.exceptions import ClientError

from clients.aws_responses import is_busy
from operations import cleanup
from operations.cleanup import KINDS, Outcome, Report
from operations.cleanup.delete import AFTER_FAILURE, in_order
from tests.unit.operations.cleanup.cloud import LAB, Shelf, no_client, shelves
from tests.unit.operations.cleanup.conftest import Clock

ORDER = (
    ("node group", "cluster"),
    ("cluster", "Auto Scaling group"),
    ("cluster", "load balancer"),
    ("cluster", "record"),
    ("record", "load balancer"),
    ("cluster", "log group"),
    ("Auto Scaling group", "instance"),
    ("Auto Scaling group", "launch template"),
    ("instance", "volume"),
    ("instance", "network interface"),
    ("load balancer", "target group"),
    ("cluster", "Classic load balancer"),
    ("record", "Classic load balancer"),
    ("Classic load balancer", "network interface"),
    ("Classic load balancer", "security group"),
    ("target group", "network interface"),
    ("VPC endpoint", "network interface"),
    ("VPC endpoint", "security group"),
    ("NAT gateway", "Elastic IP address"),
    ("network interface", "security group"),
    ("security group", "subnet"),
    ("Elastic IP address", "internet gateway"),
    ("subnet", "route table"),
    ("VPC peering connection", "VPC"),
    ("internet gateway", "VPC"),
    ("KMS alias", "KMS key"),
    ("access key", "user"),
    ("user", "policy"),
    ("instance profile", "role"),
    ("role", "policy"),
)
"""What must go before what."""


@pytest.mark.parametrize(("first", "then"), ORDER)
def test_the_registry_is_an_order_in_which_things_can_go(first: str, then: str) -> None:
    names = [kind.name for kind in KINDS]
    assert names.index(first) < names.index(then)


def test_the_vpc_is_last_and_no_kind_is_there_twice() -> None:
    names = [kind.name for kind in KINDS]
    assert names[-1] == "VPC"
    assert len(set(names)) == len(names)


def swept(made: list[Shelf], *, within: float | None = None) -> tuple[Report, Outcome, list[str]]:
    kinds = [shelf.kind() for shelf in made]
    report = cleanup.find(no_client, LAB, kinds=kinds)
    told: list[str] = []
    outcome = cleanup.delete(no_client, LAB, report.left, kinds=kinds, tell=told.append, most_patience=within)
    return report, outcome, told


def test_kinds_go_one_after_the_other() -> None:
    made, _ = shelves("box", "crate", "room")
    for shelf in made:
        shelf.put("1")
        shelf.slow["1"] = 2
    _, outcome, told = swept(made)
    assert [each.kind.name for each in outcome.deleted] == ["box", "crate", "room"]
    assert [line for line in told if line.startswith("deleting")] == [
        "deleting 1 box",
        "deleting 1 crate",
        "deleting 1 room",
    ]
    assert all(not shelf.things for shelf in made)


def test_what_is_still_needed_is_tried_again_for_so_long() -> None:
    (box,), _ = shelves("box")
    box.put("1")
    box.refused["1"] = ["DependencyViolation", "Throttling", "DependencyViolation"]
    _, outcome, told = swept([box], within=1)
    assert [each.why for each in outcome.failed] == ["DependencyViolation: DependencyViolation it is"]
    assert len(box.log) >= 3
    assert any("waiting for box 1" in line for line in told)


@pytest.mark.parametrize(("first_fails", "seconds"), [(False, 600.0), (True, AFTER_FAILURE)])
def test_a_kind_is_waited_for_as_long_as_it_may_take_and_after_a_failure_less(
    clock: Clock, first_fails: bool, seconds: float
) -> None:
    made, _ = shelves("box", "crate")
    box, crate = made
    if first_fails:
        box.put("1")
        box.refused["1"] = ["AccessDenied"]
    crate.put("2")
    crate.slow["2"] = 10_000
    kinds = [box.kind(), crate.kind(patience=600.0)]
    report = cleanup.find(no_client, LAB, kinds=kinds)
    outcome = cleanup.delete(no_client, LAB, report.left, kinds=kinds)
    assert [each.leftover.resource.id for each in outcome.failed] == (["1", "2"] if first_fails else ["2"])
    assert seconds <= clock.now <= seconds + 15


def test_what_is_needed_no_longer_goes() -> None:
    (box,), kinds = shelves("box")
    box.put("1")
    box.refused["1"] = ["DependencyViolation"]
    report = cleanup.find(no_client, LAB, kinds=kinds)

    def free(line: str) -> None:
        if "DependencyViolation" in line:
            box.refused.clear()

    outcome = cleanup.delete(no_client, LAB, report.left, kinds=kinds, tell=free)
    assert outcome.failed == []
    assert box.log == ["1", "1"]


def test_a_refusal_for_good_is_not_repeated_and_the_rest_goes_on() -> None:
    made, _ = shelves("box", "crate")
    box, crate = made
    box.put("1")
    box.put("2")
    crate.put("3")
    box.refused["1"] = ["AccessDenied"]
    _, outcome, _ = swept(made)
    assert box.log.count("1") == 1
    assert [(each.leftover.resource.id, "AccessDenied" in each.why) for each in outcome.failed] == [("1", True)]
    assert {each.resource.id for each in outcome.deleted} == {"2", "3"}


@pytest.mark.parametrize(
    ("code", "message", "later"),
    [
        ("InvalidParameterValue", "Network interface 'eni-1' is currently in use.", True),
        ("InvalidParameterValue", "Value (eni-1) for parameter networkInterfaceId is invalid.", False),
        ("AccessDenied", "It is currently in use.", False),
    ],
)
def test_an_interface_in_use_is_tried_again(code: str, message: str, later: bool) -> None:
    assert is_busy(ClientError({"Error": {"Code": code, "Message": message}}, "DeleteNetworkInterface")) is later


def test_what_is_gone_already_is_deleted() -> None:
    (box,), _ = shelves("box")
    box.put("1")
    box.refused["1"] = ["InvalidVolume.NotFound"]
    box.going.add("1")
    box.slow["1"] = 2
    _, outcome, _ = swept([box])
    assert outcome.failed == []


def test_what_goes_by_itself_is_waited_for_and_not_touched() -> None:
    (box,), _ = shelves("box")
    box.put("1", going=True)
    box.going.add("1")
    box.slow["1"] = 3
    _, outcome, _ = swept([box])
    assert box.log == []
    assert [each.resource.id for each in outcome.deleted] == ["1"]


def test_only_what_was_agreed_to_is_touched() -> None:
    (box,), kinds = shelves("box")
    box.put("1")
    report = cleanup.find(no_client, LAB, kinds=kinds)
    box.put("2")
    cleanup.delete(no_client, LAB, report.left, kinds=kinds)
    assert box.log == ["1"]
    assert set(box.things) == {"2"}


def test_a_thing_that_has_lost_the_labs_tag_is_not_touched() -> None:
    (box,), kinds = shelves("box")
    box.put("1")
    report = cleanup.find(no_client, LAB, kinds=kinds)
    box.put("1", tags={"myeks:lab": "ap-northeast-2/other"})
    cleanup.delete(no_client, LAB, report.left, kinds=kinds)
    assert box.log == []
    assert set(box.things) == {"1"}


def test_the_engines_and_strangers_things_are_not_touched() -> None:
    (box,), kinds = shelves("box")
    box.put("held")
    box.put("free")
    recorded = {"aws:box": frozenset({"held"})}
    report = cleanup.find(no_client, LAB, recorded, kinds=kinds)
    assert [(kind.name, [each.resource.id for each in mine]) for kind, mine in in_order(report.left, kinds)] == [
        ("box", ["free"])
    ]
    cleanup.delete(no_client, LAB, report.left, recorded, kinds=kinds)
    assert set(box.things) == {"held"}


def test_an_api_that_fails_in_the_middle_is_not_taken_for_gone() -> None:
    made, kinds = shelves("box", "crate")
    box, _ = made
    box.put("1")
    report = cleanup.find(no_client, LAB, kinds=kinds)
    box.unanswered = "ExpiredToken"
    outcome = cleanup.delete(no_client, LAB, report.left, kinds=kinds, most_patience=1)
    assert outcome.deleted == []
    assert ["ExpiredToken" in each.why for each in outcome.failed] == [True]


def test_what_goes_with_an_instance_that_stays_is_not_waited_for() -> None:
    made, kinds = shelves("server", "disk")
    server, disk = made
    server.put("i-1")
    server.put("i-2")
    for number in "123":
        disk.put(f"vol-{number}", going=True, holder=f"i-{number}")
    report = cleanup.find(no_client, LAB, {"aws:server": frozenset({"i-1"})}, kinds=kinds)
    assert [[each.resource.id for each in mine] for _, mine in in_order(report.left, kinds)] == [["i-2"], ["vol-2"]]
