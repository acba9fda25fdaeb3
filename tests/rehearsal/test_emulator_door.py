"""Who may speak to the emulator at all."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.rehearsal.eks_account import trust
from tests.rehearsal.played_emulator import ACCOUNT, REGION, Emulator, refused, wait_for

LIST_USERS = b"Action=ListUsers&Version=2010-05-08"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("door") / "world")
    yield running
    running.stop()


def test_the_operator_is_an_administrator_of_the_account(emulator: Emulator) -> None:
    identity = emulator.client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/operator"
    attached = emulator.client("iam").list_attached_user_policies(UserName="operator")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AdministratorAccess"]


def test_credentials_are_their_owners_alone(emulator: Emulator) -> None:
    for name in ("aws/credentials", "aws/config", "secret", "world.json"):
        assert (emulator.dir / name).stat().st_mode & 0o077 == 0, name


@pytest.mark.parametrize(
    "key",
    [
        ACCOUNT,  # ministack takes an account id for that account's root, unchecked
        "999900001111",
        "test",
        "AKIAREALKEYOFTHEUSER",  # what stood in the environment that the emulator was started in
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_nobody_enters_by_a_key_that_iam_did_not_make(emulator: Emulator, key: str) -> None:
    code, _ = refused(lambda: emulator.client("iam", key, "test").list_users())
    assert code in ("InvalidClientTokenId", "UnrecognizedClientException")
    code, _ = refused(lambda: emulator.client("s3", key, "test").list_buckets())
    assert code in ("InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException")


def test_a_wrong_secret_is_refused(emulator: Emulator) -> None:
    code, _ = refused(lambda: emulator.client("iam", emulator.key, "x" * 40).list_users())
    assert code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "anything"},
        {"Authorization": "Bearer token"},
        {"Authorization": f"AWS {ACCOUNT}:signature"},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=/20260101/r/iam/aws4_request, SignedHeaders=host, Signature=0"},
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/r/iam/aws4_request, Signature=0"},
    ],
)
def test_an_unsigned_request_is_refused(emulator: Emulator, headers: dict[str, str]) -> None:
    status, body = emulator.http("/", "POST", {**FORM, **headers}, LIST_USERS)
    assert status == 403
    assert b"operator" not in body


def test_a_key_beside_the_signed_one_is_refused(emulator: Emulator) -> None:
    url = f"{emulator.endpoint}/?X-Amz-Credential={ACCOUNT}/20260101/{REGION}/iam/aws4_request"
    request = AWSRequest("POST", url, headers=FORM, data=LIST_USERS)
    SigV4Auth(Credentials(emulator.key, emulator.secret), "iam", REGION).add_auth(request)
    status, body = emulator.http(url, "POST", dict(request.headers), LIST_USERS)
    assert (status, b"MissingAuthenticationToken" in body) == (403, True)


def test_an_anonymous_reader_of_buckets_is_refused(emulator: Emulator) -> None:
    emulator.client("s3").create_bucket(
        Bucket="bucket-of-the-operator", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    anonymous = boto3.client(
        "s3", region_name=REGION, endpoint_url=emulator.endpoint, config=Config(signature_version=UNSIGNED, proxies={})
    )
    assert refused(anonymous.list_buckets)[0] == "403"
    assert refused(lambda: anonymous.list_objects_v2(Bucket="bucket-of-the-operator"))[0] == "403"
    emulator.client("s3").delete_bucket(Bucket="bucket-of-the-operator")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/health"),
        ("GET", "/_localstack/health"),
        ("GET", "/latest/meta-data/"),
        ("PUT", "/latest/api/token"),
        ("POST", "/_rehearsal/webhook/wrong/authenticate"),
        ("GET", "/_rehearsal/unknown"),
    ],
)
def test_administration_and_guesses_lead_nowhere(emulator: Emulator, method: str, path: str) -> None:
    assert emulator.http(path, method, body=b"{}")[0] == 404


def test_another_host_is_not_answered_for(emulator: Emulator) -> None:
    host, port = emulator.endpoint.removeprefix("http://").split(":")
    for path in ("/", "/_rehearsal/identity"):
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        connection.request("GET", path, headers={"Host": "rebound.example"})
        assert connection.getresponse().status == 421
        connection.close()


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("cloudformation", "describe_stacks"),
        ("rds", "describe_db_instances"),
        ("dynamodb", "list_tables"),
        ("lambda", "list_functions"),
        ("cloudfront", "list_distributions"),
        ("arc-region-switch", "list_plans"),
    ],
)
def test_a_service_that_is_not_played_is_refused_by_name(emulator: Emulator, service: str, call: str) -> None:
    client: Any = emulator.client(service)
    code, message = refused(getattr(client, call))
    assert code == "UnsupportedService"
    assert message == f"The rehearsal does not play the AWS service {service}. Run this on AWS."


def test_the_aws_cli_says_so_in_one_line(emulator: Emulator) -> None:
    keys = {"AWS_ACCESS_KEY_ID": emulator.key, "AWS_SECRET_ACCESS_KEY": emulator.secret}
    ran = subprocess.run(
        [Path(sys.executable).with_name("aws"), "cloudformation", "describe-stacks", "--stack-name", "myeks"],
        check=False,
        env={**os.environ, **keys, "AWS_ENDPOINT_URL": emulator.endpoint, "AWS_DEFAULT_REGION": REGION},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode != 0
    assert ran.stderr.strip().endswith(
        "An error occurred (UnsupportedService) when calling the DescribeStacks operation: "
        "The rehearsal does not play the AWS service cloudformation. Run this on AWS."
    )


def test_a_user_may_do_what_its_policies_and_its_boundary_say(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:List*", "Resource": "*"}]}
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.create_user(UserName="testuser", PermissionsBoundary=boundary)
    iam.attach_user_policy(UserName="testuser", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    made = iam.create_access_key(UserName="testuser")["AccessKey"]
    key, secret = made["AccessKeyId"], made["SecretAccessKey"]
    assert emulator.client("eks", key, secret).list_clusters()["clusters"] == []
    assert refused(lambda: emulator.client("eks", key, secret).describe_cluster(name="x"))[0] == "AccessDeniedException"
    assert refused(lambda: emulator.client("ec2", key, secret).describe_vpcs())[0] == "UnauthorizedOperation"
    iam.delete_access_key(UserName="testuser", AccessKeyId=key)
    assert refused(lambda: emulator.client("eks", key, secret).list_clusters())[0] == "UnrecognizedClientException"
    iam.detach_user_policy(UserName="testuser", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.delete_user(UserName="testuser")
    iam.delete_policy(PolicyArn=boundary)


def test_a_role_that_is_in_use_cannot_be_deleted(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    }
    policy = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName="i")
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    assert refused(lambda: iam.delete_policy(PolicyArn=policy))[0] == "DeleteConflict"
    assert refused(lambda: iam.delete_role(RoleName="r"))[0] == "DeleteConflict"
    iam.detach_role_policy(RoleName="r", PolicyArn=policy)
    assert refused(lambda: iam.delete_role(RoleName="r"))[0] == "DeleteConflict"
    assert refused(lambda: iam.delete_instance_profile(InstanceProfileName="i"))[0] == "DeleteConflict"
    iam.remove_role_from_instance_profile(InstanceProfileName="i", RoleName="r")
    iam.put_role_policy(RoleName="r", PolicyName="inline", PolicyDocument=json.dumps(document))
    assert refused(lambda: iam.delete_role(RoleName="r"))[0] == "DeleteConflict"
    iam.delete_role_policy(RoleName="r", PolicyName="inline")
    iam.delete_role(RoleName="r")
    iam.delete_policy(PolicyArn=policy)
    iam.delete_instance_profile(InstanceProfileName="i")


@pytest.mark.parametrize(
    "name",
    [
        "AmazonEKSClusterPolicy",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonSSMManagedInstanceCore",
        "AmazonS3ReadOnlyAccess",
        "service-role/AmazonEBSCSIDriverPolicy",
        "AmazonEKSVPCResourceController",
    ],
)
def test_the_managed_policies_that_eks_stacks_attach_are_there(emulator: Emulator, name: str) -> None:
    iam = emulator.client("iam")
    policy = iam.get_policy(PolicyArn=f"arn:aws:iam::aws:policy/{name}")["Policy"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    statements = version["Document"]["Statement"]
    assert statements
    assert all(statement["Action"] != "*" for statement in statements)


def test_the_emulator_says_who_it_is_and_tells_more_only_to_its_owner(emulator: Emulator) -> None:
    status, body = emulator.http("/_rehearsal/identity")
    assert (status, json.loads(body)) == (200, {"id": emulator.id, "account_id": ACCOUNT, "region": REGION})
    secret = (emulator.dir / "secret").read_text()
    for headers, expected in (
        ({}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"Authorization": f"Bearer {secret}"}, 200),
    ):
        assert emulator.http("/_rehearsal/status", headers=headers)[0] == expected
    for path in ("/_rehearsal/shutdown", "/_rehearsal/operator"):
        assert emulator.http(path, "POST")[0] == 401
    assert emulator.process.poll() is None


def test_it_ends_when_its_owner_says_so_and_forgets_its_world(tmp_path: Path) -> None:
    running = Emulator(tmp_path / "world")
    secret = (running.dir / "secret").read_text()
    assert running.http("/_rehearsal/shutdown", "POST", {"Authorization": f"Bearer {secret}"})[0] == 202
    assert running.process.wait(timeout=10) == 0
    assert not (running.dir / "world.json").exists()


def test_it_ends_on_sigterm_even_while_a_client_holds_a_connection(tmp_path: Path) -> None:
    running = Emulator(tmp_path / "world")
    host, port = running.endpoint.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("GET", "/_rehearsal/identity")
    assert connection.getresponse().read()
    assert running.stop() == 0
    assert wait_for(lambda: not (running.dir / "world.json").exists())
    connection.close()
