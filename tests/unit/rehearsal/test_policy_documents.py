"""What IAM refuses as a policy, and in which words."""

import json
from typing import Any

import pytest

from components.policies import pod_identity_trust, service_trust
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.managed_policies import MANAGED_POLICIES
from rehearsal.emulator.policy_documents import TRUST_SIZE, check_identity, check_trust, is_service

ACCOUNT = "111122223333"
BOB = f"arn:aws:iam::{ACCOUNT}:user/team/bob"
POD = f"arn:aws:sts::{ACCOUNT}:assumed-role/pods/session"
THERE = {BOB, POD, "AROAEXAMPLE0123456789"}
SERVICES = """
ec2 eks eks-nodegroup eks-fargate-pods pods.eks scheduler lambda edgelambda vpc-flow-logs ecs-tasks events
states monitoring.rds delivery.logs transitgateway elasticloadbalancing codebuild cloudtrail ssm spotfleet
states.ap-northeast-2 backup config guardduty
"""
EC2 = {"Service": "ec2.amazonaws.com"}


def trust(*statements: Any, version: Any = "2012-10-17", **more: Any) -> str:
    return json.dumps({"Version": version, "Statement": list(statements), **more})


def statement(**elements: Any) -> dict[str, Any]:
    """One that is right; None takes an element out."""
    found = {"Effect": "Allow", "Principal": EC2, "Action": "sts:AssumeRole"} | elements
    return {name: value for name, value in found.items() if value is not None}


def refusal_of(document: str) -> str:
    with pytest.raises(AwsError) as caught:
        check_trust(document, ACCOUNT, THERE.__contains__)
    assert caught.value.code == "MalformedPolicyDocument"
    return caught.value.message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("hello", "This policy contains invalid Json"),
        ('"text"', "This policy contains invalid Json"),
        ('{"Version": "2012-10-17", "Version": "2012-10-17"}', "This policy contains invalid Json"),
        (trust(statement(), version="2012-10-18"), "The policy must contain a valid version string"),
        (trust(), "Could not parse the policy: Statement is empty!"),
        ("{}", "Could not parse the policy: Statement is empty!"),
        (trust(statement(), Name="x"), "Unknown field Name"),
        (trust(statement(Actions="x")), "Unknown field Actions"),
        (trust(statement(Effect=None)), "Missing required field Effect"),
        (trust(statement(Effect="allow")), "Invalid effect: allow"),
        (trust(statement(Principal=None)), "Missing required field Principal"),
        (trust(statement(Principal={})), "Missing required field Principal cannot be empty!"),
        (trust(statement(Principal={"AWS": []})), "Missing required field Principal cannot be empty!"),
        (trust(statement(Principal="*")), "Principal must be a JSON object."),
        (trust(statement(Principal=None, NotPrincipal=EC2)), "Allow with NotPrincipal is not allowed."),
        (trust(statement(Action=None)), "Missing required field Action"),
        (trust(statement(Action=[])), "Missing required field Action"),
        (trust(statement(Resource="*")), "Has prohibited field Resource"),
        (trust(statement(NotResource="*")), "AssumeRole policy must not contain resources."),
        (trust(statement(Condition={"StringEqual": {"a:b": "c"}})), "Syntax errors in policy."),
        (trust(statement(Condition=[])), "Syntax errors in policy."),
        (trust(statement(Sid="a"), statement(Sid="a")), "The Statement Ids in the policy are not unique"),
    ],
)
def test_a_trust_policy_is_refused_for_what_is_wrong(document: str, message: str) -> None:
    assert refusal_of(document) == message


