"""IAM's and STS's rules that the exercises lean on, and the operations that a changed stack calls."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.emulator.settings import BUCKET
from tests.rehearsal.eks_account import encode, trust
from tests.rehearsal.played_emulator import ACCOUNT, REGION, Emulator, refused

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ISSUER = f"https://oidc.eks.{REGION}.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("iam") / "world")
    yield running
    running.stop()


@pytest.fixture
def iam(emulator: Emulator) -> Any:
    return emulator.client("iam")


def document(*actions: str, resource: str = "*", effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def testuser(emulator: Emulator, iam: Any) -> Iterator[dict[str, str]]:
    """The exercise's user: an administrator whom a boundary keeps to looking around. Gives the key."""
    statements = [
        {
            "Effect": "Allow",
            "Action": "eks:DescribeCluster",
            "Resource": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/myeks",
        },
        {"Effect": "Allow", "Action": ["eks:List*", "sts:GetCallerIdentity", "ec2:DescribeInstances"], "Resource": "*"},
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=text)["Policy"]["Arn"]
    user = iam.create_user(UserName="testuser", PermissionsBoundary=boundary)["User"]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    iam.attach_user_policy(UserName="testuser", PolicyArn=ADMINISTRATOR)
    yield iam.create_access_key(UserName="testuser")["AccessKey"]
    for key in iam.list_access_keys(UserName="testuser")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="testuser", AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName="testuser", PolicyArn=ADMINISTRATOR)
    iam.delete_user(UserName="testuser")
    iam.delete_policy(PolicyArn=boundary)


