"""What a lab left behind is found on AWS kind by kind, deleted in an order that AWS accepts, and nobody else's is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from operations import cleanup
from operations.cleanup import KINDS, LabIdentity, Report
from operations.cleanup.model import Claim
from tests.rehearsal.eks_account import trust
from tests.rehearsal.left_behind import NETWORK, Planted, everything, namesake, plant, user
from tests.rehearsal.played_emulator import REGION, Emulator

ALL_KINDS = [kind.name for kind in KINDS]


class Scene:
    """An account in which two labs of similar names in one hosted zone left everything behind."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        zone = emulator.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]
        self.zone = zone["Id"].rpartition("/")[2]
        self.ours = plant(emulator, LabIdentity("myeks", REGION, "example.com", self.zone), "192.168")
        user(self.ours)
        self.others = plant(emulator, LabIdentity("myeks-2", REGION, "two.example.com", self.zone), "10.20")
        self.strangers = _strangers(emulator, self.ours)
        self.ended = Planted(emulator, LabIdentity("study", REGION), "10.30")
        """A lab whose cluster is gone, while somebody else's cluster of that name stands."""

        for each in NETWORK:
            each(self.ended)
        self.namesake = namesake(emulator, "study", "10.40")

    def client(self, service: str) -> Any:
        return self.emulator.client(service)

    def find(self, lab: LabIdentity) -> Report:
        return cleanup.find(self.client, lab)


def _strangers(emulator: Emulator, ours: Planted) -> dict[str, str]:
    """What is no lab's, or a lab's of the same name in another region: kind → id."""
    iam, ec2 = emulator.client("iam"), emulator.client("ec2")
    elsewhere = [{"Key": "myeks:lab", "Value": "eu-west-1/myeks"}]
    by_name = [{"Key": "eks:cluster-name", "Value": "myeks"}]
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    for name, tags in (("elsewhere", elsewhere), ("by-name", by_name), ("untagged", [])):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("ec2.amazonaws.com"), Tags=tags)
    policy = iam.create_policy(PolicyName="elsewhere", PolicyDocument=document, Tags=elsewhere)["Policy"]["Arn"]
    named = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "myeks-VPC"}]}]
    vpc = ec2.create_vpc(CidrBlock="10.99.0.0/16", TagSpecifications=named)["Vpc"]["VpcId"]
    inside = ec2.create_security_group(GroupName="database", Description="somebody's", VpcId=ours.vpc)["GroupId"]
    return {"role": "elsewhere", "policy": policy, "VPC": vpc, "security group": inside}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    running = Emulator(tmp_path_factory.mktemp("sweep") / "world")
    try:
        yield Scene(running)
    finally:
        running.stop()


@pytest.fixture(scope="module")
def found(scene: Scene) -> Report:
    """What is found of the first lab before anything is deleted."""
    return scene.find(scene.ours.lab)


def _of(report: Report, kind: str) -> dict[str, cleanup.Leftover]:
    return {each.resource.id: each for each in report.left if each.kind.name == kind}


def test_every_kind_could_be_asked(found: Report) -> None:
    assert found.unasked == ()
    assert [kind.name for kind in found.asked] == ALL_KINDS


def test_every_kind_was_planted(scene: Scene) -> None:
    assert set(scene.ours.ids) == set(ALL_KINDS)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_leftover_is_found_and_the_other_labs_is_not(scene: Scene, found: Report, kind: str) -> None:
    there = _of(found, kind)
    for identifier in scene.ours.ids[kind]:
        assert there[identifier].ours, identifier
        assert there[identifier].ownership.evidence
    # Of the same id in both labs (a node group's is its name) the cluster tells which it is.
    for identifier in set(scene.others.ids.get(kind, [])) - set(scene.ours.ids[kind]):
        assert identifier not in there


def test_what_only_stands_in_the_vpc_is_told_and_not_claimed(scene: Scene, found: Report) -> None:
    stranger = _of(found, "security group")[scene.strangers["security group"]]
    assert not stranger.ours
    assert scene.ours.vpc in stranger.ownership.evidence


@pytest.mark.parametrize("kind", ["role", "policy", "VPC"])
def test_a_name_or_another_regions_lab_is_no_claim(scene: Scene, found: Report, kind: str) -> None:
    assert scene.strangers[kind] not in _of(found, kind)


@pytest.fixture(scope="module")
def deleted(scene: Scene, found: Report) -> tuple[cleanup.Outcome, list[str], dict[str, set[str]]]:
    """The deletion: its outcome, what it told, and what there was of the other lab before."""
    before = _ids(scene.find(scene.others.lab))
    told: list[str] = []
    outcome = cleanup.delete(scene.client, scene.ours.lab, found.left, tell=told.append, most_patience=10)
    return outcome, told, before


def _ids(report: Report) -> dict[str, set[str]]:
    return {kind: set(_of(report, kind)) for kind in ALL_KINDS}