@pytest.mark.parametrize("action", ["s3:GetObject", "*", "sts:GetCallerIdentity", "AssumeRole"])
def test_it_is_about_assuming_roles_alone(action: str) -> None:
    refused = "AssumeRole policy may only specify STS AssumeRole actions."
    assert refusal_of(trust(statement(Action=["sts:AssumeRole", action]))) == refused


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/bob"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:role/nobody"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:role/*"),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:group/team"),
        ("AWS", f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/session"),
        ("AWS", "arn:aws:iam::12345678910:role/r"),
        ("AWS", "12345"),
        ("AWS", "AROAGONE0123456789012"),
        ("AWS", "ec2.amazonaws.com"),
        ("SERVICE", "ec2.amazonaws.comm"),
        ("SERVICE", "nosuchservice.amazonaws.com"),
        ("SERVICE", "ec2"),
    ],
)
def test_it_names_principals_that_there_are(kind: str, value: str) -> None:
    key = {"SERVICE": "Service"}.get(kind, kind)
    assert refusal_of(trust(statement(Principal={key: [value]}))) == f'Invalid principal in policy: "{kind}":"{value}"'


def test_an_unknown_kind_of_principal_and_a_bad_provider_are_refused() -> None:
    assert refusal_of(trust(statement(Principal={"User": "x"}))) == 'Invalid principal in policy: "User"'
    for provider in ("oidc", f"arn:aws:iam::{ACCOUNT}:oidc-provider/", "arn:aws:iam::1:oidc-provider/x"):
        refused = "Federated principals must be valid domain names or SAML metadata ARNs"
        assert refusal_of(trust(statement(Principal={"Federated": provider}))) == refused


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": ["*", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", BOB, POD, "AROAEXAMPLE0123456789"]},
        {"AWS": "arn:aws:iam::444455556666:role/elsewhere", "Service": ["pods.eks.amazonaws.com"]},
        {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.ap-northeast-2.amazonaws.com/id/AB"},
        {"Federated": ["accounts.google.com", "cognito-identity.amazonaws.com"]},
    ],
)
def test_what_iam_takes_is_taken(principal: dict[str, Any]) -> None:
    actions = ["sts:AssumeRole", "sts:TagSession", "STS:assumerolewithwebidentity", "sts:*"]
    conditions = {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}, "Bool": {"aws:x": True}}
    right = statement(Principal=principal, Action=actions, Condition=conditions)
    check_trust(trust(right, statement(Effect="Deny")), ACCOUNT, THERE.__contains__)
    check_trust(json.dumps({"Statement": right, "Version": "2008-10-17"}), ACCOUNT, THERE.__contains__)


def test_a_trust_policy_has_a_largest_size_white_space_aside() -> None:
    check_trust(" " * TRUST_SIZE + trust(statement()), ACCOUNT, THERE.__contains__)
    with pytest.raises(AwsError, match="Cannot exceed quota for ACLSizePerRole: 2048") as caught:
        check_trust(trust(statement(Sid="x" * TRUST_SIZE)), ACCOUNT, THERE.__contains__)
    assert (caught.value.code, caught.value.status) == ("LimitExceeded", 409)


def test_services_of_aws_are_known() -> None:
    unknown = [name for name in SERVICES.split() if not is_service(f"{name}.amazonaws.com")]
    assert not unknown


def identity(**elements: Any) -> str:
    found = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | elements
    return trust({name: value for name, value in found.items() if value is not None})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("hello", "Syntax errors in policy."),
        (trust(), "Syntax errors in policy."),
        (identity(Effect="Maybe"), "Syntax errors in policy."),
        (identity(Resources="*"), "Syntax errors in policy."),
        (identity(NotAction="s3:*"), "Syntax errors in policy."),
        (identity(Condition={"StringMatches": {"a:b": "c"}}), "Syntax errors in policy."),
        (identity(Principal=EC2), "Policy document should not specify a principal."),
        (identity(Action=None), "Policy statement must contain actions."),
        (identity(Resource=None), "Policy statement must contain resources."),
        (identity(Action="GetObject"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (identity(Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (identity().replace("2012-10-17", "2013-01-01"), "The policy must contain a valid version string"),
        (
            trust(*[{"Sid": "a", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}] * 2),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ],
)
def test_a_policy_of_rights_is_refused_for_what_is_wrong(document: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        check_identity(document)
    assert (caught.value.code, caught.value.message) == ("MalformedPolicyDocument", message)


def test_what_the_lab_writes_is_taken() -> None:
    for document in (service_trust("ec2.amazonaws.com"), pod_identity_trust("default", "pod")):
        check_trust(document, ACCOUNT, THERE.__contains__)
    for policy in MANAGED_POLICIES:
        check_identity(policy.document)
    check_identity(identity(Resource="arn:aws:s3:::b/${aws:username}/*", Action=["s3:Get*", "*"]))
