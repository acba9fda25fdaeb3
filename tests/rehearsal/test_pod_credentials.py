"""Whom AWS takes a pod for: IRSA, EKS Pod Identity, and the node when it has neither."""

import base64
import hashlib
import hmac
import json
import shutil
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from rehearsal.emulator.settings import BUCKET
from rehearsal.toolchain import cache
from tests.rehearsal.eks_account import trust
from tests.rehearsal.played_emulator import ACCOUNT, REGION, Emulator, refused, wait_for
from tests.rehearsal.pod_account import (
    CREDENTIALS_URI,
    NAME,
    POD_AUDIENCE,
    S3_READ,
    STS_AUDIENCE,
    PodAccount,
    an_hour_ago,
    build,
    web_identity_trust,
)
from tests.rehearsal.pod_emulator import Callbacks

DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
TOKEN_TTL = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodAccount]:
    directory = tmp_path_factory.mktemp("pods")
    running = Emulator(directory / "world", "tests.rehearsal.pod_emulator", cache.ensure(print))
    try:
        yield build(running)
    finally:
        assert running.stop() == 0
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
def irsa_token(pods: PodAccount) -> str:
    return pods.token("my-sa")


@pytest.fixture(scope="module")
def test4(pods: PodAccount) -> dict[str, Any]:
    """A pod of the associated service account, as the webhook leaves it."""
    pod = pods.pod("eks-iam-test4", "pod-identity-sa")
    variables = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": CREDENTIALS_URI,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere",
    }
    pod["spec"]["containers"][0]["env"] = [{"name": name, "value": value} for name, value in variables.items()]
    return pod


# ---- IRSA


def test_a_service_account_s_token_is_worth_its_role(pods: PodAccount, irsa_token: str) -> None:
    answer = pods.web_identity(irsa_token)
    assert answer["SubjectFromWebIdentityToken"] == "system:serviceaccount:default:my-sa"
    assert (answer["Audience"], answer["Provider"]) == (STS_AUDIENCE, pods.provider)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/irsa/session"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    identity = pods.client("sts", answer["Credentials"]).get_caller_identity()
    role_id = pods.aws.iam.get_role(RoleName="irsa")["Role"]["RoleId"]
    assert (identity["Arn"], identity["UserId"]) == (arn, f"{role_id}:session")
    assert 3500 < answer["Credentials"]["Expiration"].timestamp() - time.time() <= 3600


def test_its_rights_are_the_role_s_and_no_more(pods: PodAccount, irsa_token: str) -> None:
    s3 = pods.client("s3", pods.web_identity(irsa_token)["Credentials"])
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [BUCKET]
    code, message = refused(
        lambda: s3.create_bucket(Bucket="b", CreateBucketConfiguration={"LocationConstraint": REGION})
    )
    assert code == "AccessDenied"
    assert (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/irsa/session is not authorized to perform: s3:CreateBucket"
        in message
    )
    pods.aws.iam.detach_role_policy(RoleName="irsa", PolicyArn=S3_READ)
    try:
        assert refused(s3.list_buckets)[0] == "AccessDenied"
    finally:
        pods.aws.iam.attach_role_policy(RoleName="irsa", PolicyArn=S3_READ)


def test_another_service_account_does_not_get_the_role(pods: PodAccount) -> None:
    for name in ("other", "default", "pod-identity-sa"):
        assert refused(lambda name=name: pods.web_identity(pods.token(name))) == DENIED


def test_a_token_for_somebody_else_is_refused(pods: PodAccount) -> None:
    for audience in (POD_AUDIENCE, pods.issuer, "https://kubernetes.default.svc"):
        code = refused(lambda audience=audience: pods.web_identity(pods.token("my-sa", audience)))
        assert code == ("InvalidIdentityToken", "Incorrect token audience")


def test_an_expired_token_is_refused(pods: PodAccount, irsa_token: str) -> None:
    assert pods.web_identity(pods.forged(irsa_token))["Audience"] == STS_AUDIENCE
    times = an_hour_ago()
    code, message = refused(lambda: pods.web_identity(pods.forged(irsa_token, **times)))
    assert code == "ExpiredTokenException"
    assert message.startswith("Token expired: current date/time ")
    assert message.endswith(f"must be before the expiration date/time {times['exp']}")
    later = int(time.time()) + 600
    assert refused(lambda: pods.web_identity(pods.forged(irsa_token, nbf=later)))[0] == "InvalidIdentityToken"


