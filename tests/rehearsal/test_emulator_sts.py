"""AssumeRole's rules, and policies of those who call it, against the running emulator."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.emulator.settings import BUCKET
from tests.rehearsal.eks_account import trust
from tests.rehearsal.played_emulator import ACCOUNT, Emulator, refused

BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
ASKED = {"RoleArn": ROLE, "RoleSessionName": "session"}
MAY_ASSUME = {"Effect": "Allow", "Action": "sts:*", "Resource": ROLE}
TEAM = [{"Key": "team", "Value": "study"}]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("sts") / "world")
    yield running
    running.stop()


@pytest.fixture
def iam(emulator: Emulator) -> Any:
    return emulator.client("iam")


@pytest.fixture(scope="module")
def key(emulator: Emulator) -> dict[str, str]:
    """A user's, who has no policy."""
    iam = emulator.client("iam")
    iam.create_user(UserName="bob")
    return iam.create_access_key(UserName="bob")["AccessKey"]


@pytest.fixture
def sts(emulator: Emulator, iam: Any, key: dict[str, str]) -> Iterator[Any]:
    """STS as bob calls it; there is a role that trusts him."""
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust(arn=BOB))
    yield client(emulator, "sts", key)
    for name in iam.list_user_policies(UserName="bob")["PolicyNames"]:
        iam.delete_user_policy(UserName="bob", PolicyName=name)
    for name in iam.list_role_policies(RoleName="r")["PolicyNames"]:
        iam.delete_role_policy(RoleName="r", PolicyName=name)
    iam.delete_role(RoleName="r")


def client(emulator: Emulator, service: str, key: dict[str, str]) -> Any:
    return emulator.client(service, key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken"))


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def give(iam: Any, *statements: dict[str, Any], version: str = "2012-10-17") -> None:
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=document(*statements, version=version))


def trusting(principal: str, *actions: str, effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    found = {"Effect": effect, "Principal": {"AWS": principal}, "Action": list(actions or ["sts:AssumeRole"])}
    return {**found, "Condition": condition} if condition else found


def test_who_is_named_needs_no_policy_and_an_account_leaves_it_to_policies(iam: Any, sts: Any) -> None:
    assert sts.assume_role(**ASKED)["AssumedRoleUser"]["Arn"].endswith(":assumed-role/r/session")
    told = f"User: {BOB} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    for principal in (ROOT, ACCOUNT):
        iam.update_assume_role_policy(RoleName="r", PolicyDocument=document(trusting(principal)))
        missing = f"{told} because no identity-based policy allows the sts:AssumeRole action"
        assert refused(lambda: sts.assume_role(**ASKED)) == ("AccessDenied", missing)
    give(iam, MAY_ASSUME)
    assert sts.assume_role(**ASKED)["Credentials"]
    iam.update_assume_role_policy(
        RoleName="r", PolicyDocument=document(trusting(f"arn:aws:iam::{ACCOUNT}:user/operator"))
    )
    assert refused(lambda: sts.assume_role(**ASKED)) == ("AccessDenied", told)
    unknown = {**ASKED, "RoleArn": f"{ROLE}nobody"}
    assert refused(lambda: sts.assume_role(**unknown)) == ("AccessDenied", f"{told}nobody")


def test_a_deny_wins_wherever_it_stands(iam: Any, sts: Any) -> None:
    told = f"User: {BOB} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    give(iam, {**MAY_ASSUME, "Effect": "Deny"})
    by_identity = f"{told} with an explicit deny in an identity-based policy"
    assert refused(lambda: sts.assume_role(**ASKED)) == ("AccessDenied", by_identity)
    give(iam, MAY_ASSUME)
    denied = document(trusting("*"), trusting(BOB, effect="Deny"))
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=denied)
    by_trust = f"{told} with an explicit deny in the role trust policy"
    assert refused(lambda: sts.assume_role(**ASKED)) == ("AccessDenied", by_trust)


def test_conditions_of_a_trust_policy_see_the_request(iam: Any, sts: Any) -> None:
    equal = {"sts:ExternalId": "secret", "sts:RoleSessionName": "${aws:username}"}
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=document(trusting(BOB, StringEquals=equal)))
    right = {**ASKED, "RoleSessionName": "bob", "ExternalId": "secret"}
    assert sts.assume_role(**right)["Credentials"]
    for wrong in ({**right, "ExternalId": "other"}, {**ASKED, "ExternalId": "secret"}, {**ASKED, "ExternalId": "no"}):
        assert refused(lambda wrong=wrong: sts.assume_role(**wrong))[0] == "AccessDenied"


