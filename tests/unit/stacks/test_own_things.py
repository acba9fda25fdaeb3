"""After `lab down` what the learner made by hand is not called a defect of the stack."""

import pytest

from rehearsal.emulator.inventory import QUESTIONS
from stacks import own_things
from tests.unit.stacks.sweep_world import ALB, report

HELD = {
    "aws:iam/role:Role": frozenset({"ops-role-1"}),
    "aws:cloudwatch/logGroup:LogGroup": frozenset({"/lab/own"}),
    "kubernetes:core/v1:ServiceAccount": frozenset({"dev-team/student"}),
}


@pytest.mark.parametrize(
    ("kind", "one", "is_labs"),
    [
        ("iam users", "student", False),
        ("iam users", "testuser", False),
        ("s3 buckets", "mine", False),
        ("iam roles", "ops-role-1", True),
        ("iam roles", "mine", False),
        # The same name in another service says nothing.
        ("s3 buckets", "ops-role-1", False),
        ("logs log groups", "/lab/own", True),
        ("logs log groups", "/aws/eks/other/cluster", True),
        ("logs log groups", "/mine", False),
        ("elbv2 load balancers", ALB.resource.id.rpartition("/")[2], True),
        ("elbv2 load balancers", "mine", False),
        ("route53 records of ExternalDNS", "grafana.example.com", True),
    ],
)
def test_what_is_left_is_the_labs_or_yours(kind: str, one: str, is_labs: bool) -> None:
    labs, own = own_things.told_apart({kind: [one]}, report(ALB), HELD)
    assert (labs, own) == (({kind: [one]}, {}) if is_labs else ({}, {kind: [one]}))


def test_each_kind_that_can_be_made_by_hand_has_its_command() -> None:
    known = {f"{service} {kind}" for service, kind, _ in QUESTIONS}
    assert known - own_things.COMMANDS.keys() == {
        "route53 hosted zones",
        "route53 records of ExternalDNS",
        "acm certificates",
    }
    assert own_things.COMMANDS.keys() <= known
    assert set(own_things.IN_THE_WAY) <= known
    for kind in own_things.COMMANDS:
        assert "{" not in own_things.removal(kind, "a", "111122223333").replace("[].{", "")


def test_the_command_has_the_name_as_a_shell_reads_it() -> None:
    assert own_things.removal("s3 buckets", "mine", "") == "aws s3 rb --force s3://mine"
    assert "'/a b'" in own_things.removal("logs log groups", "/a b", "")
