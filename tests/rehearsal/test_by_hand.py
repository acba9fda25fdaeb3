"""What a learner makes by hand, as the study note does it, before, between and after the lab's own stages."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.rehearsal.conftest import Lab

TEAM = """
cat <<EOF | kubectl create -f -
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: role-{0}-team
  namespace: {0}-team
rules:
- apiGroups: ["*"]
  resources: ["*"]
  verbs: ["*"]
EOF
cat <<EOF | kubectl create -f -
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: roleB-{0}-team
  namespace: {0}-team
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: role-{0}-team
subjects:
- kind: ServiceAccount
  name: {0}-k8s
  namespace: {0}-team
EOF
"""
POD = """
cat <<EOF | kubectl apply -f -
apiVersion: v1
kind: Pod
metadata:
  name: eks-iam-test{0}
spec:{1}
  containers:
    - name: my-aws-cli
      image: amazon/aws-cli:latest
      {2}
  restartPolicy: Never{3}
  terminationGracePeriodSeconds: 0
EOF
"""
SLEEP = "command: ['sleep', '36000']"
PODS = (
    POD.format(1, "", "args: ['s3', 'ls']", "\n  automountServiceAccountToken: false")
    + POD.format(2, "", SLEEP, "")
    + POD.format(3, "\n  serviceAccountName: my-sa", SLEEP, "")
)
"""The note's three, "EKS IRSA & Pod indentify", exercises 1 to 3."""

MAKE_USER = (
    "aws iam create-user --user-name testuser && "
    "aws iam attach-user-policy --policy-arn arn:aws:iam::aws:policy/AdministratorAccess --user-name testuser"
)


@pytest.fixture(scope="module")
def hand(lab: Lab) -> Lab:
    """A lab at rbac before, with the account of irsa alone."""
    lab.set(exercises={"rbac": "before", "irsa": "account"})
    lab("up")
    return lab


def graded(lab: Lab, exercise: str, code: int = 0) -> dict[str, Any]:
    """The summary of a check."""
    return json.loads(lab("check", exercise, "--json", code=code).stdout)["summary"]


def passed(lab: Lab, exercise: str) -> tuple[str, int, list[str]]:
    """The only stage that was asked, how many rows passed, and what is made by hand; nothing may fail."""
    told = graded(lab, exercise)
    (stage,) = told["stages"]
    return stage["stage"], stage["passed"], told["by_hand"]


def uids(lab: Lab, *things: str) -> list[str]:
    return lab.sh(f"kubectl get {' '.join(things)} -o jsonpath='{{.items[*].metadata.uid}}'").split()


def test_roles_by_hand_are_graded_as_the_next_stage_and_taken_over_by_it(hand: Lab) -> None:
    assert passed(hand, "rbac") == ("before", 14, [])
    hand.sh(TEAM.format("dev") + TEAM.format("infra"))
    assert passed(hand, "rbac") == ("after", 18, ["rbac"])
    before = uids(hand, "-n dev-team", "role/role-dev-team", "rolebinding/roleB-dev-team")
    said = hand("stage", "rbac", "after").stderr
    assert "Made by hand, and taken over:" in said
    assert "RoleBinding infra-team/roleB-infra-team" in said
    assert uids(hand, "-n dev-team", "role/role-dev-team", "rolebinding/roleB-dev-team") == before
    assert passed(hand, "rbac") == ("after", 18, [])
    # They are the lab's now, and go as its own do.
    hand("stage", "rbac", "before")
    assert "NotFound" in hand.sh("kubectl get role role-dev-team -n dev-team", code=1)


def test_the_note_s_pods_are_the_lab_s_pods(hand: Lab) -> None:
    """At stage account the learner makes them, and at stage on they find them: the same text changes nothing."""
    assert passed(hand, "irsa")[0] == "account"
    assert hand.sh(PODS).count(" created") == 3
    hand.sh("kubectl wait pod eks-iam-test3 --for condition=Ready --timeout 60s")
    assert passed(hand, "irsa") == ("on", 17, ["irsa"])
    before = uids(hand, "pod")
    said = hand("stage", "irsa", "on").stderr
    assert "Pod default/eks-iam-test3" in said
    assert uids(hand, "pod") == before
    assert hand.sh(PODS).count(" unchanged") == 3
    hand("stage", "irsa", "off")
    hand("stage", "irsa", "on")
    assert not set(uids(hand, "pod")) & set(before)
    assert hand.sh(PODS).count(" unchanged") == 3


