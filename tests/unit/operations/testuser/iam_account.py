"""IAM and the services that are to know a key, stubbed, for tests of testuser's key; leases as commands leave them."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from operations.testuser import access_key
from operations.testuser import leases as testuser_leases
from operations.testuser.access_key import DIRECTORY

USER, REGION = "testuser", "ap-northeast-2"
KEY, OTHER, THIRD = "AKIAAAAAAAAAAAAAAAA1", "AKIAAAAAAAAAAAAAAAA2", "AKIAAAAAAAAAAAAAAAA3"
SECRET = "its/secret/that/nobody/else/sees/0123456"
SESSION = boto3.Session("AKIAOPERATOR00000000", "operator", region_name=REGION)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Account:
    """IAM, and the services that are to know a key, stubbed: what will be asked, in which order, and what comes back.

    Seconds pass in pauses alone.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        self.iam, self.sts = SESSION.client("iam"), SESSION.client("sts", endpoint_url=endpoint)
        self.others = {"eks": SESSION.client("eks"), "ec2": SESSION.client("ec2")}
        self.stubs = {service: Stubber(service) for service in (self.iam, self.sts, *self.others.values())}
        for stub in self.stubs.values():
            stub.activate()
        self.guards: list[Guard] = []
        self.pauses: list[float] = []

    def has(self, **keys: datetime) -> None:
        listed = [
            {"UserName": USER, "AccessKeyId": name, "Status": "Active", "CreateDate": made}
            for name, made in keys.items()
        ]
        self._answer(self.iam, "list_access_keys", {"AccessKeyMetadata": listed, "IsTruncated": False}, UserName=USER)

    def creates(self, name: str = KEY) -> None:
        made = {"UserName": USER, "AccessKeyId": name, "Status": "Active", "SecretAccessKey": SECRET}
        self._answer(self.iam, "create_access_key", {"AccessKey": made}, UserName=USER)

    def deletes(self, name: str = KEY) -> None:
        self._answer(self.iam, "delete_access_key", {}, UserName=USER, AccessKeyId=name)

    def refuses(self, operation: str, code: str, status: int = 403) -> None:
        self.stubs[self.iam].add_client_error(operation, code, "so it is", http_status_code=status)

    def knows_after(self, times: int) -> None:
        """Nobody knows the key, then everybody does."""
        self.sts_knows(*[False] * times, True, True, True)
        self.eks_says("")
        self.ec2_says("DryRunOperation")

    def sts_knows(self, *known: bool) -> None:
        arn = f"arn:aws:iam::111122223333:user/{USER}"
        for yes in known:
            if yes:
                answer = {"UserId": "AIDA", "Account": "111122223333", "Arn": arn}
                self._answer(self.sts, "get_caller_identity", answer)
            else:
                self.stubs[self.sts].add_client_error("get_caller_identity", "InvalidClientTokenId", "", 403)

    def eks_says(self, *codes: str) -> None:
        for code in codes:
            if code:
                self.stubs[self.others["eks"]].add_client_error("list_clusters", code, http_status_code=403)
            else:
                self._answer(self.others["eks"], "list_clusters", {"clusters": []})

    def ec2_says(self, *codes: str) -> None:
        for code in codes:
            asked = {"DryRun": True}
            self.stubs[self.others["ec2"]].add_client_error("describe_instances", code, expected_params=asked)

    def all_asked(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()

    def while_asked(self, operation: str, do: Callable[[], object]) -> None:
        self.iam.meta.events.register(f"before-parameter-build.iam.{operation}", lambda **_: do() and None)

    def loses_answer(self, operation: str) -> None:
        self.ends(operation, ReadTimeoutError(endpoint_url="https://iam.amazonaws.com"))

    def ends(self, operation: str, error: Exception) -> None:
        def end(**_: object) -> None:
            raise error

        self.iam.meta.events.register(f"after-call.iam.{operation}", end)

    def _answer(self, service: Any, operation: str, answer: dict[str, Any], **asked: str) -> None:
        self.stubs[service].add_response(operation, answer, asked)


class Guard:
    """Hears what a guard is told."""

    def __init__(self, user_name: str, region: str, before: list[str], lock: int, lease: Path) -> None:
        os.fstat(lock)
        assert lease.exists()
        self.before = before
        self.told: list[str] = []
        self.let_go = False

    def __enter__(self) -> "Guard":
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go = True

    def made(self, key_id: str) -> None:
        self.told.append(key_id)

    def done(self) -> None:
        self.told.append("done")


def used(made: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    def guard(*arguments: Any) -> Guard:
        made.guards.append(Guard(*arguments))
        return made.guards[-1]

    def client(service: str, **settings: Any) -> Any:
        assert (settings["aws_access_key_id"], settings["aws_secret_access_key"]) == (KEY, SECRET)
        assert settings["region_name"] == REGION
        return made.sts if service == "sts" else made.others[service]

    monkeypatch.setattr(access_key, "client", lambda _region: made.iam)
    monkeypatch.setattr(access_key, "Guard", guard)
    monkeypatch.setattr(boto3, "client", client)
    monkeypatch.setattr("tenacity.nap.time.sleep", made.pauses.append)
    monkeypatch.setattr("tenacity.time.monotonic", lambda: sum(made.pauses))
    monkeypatch.setattr(access_key, "monotonic", lambda: sum(made.pauses))
    return made


def leases(directory: Path) -> list[Any]:
    return [json.loads(file.read_text()) for file in (directory / DIRECTORY).glob("*.lease")]


def lives_once(account: Account) -> None:
    """A user without keys, who gets one that is deleted again."""
    account.has()
    account.creates()
    account.knows_after(0)
    account.deletes()


def left_by(tmp_path: Path, user: str, *, before: list[str], key_id: str) -> Path:
    """A lease that nobody holds."""
    directory = tmp_path / DIRECTORY
    directory.mkdir(exist_ok=True)
    with testuser_leases.held(directory, user, before) as lease:
        lease.made(key_id)
    return lease.file


def aged(lease: Path, by: timedelta) -> None:
    then = (datetime.now(UTC) - by).timestamp()
    os.utime(lease, (then, then))