def client(emulator: Emulator, service: str, key: dict[str, str]) -> Any:
    return emulator.client(service, key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken"))


def test_a_boundary_is_the_most_that_an_administrator_can_do(
    emulator: Emulator, iam: Any, testuser: dict[str, str]
) -> None:
    eks = client(emulator, "eks", testuser)
    # IAM lets it pass: EKS answers that there is no such cluster.
    assert refused(lambda: eks.describe_cluster(name="myeks"))[0] == "ResourceNotFoundException"
    assert refused(lambda: eks.describe_cluster(name="other"))[0] == "AccessDeniedException"
    assert refused(lambda: eks.delete_cluster(name="myeks"))[0] == "AccessDeniedException"
    assert eks.list_clusters()["clusters"] == []
    assert client(emulator, "ec2", testuser).describe_instances()["Reservations"] == []
    assert refused(client(emulator, "s3", testuser).list_buckets)[0] == "AccessDenied"
    assert refused(client(emulator, "iam", testuser).list_users)[0] == "AccessDenied"
    iam.delete_user_permissions_boundary(UserName="testuser")
    assert client(emulator, "s3", testuser).list_buckets()["Buckets"][0]["Name"] == BUCKET
    iam.put_user_permissions_boundary(UserName="testuser", PermissionsBoundary=ADMINISTRATOR)
    assert client(emulator, "s3", testuser).list_buckets()["Buckets"][0]["Name"] == BUCKET


def test_a_refusal_names_the_type_of_policy_that_refused(
    emulator: Emulator, iam: Any, testuser: dict[str, str]
) -> None:
    s3 = client(emulator, "s3", testuser)
    told = f"User: arn:aws:iam::{ACCOUNT}:user/testuser is not authorized to perform: s3:ListAllMyBuckets"
    by_boundary = f"{told} because no permissions boundary allows the s3:ListAllMyBuckets action"
    assert refused(s3.list_buckets)[1] == by_boundary
    denied = document("s3:*", effect="Deny")
    iam.put_user_policy(UserName="testuser", PolicyName="no-s3", PolicyDocument=denied)
    assert refused(s3.list_buckets)[1] == f"{told} with an explicit deny in an identity-based policy"
    iam.delete_user_policy(UserName="testuser", PolicyName="no-s3")
    boundary = iam.create_policy(PolicyName="deny", PolicyDocument=denied)["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="testuser", PermissionsBoundary=boundary)
    assert refused(s3.list_buckets)[1] == f"{told} with an explicit deny in a permissions boundary"
    iam.delete_user_permissions_boundary(UserName="testuser")
    iam.delete_policy(PolicyArn=boundary)
    iam.detach_user_policy(UserName="testuser", PolicyArn=ADMINISTRATOR)
    by_policy = f"{told} because no identity-based policy allows the s3:ListAllMyBuckets action"
    assert refused(s3.list_buckets)[1] == by_policy
    kept = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    iam.put_user_permissions_boundary(UserName="testuser", PermissionsBoundary=kept)
    assert refused(s3.list_buckets)[1] == by_policy
    iam.attach_user_policy(UserName="testuser", PolicyArn=ADMINISTRATOR)
    _, message = refused(lambda: client(emulator, "eks", testuser).delete_cluster(name="myeks"))
    assert "because no permissions boundary allows the eks:DeleteCluster action" in message


def test_a_boundary_cannot_keep_a_user_from_knowing_who_they_are(emulator: Emulator, testuser: dict[str, str]) -> None:
    sts = client(emulator, "sts", testuser)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/testuser"
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    status, answer = emulator.http(url)
    assert (status, b"user/testuser" in answer) == (200, True)
    assert encode(url).startswith("k8s-aws-v1.")


def test_a_boundary_gives_nothing_by_itself(emulator: Emulator, iam: Any, testuser: dict[str, str]) -> None:
    iam.detach_user_policy(UserName="testuser", PolicyArn=ADMINISTRATOR)
    try:
        assert refused(client(emulator, "eks", testuser).list_clusters)[0] == "AccessDeniedException"
    finally:
        iam.attach_user_policy(UserName="testuser", PolicyArn=ADMINISTRATOR)


def test_a_boundary_that_is_used_cannot_be_deleted(iam: Any, testuser: dict[str, str]) -> None:
    boundary = iam.get_user(UserName="testuser")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert refused(lambda: iam.delete_policy(PolicyArn=boundary))[0] == "DeleteConflict"


def test_a_key_ends_at_once(emulator: Emulator, iam: Any, testuser: dict[str, str]) -> None:
    sts = client(emulator, "sts", testuser)
    assert sts.get_caller_identity()
    second = iam.create_access_key(UserName="testuser")["AccessKey"]
    code, message = refused(lambda: iam.create_access_key(UserName="testuser"))
    assert (code, message) == ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    iam.update_access_key(UserName="testuser", AccessKeyId=testuser["AccessKeyId"], Status="Inactive")
    assert refused(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    iam.update_access_key(UserName="testuser", AccessKeyId=testuser["AccessKeyId"], Status="Active")
    iam.delete_access_key(UserName="testuser", AccessKeyId=testuser["AccessKeyId"])
    assert refused(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    assert client(emulator, "sts", second).get_caller_identity()["Arn"].endswith(":user/testuser")


def test_a_user_that_is_deleted_leaves_no_session(emulator: Emulator, iam: Any) -> None:
    iam.create_user(UserName="brief")
    iam.attach_user_policy(UserName="brief", PolicyArn=ADMINISTRATOR)
    key = iam.create_access_key(UserName="brief")["AccessKey"]
    session = client(emulator, "sts", key).get_session_token()["Credentials"]
    assert client(emulator, "ec2", session).describe_vpcs()["Vpcs"]
    iam.delete_access_key(UserName="brief", AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName="brief", PolicyArn=ADMINISTRATOR)
    iam.delete_user(UserName="brief")
    iam.create_user(UserName="brief")
    iam.attach_user_policy(UserName="brief", PolicyArn=ADMINISTRATOR)
    try:
        assert refused(client(emulator, "sts", session).get_caller_identity)[0] == "InvalidClientTokenId"
    finally:
        iam.detach_user_policy(UserName="brief", PolicyArn=ADMINISTRATOR)
        iam.delete_user(UserName="brief")


def test_who_names_nobody_means_themselves(emulator: Emulator, iam: Any) -> None:
    assert iam.get_user()["User"]["UserName"] == "operator"
    (key,) = iam.list_access_keys()["AccessKeyMetadata"]
    assert (key["UserName"], key["AccessKeyId"]) == ("operator", emulator.key)
    made = iam.create_access_key()["AccessKey"]
    assert made["UserName"] == "operator"
    session = client(emulator, "sts", made).get_session_token()["Credentials"]
    assert client(emulator, "iam", session).get_user()["User"]["UserName"] == "operator"
    iam.delete_access_key(AccessKeyId=made["AccessKeyId"])
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust(arn=f"arn:aws:iam::{ACCOUNT}:user/operator"))
    iam.attach_role_policy(RoleName="r", PolicyArn=ADMINISTRATOR)
    try:
        granted = emulator.client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="session")
        assert refused(client(emulator, "iam", granted["Credentials"]).get_user)[0] == "ValidationError"
    finally:
        iam.detach_role_policy(RoleName="r", PolicyArn=ADMINISTRATOR)
        iam.delete_role(RoleName="r")


def test_a_role_is_assumed_by_whom_it_trusts_and_tagged_only_with_leave(emulator: Emulator, iam: Any) -> None:
    sts = emulator.client("sts")
    operator = f"arn:aws:iam::{ACCOUNT}:user/operator"
    document_ = trust(arn=operator)
    role = iam.create_role(RoleName="r", Path="/lab/", AssumeRolePolicyDocument=document_)["Role"]
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "session"}
    tags = [{"Key": "team", "Value": "study"}]
    try:
        user = sts.assume_role(**asked, Tags=tags)["AssumedRoleUser"]
        assert user["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/session"
        assert user["AssumedRoleId"] == f"{role['RoleId']}:session"
        without = document_.replace('"sts:TagSession"', '"sts:SetSourceIdentity"')
        iam.update_assume_role_policy(RoleName="r", PolicyDocument=without)
        assert sts.assume_role(**asked)["AssumedRoleUser"]
        code, message = refused(lambda: sts.assume_role(**asked, Tags=tags))
        assert (code, "sts:TagSession" in message) == ("AccessDenied", True)
        iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust("ec2.amazonaws.com"))
        assert refused(lambda: sts.assume_role(**asked))[0] == "AccessDenied"
    finally:
        iam.delete_role(RoleName="r")


def test_a_stack_can_change_its_oidc_provider(iam: Any) -> None:
    made = iam.create_open_id_connect_provider(
        Url=ISSUER, ClientIDList=["sts.amazonaws.com"], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    )
    which = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}

    def told() -> dict[str, Any]:
        found = iam.get_open_id_connect_provider(**which)
        return {**found, "Tags": {tag["Key"]: tag["Value"] for tag in found["Tags"]}}

    iam.tag_open_id_connect_provider(**which, Tags=[{"Key": "a", "Value": "three"}, {"Key": "c", "Value": ""}])
    assert told()["Tags"] == {"a": "three", "b": "2", "c": ""}
    iam.untag_open_id_connect_provider(**which, TagKeys=["b", "nothing"])
    assert told()["Tags"] == {"a": "three", "c": ""}
    listed = iam.list_open_id_connect_provider_tags(**which)
    assert (len(listed["Tags"]), listed["IsTruncated"]) == (2, False)
    iam.add_client_id_to_open_id_connect_provider(**which, ClientID="other")
    iam.add_client_id_to_open_id_connect_provider(**which, ClientID="other")
    assert told()["ClientIDList"] == ["sts.amazonaws.com", "other"]
    iam.remove_client_id_from_open_id_connect_provider(**which, ClientID="sts.amazonaws.com")
    assert told()["ClientIDList"] == ["other"]
    iam.update_open_id_connect_provider_thumbprint(**which, ThumbprintList=["a" * 40, "b" * 40])
    assert told()["ThumbprintList"] == ["a" * 40, "b" * 40]
    bad = [{"Key": "a", "Value": "<&>"}]
    assert refused(lambda: iam.tag_open_id_connect_provider(**which, Tags=bad))[0] == "ValidationError"
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert refused(lambda: iam.tag_open_id_connect_provider(**which, Tags=many))[0] == "LimitExceeded"
    iam.delete_open_id_connect_provider(**which)
    for call in (
        lambda: iam.tag_open_id_connect_provider(**which, Tags=[]),
        lambda: iam.untag_open_id_connect_provider(**which, TagKeys=["a"]),
        lambda: iam.add_client_id_to_open_id_connect_provider(**which, ClientID="x"),
        lambda: iam.update_open_id_connect_provider_thumbprint(**which, ThumbprintList=["a" * 40]),
    ):
        assert refused(call)[0] == "NoSuchEntity"


