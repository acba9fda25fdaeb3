"""Who enters a cluster, and what an access policy lets them do: asked as an API server asks."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from rehearsal.emulator.eks.access_policies import ARN_PREFIX
from tests.rehearsal.eks_account import Account, account, decode, encode, token, trust
from tests.rehearsal.played_emulator import ACCOUNT, AWS_AUTH, REGION, Emulator, refused

CLUSTER = "entered"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    running = Emulator(tmp_path_factory.mktemp("entrance") / "world")
    made = account(running)
    made.cluster(CLUSTER)
    yield made
    running.stop()


@pytest.fixture
def testuser(aws: Account) -> Iterator[tuple[str, str, str]]:
    """ARN, access key id and secret of a user whom no cluster knows."""
    arn, key, secret = aws.user("testuser")
    yield arn, key, secret
    if arn in aws.eks.list_access_entries(clusterName=CLUSTER)["accessEntries"]:
        aws.eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)
    aws.delete_user("testuser")
    (aws.emulator.dir / AWS_AUTH).unlink(missing_ok=True)


def review(aws: Account, bearer: str, cluster: str = CLUSTER) -> dict[str, Any]:
    """A TokenReview's status."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": bearer}}
    return post(aws, "authn", asked, cluster)


def post(aws: Account, kind: str, asked: dict[str, Any], cluster: str = CLUSTER) -> dict[str, Any]:
    url = json.loads((aws.emulator.dir / "clusters" / cluster / "urls.json").read_text())[kind]
    status, body = aws.emulator.http(url, "POST", {"Content-Type": "application/json"}, json.dumps(asked).encode())
    assert status == 200, body
    answer = json.loads(body)
    assert (answer["apiVersion"], answer["kind"]) == (asked["apiVersion"], asked["kind"])
    return answer["status"]


def allowed(aws: Account, user: dict[str, Any], verb: str, resource: str, namespace: str = "") -> bool:
    """Whether an access policy allows that to a user whom a TokenReview has let in."""
    attributes = {"verb": verb, "resource": resource, "namespace": namespace, "version": "v1", "group": ""}
    spec = {"user": user["username"], "groups": user["groups"], "uid": user["uid"], "extra": user["extra"]}
    asked = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {**spec, "resourceAttributes": attributes},
    }
    status = post(aws, "authz", asked)
    assert status["denied"] is False
    return status["allowed"]


def own(aws: Account, key: str = "", secret: str = "", **more: Any) -> str:
    """A token signed for the emulator; the operator's without a key."""
    emulator = aws.emulator
    return token(CLUSTER, emulator.endpoint, key or emulator.key, secret or emulator.secret, **more)


def test_the_creator_enters_by_its_entry(aws: Account) -> None:
    status = review(aws, own(aws))
    assert status["authenticated"] is True
    user = status["user"]
    arn = f"arn:aws:iam::{ACCOUNT}:user/operator"
    assert (user["username"], user["groups"]) == (arn, [])
    assert user["uid"].startswith(f"aws-iam-authenticator:{ACCOUNT}:AIDA")
    assert user["extra"]["arn"] == [arn]
    assert allowed(aws, user, "delete", "nodes")


