"""The question to all kinds: nothing that was not answered is taken for nothing there."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from clients.aws_responses import reason
from operations import cleanup
from operations.cleanup import FIRST, KINDS, LabIdentity
from operations.cleanup.model import Claim
from tests.unit.operations.cleanup.cloud import LAB, no_client, refusal, shelves
from tests.unit.operations.cleanup.stubbed import REGION


def test_a_clean_account_is_clean() -> None:
    _, kinds = shelves("box", "crate")
    report = cleanup.find(no_client, LAB, kinds=kinds)
    assert report.clean
    assert report.asked == tuple(kinds)


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Throttling"])
def test_an_unanswered_kind_is_told_with_its_reason(code: str) -> None:
    (box, crate), kinds = shelves("box", "crate")
    box.unanswered = code
    crate.put("c-1")
    report = cleanup.find(no_client, LAB, kinds=kinds)
    assert not report.clean
    assert [each.resource.id for each in report.left] == ["c-1"]
    (unasked,) = report.unasked
    assert unasked.kind.name == "box"
    assert code in unasked.why
    assert ("ec2:Describebox" in unasked.why) is (code != "Throttling")


def test_an_api_that_is_down_is_told() -> None:
    report = cleanup.find(_down, LabIdentity("myeks", REGION))
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
    report = cleanup.find(no_client, LAB, {"aws:box": frozenset({"1", "group/2"})}, kinds=kinds)
    assert [(each.kind.name, each.resource.id, each.recorded) for each in report.left] == [
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
    report = cleanup.settled(no_client, LAB, within=1.5, tell=told.append, kinds=kinds)
    assert len(report.left) == left
    assert any("letting go" in line for line in told)


def test_what_does_not_go_is_not_waited_for() -> None:
    (box,), kinds = shelves("box")
    box.put("1", going=True)
    box.put("2")
    report = cleanup.settled(no_client, LAB, within=60, tell=lambda _: None, kinds=kinds)
    assert len(report.left) == 2


def test_a_question_that_fails_while_waiting_is_no_end() -> None:
    (box,), kinds = shelves("box")
    box.put("1", going=True)

    def fail(line: str) -> None:
        if "letting go" in line:
            box.unanswered = "ExpiredToken"

    report = cleanup.settled(no_client, LAB, within=3, tell=fail, kinds=kinds)
    assert not report.clean
    assert [each.why for each in report.unasked] == ["ExpiredToken: ExpiredToken it is"]


def test_a_reason_is_one_line() -> None:
    assert "\n" not in reason(EndpointConnectionError(endpoint_url="https://x\ny"))
    assert reason(refusal("DependencyViolation")) == "DependencyViolation: DependencyViolation it is"


OUR_ALB = "shop-1.ap-northeast-2.elb.amazonaws.com"
OTHER_ALB = "myeks-ingress-alb-2.ap-northeast-2.elb.amazonaws.com"
OWNER = '"heritage=external-dns,external-dns/owner=Z1"'


class Account:
    """The answers to the first questions, and one volume of a cluster myeks."""

    def __init__(self) -> None:
        self.cluster: dict[str, Any] | None = None
        self.refuses: set[str] = set()
        self.classic: list[dict[str, Any]] = []

    def __call__(self, service: str) -> Any:
        return self

    def can_paginate(self, operation: str) -> bool:
        return False

    def __getattr__(self, operation: str) -> Any:
        def answer(**_: Any) -> dict[str, Any]:
            if operation in self.refuses:
                raise refusal("AccessDenied")
            if operation == "describe_cluster":
                if self.cluster is None:
                    raise refusal("ResourceNotFoundException")
                return {"cluster": {"name": "myeks", "status": "ACTIVE", **self.cluster}}
            return self.lists()[operation]

        return answer

    def lists(self) -> dict[str, Any]:
        mine = [{"Key": "myeks:lab", "Value": LAB.id}]
        ours = {"LoadBalancerArn": "arn", "LoadBalancerName": "shop", "VpcId": "vpc-1", "DNSName": OUR_ALB}
        others = {**ours, "LoadBalancerArn": "arn-2", "VpcId": "vpc-2", "DNSName": OTHER_ALB}
        name = {"Key": "elbv2.k8s.aws/cluster", "Value": "myeks"}
        volume = {"VolumeId": "vol-1", "State": "available"}
        return {
            "describe_vpcs": {"Vpcs": [{"VpcId": "vpc-1", "Tags": mine}, {"VpcId": "vpc-2"}]},
            "describe_load_balancers": {"LoadBalancers": [ours, others], "LoadBalancerDescriptions": self.classic},
            "describe_tags": {
                "TagDescriptions": [
                    {"ResourceArn": arn, "LoadBalancerName": arn, "Tags": [name]} for arn in ("arn", "arn-2")
                ],
            },
            "list_resource_record_sets": {
                "ResourceRecordSets": [
                    *(
                        {"Name": f"{host}.example.com.", "Type": "A", "AliasTarget": {"DNSName": target}}
                        for host, target in (("shop", OUR_ALB), ("grafana", OTHER_ALB))
                    ),
                    *(
                        {"Name": f"a-{host}.example.com.", "Type": "TXT", "ResourceRecords": [{"Value": OWNER}]}
                        for host in ("shop", "grafana")
                    ),
                ]
            },
            "describe_volumes": {
                "Volumes": [{**volume, "Tags": [{"Key": "kubernetes.io/cluster/myeks", "Value": "owned"}]}]
            },
        }


@pytest.mark.parametrize(
    ("cluster", "refuses", "expected"),
    [
        (None, "", {"load balancer": Claim.NAME, "volume": Claim.CLUSTER}),
        # It is the lab's own: but whether the volume is its or an older cluster's nobody knows.
        (
            {"tags": {"myeks:lab": LAB.id}},
            "",
            {"cluster": Claim.TAG, "load balancer": Claim.NAME, "volume": Claim.CLUSTER},
        ),
        (
            {"tags": {"Owner": "colleague"}, "resourcesVpcConfig": {"vpcId": "vpc-2"}},
            "",
            {"cluster": Claim.NAMESAKE, "load balancer": Claim.NAME, "volume": Claim.NAMESAKE},
        ),
        (
            {"resourcesVpcConfig": {"vpcId": "vpc-1"}},
            "",
            {"cluster": Claim.NAMESAKE, "load balancer": Claim.PLACE, "volume": Claim.NAMESAKE},
        ),
        # Whoever is not told whose VPC or cluster there is takes no name for proof.
        (None, "describe_cluster", {"load balancer": Claim.NAME, "volume": Claim.NAMESAKE}),
        (None, "describe_vpcs", {"load balancer": Claim.NAMESAKE, "volume": Claim.NAMESAKE}),
        (None, "describe_load_balancers", {"volume": Claim.NAMESAKE}),
    ],
)
def test_whose_the_cluster_of_that_name_is_decides_over_names(
    cluster: dict[str, Any] | None, refuses: str, expected: dict[str, Claim]
) -> None:
    account = Account()
    account.cluster, account.refuses = cluster, {refuses}
    kinds = [kind for kind in KINDS if kind in FIRST or kind.name == "volume"]
    report = cleanup.find(account, LAB, kinds=kinds)
    found = {(each.kind.name, each.resource.id): each.ownership.claim for each in report.left}
    known = {"vpc-1", "arn", "vol-1", "myeks"} | ({"arn-2"} if refuses == "describe_vpcs" else set())
    assert {identifier for _, identifier in found} <= known
    assert {kind: claim for (kind, _), claim in found.items() if kind != "VPC"} == expected
    assert bool(report.unasked) is bool(refuses)


def test_a_record_is_whose_the_balancer_is_that_it_leads_to() -> None:
    lab = LabIdentity("myeks", REGION, "example.com", "Z1")
    report = cleanup.find(Account(), lab, kinds=[kind for kind in KINDS if kind in FIRST or kind.name == "record"])
    records = {each.resource.id for each in report.left if each.kind.name == "record"}
    assert records == {"shop.example.com A", "a-shop.example.com TXT"}


def test_a_record_that_leads_to_a_classic_balancer_is_the_labs_too() -> None:
    account = Account()
    account.classic = [{"LoadBalancerName": "arn", "VPCId": "vpc-1", "DNSName": OTHER_ALB.upper()}]
    lab = LabIdentity("myeks", REGION, "example.com", "Z1")
    report = cleanup.find(account, lab, kinds=[kind for kind in KINDS if kind in FIRST or kind.name == "record"])
    records = {each.resource.id for each in report.left if each.kind.name == "record"}
    assert {"grafana.example.com A", "a-grafana.example.com TXT"} <= records