def test_a_token_for_aws_lasts_a_day_at_most(pods: PodAccount) -> None:
    for audience in (STS_AUDIENCE, POD_AUDIENCE):
        for asked, lasts in ((3600, 3600), (365 * 86400, 86400)):
            claims = jwt.decode(pods.token("my-sa", audience, seconds=asked), options={"verify_signature": False})
            assert claims["exp"] - claims["iat"] == lasts
    assert pods.web_identity(pods.token("my-sa", seconds=365 * 86400))["Audience"] == STS_AUDIENCE


def test_a_token_that_another_key_signed_is_refused(pods: PodAccount, irsa_token: str) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert refused(lambda: pods.web_identity(pods.forged(irsa_token, other)))[0] == "InvalidIdentityToken"
    header, claims, signature = irsa_token.split(".")
    changed = signature[:-8] + ("A" * 8 if signature[-8:] != "A" * 8 else "B" * 8)
    assert refused(lambda: pods.web_identity(f"{header}.{claims}.{changed}"))[0] == "InvalidIdentityToken"
    key_id = jwt.get_unverified_header(irsa_token)["kid"]
    claimed = jwt.decode(irsa_token, options={"verify_signature": False})
    unsigned = f"{_part({'alg': 'none', 'typ': 'JWT', 'kid': key_id})}.{_part(claimed)}."
    assert refused(lambda: pods.web_identity(unsigned))[0] == "InvalidIdentityToken"
    # The published key as the secret of an algorithm that has secrets.
    key = serialization.load_pem_private_key((pods.kubernetes.dir / "pki" / "sa.key").read_bytes(), None)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    confused = _hs256(claimed, public, key_id)
    assert refused(lambda: pods.web_identity(confused))[0] == "InvalidIdentityToken"


def _part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _hs256(claims: dict[str, Any], secret: bytes, key_id: str) -> str:
    """What PyJWT does not make: it knows a public key when it sees one."""
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': key_id})}.{_part(claims)}"
    seal = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(seal).decode().rstrip('=')}"


def test_an_issuer_that_the_account_does_not_trust_is_refused(pods: PodAccount, irsa_token: str) -> None:
    other = "https://oidc.eks.ap-northeast-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
    code, message = refused(lambda: pods.web_identity(pods.forged(irsa_token, iss=other)))
    assert (code, message) == ("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {other}")
    pods.aws.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=pods.provider)
    try:
        code, message = refused(lambda: pods.web_identity(irsa_token))
        assert (code, pods.issuer in message) == ("InvalidIdentityToken", True)
    finally:
        pods.aws.iam.create_open_id_connect_provider(Url=pods.issuer, ClientIDList=[STS_AUDIENCE])
    assert pods.web_identity(irsa_token)["Audience"] == STS_AUDIENCE


def test_a_provider_of_an_issuer_that_is_no_cluster_s_helps_nobody(pods: PodAccount, irsa_token: str) -> None:
    other = "https://issuer.example/id"
    made = pods.aws.iam.create_open_id_connect_provider(Url=other, ClientIDList=[STS_AUDIENCE])
    try:
        code, message = refused(lambda: pods.web_identity(pods.forged(irsa_token, iss=other)))
        assert (code, message.startswith("Couldn't retrieve verification key")) == ("InvalidIdentityToken", True)
    finally:
        pods.aws.iam.delete_open_id_connect_provider(**{k: v for k, v in made.items() if k.endswith("Arn")})