def test_a_session_lasts_as_long_as_its_role_allows(iam: Any, sts: Any) -> None:
    too_long = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    asked = {**ASKED, "DurationSeconds": 7200}
    assert refused(lambda: sts.assume_role(**asked)) == ("ValidationError", too_long)
    iam.update_role(RoleName="r", MaxSessionDuration=7200)
    assert sts.assume_role(**asked)["Credentials"]
    code, message = refused(lambda: sts.assume_role(**ASKED, DurationSeconds=43201))
    assert (code, "Value '43201' at 'durationSeconds'" in message) == ("ValidationError", True)
    assert refused(lambda: iam.update_role(RoleName="r", MaxSessionDuration=43201))[0] == "ValidationError"


def test_temporary_credentials_assume_a_role_for_an_hour_at_most(emulator: Emulator, iam: Any, sts: Any) -> None:
    iam.update_role(RoleName="r", MaxSessionDuration=43200)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=document(trusting(BOB), trusting(ROLE)))
    chained = client(emulator, "sts", sts.assume_role(**ASKED, DurationSeconds=7200)["Credentials"])
    of_user = client(emulator, "sts", sts.get_session_token()["Credentials"])
    limit = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    for temporary in (chained, of_user):
        assert temporary.assume_role(**ASKED)["Credentials"]
        assert refused(lambda temporary=temporary: temporary.assume_role(**ASKED, DurationSeconds=3601)) == (
            "ValidationError",
            limit,
        )


def test_transitive_tags_and_a_source_identity_go_along_a_chain_with_leave(
    emulator: Emulator, iam: Any, sts: Any
) -> None:
    both = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=document(trusting(BOB, *both), trusting(ROLE, *both)))
    tags = {"Tags": [*TEAM, {"Key": "own", "Value": "1"}], "TransitiveTagKeys": ["Team"]}
    chained = client(emulator, "sts", sts.assume_role(**ASKED, **tags, SourceIdentity="bob")["Credentials"])
    answer = chained.assume_role(**ASKED)
    assert answer["SourceIdentity"] == "bob"
    condition = {
        "StringEquals": {"aws:PrincipalTag/team": "study", "aws:SourceIdentity": "bob"},
        "Null": {"aws:PrincipalTag/own": "true"},
    }
    allowed = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document(allowed))
    assert client(emulator, "iam", answer["Credentials"]).list_users()["Users"]
    conflict = refused(lambda: chained.assume_role(**ASKED, Tags=TEAM))
    assert (conflict[0], "conflicts with a transitive tag key" in conflict[1]) == ("InvalidParameterValue", True)
    assert "already set" in refused(lambda: chained.assume_role(**ASKED, SourceIdentity="eve"))[1]
    for left in ("sts:SetSourceIdentity", "sts:TagSession"):
        leaves = [action for action in both if action != left]
        iam.update_assume_role_policy(RoleName="r", PolicyDocument=document(trusting("*", *leaves)))
        code, message = refused(lambda: chained.assume_role(**ASKED))
        assert (code, f"is not authorized to perform: {left} on resource: {ROLE}" in message) == ("AccessDenied", True)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"RoleSessionName": "a b"}, "ValidationError"),
        ({"RoleSessionName": "x" * 65}, "ValidationError"),
        ({"ExternalId": "a b"}, "ValidationError"),
        ({"SourceIdentity": "a b"}, "ValidationError"),
        ({"RoleArn": "arn:aws:iam::111122223333:user/bob"}, "ValidationError"),
        ({"Tags": [*TEAM, {"Key": "Team", "Value": ""}]}, "InvalidParameterValue"),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "InvalidParameterValue"),
        ({"TransitiveTagKeys": ["team"]}, "InvalidParameterValue"),
        ({"SerialNumber": "arn:aws:iam::111122223333:mfa/bob", "TokenCode": "123456"}, "AccessDenied"),
        ({"Policy": '{"Version": "2012-10-17", "Statement": [{}]}'}, "MalformedPolicyDocument"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/NoSuchPolicy"}]}, "ValidationError"),
    ],
)
def test_what_sts_does_not_take(sts: Any, more: dict[str, Any], code: str) -> None:
    assert refused(lambda: sts.assume_role(**{**ASKED, **more}))[0] == code


def test_a_session_policy_limits_what_the_role_may(emulator: Emulator, iam: Any, sts: Any) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document(everything))
    passed = document({"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"})
    limited = sts.assume_role(**ASKED, Policy=passed)["Credentials"]
    assert client(emulator, "iam", limited).list_users()["Users"]
    assert refused(client(emulator, "iam", limited).list_roles)[0] == "AccessDenied"
    assert client(emulator, "iam", sts.assume_role(**ASKED)["Credentials"]).list_roles()["Roles"]