def test_those_operations_need_rights_as_any(emulator: Emulator, iam: Any) -> None:
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    which = {"OpenIDConnectProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/x"}
    own = client(emulator, "iam", key)
    try:
        assert refused(lambda: own.tag_open_id_connect_provider(**which, Tags=[]))[0] == "AccessDenied"
        assert refused(lambda: own.update_user(UserName="nobody", NewPath="/x/"))[0] == "AccessDenied"
        eks_auth = client(emulator, "eks-auth", key)
        code, _ = refused(lambda: eks_auth.assume_role_for_pod_identity(clusterName="myeks", token="a.b.c"))
        assert code == "AccessDeniedException"
    finally:
        iam.delete_access_key(UserName="nobody", AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName="nobody")


def test_a_user_s_path_can_change_and_with_it_the_arn(iam: Any) -> None:
    iam.create_user(UserName="mover")
    try:
        iam.update_user(UserName="mover", NewPath="/lab/")
        assert iam.get_user(UserName="mover")["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/lab/mover"
        iam.update_user(UserName="mover", NewPath="/")
        assert iam.get_user(UserName="mover")["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/mover"
        iam.update_user(UserName="mover")
        assert refused(lambda: iam.update_user(UserName="mover", NewUserName="other"))[0] == "InvalidInput"
        assert refused(lambda: iam.update_user(UserName="nobody"))[0] == "NoSuchEntity"
    finally:
        iam.delete_user(UserName="mover")


@pytest.mark.parametrize(
    "body",
    [
        b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::111122223333:role/r&RoleSessionName=s",
        b"Action=GetSessionToken&Version=2011-06-15",
        b"Action=GetFederationToken&Version=2011-06-15&Name=x",
        b"Action=AssumeRoleWithSAML&Version=2011-06-15",
        b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&Action=GetSessionToken",
        b"Action=ListUsers&Version=2010-05-08",
    ],
)
def test_nothing_else_is_open_to_whoever_signs_nothing(emulator: Emulator, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = emulator.http("/", "POST", form, body)
    assert (status, b"MissingAuthenticationToken" in answer) == (403, True)
    status, answer = emulator.http(f"/?{body.decode()}")
    assert (status, b"MissingAuthenticationToken" in answer) == (403, True)
    assert emulator.http("/clusters/myeks/assume-role-for-pod-identity", "POST", body=b'{"token": "x"}')[0] == 403


def test_an_unsigned_call_of_sts_is_asked_for_its_token(emulator: Emulator) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = emulator.http("/", "POST", form, b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15")
    assert (status, b"<Code>ValidationError</Code>" in answer) == (400, True)
