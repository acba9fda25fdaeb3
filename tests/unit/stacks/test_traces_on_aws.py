"""What was attached on AWS by hand to an exercise's roles and user, held to AWS's documented answers by a stub."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from stacks.errors import CannotAsk
from stacks.exercise_state import Held
from stacks.traces_on_aws import on_aws
from tests.unit.stacks.takeover_bench import absent

ROLE, USER = "arn:aws:iam::1:role/irsa", "arn:aws:iam::1:user/testuser"
S3, ADMIN = (f"arn:aws:iam::aws:policy/{name}" for name in ("AmazonS3ReadOnlyAccess", "AdministratorAccess"))
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def recorded(kind: str, id: str, arn: str = "", **inputs: Any) -> dict[str, Any]:
    return {"type": kind, "id": id, "inputs": inputs, "outputs": {"arn": arn}}


HELD = Held(
    (
        recorded("aws:iam/role:Role", "irsa", ROLE),
        recorded("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "irsa/s3", role="irsa", policyArn=S3),
        {
            "type": "kubernetes:core/v1:ServiceAccount",
            "id": "default/my-sa",
            "inputs": {"kind": "ServiceAccount", "metadata": {"name": "my-sa", "namespace": "default"}},
        },
    ),
    (recorded("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "o/a", role="another", policyArn=ADMIN),),
)
TESTUSER = Held(
    (
        recorded("aws:iam/user:User", "testuser", USER),
        recorded("aws:iam/userPolicyAttachment:UserPolicyAttachment", "u/a", user="testuser", policyArn=ADMIN),
        recorded("aws:eks/accessEntry:AccessEntry", "myeks:u", principalArn=USER),
        recorded("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "p", principalArn=USER, policyArn=VIEW),
    ),
    (),
)


class Aws:
    """Answers by operation; nothing is there where none is laid out."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.did: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, _service: str) -> Aws:
        return self

    def can_paginate(self, _operation: str) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        def answer(**asked: Any) -> Any:
            if not name.startswith(("list_", "describe_")):
                self.did.append((name, asked))
                return {}
            told = self.answers.get(name, absent())
            if isinstance(told, Exception):
                raise told
            return told

        return answer


def attached(*arns: str) -> dict[str, Any]:
    return {"AttachedPolicies": [{"PolicyArn": each} for each in arns]}


def done(aws: Aws, held: Held) -> list[str]:
    found = list(on_aws(aws, held, "myeks"))
    for each in found:
        each.undo()
    return [each.about for each in found]


def test_what_the_engine_attached_stays():
    nothing = Aws(list_attached_role_policies=attached(S3), list_role_policies={"PolicyNames": []})
    assert done(nothing, HELD) == []
    answers = {"list_attached_user_policies": attached(ADMIN)}
    policies = {"list_associated_access_policies": {"associatedAccessPolicies": [{"policyArn": VIEW}]}}
    assert done(Aws(**answers, **policies), TESTUSER) == []


def test_what_was_added_to_a_role_goes():
    """A policy that another role has from the engine is none of this one's."""
    aws = Aws(
        list_attached_role_policies=attached(S3, ADMIN),
        list_role_policies={"PolicyNames": ["mine"]},
        describe_access_entry={"accessEntry": {}},
        list_pod_identity_associations={"associations": [{"associationId": "a-1"}]},
    )
    assert len(done(aws, HELD)) == 4
    assert aws.did == [
        ("detach_role_policy", {"RoleName": "irsa", "PolicyArn": ADMIN}),
        ("delete_role_policy", {"RoleName": "irsa", "PolicyName": "mine"}),
        ("delete_access_entry", {"clusterName": "myeks", "principalArn": ROLE}),
        ("delete_pod_identity_association", {"clusterName": "myeks", "associationId": "a-1"}),
    ]


def test_another_association_in_the_place_of_its_own_goes():
    """Of a service account that is not the exercise's: the update could not make its own again."""
    kind = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
    held = Held((recorded(kind, "a-1", namespace="kube-public", serviceAccount="default"),), ())
    found = [{"associationId": each} for each in ("a-1", "a-2")]
    aws = Aws(list_pod_identity_associations={"associations": found})
    assert done(aws, held) == ["Pod Identity association a-2 of kube-public/default"]
    assert aws.did == [("delete_pod_identity_association", {"clusterName": "myeks", "associationId": "a-2"})]


def test_what_was_added_to_a_user_goes_and_its_keys_stay():
    aws = Aws(
        list_attached_user_policies=attached(ADMIN, S3),
        list_user_policies={"PolicyNames": ["mine"]},
        list_groups_for_user={"Groups": [{"GroupName": "admins"}]},
        list_access_keys={"AccessKeyMetadata": [{"AccessKeyId": "AKIA"}]},
        list_associated_access_policies={"associatedAccessPolicies": [{"policyArn": VIEW}, {"policyArn": "other"}]},
    )
    assert len(done(aws, TESTUSER)) == 4
    assert aws.did == [
        ("detach_user_policy", {"UserName": "testuser", "PolicyArn": S3}),
        ("delete_user_policy", {"UserName": "testuser", "PolicyName": "mine"}),
        ("remove_user_from_group", {"UserName": "testuser", "GroupName": "admins"}),
        (
            "disassociate_access_policy",
            {"clusterName": "myeks", "principalArn": USER, "policyArn": "other"},
        ),
    ]


def test_a_role_that_is_gone_has_nothing():
    assert done(Aws(), HELD) == []
    assert done(Aws(), TESTUSER) == []


def test_a_refusal_is_told():
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "List")
    with pytest.raises(CannotAsk, match="may not ask"):
        done(Aws(list_attached_role_policies=denied), HELD)


OPTIONS = {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 2}
OWN_NODE = Held(
    (
        recorded(
            "aws:ec2/launchTemplate:LaunchTemplate",
            "lt-1",
            metadataOptions={"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 2},
        ),
        recorded(
            "aws:eks/nodeGroup:NodeGroup",
            "myeks:mine",
            nodeGroupName="mine",
            launchTemplate={"id": "lt-1", "version": "1"},
        ),
    ),
    (recorded("aws:eks/nodeGroup:NodeGroup", "myeks:ng1", nodeGroupName="ng1"),),
)


def instances(**options: dict[str, Any]) -> dict[str, Any]:
    """EC2's answer, whatever is filtered by."""
    found = [{"InstanceId": number, "MetadataOptions": each} for number, each in options.items()]
    return {"Reservations": [{"Instances": found}]}


def test_nodes_of_its_own_get_the_template_s_metadata_options_again():
    """An exercise without a node group has no nodes of its own."""
    changed = {**OPTIONS, "HttpPutResponseHopLimit": 1}
    aws = Aws(describe_instances=instances(a=OPTIONS, b=changed, c={**OPTIONS, "HttpTokens": "optional"}))
    assert done(aws, OWN_NODE) == ["metadata options of instance b", "metadata options of instance c"]
    assert aws.did == [("modify_instance_metadata_options", {"InstanceId": number, **OPTIONS}) for number in ("b", "c")]
    assert done(Aws(describe_instances=instances(a=OPTIONS)), OWN_NODE) == []
    assert done(Aws(describe_instances=instances(b=changed)), TESTUSER) == []