def test_the_commands_own_token_is_taken(aws: Account) -> None:
    emulator = aws.emulator
    environment = {
        "PATH": "/usr/bin:/bin",
        "AWS_CONFIG_FILE": str(emulator.dir / "aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(emulator.dir / "aws" / "credentials"),
        "AWS_ENDPOINT_URL": emulator.endpoint,
    }
    command = [sys.executable, "-m", "awscli", "eks", "get-token", "--cluster-name", CLUSTER]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert review(aws, json.loads(told.stdout)["status"]["token"])["authenticated"] is True


def test_a_token_for_the_regions_sts_is_taken(aws: Account) -> None:
    emulator = aws.emulator
    bearer = token(CLUSTER, f"https://sts.{REGION}.amazonaws.com", emulator.key, emulator.secret)
    assert review(aws, bearer)["authenticated"] is True


def changed(bearer: str, change: Callable[[dict[str, str]], object]) -> str:
    url = urlsplit(decode(bearer))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    change(query)
    return encode(url._replace(query=urlencode(query)).geturl())


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda aws: "k8s-aws-v1.bm90aGluZw", "signed for"),
        (
            lambda aws: token("another", aws.emulator.endpoint, aws.emulator.key, aws.emulator.secret),
            "SignatureDoesNotMatch",
        ),
        (lambda aws: own(aws, secret="x" * 40), "SignatureDoesNotMatch"),
        (lambda aws: own(aws, key="AKIAIOSFODNN7EXAMPLE"), "InvalidClientTokenId"),
        (lambda aws: own(aws, key=ACCOUNT), "access key"),
        (lambda aws: own(aws, key="test", secret="test"), "access key"),
        (lambda aws: own(aws, expires=3600), "X-Amz-Expires"),
        (lambda aws: own(aws, session="a-token-of-no-session"), ""),
        (
            lambda aws: changed(own(aws), lambda query: query.update({"X-Amz-Signature": "0" * 64})),
            "SignatureDoesNotMatch",
        ),
        (lambda aws: changed(own(aws), lambda query: query.update({"X-Amz-Expires": "900"})), "SignatureDoesNotMatch"),
        (lambda aws: changed(own(aws), lambda query: query.update({"Action": "AssumeRole"})), "asks for"),
        (lambda aws: changed(own(aws), lambda query: query.update({"Version": "2011-06-16"})), "SignatureDoesNotMatch"),
        (lambda aws: encode(decode(own(aws)) + "&Action=GetCallerIdentity"), "twice"),
        (lambda aws: encode(decode(own(aws)).replace("http://", "https://")), "signed for"),
        (lambda aws: encode(decode(own(aws)).replace("127.0.0.1", "localhost")), "signed for"),
        (lambda aws: encode(decode(own(aws)).replace("/?", "/latest/?")), "path"),
    ],
)
def test_a_forged_token_lets_nobody_in(aws: Account, forge: Callable[[Account], str], why: str) -> None:
    status = review(aws, forge(aws))
    assert status["authenticated"] is False
    assert "user" not in status
    assert why in status["error"]


def test_an_old_token_lets_nobody_in(aws: Account) -> None:
    with mock.patch("botocore.auth.get_current_datetime", return_value=datetime.now(UTC) - timedelta(minutes=16)):
        bearer = own(aws)
    assert review(aws, bearer) == {"authenticated": False, "error": "the token has expired"}


def test_a_token_that_is_not_ours_is_left_to_others(aws: Account) -> None:
    assert review(aws, "eyJhbGciOiJSUzI1NiJ9.e30.c2ln") == {"authenticated": False}
    assert review(aws, "") == {"authenticated": False}


def test_a_user_whom_nobody_mapped_stays_outside(aws: Account, testuser: tuple[str, str, str]) -> None:
    arn, key, secret = testuser
    status = review(aws, own(aws, key, secret))
    assert (status["authenticated"], arn in status["error"]) == (False, True)


def mapped(aws: Account, *users: dict[str, Any]) -> None:
    (aws.emulator.dir / AWS_AUTH).write_text(json.dumps({"mapUsers": json.dumps(list(users))}))


def test_aws_auth_lets_in_at_once_and_out_at_once(aws: Account, testuser: tuple[str, str, str]) -> None:
    arn, key, secret = testuser
    mapped(aws, {"userarn": arn, "username": "testuser", "groups": ["system:masters"]})
    user = review(aws, own(aws, key, secret))["user"]
    assert (user["username"], user["groups"]) == ("testuser", ["system:masters"])
    # RBAC knows that group; an access policy has nothing to say of who has no entry.
    assert not allowed(aws, user, "list", "nodes")
    mapped(aws, {"userarn": arn, "username": "testuser", "groups": ["system:authenticated"]})
    assert review(aws, own(aws, key, secret))["user"]["groups"] == ["system:authenticated"]
    mapped(aws)
    assert review(aws, own(aws, key, secret))["authenticated"] is False


def test_an_entry_wins_over_aws_auth_and_its_policy_is_the_only_right(
    aws: Account, testuser: tuple[str, str, str]
) -> None:
    arn, key, secret = testuser
    mapped(aws, {"userarn": arn, "username": "testuser", "groups": ["system:masters"]})
    eks, who = aws.eks, {"clusterName": CLUSTER, "principalArn": arn}
    made = eks.create_access_entry(**who)["accessEntry"]
    assert (made["type"], made["username"], made["kubernetesGroups"]) == ("STANDARD", arn, [])
    user = review(aws, own(aws, key, secret))["user"]
    assert (user["username"], user["groups"]) == (arn, [])
    assert not allowed(aws, user, "list", "pods", "dev")
    view = f"{ARN_PREFIX}AmazonEKSViewPolicy"
    scope = {"type": "namespace", "namespaces": ["dev"]}
    eks.associate_access_policy(policyArn=view, accessScope=scope, **who)
    assert allowed(aws, user, "list", "pods", "dev")
    for verb, resource, namespace in [
        ("list", "pods", "test"),
        ("list", "pods", ""),
        ("create", "pods", "dev"),
        ("get", "secrets", "dev"),
        ("list", "nodes", ""),
    ]:
        assert not allowed(aws, user, verb, resource, namespace), (verb, resource, namespace)
    listed = eks.list_associated_access_policies(**who)["associatedAccessPolicies"]
    assert [(each["policyArn"], each["accessScope"]) for each in listed] == [(view, scope)]
    # Without the proof that it came by this entry, the name alone is worth nothing.
    foreign = {"arn": [f"arn:aws:iam::{ACCOUNT}:user/other"]}
    for wrong in ({"principalId": ["AIDAOTHER"]}, {"principalId": []}, foreign, {"arn": [arn, arn]}):
        assert not allowed(aws, {**user, "extra": {**user["extra"], **wrong}}, "list", "pods", "dev"), wrong
    assert not allowed(aws, {**user, "extra": {}}, "list", "pods", "dev")
    assert not allowed(aws, {**user, "username": "somebody"}, "list", "pods", "dev")
    eks.disassociate_access_policy(policyArn=view, **who)
    assert not allowed(aws, user, "list", "pods", "dev")
    eks.delete_access_entry(**who)
    assert review(aws, own(aws, key, secret))["user"]["username"] == "testuser"