@pytest.mark.parametrize("token", ["x" * 20, "a.b.c", "not a token at all"])
def test_what_is_no_token_is_refused(pods: PodAccount, token: str) -> None:
    assert refused(lambda: pods.web_identity(token))[0] == "InvalidIdentityToken"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("audience", lambda pods: web_identity_trust(pods.provider, pods.host).replace(STS_AUDIENCE, "other")),
        (
            "subject",
            lambda pods: web_identity_trust(pods.provider, pods.host, "system:serviceaccount:kube-system:my-sa"),
        ),
        ("provider", lambda pods: web_identity_trust(pods.provider + "0", pods.host)),
        ("service", lambda pods: trust("ec2.amazonaws.com")),
        ("action", lambda pods: web_identity_trust(pods.provider, pods.host).replace("RoleWithWebIdentity", "Role")),
    ],
)
def test_the_trust_policy_has_to_name_it_all(pods: PodAccount, irsa_token: str, name: str, change: Any) -> None:
    pods.aws.iam.update_assume_role_policy(RoleName="irsa", PolicyDocument=change(pods))
    try:
        assert refused(lambda: pods.web_identity(irsa_token)) == DENIED, name
    finally:
        document = web_identity_trust(pods.provider, pods.host)
        pods.aws.iam.update_assume_role_policy(RoleName="irsa", PolicyDocument=document)


def test_a_role_that_is_not_there_is_not_told_from_one_that_does_not_trust(pods: PodAccount, irsa_token: str) -> None:
    for role in (f"arn:aws:iam::{ACCOUNT}:role/nobody", f"arn:aws:iam::{ACCOUNT}:role/path/irsa", pods.pod_role):
        assert refused(lambda role=role: pods.web_identity(irsa_token, role)) == DENIED
    code, _ = refused(lambda: pods.web_identity(irsa_token, f"arn:aws:iam::{ACCOUNT}:user/operator"))
    assert code == "ValidationError"
    assert refused(lambda: pods.web_identity(irsa_token, DurationSeconds=7200))[0] == "ValidationError"


def test_who_signs_the_call_is_verified_no_less(pods: PodAccount, irsa_token: str) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": pods.irsa_role,
        "RoleSessionName": "session",
        "WebIdentityToken": pods.forged(irsa_token, other),
    }
    endpoint = pods.emulator.endpoint
    rest = {name: value for name, value in form.items() if name != "Action"}
    for url, body in (
        (endpoint, form),
        (f"{endpoint}/?{urlencode(form)}", {}),
        (f"{endpoint}/?Action={form['Action']}", {**rest, "Action": ""}),
        (f"{endpoint}/?Action=GetCallerIdentity", form),
    ):
        content = urlencode(body).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = AWSRequest("POST", url, headers=headers, data=content)
        SigV4Auth(Credentials(pods.emulator.key, pods.emulator.secret), "sts", REGION).add_auth(request)
        status, answer = pods.emulator.http(url, "POST", dict(request.headers), content)
        assert (status, b"InvalidIdentityToken" in answer) == (400, True), answer


