"""What of a control plane is in the customer's account: its logs in CloudWatch Logs, and the KMS key behind etcd."""

import base64
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from rehearsal import processes
from rehearsal import world as worlds
from rehearsal.toolchain import cache
from tests.rehearsal.control_planes import stored
from tests.rehearsal.eks_account import Account, account, token
from tests.rehearsal.played_emulator import wait_for
from tests.rehearsal.test_emulator_cluster import RunningWorld

NAME, REGION = "myeks", "ap-northeast-2"
GROUP = f"/aws/eks/{NAME}/cluster"
LIFETIMES = count(60)
"""Seconds."""
TYPES = ["audit", "authenticator", "api", "controllerManager", "scheduler"]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    directory = tmp_path_factory.mktemp("logs")
    bin_dir = cache.ensure(print)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYEKS_LAB_WORLD", str(directory / "world"))
        world = worlds.start(REGION, bin_dir)
        try:
            made = account(RunningWorld(world))
            key = made.emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
            encryption = [{"resources": ["secrets"], "provider": {"keyArn": key}}]
            cluster = made.cluster(NAME, version=versions(made)[1], encryptionConfig=encryption)
            assert cluster["status"] == "ACTIVE"
            yield made
        finally:
            worlds.stop(world)
    assert processes.working_in(directory / "world") == []


def versions(aws: Account) -> list[str]:
    """Those that EKS offers, newest first."""
    return [each["clusterVersion"] for each in aws.eks.describe_cluster_versions()["clusterVersions"]]


def call(aws: Account, path: str, key: tuple[str, str]) -> tuple[int, str]:
    """Status and Audit-Id of a request to the API server."""
    cluster = aws.eks.describe_cluster(name=NAME)["cluster"]
    ca = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
    # Every time another token: the API server remembers one for ten seconds, and asks the authenticator once.
    bearer = token(NAME, aws.emulator.endpoint, *key, expires=next(LIFETIMES))
    with urllib3.PoolManager(ca_cert_data=ca, retries=False) as pool:
        answer = pool.request("GET", cluster["endpoint"] + path, headers={"Authorization": f"Bearer {bearer}"})
    return answer.status, answer.headers.get("Audit-Id", "")


def found(aws: Account, pattern: str, prefix: str = "") -> list[dict[str, Any]]:
    more = {"logStreamNamePrefix": prefix} if prefix else {}
    logs = aws.emulator.client("logs")
    return logs.filter_log_events(logGroupName=GROUP, filterPattern=pattern, **more)["events"]


def switch(aws: Account, types: list[str], *, enabled: bool) -> None:
    logging = {"clusterLogging": [{"types": types, "enabled": enabled}]}
    update = aws.eks.update_cluster_config(name=NAME, logging=logging)["update"]
    assert aws.updated(NAME, update)["status"] == "Successful"


def groups(aws: Account) -> list[str]:
    return [each["logGroupName"] for each in aws.emulator.client("logs").describe_log_groups()["logGroups"]]