def test_it_is_all_deleted_but_for_what_a_stranger_keeps(
    scene: Scene, deleted: tuple[cleanup.Outcome, list[str], dict[str, set[str]]]
) -> None:
    outcome, told, _ = deleted
    # The stranger's group keeps the VPC, and is the reason that AWS gives.
    assert [each.why for each in outcome.failed if each.leftover.kind.name != "VPC"] == []
    assert [(each.leftover.kind.name, each.leftover.resource.id) for each in outcome.failed] == [
        ("VPC", scene.ours.vpc)
    ]
    assert "DependencyViolation" in outcome.failed[0].why
    order = [line.split(" ", 2)[2] for line in told if line.startswith("deleting")]
    assert order.index("cluster") < order.index("load balancer") < order.index("target group")
    assert order.index("target group") < order.index("network interfaces") < order.index("security groups")
    assert order[-1] == "VPC"
    after = scene.find(scene.ours.lab)
    assert [each.resource.id for each in after.left if each.ours] == [scene.ours.vpc]


def test_the_other_labs_things_are_untouched(
    scene: Scene, deleted: tuple[cleanup.Outcome, list[str], dict[str, set[str]]]
) -> None:
    _, _, before = deleted
    assert _ids(scene.find(scene.others.lab)) == before
    for kind, identifier in everything(scene.others):
        assert identifier in before[kind]


def test_a_namesake_is_told_and_claimed_by_nothing(scene: Scene) -> None:
    report = scene.find(scene.ended.lab)
    found = {(each.kind.name, each.resource.id): each for each in report.left}
    theirs = set(everything(scene.namesake))
    assert {known for known, each in found.items() if each.ours} == set(everything(scene.ended))
    # What stands in another VPC is nobody's here.
    assert {kind for kind, _ in theirs & found.keys()} == {
        "cluster",
        "node group",
        "Auto Scaling group",
        "volume",
        "snapshot",
        "log group",
    }
    assert {found[known].ownership.claim for known in theirs & found.keys()} == {Claim.NAMESAKE}


def test_what_a_lab_left_goes_and_its_namesake_stays(scene: Scene) -> None:
    report = scene.find(scene.ended.lab)
    outcome = cleanup.delete(scene.client, scene.ended.lab, report.left, most_patience=10)
    assert outcome.failed == []
    assert {(each.kind.name, each.resource.id) for each in outcome.deleted} == set(everything(scene.ended))
    assert [each for each in scene.find(scene.ended.lab).left if each.ours] == []
    there = scene.client("eks").describe_cluster(name="study")["cluster"]
    assert there["status"] == "ACTIVE"
    assert scene.client("eks").list_nodegroups(clusterName="study")["nodegroups"] == ["ng1"]
    ids = scene.namesake.ids
    assert scene.client("ec2").describe_volumes(VolumeIds=ids["volume"])["Volumes"]
    assert scene.client("ec2").describe_snapshots(SnapshotIds=ids["snapshot"])["Snapshots"]
    balancers = scene.client("elbv2").describe_load_balancers(LoadBalancerArns=ids["load balancer"])
    assert len(balancers["LoadBalancers"]) == 1
    groups = scene.client("ec2").describe_security_groups(GroupIds=ids["security group"])
    assert len(groups["SecurityGroups"]) == len(ids["security group"])


def test_strangers_are_untouched(scene: Scene, deleted: tuple[cleanup.Outcome, list[str], dict[str, set[str]]]) -> None:
    del deleted
    iam, ec2 = scene.client("iam"), scene.client("ec2")
    for name in ("elsewhere", "by-name", "untagged"):
        assert iam.get_role(RoleName=name)
    assert iam.get_policy(PolicyArn=scene.strangers["policy"])
    assert ec2.describe_vpcs(VpcIds=[scene.strangers["VPC"]])["Vpcs"]
    assert ec2.describe_security_groups(GroupIds=[scene.strangers["security group"]])["SecurityGroups"]


def test_without_the_stranger_nothing_is_left(
    scene: Scene, deleted: tuple[cleanup.Outcome, list[str], dict[str, set[str]]]
) -> None:
    del deleted
    scene.client("ec2").delete_security_group(GroupId=scene.strangers["security group"])
    report = scene.find(scene.ours.lab)
    outcome = cleanup.delete(scene.client, scene.ours.lab, report.left, most_patience=10)
    assert outcome.failed == []
    assert scene.find(scene.ours.lab).clean


def test_somebody_elses_testuser_is_not_ours(scene: Scene) -> None:
    report = scene.find(scene.others.lab)
    user(scene.others)
    try:
        assert _of(scene.find(scene.ours.lab), "user") == {}
        assert _of(scene.find(scene.ours.lab), "access key") == {}
        assert set(_of(scene.find(scene.others.lab), "user")) == {"testuser"}
        assert _of(report, "user") == {}
    finally:
        outcome = cleanup.delete(scene.client, scene.others.lab, scene.find(scene.others.lab).left, most_patience=10)
    assert outcome.failed == []
    assert scene.find(scene.others.lab).clean