def test_a_deleted_role_s_sessions_end_with_it(pods: PodAccount, irsa_token: str) -> None:
    document = web_identity_trust(pods.provider, pods.host)
    role = pods.aws.iam.create_role(RoleName="brief", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    sts = pods.client("sts", pods.web_identity(irsa_token, role)["Credentials"])
    assert sts.get_caller_identity()["Arn"].endswith(":assumed-role/brief/session")
    pods.aws.iam.delete_role(RoleName="brief")
    pods.aws.iam.create_role(RoleName="brief", AssumeRolePolicyDocument=document)
    try:
        assert refused(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    finally:
        pods.aws.iam.delete_role(RoleName="brief")


# ---- The webhook


def _admitted(pods: PodAccount, service_account: str) -> list[dict[str, Any]]:
    pod = {"metadata": {"name": "x"}, "spec": {"serviceAccountName": service_account, "containers": [{"name": "c"}]}}
    review = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {"uid": "u", "namespace": "default", "object": pod},
    }
    response = pods.kubernetes.ask("admission", review)["response"]
    assert (response["uid"], response["allowed"]) == ("u", True)
    return json.loads(base64.b64decode(response["patch"])) if "patch" in response else []


def test_the_webhook_changes_the_pods_of_two_service_accounts(pods: PodAccount) -> None:
    assert _admitted(pods, "default") == []
    assert _admitted(pods, "not-there") == []
    volume = _admitted(pods, "my-sa")[0]["value"][0]
    assert volume["name"] == "aws-iam-token"
    source = volume["projected"]["sources"][0]["serviceAccountToken"]
    assert source == {"audience": STS_AUDIENCE, "expirationSeconds": 86400, "path": "token"}
    label, volume, containers = _admitted(pods, "pod-identity-sa")
    assert label["value"] == {"eks.amazonaws.com/pod-identity": "enabled"}
    assert volume["value"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"] == POD_AUDIENCE
    assert {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": CREDENTIALS_URI} in containers["value"][0]["env"]


# ---- The node's role


@contextmanager
def hop_limit(pods: PodAccount, limit: int) -> Generator[None]:
    """The instance's metadata options changed for a while."""
    (instance,) = pods.aws.instances(NAME)

    def change(hops: int) -> None:
        pods.aws.ec2.modify_instance_metadata_options(InstanceId=instance["InstanceId"], HttpPutResponseHopLimit=hops)

    change(limit)
    try:
        yield
    finally:
        change(2)


@pytest.fixture(scope="module")
def plain(pods: PodAccount) -> dict[str, Any]:
    return pods.pod("eks-iam-test2")


def test_a_pod_without_a_role_is_its_node(pods: PodAccount, plain: dict[str, Any], tmp_path: Path) -> None:
    environment = pods.environment(plain)
    (instance,) = pods.aws.instances(NAME)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/node/{instance['InstanceId']}"
    code, told = pods.run(tmp_path, environment, "sts", "get-caller-identity")
    assert (code, json.loads(told)["Arn"]) == (0, arn)
    code, told = pods.run(tmp_path, environment, "s3", "ls")
    assert code != 0
    assert "An error occurred (AccessDenied) when calling the ListBuckets operation" in told
    assert f"User: {arn} is not authorized to perform: s3:ListAllMyBuckets" in told


def test_a_pod_is_one_hop_further_than_its_node(pods: PodAccount, plain: dict[str, Any], tmp_path: Path) -> None:
    with hop_limit(pods, 1):
        environment = pods.environment(plain)
        assert "AWS_DEFAULT_REGION" not in environment
        code, told = pods.run(tmp_path, environment, "s3", "ls")
        assert (code != 0, "Unable to locate credentials" in told) == (True, True), told
        on_host = {**plain, "spec": {**plain["spec"], "hostNetwork": True}}
        code, told = pods.run(tmp_path, pods.environment(on_host), "s3", "ls")
        assert (code != 0, "AccessDenied" in told) == (True, True), told


def test_metadata_is_told_to_who_has_a_token(pods: PodAccount, plain: dict[str, Any]) -> None:
    base = pods.environment(plain)["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    (instance,) = pods.aws.instances(NAME)
    assert pods.emulator.http(f"{base}latest/meta-data/")[0] == 401
    assert pods.emulator.http(f"{base}latest/api/token", "PUT")[0] == 400
    status, token = pods.emulator.http(f"{base}latest/api/token", "PUT", TOKEN_TTL)
    assert status == 200
    held = {"X-aws-ec2-metadata-token": token.decode()}
    forwarded = {**TOKEN_TTL, "X-Forwarded-For": "10.0.0.1"}
    assert pods.emulator.http(f"{base}latest/api/token", "PUT", forwarded)[0] == 403
    wrong = {"X-aws-ec2-metadata-token": "9" + token.decode()}
    assert pods.emulator.http(f"{base}latest/meta-data/instance-id", headers=wrong)[0] == 401

    def shown(path: str) -> str:
        status, text = pods.emulator.http(f"{base}latest/{path}", headers=held)
        assert status == 200, path
        return text.decode()

    assert shown("meta-data/instance-id") == instance["InstanceId"]
    assert shown("meta-data/placement/region") == REGION
    mac = shown("meta-data/mac")
    assert shown("meta-data/network/interfaces/macs/") == f"{mac}/"
    assert shown(f"meta-data/network/interfaces/macs/{mac}/vpc-id") == instance["VpcId"]
    assert {"iam/", "placement/", "instance-type"} <= set(shown("meta-data/").splitlines())
    assert shown("meta-data/iam/security-credentials/") == "node"
    assert json.loads(shown("dynamic/instance-identity/document"))["accountId"] == ACCOUNT
    credentials = json.loads(shown("meta-data/iam/security-credentials/node"))
    assert credentials["Code"] == "Success"
    assert shown("meta-data/iam/security-credentials/node").count(credentials["AccessKeyId"]) == 1
    assert pods.emulator.http(f"{base}latest/meta-data/unknown", headers=held)[0] == 404


def test_a_node_s_paths_are_its_pods_alone(pods: PodAccount, plain: dict[str, Any]) -> None:
    for path in ("/_rehearsal/node/", "/_rehearsal/node/wrong/metadata/latest/meta-data/", "/latest/meta-data/"):
        assert pods.emulator.http(path)[0] == 404
    base = pods.environment(plain)["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    assert pods.emulator.http(base.replace("/metadata/", "/other/"))[0] == 404
    assert pods.emulator.http(f"{base}latest/meta-data/", headers={"Host": "rebound.example"})[0] == 421


def test_what_a_pod_says_of_its_own_is_kept_but_never_leads_out(pods: PodAccount, plain: dict[str, Any]) -> None:
    def laid_over(**variables: str) -> dict[str, str]:
        env = [{"name": name, "value": value} for name, value in variables.items()]
        pod = {**plain, "spec": {**plain["spec"], "containers": [{"name": "c", "env": env}]}}
        return pods.kubernetes.ask("environment", {"pod": pod, "node": pods.node})

    own = laid_over()
    assert own.keys() == {
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_STS",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_DEFAULT_REGION",
    }
    assert own["AWS_DEFAULT_REGION"] == REGION
    assert "AWS_DEFAULT_REGION" not in laid_over(AWS_DEFAULT_REGION="eu-west-1")
    assert laid_over(AWS_REGION="eu-west-1")["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert laid_over(AWS_ENDPOINT_URL_S3="https://s3.amazonaws.com")["AWS_ENDPOINT_URL_S3"] == pods.emulator.endpoint
    assert laid_over(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:1/own").keys() == own.keys()
    uri = laid_over(AWS_CONTAINER_CREDENTIALS_FULL_URI=CREDENTIALS_URI)["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    assert uri.startswith(f"{pods.emulator.endpoint}/_rehearsal/node/")


# ---- Pod Identity


def _ask_agent(pods: PodAccount, pod: dict[str, Any], token: str) -> tuple[int, str]:
    uri = pods.environment(pod)["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    status, body = pods.emulator.http(uri, headers={"Authorization": token})
    return status, body.decode()


def test_an_associated_pod_has_its_role(pods: PodAccount, test4: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(pods.token("pod-identity-sa", POD_AUDIENCE, test4))
    environment = {**pods.environment(test4), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)}
    assert environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"].startswith(pods.emulator.endpoint)
    code, told = pods.run(tmp_path, environment, "sts", "get-caller-identity")
    assert code == 0, told
    assert json.loads(told)["Arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/pods/eks-myeks-eks-iam-te-")
    code, told = pods.run(tmp_path, environment, "s3", "ls")
    assert (code, told.split()[2:]) == (0, [BUCKET])
    code, told = pods.run(tmp_path, environment, "s3", "mb", "s3://bucket")
    assert (code != 0, "AccessDenied" in told) == (True, True)


def test_its_session_says_for_whom(pods: PodAccount, test4: dict[str, Any]) -> None:
    token = pods.token("pod-identity-sa", POD_AUDIENCE, test4)
    condition = {
        "StringEquals": {
            "aws:PrincipalTag/kubernetes-namespace": "default",
            "aws:PrincipalTag/kubernetes-service-account": "pod-identity-sa",
            "aws:PrincipalTag/kubernetes-pod-name": "eks-iam-test4",
            "aws:PrincipalTag/eks-cluster-name": NAME,
        }
    }
    statement = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    pods.aws.iam.put_role_policy(RoleName="pods", PolicyName="tagged", PolicyDocument=document)
    try:
        status, told = _ask_agent(pods, test4, token)
        assert status == 200, told
        credentials = json.loads(told)
        assert credentials["AccountId"] == ACCOUNT
        assert pods.client("iam", credentials).list_users()["Users"]
        other = pods.pod("another", "pod-identity-sa")
        bound = json.loads(_ask_agent(pods, test4, pods.token("pod-identity-sa", POD_AUDIENCE, other))[1])
        assert refused(pods.client("iam", bound).list_users)[0] == "AccessDenied"
    finally:
        pods.aws.iam.delete_role_policy(RoleName="pods", PolicyName="tagged")


def test_its_tags_stand_in_policies_for_its_namespace(pods: PodAccount, test4: dict[str, Any]) -> None:
    token = pods.token("pod-identity-sa", POD_AUDIENCE, test4)
    s3 = pods.client("s3", json.loads(_ask_agent(pods, test4, token)[1]))
    of_namespace = f"arn:aws:s3:::{BUCKET}/${{aws:PrincipalTag/kubernetes-namespace}}/*"
    every = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    allowing = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": of_namespace}
    denying = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": of_namespace}
    names = ("default/hi", "other/hi")
    try:
        for statements, allowed in (([allowing], "default/hi"), ([every, denying], "other/hi")):
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            pods.aws.iam.put_role_policy(RoleName="pods", PolicyName="tenant", PolicyDocument=document)
            (refused_one,) = [name for name in names if name != allowed]
            assert s3.put_object(Bucket=BUCKET, Key=allowed, Body=b"")
            assert refused(lambda key=refused_one: s3.put_object(Bucket=BUCKET, Key=key, Body=b""))[0] == "AccessDenied"
        for tagged, code in (("default", ""), ("other", "AccessDenied")):
            secret = pods.emulator.client("secretsmanager")
            made = secret.create_secret(
                Name=f"of-{tagged}", SecretString="x", Tags=[{"Key": "kubernetes-namespace", "Value": tagged}]
            )["ARN"]
            condition = {
                "StringEquals": {
                    "secretsmanager:ResourceTag/kubernetes-namespace": "${aws:PrincipalTag/kubernetes-namespace}"
                }
            }
            own = {
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": "*",
                "Condition": condition,
            }
            document = json.dumps({"Version": "2012-10-17", "Statement": [own]})
            pods.aws.iam.put_role_policy(RoleName="pods", PolicyName="tenant", PolicyDocument=document)
            asker = pods.client("secretsmanager", json.loads(_ask_agent(pods, test4, token)[1]))
            try:
                got = asker.get_secret_value(SecretId=made)["SecretString"] if not code else ""
                assert got == ("" if code else "x")
                if code:
                    assert code in refused(lambda made=made, ask=asker: ask.get_secret_value(SecretId=made))[0]
            finally:
                secret.delete_secret(SecretId=made, ForceDeleteWithoutRecovery=True)
    finally:
        pods.aws.iam.delete_role_policy(RoleName="pods", PolicyName="tenant")
        for name in names:
            pods.emulator.client("s3").delete_object(Bucket=BUCKET, Key=name)


def test_a_further_role_inherits_its_tags_and_has_to_allow_them(pods: PodAccount, test4: dict[str, Any]) -> None:
    token = pods.token("pod-identity-sa", POD_AUDIENCE, test4)
    sts = pods.client("sts", json.loads(_ask_agent(pods, test4, token)[1]))
    right = trust(arn=pods.pod_role)
    role = pods.aws.iam.create_role(
        RoleName="further",
        AssumeRolePolicyDocument=right.replace(', "sts:TagSession"', ""),
        MaxSessionDuration=7200,
    )["Role"]["Arn"]
    asked = {"RoleArn": role, "RoleSessionName": "session"}
    try:
        code, message = refused(lambda: sts.assume_role(**asked))
        assert (code, "is not authorized to perform: sts:TagSession" in message) == ("AccessDenied", True)
        code, message = refused(lambda: sts.assume_role(**asked, DurationSeconds=7200))
        assert (code, "exceeds the 1 hour session limit" in message) == ("ValidationError", True)
        pods.aws.iam.update_assume_role_policy(RoleName="further", PolicyDocument=right)
        assert sts.assume_role(**asked)["AssumedRoleUser"]["Arn"].endswith(":assumed-role/further/session")
    finally:
        pods.aws.iam.delete_role(RoleName="further")


def test_a_service_account_without_an_association_gets_nothing(pods: PodAccount, test4: dict[str, Any]) -> None:
    other = pods.pod("stranger", "other")
    status, told = _ask_agent(pods, test4, pods.token("other", POD_AUDIENCE, other))
    assert (status, "(ResourceNotFoundException)" in told, told.strip().endswith("fault: client")) == (404, True, True)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (trust("ec2.amazonaws.com"), "another service"),
        (trust("eks.amazonaws.com"), "a service of nearly that name"),
        (trust(POD_AUDIENCE).replace('"sts:TagSession"', '"sts:SetSourceIdentity"'), "no sts:TagSession"),
        (trust(POD_AUDIENCE).replace('"sts:AssumeRole"', '"sts:SetSourceIdentity"'), "no sts:AssumeRole"),
        (trust(arn=f"arn:aws:iam::{ACCOUNT}:root"), "the account is not the service"),
        (
            trust(POD_AUDIENCE).replace(
                '"Effect": "Allow"',
                '"Effect": "Allow", "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "other"}}',
            ),
            "a tag of another namespace",
        ),
    ],
)
def test_a_role_that_does_not_trust_eks_is_not_given(
    pods: PodAccount, test4: dict[str, Any], document: str, why: str
) -> None:
    token = pods.token("pod-identity-sa", POD_AUDIENCE, test4)
    pods.aws.iam.update_assume_role_policy(RoleName="pods", PolicyDocument=document)
    try:
        status, told = _ask_agent(pods, test4, token)
        assert (status, "(AccessDeniedException): Unauthorized Exception! EKS does not have" in told) == (400, True), (
            why
        )
    finally:
        pods.aws.iam.update_assume_role_policy(RoleName="pods", PolicyDocument=trust(POD_AUDIENCE))
    assert _ask_agent(pods, test4, token)[0] == 200


def test_a_changed_association_shows_at_once(pods: PodAccount, test4: dict[str, Any]) -> None:
    token = pods.token("pod-identity-sa", POD_AUDIENCE, test4)
    which = {"clusterName": NAME, "associationId": pods.association}
    pods.aws.eks.update_pod_identity_association(**which, roleArn=pods.irsa_role)
    try:
        assert _ask_agent(pods, test4, token)[0] == 400
    finally:
        pods.aws.eks.update_pod_identity_association(**which, roleArn=pods.pod_role)
    assert _ask_agent(pods, test4, token)[0] == 200


def test_a_token_that_proves_nothing_is_refused(pods: PodAccount, test4: dict[str, Any], irsa_token: str) -> None:
    token = pods.token("pod-identity-sa", POD_AUDIENCE, test4)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for bad, code in (
        (pods.forged(token, other), "InvalidTokenException"),
        (pods.token("pod-identity-sa", STS_AUDIENCE, test4), "InvalidTokenException"),
        (pods.token("pod-identity-sa", POD_AUDIENCE), "InvalidTokenException"),
        (pods.forged(token, iss="https://issuer.example"), "InvalidTokenException"),
        (pods.forged(token, **an_hour_ago()), "failed basic claim validations: token is expired"),
        ("no token", "cannot be parsed"),
        ("", "cannot be empty"),
    ):
        status, told = _ask_agent(pods, test4, bad)
        assert (status, code in told) == (400, True), told
    eks_auth = pods.emulator.client("eks-auth")
    expired = pods.forged(token, **an_hour_ago())
    code, message = refused(lambda: eks_auth.assume_role_for_pod_identity(clusterName=NAME, token=expired))
    assert code == "ExpiredTokenException"
    assert message.startswith("The token included in the request is expired: current date/time ")
    unknown = refused(lambda: eks_auth.assume_role_for_pod_identity(clusterName="unknown", token=token))
    assert unknown[0] == "ResourceNotFoundException"


def test_an_association_s_further_roles_are_not_played(pods: PodAccount) -> None:
    which = {"clusterName": NAME, "associationId": pods.association}
    code, message = refused(lambda: pods.aws.eks.update_pod_identity_association(**which, targetRoleArn=pods.irsa_role))
    assert (code, "targetRoleArn" in message) == ("InvalidRequestException", True)


def test_session_tags_can_be_left_off_and_then_need_no_leave(pods: PodAccount, test4: dict[str, Any]) -> None:
    which = {"clusterName": NAME, "associationId": pods.association}
    token = pods.token("pod-identity-sa", POD_AUDIENCE, test4)
    pods.aws.eks.update_pod_identity_association(**which, disableSessionTags=True)
    bare = trust(POD_AUDIENCE).replace('"sts:TagSession"', '"sts:SetSourceIdentity"')
    pods.aws.iam.update_assume_role_policy(RoleName="pods", PolicyDocument=bare)
    try:
        assert _ask_agent(pods, test4, token)[0] == 200
    finally:
        pods.aws.iam.update_assume_role_policy(RoleName="pods", PolicyDocument=trust(POD_AUDIENCE))
        pods.aws.eks.update_pod_identity_association(**which, disableSessionTags=False)


def test_the_node_needs_the_right_to_ask(pods: PodAccount, test4: dict[str, Any]) -> None:
    token = pods.token("pod-identity-sa", POD_AUDIENCE, test4)
    policy = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    pods.aws.iam.detach_role_policy(RoleName="node", PolicyArn=policy)
    try:
        status, told = _ask_agent(pods, test4, token)
        assert "eks-auth:AssumeRoleForPodIdentity" in told, told
        assert (status >= 400, "(AccessDeniedException)" in told) == (True, True), told
        narrow = {
            "Effect": "Allow",
            "Action": "eks-auth:*",
            "Resource": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{NAME}",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [narrow]})
        pods.aws.iam.put_role_policy(RoleName="node", PolicyName="narrow", PolicyDocument=document)
        assert _ask_agent(pods, test4, token)[0] == 200
    finally:
        pods.aws.iam.delete_role_policy(RoleName="node", PolicyName="narrow")
        pods.aws.iam.attach_role_policy(RoleName="node", PolicyArn=policy)


def test_without_the_add_on_nobody_answers(pods: PodAccount, test4: dict[str, Any]) -> None:
    token = pods.token("pod-identity-sa", POD_AUDIENCE, test4)
    pods.aws.eks.delete_addon(clusterName=NAME, addonName="eks-pod-identity-agent")
    try:
        uri = pods.environment(test4)["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        request = urllib.request.Request(uri, headers={"Authorization": token})  # noqa: S310  # loopback
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with pytest.raises(TimeoutError):
            opener.open(request, timeout=0.5)
    finally:
        pods.aws.eks.create_addon(clusterName=NAME, addonName="eks-pod-identity-agent")
    assert wait_for(lambda: _ask_agent(pods, test4, token)[0] == 200)


# ---- Another cluster


def test_a_token_of_another_cluster_is_worth_nothing_here(pods: PodAccount, test4: dict[str, Any]) -> None:
    other = pods.aws.cluster("other")
    try:
        issuer = other["identity"]["oidc"]["issuer"]
        kubernetes = Callbacks(pods.emulator, "other", other["endpoint"])
        for name in ("my-sa", "pod-identity-sa"):
            body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
            kubernetes.request("POST", "/api/v1/namespaces/default/serviceaccounts", body)
        theirs = replace(pods, kubernetes=kubernetes, issuer=issuer)
        token = theirs.token("my-sa")
        code, message = refused(lambda: pods.web_identity(token))
        assert (code, issuer in message) == ("InvalidIdentityToken", True)
        made = pods.aws.iam.create_open_id_connect_provider(Url=issuer, ClientIDList=[STS_AUDIENCE])
        assert refused(lambda: pods.web_identity(token)) == DENIED
        pods.aws.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
        # Signed there, and said to be from here.
        assert refused(lambda: pods.web_identity(theirs.forged(token, iss=pods.issuer)))[0] == "InvalidIdentityToken"
        same = pods.forged(pods.token("my-sa"), (kubernetes.dir / "pki" / "sa.key").read_text())
        assert refused(lambda: pods.web_identity(same))[0] == "InvalidIdentityToken"
        pod = theirs.pod("eks-iam-test4", "pod-identity-sa")
        status, told = _ask_agent(pods, test4, theirs.token("pod-identity-sa", POD_AUDIENCE, pod))
        assert (status, "(InvalidTokenException)" in told, "not of this cluster" in told) == (400, True, True)
    finally:
        pods.aws.delete_cluster("other")
    assert refused(lambda: pods.web_identity(token))[0] == "InvalidIdentityToken"
