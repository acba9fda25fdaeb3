"""Which tokens may be sent to STS, and as whom their signers enter."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from rehearsal.emulator.eks.iam_authenticator import (
    Entrance,
    Entry,
    Identity,
    Refused,
    canonical_arn,
    enter,
    find_entry,
    find_in_aws_auth,
    read_token,
    without_path,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OWN = "127.0.0.1:45321"
STS = "sts.ap-northeast-2.amazonaws.com"
KEY = "AKIAIOSFODNN7EXAMPLE"
QUERY = {
    "Action": "GetCallerIdentity",
    "Version": "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": f"{KEY}/20261124/ap-northeast-2/sts/aws4_request",
    "X-Amz-Date": "20261124T115900Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
    "X-Amz-Signature": "0" * 64,
}


def token(url: str = f"http://{OWN}/", more: str = "", **changed: str | None) -> str:
    query = {**QUERY, **{name.replace("_", "-"): value for name, value in changed.items()}}
    text = f"{url}?{urlencode({name: value for name, value in query.items() if value is not None})}{more}"
    return "k8s-aws-v1." + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(text: str):
    return read_token(text, own_host=OWN, region="ap-northeast-2", now=NOW)


@pytest.mark.parametrize(("url", "host"), [(f"http://{OWN}/", OWN), (f"https://{STS}/", STS)])
def test_a_token_for_the_emulator_or_the_regions_sts_is_taken(url: str, host: str) -> None:
    found = read(token(url))
    assert (found.host, found.access_key_id) == (host, KEY)
    assert "Action=GetCallerIdentity" in found.query


def test_a_sessions_token_is_taken() -> None:
    found = read(token(X_Amz_Credential="ASIAIOSFODNN7EXAMPLE/20261124/r/sts/aws4_request", X_Amz_Security_Token="t"))
    assert found.access_key_id.startswith("ASIA")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "does not begin"),
        ("eyJhbGciOi.a.b", "does not begin"),
        ("k8s-aws-v1.***", "base64url"),
        (token() + "=" * (-len(token().partition(".")[2]) % 4 or 4), "base64url"),
        (token() + "\n", "base64url"),
        (token().replace("_", "/", 1) + "/", "base64url"),
        ("k8s-aws-v1.A", "does not hold a URL"),
        ("k8s-aws-v1." + "A" * 5000, "too long"),
        ("k8s-aws-v1." + base64.urlsafe_b64encode(b"http://[").decode().rstrip("="), "does not hold a URL"),
        (token(f"https://{OWN}/"), "signed for https"),
        (token(f"http://{STS}/"), "signed for http"),
        (token("http://127.0.0.1:1/"), "signed for"),
        (token("https://sts.us-east-1.amazonaws.com/"), "signed for"),
        (token("https://sts.ap-northeast-2.amazonaws.com.evil.example/"), "signed for"),
        (token(f"http://evil@{OWN}/"), "signed for"),
        (token(f"http://{OWN}"), "path"),
        (token(f"http://{OWN}/other"), "path"),
        (token(f"http://{OWN}//"), "path"),
        (token(more="#part"), "path"),
        (token(Action="AssumeRole"), "asks for AssumeRole"),
        (token(Action=None), "asks for nothing"),
        (token(Action="getcalleridentity"), "asks for"),
        (token(more="&Action=AssumeRole"), "twice"),
        (token(more="&action=GetCallerIdentity"), "twice"),
        (token(more="&x-amz-credential=AKIAOTHEROTHEROTHER/1/2/3/4"), "twice"),
        (token(more="&RoleArn=arn:aws:iam::1:role/r"), "has the parameter RoleArn"),
        (token(X_Amz_SignedHeaders="host"), "x-k8s-aws-id"),
        (token(X_Amz_SignedHeaders="x-k8s-aws-id"), "header host"),
        (token(X_Amz_SignedHeaders="host;x-k8s-aws-id;x-k8s-aws-id"), "signs a header twice"),
        (token(X_Amz_SignedHeaders="host;X-K8s-Aws-Id-Not"), "x-k8s-aws-id"),
        (token(X_Amz_Expires="901"), "X-Amz-Expires"),
        (token(X_Amz_Expires="0"), "X-Amz-Expires"),
        (token(X_Amz_Expires="-60"), "X-Amz-Expires"),
        (token(X_Amz_Expires="٦٠"), "X-Amz-Expires"),
        (token(X_Amz_Expires=None), "X-Amz-Expires"),
        (token(X_Amz_Date="20261124T114459Z"), "expired"),
        (token(X_Amz_Date="20261124T120501Z"), "future"),
        (token(X_Amz_Date="yesterday"), "no date"),
        (token(X_Amz_Date=None), "no date"),
        (token(X_Amz_Signature=None), "no signature"),
        (token(X_Amz_Signature=""), "no signature"),
        (token(X_Amz_Algorithm="AWS4-ECDSA-P256-SHA256"), "AWS4-HMAC-SHA256"),
        (token(X_Amz_Credential="111122223333/20261124/r/sts/aws4_request"), "access key"),
        (token(X_Amz_Credential="test/20261124/r/sts/aws4_request"), "access key"),
        (token(X_Amz_Credential=""), "access key"),
        (token(X_Amz_Credential=None), "access key"),
    ],
)
def test_anything_else_is_refused(bad: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        read(bad)


def test_a_token_is_good_for_a_quarter_of_an_hour() -> None:
    made = NOW - timedelta(minutes=15)
    assert read(token(X_Amz_Date=made.strftime("%Y%m%dT%H%M%SZ")))


@pytest.mark.parametrize(
    ("arn", "canonical"),
    [
        ("arn:aws:sts::111122223333:assumed-role/dev/i-0", "arn:aws:iam::111122223333:role/dev"),
        ("arn:aws-cn:sts::111122223333:assumed-role/dev/me@x", "arn:aws-cn:iam::111122223333:role/dev"),
        ("arn:aws:iam::111122223333:user/path/testuser", "arn:aws:iam::111122223333:user/path/testuser"),
        ("arn:aws:sts::111122223333:federated-user/bob", "arn:aws:sts::111122223333:federated-user/bob"),
        ("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:root"),
    ],
)
def test_a_sessions_canonical_arn_is_its_roles(arn: str, canonical: str) -> None:
    assert canonical_arn(arn) == canonical


ROLE = Identity.of("arn:aws:sts::111122223333:assumed-role/dev/me@x", "AROAEXAMPLE:me@x", "111122223333", "ASIAX")
USER = Identity.of("arn:aws:iam::111122223333:user/testuser", "AIDAEXAMPLE", "111122223333", "AKIAX")


def test_an_identity_knows_its_principal_and_session() -> None:
    assert (ROLE.principal_id, ROLE.session_name) == ("AROAEXAMPLE", "me@x")
    assert (USER.principal_id, USER.session_name) == ("AIDAEXAMPLE", "")


def entry(principal_id: str, arn: str) -> Entry:
    return Entry(principal_id, arn, "name", (), "STANDARD")


def test_an_entry_is_found_by_the_principals_unique_id() -> None:
    with_path = entry("AROAEXAMPLE", "arn:aws:iam::111122223333:role/team/dev")
    assert find_entry(ROLE, [entry("AIDAOTHER", USER.arn), with_path]) is with_path


def test_a_recreated_principal_has_no_entry() -> None:
    assert find_entry(USER, [entry("AIDABEFORE", USER.arn)]) is None


def test_a_principal_of_another_account_is_found_by_its_arn() -> None:
    foreign = entry("", "arn:aws:iam::999900001111:role/x")
    somebody = Identity.of("arn:aws:sts::999900001111:assumed-role/x/s", "AROAX:s", "999900001111", "ASIAX")
    assert find_entry(somebody, [foreign]) is foreign
    assert find_entry(USER, [foreign]) is None


MAPPED = {
    "mapUsers": f"- userarn: {USER.arn}\n  username: testuser\n  groups: [system:masters]\n",
    "mapRoles": "- rolearn: arn:aws:iam::111122223333:role/dev\n  username: dev:{{SessionName}}\n  groups:\n  - dev\n",
}


@pytest.mark.parametrize(
    ("who", "data", "entrance"),
    [
        (USER, MAPPED, Entrance("testuser", ("system:masters",))),
        (ROLE, MAPPED, Entrance("dev:{{SessionName}}", ("dev",))),
        (USER, {}, None),
        (USER, {"mapUsers": ""}, None),
        (USER, {"mapUsers": "- userarn: ["}, None),
        (USER, {"mapUsers": "userarn: arn:aws:iam::111122223333:user/testuser"}, None),
        (USER, {"mapUsers": "- userarn: arn:aws:iam::111122223333:user/testuser"}, Entrance("", ())),
        (USER, {"mapUsers": "- userarn: arn:aws:iam::111122223333:user/testuser\n  username: t\n"}, Entrance("t", ())),
        (USER, {"mapUsers": "- userarn: arn:aws:iam::111122223333:user/other\n  username: t\n"}, None),
        (USER, {"mapRoles": MAPPED["mapUsers"]}, None),
        # A role's ARN is found without its path only: a trap that EKS documents.
        (ROLE, {"mapRoles": "- rolearn: arn:aws:iam::111122223333:role/team/dev\n  username: d\n"}, None),
        (USER, {"mapUsers": "- userarn: ARN:aws:iam::111122223333:user/TestUser\n  username: t\n"}, Entrance("t", ())),
        (USER, {"mapAccounts": '["111122223333"]'}, Entrance(USER.arn, ())),
        (USER, {"mapAccounts": '["999900001111"]'}, None),
    ],
)
def test_aws_auth_maps_who_is_in_it(who: Identity, data: dict[str, str], entrance: Entrance | None) -> None:
    assert find_in_aws_auth(who, data) == entrance


def test_templates_are_filled_in() -> None:
    user = enter(ROLE, Entrance("r:{{SessionName}}:{{SessionNameRaw}}:{{AccountID}}", ("team:{{SessionName}}",)))
    assert user.username == "r:me-x:me@x:111122223333"
    assert user.groups == ("team:me-x",)


def test_a_node_is_named_after_its_instance() -> None:
    mapping = Entrance("system:node:{{EC2PrivateDNSName}}", ("system:nodes",))
    assert mapping.needs_private_dns_name
    assert enter(ROLE, mapping, "ip-192-168-1-23.x.internal").username == "system:node:ip-192-168-1-23.x.internal"
    with pytest.raises(Refused, match="private DNS name"):
        enter(ROLE, mapping)


def test_a_user_has_no_session_to_be_named_after() -> None:
    assert enter(USER, Entrance("u:{{SessionName}}", ("g{{SessionNameRaw}}",))).username == "u:"
    assert enter(USER, Entrance("u", ("g{{SessionNameRaw}}",))).groups == ("g",)


def test_the_api_server_is_told_who_it_is_as_by_eks() -> None:
    status = enter(ROLE, Entrance("dev", ("dev",))).status()
    assert status == {
        "authenticated": True,
        "user": {
            "username": "dev",
            "uid": "aws-iam-authenticator:111122223333:AROAEXAMPLE",
            "groups": ["dev"],
            "extra": {
                "accessKeyId": ["ASIAX"],
                "arn": ["arn:aws:sts::111122223333:assumed-role/dev/me@x"],
                "canonicalArn": ["arn:aws:iam::111122223333:role/dev"],
                "principalId": ["AROAEXAMPLE"],
                "sessionName": ["me@x"],
                "sigs.k8s.io/aws-iam-authenticator/principalId": ["AROAEXAMPLE"],
            },
        },
    }


@pytest.mark.parametrize(
    ("arn", "bare"),
    [
        ("arn:aws:iam::111122223333:role/team/sub/dev", "arn:aws:iam::111122223333:role/dev"),
        ("arn:aws:iam::111122223333:role/dev", "arn:aws:iam::111122223333:role/dev"),
        ("arn:aws:iam::111122223333:user/team/dev", "arn:aws:iam::111122223333:user/team/dev"),
    ],
)
def test_a_roles_path_is_not_known_to_its_sessions(arn: str, bare: str) -> None:
    assert without_path(arn) == bare