def test_a_recreated_user_needs_a_new_entry(aws: Account, testuser: tuple[str, str, str]) -> None:
    arn, key, secret = testuser
    aws.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn)
    assert review(aws, own(aws, key, secret))["authenticated"] is True
    aws.delete_user("testuser")
    _, key, secret = aws.user("testuser")
    assert review(aws, own(aws, key, secret))["authenticated"] is False
    aws.eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)
    aws.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn)
    assert review(aws, own(aws, key, secret))["authenticated"] is True
    aws.eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)


def test_a_deleted_key_is_refused_at_once(aws: Account, testuser: tuple[str, str, str]) -> None:
    arn, key, secret = testuser
    aws.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn)
    bearer = own(aws, key, secret)
    assert review(aws, bearer)["authenticated"] is True
    aws.iam.delete_access_key(UserName="testuser", AccessKeyId=key)
    assert review(aws, bearer)["authenticated"] is False
    aws.eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)


def test_a_role_with_a_path_enters_by_its_session(aws: Account) -> None:
    operator = f"arn:aws:iam::{ACCOUNT}:user/operator"
    role = aws.iam.create_role(RoleName="dev", Path="/team/", AssumeRolePolicyDocument=trust(arn=operator))["Role"][
        "Arn"
    ]
    session = aws.emulator.client("sts").assume_role(RoleArn=role, RoleSessionName="me@example")["Credentials"]
    bearer = own(aws, session["AccessKeyId"], session["SecretAccessKey"], session=session["SessionToken"])
    assert review(aws, bearer)["authenticated"] is False
    aws.eks.create_access_entry(clusterName=CLUSTER, principalArn=role, kubernetesGroups=["developers"])
    user = review(aws, bearer)["user"]
    assert user["username"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/me-example"
    assert user["groups"] == ["developers"]
    assert user["extra"]["sessionName"] == ["me@example"]
    who = {"clusterName": CLUSTER, "principalArn": role}
    aws.eks.associate_access_policy(
        policyArn=f"{ARN_PREFIX}AmazonEKSAdminViewPolicy", accessScope={"type": "cluster"}, **who
    )
    assert allowed(aws, user, "list", "nodes")
    assert not allowed(aws, user, "delete", "nodes")
    aws.eks.delete_access_entry(**who)
    aws.iam.delete_role(RoleName="dev")


def test_a_node_enters_as_its_instance(aws: Account) -> None:
    aws.nodegroup(CLUSTER)
    instance = aws.instances(CLUSTER)[0]
    operator = f"arn:aws:iam::{ACCOUNT}:user/operator"
    aws.iam.update_assume_role_policy(RoleName="node", PolicyDocument=trust(arn=operator))
    credentials = aws.emulator.client("sts").assume_role(RoleArn=aws.node_role, RoleSessionName=instance["InstanceId"])[
        "Credentials"
    ]
    session = (credentials["AccessKeyId"], credentials["SecretAccessKey"])
    user = review(aws, own(aws, *session, session=credentials["SessionToken"]))["user"]
    assert user["username"] == f"system:node:{instance['PrivateDnsName']}"
    assert user["groups"] == ["system:nodes"]
    aws.iam.update_assume_role_policy(RoleName="node", PolicyDocument=trust("ec2.amazonaws.com"))


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (
            {"kubernetesGroups": ["system:masters"]},
            "InvalidParameterException",
            "The kubernetes group name system:masters is invalid, it cannot start with system:",
        ),
        ({"username": "system:admin"}, "InvalidParameterException", "The username must not begin with system:"),
        ({"username": "eks:me"}, "InvalidParameterException", "must not begin with eks:"),
        ({"username": "me{{SessionName}}"}, "InvalidParameterException", "colon"),
        ({"type": "EC2_LINUX", "kubernetesGroups": ["a"]}, "InvalidParameterException", "EC2_LINUX"),
        ({"type": "FARGATE_LINUX"}, "InvalidRequestException", "does not play"),
        ({"principalArn": f"arn:aws:iam::{ACCOUNT}:user/nobody"}, "InvalidParameterException", "principal"),
        (
            {"principalArn": f"arn:aws:iam::{ACCOUNT}:user/path/operator"},
            "InvalidParameterException",
            "invalid principal",
        ),
        (
            {"principalArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/node/s"},
            "InvalidParameterException",
            "The principalArn parameter format is not valid",
        ),
        ({"principalArn": "nonsense"}, "InvalidParameterException", "principal"),
        ({"principalArn": f"arn:aws:iam::{ACCOUNT}:user/operator"}, "ResourceInUseException", "already in use"),
    ],
)
def test_eks_refuses_an_entry(
    aws: Account, testuser: tuple[str, str, str], request_: dict[str, Any], code: str, text: str
) -> None:
    who = {"clusterName": CLUSTER, "principalArn": testuser[0]}
    answer = refused(lambda: aws.eks.create_access_entry(**{**who, **request_}))
    assert (answer[0], text in answer[1]) == (code, True), answer
    assert testuser[0] not in aws.eks.list_access_entries(clusterName=CLUSTER)["accessEntries"]


