"""Where the exercises stand by what is there, whoever made it."""

from __future__ import annotations

from typing import Any

import pytest

from exercises import by_hand
from exercises.by_hand import Standing
from grading.check import ExerciseName
from grading.outcomes import AwsRefused, Done
from tests.unit.grading.fake_lab import ACCOUNT, OUTPUTS, FakeApi, FakeAws

OFF: dict[str, Any] = {"rbac": "off", "identityMapping": "off", "irsa": "off", "podIdentity": False}
ARN = f"arn:aws:iam::{ACCOUNT}:user/testuser"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/eksctl-myeks-addon-iamserviceaccount-Role1"
ANNOTATED = {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}}
NONE = AwsRefused("NoSuchEntity", "GetUser", "none")


class Hand:
    """A lab in which only what a test puts there stands."""

    def __init__(self) -> None:
        self.api, self.aws = FakeApi(), FakeAws()
        self.aws.answers |= {
            "get_user": NONE,
            "describe_access_entry": NONE,
            "list_pod_identity_associations": Done({"associations": []}, "allowed"),
        }

    def has(self, *paths: str, body: object = None) -> None:
        for path in paths:
            self.api.on("GET", path, 200, body or {"metadata": {}})

    def user(self, mapped: str = "", **more: Any) -> None:
        self.aws.answers["get_user"] = Done({"User": {"Arn": ARN, **more}}, "allowed")
        lines = f"- userarn: {ARN}\n  username: testuser\n  groups:\n  - {mapped}\n" if mapped else "[]\n"
        self.has("configmaps/aws-auth", body={"data": {"mapUsers": lines}})

    def standing(self, **stages: Any) -> Standing:
        exercises = {**OFF, **stages, "testuserBoundary": True}
        outputs = {**OUTPUTS, "exercises": exercises, "exerciseRoleArns": {}, "testuserArn": ""}
        return by_hand.look(outputs, self.api, self.aws)

    def stage(self, name: ExerciseName, **stages: Any) -> tuple[str, bool]:
        found = self.standing(**stages)
        return found.stages[name], name in found.by_hand


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_with_nothing_made_by_hand_the_outputs_tell(hand: Hand):
    told = {"rbac": "before", "identityMapping": "entry", "irsa": "account", "podIdentity": True}
    found = hand.standing(**told)
    assert list(found.stages.values())[:4] == ["before", "entry", "account", "on"]
    assert found.by_hand == frozenset()
    assert set(hand.standing().stages.values()) == {"off"}


def test_a_binding_by_hand_is_stage_after(hand: Hand):
    hand.has("dev-team/rolebindings/roleB-dev-team")
    assert hand.stage("rbac", rbac="before") == ("after", True)
    assert hand.stage("rbac", rbac="after") == ("after", False)
    # Nobody could be asked.
    assert hand.stage("rbac") == ("off", False)


def test_an_exercise_that_is_off_stands_when_its_pods_do(hand: Hand):
    hand.has("dev-team/pods/dev-kubectl")
    assert hand.stage("rbac") == ("before", True)
    hand.has("infra-team/rolebindings/roleB-infra-team")
    assert hand.stage("rbac") == ("after", True)


@pytest.mark.parametrize(
    ("mapped", "stage"),
    [
        ("system:masters", "masters"),
        ("system:authenticated", "authenticated"),
        ("", "unmapped"),
        ("developers", "unmapped"),
    ],
)
def test_a_user_by_hand_stands_where_aws_auth_has_them(hand: Hand, mapped: str, stage: str):
    hand.user(mapped)
    found = hand.standing()
    assert found.stages["identity-mapping"] == stage
    assert (found.outputs["testuserArn"], found.outputs["exercises"]["testuserBoundary"]) == (ARN, False)
    # What the settings name is what is graded.
    assert hand.stage("identity-mapping", identityMapping="masters") == ("masters", False)


def test_an_access_entry_wins_over_aws_auth(hand: Hand):
    hand.user("system:masters", PermissionsBoundary={"PermissionsBoundaryArn": "arn"})
    hand.aws.answers["describe_access_entry"] = Done({"accessEntry": {}}, "allowed")
    found = hand.standing()
    assert found.stages["identity-mapping"] == "entry"
    assert found.outputs["exercises"]["testuserBoundary"] is True


def test_an_aws_auth_that_cannot_be_read_maps_nobody(hand: Hand):
    hand.aws.answers["get_user"] = Done({"User": {"Arn": ARN}}, "allowed")
    hand.has("configmaps/aws-auth", body={"data": {"mapUsers": "- ["}})
    assert hand.stage("identity-mapping") == ("unmapped", True)


def test_an_annotated_account_is_a_stage_and_the_pods_the_next(hand: Hand):
    hand.has("default/serviceaccounts/my-sa")
    assert hand.stage("irsa") == ("off", False)
    other = Hand()
    other.has("default/serviceaccounts/my-sa", body=ANNOTATED)
    found = other.standing()
    assert found.stages["irsa"] == "account"
    assert found.outputs["exerciseRoleArns"] == {"irsa": ROLE}
    other.has("pods/eks-iam-test1", "pods/eks-iam-test2")
    assert other.stage("irsa") == ("account", True)
    other.has("pods/eks-iam-test3")
    assert other.stage("irsa") == ("on", True)
    assert other.stage("irsa", irsa="account") == ("on", True)


def test_an_association_and_its_pod(hand: Hand):
    hand.aws.answers["list_pod_identity_associations"] = Done({"associations": [{"associationId": "a-1"}]}, "allowed")
    hand.aws.answers["describe_pod_identity_association"] = Done({"association": {"roleArn": ROLE}}, "allowed")
    assert hand.stage("pod-identity") == ("off", False)
    hand.has("pods/eks-iam-test4")
    found = hand.standing()
    assert (found.stages["pod-identity"], found.outputs["exerciseRoleArns"]) == ("on", {"podIdentity": ROLE})