def test_a_user_s_name_stands_for_the_user(emulator: Emulator, iam: Any, sts: Any, key: dict[str, str]) -> None:
    own = client(emulator, "iam", key)
    of_oneself = {
        "Effect": "Allow",
        "Action": "iam:ListAccessKeys",
        "Resource": "arn:aws:iam::*:user/${aws:username}",
    }
    give(iam, of_oneself)
    assert own.list_access_keys(UserName="bob")["AccessKeyMetadata"]
    assert refused(lambda: own.list_access_keys(UserName="operator"))[0] == "AccessDenied"
    give(iam, of_oneself, version="2008-10-17")
    assert refused(lambda: own.list_access_keys(UserName="bob"))[0] == "AccessDenied"
    # A role's session has no user's name.
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document(of_oneself))
    session = client(emulator, "iam", sts.assume_role(**ASKED)["Credentials"])
    assert refused(lambda: session.list_access_keys(UserName="bob"))[0] == "AccessDenied"


def test_a_bucket_policy_knows_variables(emulator: Emulator, iam: Any, sts: Any, key: dict[str, str]) -> None:
    give(iam, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    s3, operators = client(emulator, "s3", key), emulator.client("s3")
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "NotResource": f"arn:aws:s3:::{BUCKET}/${{aws:username, 'nobody'}}/*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": BOB}},
    }
    operators.put_bucket_policy(Bucket=BUCKET, Policy=document(denied))
    try:
        assert s3.put_object(Bucket=BUCKET, Key="bob/x", Body=b"")
        assert refused(lambda: s3.put_object(Bucket=BUCKET, Key="other/x", Body=b""))[0] == "AccessDenied"
    finally:
        operators.delete_bucket_policy(Bucket=BUCKET)
        operators.delete_object(Bucket=BUCKET, Key="bob/x")


def test_a_malformed_trust_policy_is_kept_neither_by_a_new_role_nor_by_an_old_one(iam: Any, sts: Any) -> None:
    before = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    nobody = f"{BOB}nobody"
    for text, message in (
        ("hello", "This policy contains invalid Json"),
        (document({**trusting(BOB), "Resource": "*"}), "Has prohibited field Resource"),
        (document(trusting(nobody)), f'Invalid principal in policy: "AWS":"{nobody}"'),
        (document(trusting(BOB, "s3:GetObject")), "AssumeRole policy may only specify STS AssumeRole actions."),
    ):
        expected = ("MalformedPolicyDocument", message)
        assert refused(lambda text=text: iam.create_role(RoleName="new", AssumeRolePolicyDocument=text)) == expected
        assert refused(lambda text=text: iam.update_assume_role_policy(RoleName="r", PolicyDocument=text)) == expected
    assert iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"] == before
    assert refused(lambda: iam.get_role(RoleName="new"))[0] == "NoSuchEntity"
    missing = refused(lambda: iam.update_assume_role_policy(RoleName="new", PolicyDocument="hello"))
    assert missing[0] == "NoSuchEntity"
    # Whom a policy names has to be there when it is written: a role cannot name itself before it is.
    itself = document(trusting(f"arn:aws:iam::{ACCOUNT}:role/new"))
    code, _ = refused(lambda: iam.create_role(RoleName="new", AssumeRolePolicyDocument=itself))
    assert code == "MalformedPolicyDocument"


def test_policies_of_rights_are_checked_and_have_a_largest_size(iam: Any, sts: Any) -> None:
    right = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    bad = document({**right, "Principal": "*"})
    told = ("MalformedPolicyDocument", "Policy document should not specify a principal.")
    for call in (
        lambda: iam.put_user_policy(UserName="bob", PolicyName="bad", PolicyDocument=bad),
        lambda: iam.put_role_policy(RoleName="r", PolicyName="bad", PolicyDocument=bad),
        lambda: iam.create_policy(PolicyName="bad", PolicyDocument=bad),
    ):
        assert refused(call) == told
    half = document({**right, "Resource": [f"arn:aws:s3:::{'b' * 1000}/*"]})
    give(iam, right)
    iam.put_user_policy(UserName="bob", PolicyName="half", PolicyDocument=half)
    too_much = refused(lambda: iam.put_user_policy(UserName="bob", PolicyName="other", PolicyDocument=half))
    assert too_much == ("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user bob")
    iam.put_user_policy(UserName="bob", PolicyName="half", PolicyDocument=half)
    large = document({**right, "Resource": [f"arn:aws:s3:::{'b' * 6144}"]})
    too_large = refused(lambda: iam.create_policy(PolicyName="large", PolicyDocument=large))
    assert too_large == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
