"""testuser's key from its making to its end, against clients of IAM and STS that botocore checks the shapes of."""

import io
import json
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

from exercises import testuser, testuser_guard, testuser_leases
from exercises.testuser import DIRECTORY, NoKey, NotDeleted, key, key_of

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


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    return used(Account(), monkeypatch)


def used(made: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    def guard(*arguments: Any) -> Guard:
        made.guards.append(Guard(*arguments))
        return made.guards[-1]

    def client(service: str, **settings: Any) -> Any:
        assert (settings["aws_access_key_id"], settings["aws_secret_access_key"]) == (KEY, SECRET)
        assert settings["region_name"] == REGION
        return made.sts if service == "sts" else made.others[service]

    monkeypatch.setattr(testuser, "client", lambda _region: made.iam)
    monkeypatch.setattr(testuser, "Guard", guard)
    monkeypatch.setattr(boto3, "client", client)
    monkeypatch.setattr("tenacity.nap.time.sleep", made.pauses.append)
    monkeypatch.setattr("tenacity.time.monotonic", lambda: sum(made.pauses))
    monkeypatch.setattr(testuser, "monotonic", lambda: sum(made.pauses))
    return made


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """No signal handler may be left behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


def leases(directory: Path) -> list[Any]:
    return [json.loads(file.read_text()) for file in (directory / DIRECTORY).glob("*.lease")]


def lives_once(account: Account) -> None:
    """A user without keys, who gets one that is deleted again."""
    account.has()
    account.creates()
    account.knows_after(0)
    account.deletes()


def test_the_key_is_there_during_the_block_and_no_longer(account: Account, tmp_path: Path):
    lives_once(account)
    with key(USER, REGION, tmp_path) as made:
        assert (made.access_key_id, made.secret_access_key) == (KEY, SECRET)
        assert SECRET not in repr(made)
        (lease,) = leases(tmp_path)
        assert lease == {"user": USER, "before": [], "key": KEY}
        assert account.guards[0].told == [KEY]
    account.all_asked()
    assert leases(tmp_path) == []
    assert account.guards[0].told == [KEY, "done"]
    assert account.guards[0].let_go
    assert not any(SECRET in file.read_text() for file in tmp_path.rglob("*") if file.is_file())


@pytest.mark.parametrize("end", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)], ids=lambda e: type(e).__name__)
def test_the_key_is_deleted_when_the_block_fails(account: Account, tmp_path: Path, end: BaseException):
    lives_once(account)
    with pytest.raises(type(end)), key(USER, REGION, tmp_path):
        raise end
    account.all_asked()
    assert leases(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "end"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)]
)
def test_the_key_is_deleted_when_a_signal_ends_the_block(
    account: Account, tmp_path: Path, number: signal.Signals, end: type[BaseException]
):
    lives_once(account)
    with pytest.raises(end) as ended, key(USER, REGION, tmp_path):
        signal.raise_signal(number)
    account.all_asked()
    if isinstance(ended.value, SystemExit):
        assert ended.value.code == 128 + number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_key_is_being_made_does_not_lose_it(
    account: Account, tmp_path: Path, number: signal.Signals
):
    account.has()
    account.creates()
    account.deletes()
    account.while_asked("CreateAccessKey", lambda: signal.raise_signal(number))
    with pytest.raises((KeyboardInterrupt, SystemExit)), key(USER, REGION, tmp_path):
        pytest.fail("the block was entered")
    account.all_asked()
    assert account.guards[0].told == [KEY, "done"]


def test_a_signal_while_the_key_is_being_deleted_waits(account: Account, tmp_path: Path):
    lives_once(account)
    account.while_asked("DeleteAccessKey", lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt), key(USER, REGION, tmp_path):
        pass
    account.all_asked()
    assert account.guards[0].told == [KEY, "done"]


def test_signals_that_are_ignored_stay_ignored(account: Account, tmp_path: Path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        lives_once(account)
        with key(USER, REGION, tmp_path):
            signal.raise_signal(signal.SIGHUP)
        account.all_asked()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_may_have_a_key_too(account: Account, tmp_path: Path):
    lives_once(account)
    seen: list[str] = []

    def ask() -> None:
        with key(USER, REGION, tmp_path) as made:
            seen.append(made.access_key_id)

    thread = Thread(target=ask)
    thread.start()
    thread.join()
    assert seen == [KEY]
    account.all_asked()


def test_it_waits_until_aws_knows_the_key_and_tells_a_long_wait_once(account: Account, tmp_path: Path):
    account.has()
    account.creates()
    account.knows_after(6)
    account.deletes()
    told: list[str] = []
    with key(USER, REGION, tmp_path, told.append):
        pass
    account.all_asked()
    assert told == ["waiting until AWS knows the new key (at most 60 s)"]


def waits(account: Account, directory: Path) -> list[float]:
    """The pauses until the key is known."""
    account.has()
    account.creates()
    account.deletes()
    with key(USER, REGION, directory):
        pauses = list(account.pauses)
    account.all_asked()
    return pauses


def test_one_host_that_knows_the_key_is_not_enough(account: Account, tmp_path: Path):
    """Five answers over two seconds, three of them of STS; whoever does not know it yet begins the count anew."""
    account.knows_after(0)
    assert waits(account, tmp_path) == [0.5] * 4


def test_a_host_of_sts_that_does_not_know_the_key_yet_begins_the_count_anew(account: Account, tmp_path: Path):
    account.sts_knows(True, True, False, True, True, True)
    account.eks_says("", "")
    account.ec2_says("DryRunOperation", "DryRunOperation")
    assert len(waits(account, tmp_path)) == 9


KEY_ERRORS = [
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
]


@pytest.mark.parametrize("code", KEY_ERRORS)
def test_eks_and_ec2_must_know_it_too(account: Account, tmp_path: Path, code: str):
    account.sts_knows(*[True] * 6)
    account.eks_says(code, "", "")
    account.ec2_says(code, "DryRunOperation")
    assert len(waits(account, tmp_path)) == 10


def test_who_is_refused_is_known(account: Account, tmp_path: Path):
    account.sts_knows(True, True, True)
    account.eks_says("AccessDeniedException")
    account.ec2_says("UnauthorizedOperation")
    assert waits(account, tmp_path) == [0.5] * 4


def test_each_answer_is_asked_for_on_a_connection_of_its_own(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    closed: list[str] = []
    for name, service in {"sts": account.sts, **account.others}.items():
        monkeypatch.setattr(service, "close", lambda name=name: closed.append(name))
    account.knows_after(0)
    waits(account, tmp_path)
    assert closed == ["sts", "eks", "sts", "ec2", "sts"]


def test_on_this_machine_there_is_no_pause_between_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    account = used(Account("http://127.0.0.1:4566"), monkeypatch)
    account.knows_after(1)
    assert waits(account, tmp_path) == [0.2, 0, 0, 0, 0]


def test_a_key_that_aws_never_knows_is_deleted(account: Account, tmp_path: Path):
    account.has()
    account.creates()
    account.knows_after(50)
    account.deletes()
    with pytest.raises(NoKey, match="does not know the new key after 60 s"), key(USER, REGION, tmp_path):
        pytest.fail("the block was entered")
    assert 60 <= sum(account.pauses) < 63
    account.stubs[account.iam].assert_no_pending_responses()
    assert leases(tmp_path) == []


def test_another_answer_is_no_reason_to_wait(account: Account, tmp_path: Path):
    account.has()
    account.creates()
    account.stubs[account.sts].add_client_error("get_caller_identity", "RegionDisabledException")
    account.deletes()
    with pytest.raises(ClientError, match="RegionDisabled"), key(USER, REGION, tmp_path):
        pytest.fail("the block was entered")
    account.all_asked()


def test_a_deletion_that_fails_once_is_tried_again(account: Account, tmp_path: Path):
    account.has()
    account.creates()
    account.knows_after(0)
    account.refuses("delete_access_key", "ServiceFailure", 500)
    account.refuses("delete_access_key", "Throttling", 400)
    account.deletes()
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()


def test_a_key_that_iam_does_not_find_is_left_to_the_guard(account: Account, tmp_path: Path):
    """Somebody has deleted it, or IAM has not spread it yet."""
    account.has()
    account.creates()
    account.knows_after(0)
    account.refuses("delete_access_key", "NoSuchEntity", 404)
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()
    assert account.guards[0].told == [KEY]
    assert account.guards[0].let_go
    assert [lease["key"] for lease in leases(tmp_path)] == [KEY]


def raise_it(error: BaseException | None) -> None:
    if error:
        raise error


@pytest.mark.parametrize("body", [None, ValueError("no"), KeyboardInterrupt()])
def test_a_key_that_cannot_be_deleted_is_told_with_the_command(
    account: Account, tmp_path: Path, body: BaseException | None
):
    account.has()
    account.creates()
    account.knows_after(0)
    account.refuses("delete_access_key", "AccessDenied")
    with pytest.raises(NotDeleted) as told, key(USER, REGION, tmp_path):
        raise_it(body)
    text = str(told.value)
    assert f"aws iam delete-access-key --user-name {USER} --access-key-id {KEY}" in text
    assert "AccessDenied" in text
    assert SECRET not in text
    # The guard goes on trying, and the next command does.
    assert account.guards[0].told == [KEY]
    assert account.guards[0].let_go
    assert [lease["key"] for lease in leases(tmp_path)] == [KEY]


def test_a_key_that_a_killed_command_left_is_deleted_first_and_told(account: Account, tmp_path: Path):
    left_by(tmp_path, USER, before=[], key_id=OTHER)
    account.deletes(OTHER)
    lives_once(account)
    told: list[str] = []
    with key(USER, REGION, tmp_path, told.append):
        pass
    account.all_asked()
    assert told == [f"deleted the access key {OTHER} of {USER}, which a killed command left"]
    assert leases(tmp_path) == []


@pytest.mark.parametrize("young", [True, False])
def test_a_killed_commands_key_that_iam_does_not_find_is_not_told(account: Account, tmp_path: Path, young: bool):
    lease = left_by(tmp_path, USER, before=[], key_id=OTHER)
    if not young:
        aged(lease, testuser_leases.YOUNG)
    account.refuses("delete_access_key", "NoSuchEntity", 404)
    lives_once(account)
    told: list[str] = []
    with key(USER, REGION, tmp_path, told.append):
        pass
    account.all_asked()
    assert told == []
    assert lease.exists() == young


def test_a_command_killed_while_it_made_a_key_left_the_one_that_appeared_then(account: Account, tmp_path: Path):
    left_by(tmp_path, USER, before=[OTHER], key_id="")
    # THIRD came when the killed command made its key; the second listing is the one for the new key.
    account.has(**{OTHER: NOW - timedelta(days=9), THIRD: datetime.now(UTC)})
    account.deletes(THIRD)
    account.has(**{OTHER: NOW - timedelta(days=9)})
    account.creates()
    account.knows_after(0)
    account.deletes()
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()


def test_a_killed_commands_lease_stays_while_its_key_may_turn_up(account: Account, tmp_path: Path):
    left_by(tmp_path, USER, before=[], key_id="")
    account.has()
    lives_once(account)
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()
    assert leases(tmp_path) == [{"user": USER, "before": [], "key": ""}]
    # It has turned up, and nobody else's is taken for it.
    account.has(**{THIRD: datetime.now(UTC)})
    account.deletes(THIRD)
    lives_once(account)
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()
    assert leases(tmp_path) == []


def test_a_young_lease_stays_when_all_that_is_listed_is_gone_already(account: Account, tmp_path: Path):
    """What IAM lists may be the key of a command in between, which has deleted it."""
    left_by(tmp_path, USER, before=[], key_id="")
    account.has(**{THIRD: datetime.now(UTC)})
    account.refuses("delete_access_key", "NoSuchEntity", 404)
    lives_once(account)
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()
    assert [lease["key"] for lease in leases(tmp_path)] == [""]


def test_an_old_lease_whose_key_never_turned_up_ends(account: Account, tmp_path: Path):
    aged(left_by(tmp_path, USER, before=[], key_id=""), testuser_leases.YOUNG)
    account.has()
    lives_once(account)
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()
    assert leases(tmp_path) == []


def test_a_young_leases_key_is_not_that_of_a_command_at_work(account: Account, tmp_path: Path):
    left_by(tmp_path, USER, before=[], key_id="")
    with testuser_leases.held(tmp_path / DIRECTORY, USER, []) as lease:
        lease.made(OTHER)
        account.has(**{OTHER: datetime.now(UTC)})
        account.has(**{OTHER: datetime.now(UTC)})
        account.creates()
        account.knows_after(0)
        account.deletes()
        with key(USER, REGION, tmp_path):
            pass
    account.all_asked()


def test_a_key_at_work_that_is_not_listed_yet_is_none_of_the_new_commands(account: Account, tmp_path: Path):
    """The new command's guard would take it for its own when it turns up."""
    directory = tmp_path / DIRECTORY
    directory.mkdir()
    with testuser_leases.held(directory, USER, []) as lease:
        lease.made(OTHER)
        account.has(**{THIRD: NOW})
        account.creates()
        account.knows_after(0)
        account.deletes()
        with key(USER, REGION, tmp_path):
            assert {"user": USER, "before": [OTHER, THIRD], "key": KEY} in leases(tmp_path)
            assert account.guards[0].before == [OTHER, THIRD]
    account.all_asked()


def test_a_key_made_by_hand_long_after_a_killed_command_is_left_alone(account: Account, tmp_path: Path):
    aged(left_by(tmp_path, USER, before=[], key_id=""), testuser_leases.YOUNG)
    by_hand = {OTHER: datetime.now(UTC) + timedelta(hours=1)}
    account.has(**by_hand)
    account.has(**by_hand)
    account.creates()
    account.knows_after(0)
    account.deletes()
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()
    assert leases(tmp_path) == []


def test_the_key_of_a_command_at_work_is_no_leftover(account: Account, tmp_path: Path):
    directory = tmp_path / DIRECTORY
    directory.mkdir()
    with testuser_leases.held(directory, USER, []) as lease:
        lease.made(OTHER)
        left_by(tmp_path, "somebody-else", before=[], key_id=THIRD)
        account.has(**{OTHER: NOW})
        account.creates()
        account.knows_after(0)
        account.deletes()
        with key(USER, REGION, tmp_path):
            pass
    account.all_asked()
    assert {lease["key"] for lease in leases(tmp_path)} == {OTHER, THIRD}


def test_a_lease_that_was_cut_off_is_no_reason_to_fail(account: Account, tmp_path: Path):
    left_by(tmp_path, USER, before=[], key_id=OTHER).write_text('{"user": "te')
    lives_once(account)
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()
    assert list((tmp_path / DIRECTORY).glob("*.lease")) == []


def test_keys_made_by_hand_that_leave_no_room_are_told_with_the_command(account: Account, tmp_path: Path):
    directory = tmp_path / DIRECTORY
    directory.mkdir()
    account.has(**{KEY: NOW, OTHER: NOW})
    with testuser_leases.held(directory, USER, []) as lease:
        lease.made(KEY)
        with (
            pytest.raises(NoKey, match=f"made by hand: aws iam .* --access-key-id {OTHER}"),
            key(USER, REGION, tmp_path),
        ):
            pytest.fail("the block was entered")
        with testuser_leases.held(directory, USER, []) as second:
            second.made(OTHER)
            account.has(**{KEY: NOW, OTHER: NOW})
            with pytest.raises(NoKey, match="Both are in use"), key(USER, REGION, tmp_path):
                pytest.fail("the block was entered")
    account.all_asked()
    assert account.guards == []


ARN = f"arn:aws:iam::111122223333:user/path/{USER}"


def has_user(account: Account, arn: str) -> None:
    told = {"User": {"Path": "/path/", "UserName": USER, "UserId": "AIDAEXAMPLEEXAMPLE", "Arn": arn, "CreateDate": NOW}}
    account.stubs[account.iam].add_response("get_user", told, {"UserName": USER})


def test_the_user_of_the_labs_account_gets_a_key(account: Account, tmp_path: Path):
    has_user(account, ARN)
    account.has()
    account.creates()
    account.knows_after(0)
    account.deletes()
    with key_of(ARN, REGION, tmp_path) as made:
        assert made.access_key_id == KEY
    account.all_asked()


def test_the_user_of_another_account_gets_none(account: Account, tmp_path: Path):
    has_user(account, ARN.replace("1111", "4444"))
    refused = r"lead to arn:aws:iam::44442222.*Use credentials of the lab's account"
    with pytest.raises(NoKey, match=refused), key_of(ARN, REGION, tmp_path):
        pytest.fail("the block was entered")
    account.all_asked()
    assert account.guards == []


def test_without_the_user_there_is_no_key_by_the_arn_either(account: Account, tmp_path: Path):
    account.refuses("get_user", "NoSuchEntity", 404)
    with pytest.raises(NoKey, match=r"There is no IAM user testuser"), key_of(ARN, REGION, tmp_path):
        pytest.fail("the block was entered")


def test_a_user_who_does_not_exist_is_told(account: Account, tmp_path: Path):
    account.refuses("list_access_keys", "NoSuchEntity", 404)
    with pytest.raises(NoKey, match=r"There is no IAM user testuser\. \./lab up"), key(USER, REGION, tmp_path):
        pytest.fail("the block was entered")


def test_a_refused_creation_leaves_nothing_to_delete(account: Account, tmp_path: Path):
    account.has()
    account.refuses("create_access_key", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"), key(USER, REGION, tmp_path):
        pytest.fail("the block was entered")
    account.all_asked()
    assert account.guards[0].told == ["done"]
    assert leases(tmp_path) == []


@pytest.mark.parametrize("status", [None, 500])
def test_a_creation_without_an_answer_is_left_to_the_guard_and_told(
    account: Account, tmp_path: Path, status: int | None
):
    """The key may turn up a minute later; nobody who has pressed Ctrl-C waits for that."""
    account.has(**{OTHER: NOW})
    if status:
        account.refuses("create_access_key", "ServiceFailure", status)
    else:
        account.creates(THIRD)
        account.loses_answer("CreateAccessKey")
    told: list[str] = []
    with pytest.raises((ReadTimeoutError, ClientError)), key(USER, REGION, tmp_path, told.append):
        pytest.fail("the block was entered")
    account.all_asked()
    (text,) = told
    assert "did not tell whether testuser has a new access key" in text
    assert f"aws iam list-access-keys --user-name {USER}" in text
    assert account.guards[0].told == []
    assert account.guards[0].let_go
    assert leases(tmp_path) == [{"user": USER, "before": [OTHER], "key": ""}]
    assert account.pauses == []


@pytest.mark.parametrize("error", [EndpointConnectionError, ConnectTimeoutError])
def test_a_creation_that_was_never_heard_leaves_nothing_to_delete(
    account: Account, tmp_path: Path, error: type[EndpointConnectionError | ConnectTimeoutError]
):
    account.has()
    account.creates()
    account.ends("CreateAccessKey", error(endpoint_url="https://iam.amazonaws.com"))
    told: list[str] = []
    with pytest.raises(error), key(USER, REGION, tmp_path, told.append):
        pytest.fail("the block was entered")
    account.all_asked()
    assert (account.guards[0].told, leases(tmp_path), told) == (["done"], [], [])


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


class Pipe:
    """What a guard was told before its pipe ended, and what it finds at IAM then."""

    def __init__(self, account: Account, directory: Path, *lines: str) -> None:
        self.account = account
        self.lease = directory / "one.lease"
        self.lease.touch()
        self.lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT)
        told = {"user": USER, "region": REGION, "before": [OTHER], "lease": str(self.lease)}
        self.text = "".join(f"{line}\n" for line in (json.dumps(told), *lines))

    def ends(self) -> None:
        testuser_guard.watch(io.StringIO(self.text), self.lock)

    @property
    def holds_lock(self) -> bool:
        try:
            os.fstat(self.lock)
        except OSError:
            return False
        return True


@pytest.fixture
def naps(account: Account, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(testuser_guard, "client", lambda _region: account.iam)
    monkeypatch.setattr(testuser_guard.time, "sleep", taken.append)
    return taken


@pytest.mark.parametrize("lines", [(KEY, "done"), ("done",)])
def test_a_guard_with_nothing_left_to_do_asks_nothing(
    account: Account, naps: list[float], tmp_path: Path, lines: tuple[str, ...]
):
    pipe = Pipe(account, tmp_path, *lines)
    pipe.ends()
    assert pipe.lease.exists()  # it is its command's to end
    assert naps == []


def test_a_guard_that_was_told_nothing_does_nothing(account: Account, naps: list[float], tmp_path: Path):
    pipe = Pipe(account, tmp_path)
    pipe.text = ""
    pipe.ends()
    assert naps == []


def test_a_guard_deletes_the_key_of_a_killed_command(account: Account, naps: list[float], tmp_path: Path):
    account.deletes(KEY)
    pipe = Pipe(account, tmp_path, KEY)
    pipe.ends()
    account.all_asked()
    assert not pipe.lease.exists()
    assert not pipe.holds_lock


def test_a_guard_deletes_the_key_that_was_being_made(account: Account, naps: list[float], tmp_path: Path):
    account.has(**{OTHER: NOW, THIRD: NOW})
    account.deletes(THIRD)
    pipe = Pipe(account, tmp_path)
    pipe.ends()
    account.all_asked()
    assert not pipe.lease.exists()
    assert naps == []
    # Nobody else may make a key before it knows which one is to go.
    assert pipe.holds_lock
    os.close(pipe.lock)


def test_a_guard_tries_again_while_iam_does_not_find_the_key(account: Account, naps: list[float], tmp_path: Path):
    for _ in range(2):
        account.refuses("delete_access_key", "NoSuchEntity", 404)
    account.deletes(KEY)
    pipe = Pipe(account, tmp_path, KEY)
    pipe.ends()
    assert naps == [1, 2]
    assert not pipe.lease.exists()
    for _ in range(7):
        account.refuses("delete_access_key", "NoSuchEntity", 404)
    pipe = Pipe(account, tmp_path, KEY)
    pipe.ends()
    account.all_asked()
    assert not pipe.lease.exists()


def test_a_guard_waits_for_the_key_that_was_being_made_to_turn_up(account: Account, naps: list[float], tmp_path: Path):
    account.has(**{OTHER: NOW})
    account.refuses("list_access_keys", "ServiceFailure", 500)
    # Listed, and deleted already by whomever.
    account.has(**{KEY: NOW})
    account.refuses("delete_access_key", "NoSuchEntity", 404)
    account.has(**{OTHER: NOW, THIRD: NOW})
    account.deletes(THIRD)
    pipe = Pipe(account, tmp_path)
    pipe.ends()
    account.all_asked()
    assert naps == [1, 2, 4]
    assert not pipe.lease.exists()
    assert pipe.holds_lock
    os.close(pipe.lock)


def test_a_guard_stops_waiting_for_a_key_after_a_minute(account: Account, naps: list[float], tmp_path: Path):
    for _ in range(7):
        account.has(**{OTHER: NOW})
    pipe = Pipe(account, tmp_path)
    pipe.ends()
    account.all_asked()
    assert 60 <= sum(naps) < 70
    assert not pipe.lease.exists()


def test_a_guard_that_could_not_look_at_the_end_leaves_it_to_the_next_command(
    account: Account, naps: list[float], tmp_path: Path
):
    for _ in range(6):
        account.has(**{OTHER: NOW})
    account.refuses("list_access_keys", "Throttling", 400)
    pipe = Pipe(account, tmp_path)
    pipe.ends()
    account.all_asked()
    assert pipe.lease.exists()


@pytest.mark.parametrize("done", [True, False])
def test_nobody_waits_for_a_guard_that_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: bool):
    waited: list[float] = []

    class Process:
        def __init__(self, *_: object, **__: object) -> None:
            self.stdin = (tmp_path / "pipe").open("w")

        def wait(self, seconds: float) -> None:
            waited.append(seconds)

    monkeypatch.setattr(testuser_guard.subprocess, "Popen", Process)
    with testuser_guard.Guard(USER, REGION, [], 0, tmp_path) as guard:
        if done:
            guard.done()
    assert waited == ([testuser_guard.PROMPT] if done else [])


def test_a_guard_tries_again_and_then_leaves_it_to_the_next_command(
    account: Account, naps: list[float], tmp_path: Path
):
    for _ in range(2):
        account.refuses("delete_access_key", "Throttling", 400)
    account.deletes(KEY)
    pipe = Pipe(account, tmp_path, KEY)
    pipe.ends()
    assert naps == [1, 2]
    assert not pipe.lease.exists()
    for _ in range(7):
        account.refuses("delete_access_key", "AccessDenied")
    pipe = Pipe(account, tmp_path, KEY)
    pipe.ends()
    account.all_asked()
    assert pipe.lease.exists()