def test_what_differs_is_replaced_with_consent_alone(hand: Lab) -> None:
    hand("stage", "irsa", "off")
    hand.sh(
        "kubectl run eks-iam-test2 --image amazon/aws-cli:latest --command -- sleep 77 && "
        f"{MAKE_USER}"
        " && aws iam create-access-key --user-name testuser"
    )
    made = uids(hand, "pod")
    move = ("stage", "irsa", "on", "identity-mapping", "masters")
    refused = hand(*move, code=1).stderr
    assert "Pod default/eks-iam-test2 (spec.containers[0].command" in refused
    assert "User testuser (permissionsBoundary" in refused
    assert "kubectl delete pod eks-iam-test2 --namespace default" in refused
    assert re.search(r"aws iam delete-access-key --user-name testuser --access-key-id AKIA\w+", refused)
    assert "aws iam delete-user --user-name testuser" in refused
    assert uids(hand, "pod") == made
    said = hand("check", "irsa", code=3).stdout
    assert "./lab stage irsa on" not in said
    assert "./lab up does" in said
    said = hand(*move, "--yes").stderr
    assert "Made by hand, and taken over: User testuser" in said
    assert not set(uids(hand, "pod")) & set(made)
    assert passed(hand, "irsa") == ("on", 17, [])
    assert passed(hand, "identity-mapping") == ("masters", 7, [])
    # The learner's key works on.
    keys = json.loads(hand.sh("aws iam list-access-keys --user-name testuser"))["AccessKeyMetadata"]
    assert len(keys) == 1


def test_after_a_failed_update_check_names_the_way_on(hand: Lab) -> None:
    hand("stage", "irsa", "off")
    hand.sh("kubectl create quota none --hard pods=0")
    assert "exceeded quota" in hand("stage", "irsa", "on", code=1).stderr
    said = hand("check", "irsa", code=None).stdout
    assert "The last update failed" in said
    assert "./lab up goes on" in said
    assert "./lab stage irsa on" not in said
    hand.sh("kubectl delete quota none")
    hand("up")
    assert "update failed" not in hand("check", "irsa").stdout


def test_with_all_off_what_the_note_makes_is_graded(hand: Lab) -> None:
    hand("stage", "irsa", "off", "identity-mapping", "off", "rbac", "off")
    assert graded(hand, "rbac", code=3)["off"] == ["rbac"]
    for team in ("dev", "infra"):
        hand.sh(
            f"kubectl create namespace {team}-team && kubectl create sa {team}-k8s -n {team}-team && "
            + f"kubectl run {team}-kubectl -n {team}-team --image bitnami/kubectl:1.31.4 --overrides "
            + f"""'{{"spec":{{"serviceAccountName":"{team}-k8s"}}}}' --command -- tail -f /dev/null && """
            + f"kubectl wait pod {team}-kubectl -n {team}-team --for condition=Ready --timeout 60s"
        )
    assert passed(hand, "rbac") == ("before", 14, ["rbac"])
    hand.sh(TEAM.format("dev") + TEAM.format("infra"))
    assert passed(hand, "rbac") == ("after", 18, ["rbac"])
    hand.sh(MAKE_USER)
    assert passed(hand, "identity-mapping")[0::2] == ("unmapped", ["identity-mapping"])


def test_what_eksctl_makes_is_graded_and_eksctl_deletes_it(hand: Lab) -> None:
    hand.sh(
        "eksctl create iamserviceaccount --cluster $CLUSTER_NAME --name my-sa --approve "
        "--attach-policy-arn arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    )
    assert passed(hand, "irsa") == ("account", 15, ["irsa"])
    arn = "arn:aws:iam::$ACCOUNT_ID:user/testuser"
    hand.sh(
        "eksctl create iamidentitymapping --cluster $CLUSTER_NAME --username testuser --group system:masters "
        f"--arn {arn}"
    )
    assert passed(hand, "identity-mapping") == ("masters", 7, ["identity-mapping"])
    said = hand("stage", "irsa", "account", code=1).stderr
    (delete,) = re.findall(r"eksctl delete iamserviceaccount .*", said)
    hand.sh(f"{delete} && eksctl delete iamidentitymapping --cluster $CLUSTER_NAME --arn {arn}")
    assert "NotFound" in hand.sh("kubectl get sa my-sa", code=1)
    assert "eksctl" not in hand.sh("aws iam list-roles --query 'Roles[].RoleName' --output text")
    assert passed(hand, "identity-mapping")[0::2] == ("unmapped", ["identity-mapping"])