def test_eks_refuses_a_policy_that_does_not_fit(aws: Account, testuser: tuple[str, str, str]) -> None:
    who = {"clusterName": CLUSTER, "principalArn": testuser[0]}
    view = f"{ARN_PREFIX}AmazonEKSViewPolicy"
    everywhere = {"type": "cluster"}
    without = refused(lambda: aws.eks.associate_access_policy(policyArn=view, accessScope=everywhere, **who))
    assert without[0] == "ResourceNotFoundException"
    aws.eks.create_access_entry(**who)
    for policy, scope, text in [
        ("arn:aws:iam::aws:policy/AdministratorAccess", everywhere, "format is not valid"),
        (f"{ARN_PREFIX}AmazonEKSVeiwPolicy", everywhere, "The specified policyArn could not be found."),
        (f"{ARN_PREFIX}AmazonEKSAutoNodePolicy", everywhere, "AmazonEKSAutoNodePolicy"),
        (view, {"type": "namespace"}, "At least 1 namespace"),
        (view, {"type": "cluster", "namespaces": ["a"]}, "should not include namespaces"),
    ]:
        associate = {"policyArn": policy, "accessScope": scope, **who}
        assert text in refused(lambda request=associate: aws.eks.associate_access_policy(**request))[1]
    update = refused(lambda: aws.eks.update_access_entry(kubernetesGroups=["system:masters"], **who))
    assert update[0] == "InvalidParameterException"
    assert aws.eks.update_access_entry(kubernetesGroups=["team"], **who)["accessEntry"]["kubernetesGroups"] == ["team"]
    aws.eks.delete_access_entry(**who)
    names = [each["name"] for each in aws.eks.list_access_policies()["accessPolicies"]]
    assert "AmazonEKSClusterAdminPolicy" in names


def test_where_only_aws_auth_counts_the_creator_is_an_administrator_unseen(
    aws: Account, testuser: tuple[str, str, str]
) -> None:
    name = "configmap"
    aws.cluster(name, accessConfig={"authenticationMode": "CONFIG_MAP"})
    emulator = aws.emulator
    user = review(aws, token(name, emulator.endpoint, emulator.key, emulator.secret), name)["user"]
    assert (user["username"], user["groups"]) == ("kubernetes-admin", ["system:masters"])
    refuse = refused(lambda: aws.eks.create_access_entry(clusterName=name, principalArn=testuser[0]))
    assert "authentication mode must be set to one of [API, API_AND_CONFIG_MAP]" in refuse[1]
    aws.delete_cluster(name)


def test_where_only_entries_count_aws_auth_maps_nobody(aws: Account, testuser: tuple[str, str, str]) -> None:
    name, (arn, key, secret) = "entries", testuser
    aws.cluster(name, accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False})
    mapped(aws, {"userarn": arn, "username": "testuser", "groups": ["system:masters"]})
    assert review(aws, token(name, aws.emulator.endpoint, key, secret), name)["authenticated"] is False
    operator = token(name, aws.emulator.endpoint, aws.emulator.key, aws.emulator.secret)
    assert review(aws, operator, name)["authenticated"] is False
    aws.delete_cluster(name)