def test_a_call_is_found_by_its_audit_id_while_the_log_is_enabled(aws: Account) -> None:
    arn, *key = aws.user("reader")
    pair = (key[0], key[1])
    aws.eks.create_access_entry(clusterName=NAME, principalArn=arn, username="reader")
    assert groups(aws) == []
    status, before = call(aws, "/api/v1/secrets", pair)
    assert status == 403
    written = aws.emulator.dir / "clusters" / NAME / "log" / "audit.log"
    wait_for(lambda: before in written.read_text(), 10)

    switch(aws, TYPES, enabled=True)
    assert groups(aws) == [GROUP]
    status, audit_id = call(aws, "/api/v1/secrets?limit=7", pair)
    assert status == 403
    began = time.monotonic()
    (event,) = wait_for(lambda: found(aws, f'{{ $.auditID = "{audit_id}" }}'), 10)
    assert time.monotonic() - began < 5
    assert event["logStreamName"].startswith("kube-apiserver-audit-")
    assert '"username":"reader"' in event["message"]
    assert arn in event["message"]
    assert found(aws, f'{{ $.auditID = "{audit_id}" && $.responseStatus.code = 200 }}') == []
    assert found(aws, f'{{ $.auditID = "{before}" }}') == [], "the log was not enabled then"
    assert [each["eventId"] for each in found(aws, audit_id, "kube-apiserver-audit-")] == [event["eventId"]]
    assert found(aws, audit_id, "kube-scheduler-") == []

    (granted,) = wait_for(lambda: found(aws, '"access granted"', "authenticator-"), 10)
    assert f'arn="{arn}"' in granted["message"]
    assert "username=reader" in granted["message"]

    switch(aws, ["audit"], enabled=False)
    _, after = call(aws, "/api/v1/secrets", pair)
    # The authenticator's log goes on: when it has what came later, the audit log's turn has passed too.
    later, *other = aws.user("later")
    assert call(aws, "/api/v1/secrets", (other[0], other[1]))[0] == 401
    wait_for(lambda: found(aws, f'"access denied" "{later}"', "authenticator-"), 10)
    assert found(aws, f'{{ $.auditID = "{after}" }}') == []
    aws.delete_user("later")
    aws.delete_user("reader")


def test_who_is_not_let_in_is_in_the_authenticator_s_log(aws: Account) -> None:
    arn, *key = aws.user("stranger")
    assert call(aws, "/api/v1/pods", (key[0], key[1]))[0] == 401
    (denied,) = wait_for(lambda: found(aws, f'"access denied" "{arn}"', "authenticator-"), 10)
    assert 'error="ARN is not mapped"' in denied["message"]
    aws.delete_user("stranger")


def test_a_pattern_that_is_none_and_a_query_are_refused(aws: Account) -> None:
    logs = aws.emulator.client("logs")
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        found(aws, "{ $.verb = }")
    now = int(time.time())
    with pytest.raises(ClientError, match="does not play CloudWatch Logs Insights"):
        logs.start_query(logGroupName=GROUP, startTime=now - 60, endTime=now, queryString="fields @message")


def test_a_deleted_log_group_comes_back_with_the_next_line(aws: Account) -> None:
    aws.emulator.client("logs").delete_log_group(logGroupName=GROUP)
    _, *key = aws.user("another")
    call(aws, "/api/v1/pods", (key[0], key[1]))
    wait_for(lambda: GROUP in groups(aws) and found(aws, '"access denied"', "authenticator-"), 10)
    aws.delete_user("another")


def test_the_customer_s_kms_key_stands_behind_everything_in_etcd(aws: Account) -> None:
    """Amazon EKS User Guide, "Default envelope encryption for all Kubernetes API Data", seen 2026-11."""
    arn = aws.eks.describe_cluster(name=NAME)["cluster"]["encryptionConfig"][0]["provider"]["keyArn"]
    prefix = f"k8s:enc:secretbox:v1:{arn.rpartition('/')[2]}:".encode()
    objects = stored(aws.emulator.dir / "clusters" / NAME)
    assert objects["/registry/namespaces/default"].startswith(prefix)
    assert not any(value.startswith(b"k8s:enc:") and not value.startswith(prefix) for value in objects.values())

    before, after = versions(aws)[1], versions(aws)[0]
    kms = aws.emulator.client("kms")
    kms.disable_key(KeyId=arn)
    failed = aws.updated(NAME, aws.eks.update_cluster_version(name=NAME, version=after)["update"])
    assert failed["status"] == "Failed"
    assert "is disabled" in failed["errors"][0]["errorMessage"]
    assert aws.eks.describe_cluster(name=NAME)["cluster"]["version"] == before
    kms.enable_key(KeyId=arn)
    update = aws.updated(NAME, aws.eks.update_cluster_version(name=NAME, version=after)["update"])
    assert update["status"] == "Successful"
    shown = aws.eks.describe_cluster(name=NAME)["cluster"]
    assert (shown["version"], shown["status"]) == (after, "ACTIVE")


def test_the_log_group_stays_when_the_cluster_is_gone(aws: Account) -> None:
    aws.delete_cluster(NAME)
    assert groups(aws) == [GROUP]
