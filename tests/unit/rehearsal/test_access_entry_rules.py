"""What EKS refuses of access entries and access policies, in its words."""

from typing import Any

import pytest

from rehearsal.emulator.eks import access_rules as rules
from rehearsal.emulator.eks.access_policies import ARN_PREFIX
from rehearsal.emulator.errors import AwsError

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/dev"
USER = f"arn:aws:iam::{ACCOUNT}:user/bob"
FOREIGN = "arn:aws:iam::999900001111:role/x"
LINKED = "role/aws-service-role/emr-containers.amazonaws.com/AWSServiceRoleForAmazonEMRContainers"
FORMAT = "The principalArn parameter format is not valid"
NOT_LINKED = "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
TYPES = "[EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]"
VIEW = f"{ARN_PREFIX}AmazonEKSViewPolicy"


@pytest.mark.parametrize(
    ("arn", "kind"), [(ROLE, "STANDARD"), (USER, "STANDARD"), (FOREIGN, "STANDARD"), (ROLE, "EC2_LINUX")]
)
def test_users_and_roles_may_be_principals(arn: str, kind: str) -> None:
    rules.check_principal(arn, kind, ACCOUNT)


@pytest.mark.parametrize(
    ("arn", "kind", "text"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Some/Participant", "STANDARD", FORMAT),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/bob", "STANDARD", FORMAT),
        (f"arn:aws:iam::{ACCOUNT}:root", "STANDARD", FORMAT),
        (f"arn:aws:iam::{ACCOUNT}:group/devs", "STANDARD", FORMAT),
        ("arn:aws:iam::1111:role/x", "STANDARD", FORMAT),
        ("nonsense", "EC2_LINUX", FORMAT),
        (f"arn:aws:iam::{ACCOUNT}:{LINKED}", "STANDARD", NOT_LINKED),
        (f"arn:aws:iam::999900001111:{LINKED}", "EC2_LINUX", NOT_LINKED),
        (USER, "EC2_WINDOWS", f"AccessEntry principalArn must be IAM role when using types {TYPES}"),
        (
            FOREIGN,
            "EC2_LINUX",
            f"AccessEntry principalArn must be from the same account as the cluster when using types {TYPES}",
        ),
    ],
)
def test_other_principals_are_refused(arn: str, kind: str, text: str) -> None:
    with pytest.raises(AwsError) as refused:
        rules.check_principal(arn, kind, ACCOUNT)
    assert (refused.value.code, refused.value.message) == ("InvalidParameterException", text)


@pytest.mark.parametrize(
    ("kind", "params", "text"),
    [
        ("STANDARD", {"kubernetesGroups": ["a", "system:masters"]}, "group name system:masters is invalid"),
        ("STANDARD", {"username": "amazon:me"}, "The username must not begin with amazon:"),
        ("EC2_LINUX", {"username": "system:node:x"}, "The username must not begin with system:"),
        ("STANDARD", {"username": "me{{SessionNameRaw}}"}, "colon"),
        (
            "EC2_LINUX",
            {"kubernetesGroups": ["a"]},
            'The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is "EC2_',
        ),
        ("EC2_WINDOWS", {"username": "a"}, 'setting username is not allowed when the type is "EC2_WINDOWS"'),
    ],
)
def test_names_and_groups_that_are_refused(kind: str, params: dict[str, Any], text: str) -> None:
    with pytest.raises(AwsError) as refused:
        rules.check_names(kind, params)
    assert text in refused.value.message


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("STANDARD", {}),
        ("STANDARD", {"username": "sts:me:{{SessionName}}", "kubernetesGroups": ["eks:team"]}),
        ("EC2_LINUX", {"kubernetesGroups": []}),
    ],
)
def test_names_and_groups_that_are_taken(kind: str, params: dict[str, Any]) -> None:
    rules.check_names(kind, params)


@pytest.mark.parametrize(
    ("kind", "policy", "scope", "code", "text"),
    [
        ("EC2_LINUX", VIEW, ("cluster", []), "InvalidParameterException", 'with a type of "STANDARD"'),
        (
            "STANDARD",
            "arn:aws:iam::aws:policy/ReadOnly",
            ("cluster", []),
            "InvalidParameterException",
            "policyArn param",
        ),
        ("STANDARD", f"{VIEW}x", ("cluster", []), "ResourceNotFoundException", "policyArn could not be found."),
        (
            "STANDARD",
            VIEW.replace("aws:eks", "aws-cn:eks"),
            ("cluster", []),
            "ResourceNotFoundException",
            "not be found",
        ),
        ("STANDARD", f"{ARN_PREFIX}AmazonEKSAutoNodePolicy", ("cluster", []), "InvalidParameterException", "not play"),
        ("STANDARD", VIEW, ("namespace", []), "InvalidParameterException", "At least 1 namespace must be provided"),
        ("STANDARD", VIEW, ("cluster", ["a"]), "InvalidParameterException", "should not include namespaces"),
    ],
)
def test_policies_that_are_refused(kind: str, policy: str, scope: tuple[str, list[str]], code: str, text: str) -> None:
    with pytest.raises(AwsError) as refused:
        rules.check_policy(kind, policy, {"type": scope[0], "namespaces": scope[1]})
    assert refused.value.code == code
    assert text in refused.value.message


def test_a_policy_may_be_for_the_cluster_or_for_namespaces() -> None:
    rules.check_policy("STANDARD", VIEW, {"type": "cluster", "namespaces": []})
    rules.check_policy("STANDARD", VIEW, {"type": "namespace", "namespaces": ["a-*"]})


@pytest.mark.parametrize(
    ("kind", "code"), [("FARGATE_LINUX", "InvalidRequestException"), ("ADMIN", "InvalidParameterE")]
)
def test_types_that_are_refused(kind: str, code: str) -> None:
    with pytest.raises(AwsError) as refused:
        rules.check_type(kind)
    assert refused.value.code.startswith(code)
