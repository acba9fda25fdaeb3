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
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from exercises import testuser, testuser_guard, testuser_leases
from exercises.testuser import DIRECTORY, NoKey, NotDeleted, key

USER, REGION = "testuser", "ap-northeast-2"
KEY, OTHER, THIRD = "AKIAAAAAAAAAAAAAAAA1", "AKIAAAAAAAAAAAAAAAA2", "AKIAAAAAAAAAAAAAAAA3"
SECRET = "its/secret/that/nobody/else/sees/0123456"
SESSION = boto3.Session("AKIAOPERATOR00000000", "operator", region_name=REGION)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Account:
    """IAM and STS, stubbed: what will be asked, in which order, and what comes back."""

    def __init__(self) -> None:
        self.iam, self.sts = SESSION.client("iam"), SESSION.client("sts")
        self.stubs = {service: Stubber(service) for service in (self.iam, self.sts)}
        for stub in self.stubs.values():
            stub.activate()
        self.guards: list[Guard] = []

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
        for _ in range(times):
            self.stubs[self.sts].add_client_error("get_caller_identity", "InvalidClientTokenId", http_status_code=403)
        arn = f"arn:aws:iam::111122223333:user/{USER}"
        self._answer(self.sts, "get_caller_identity", {"UserId": "AIDA", "Account": "111122223333", "Arn": arn})

    def all_asked(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()

    def while_asked(self, operation: str, do: Callable[[], object]) -> None:
        self.iam.meta.events.register(f"before-parameter-build.iam.{operation}", lambda **_: do() and None)

    def loses_answer(self, operation: str) -> None:
        def lost(**_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://iam.amazonaws.com")

        self.iam.meta.events.register(f"after-call.iam.{operation}", lost)

    def _answer(self, service: Any, operation: str, answer: dict[str, Any], **asked: str) -> None:
        self.stubs[service].add_response(operation, answer, asked)


class Guard:
    """Hears what a guard is told."""

    def __init__(self, user_name: str, region: str, before: list[str], lock: int, lease: Path) -> None:
        os.fstat(lock)
        assert lease.exists()
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
    made = Account()

    def guard(*arguments: Any) -> Guard:
        made.guards.append(Guard(*arguments))
        return made.guards[-1]

    def client(service: str, **settings: Any) -> Any:
        assert (service, settings["aws_access_key_id"], settings["aws_secret_access_key"]) == ("sts", KEY, SECRET)
        return made.sts

    monkeypatch.setattr(testuser, "client", lambda _region: made.iam)
    monkeypatch.setattr(testuser, "Guard", guard)
    monkeypatch.setattr(boto3, "client", client)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)
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


def test_it_waits_until_aws_knows_the_key_and_tells_a_long_wait_once(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    account.has()
    account.creates()
    account.knows_after(6)
    account.deletes()
    clock = iter(range(100))
    monkeypatch.setattr(testuser, "monotonic", lambda: next(clock))
    told: list[str] = []
    with key(USER, REGION, tmp_path, told.append):
        pass
    account.all_asked()
    assert told == ["waiting until AWS knows the new key (at most 60 s)"]


def test_a_key_that_aws_never_knows_is_deleted(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    account.has()
    account.creates()
    account.knows_after(50)
    account.deletes()
    monkeypatch.setattr(testuser, "KNOWN_WITHIN", 0)
    with pytest.raises(NoKey, match="does not know the new key"), key(USER, REGION, tmp_path):
        pytest.fail("the block was entered")
    account.stubs[account.iam].assert_no_pending_responses()
    assert leases(tmp_path) == []


def test_another_answer_of_sts_is_no_reason_to_wait(account: Account, tmp_path: Path):
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


def test_a_key_that_is_gone_already_is_fine(account: Account, tmp_path: Path):
    account.has()
    account.creates()
    account.knows_after(0)
    account.refuses("delete_access_key", "NoSuchEntity", 404)
    with key(USER, REGION, tmp_path):
        pass
    account.all_asked()
    assert leases(tmp_path) == []


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


def test_a_key_that_its_guard_has_deleted_meanwhile_is_not_told(account: Account, tmp_path: Path):
    left_by(tmp_path, USER, before=[], key_id=OTHER)
    account.refuses("delete_access_key", "NoSuchEntity", 404)
    lives_once(account)
    told: list[str] = []
    with key(USER, REGION, tmp_path, told.append):
        pass
    account.all_asked()
    assert told == []


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


def test_a_key_made_by_hand_long_after_a_killed_command_is_left_alone(account: Account, tmp_path: Path):
    left_by(tmp_path, USER, before=[], key_id="")
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


def test_after_a_creation_without_an_answer_a_key_that_appeared_is_deleted(account: Account, tmp_path: Path):
    account.has(**{OTHER: NOW})
    account.creates(THIRD)
    account.loses_answer("CreateAccessKey")
    account.has(**{OTHER: NOW, THIRD: NOW})
    account.deletes(THIRD)
    with pytest.raises(EndpointConnectionError), key(USER, REGION, tmp_path):
        pytest.fail("the block was entered")
    account.all_asked()
    assert account.guards[0].told == ["done"]


def test_where_nobody_can_tell_whether_a_key_was_made_it_is_said(account: Account, tmp_path: Path):
    account.has()
    account.creates()
    account.loses_answer("CreateAccessKey")
    account.refuses("list_access_keys", "AccessDenied")
    with pytest.raises(NotDeleted, match=f"aws iam list-access-keys --user-name {USER}"), key(USER, REGION, tmp_path):
        pytest.fail("the block was entered")
    account.all_asked()
    assert account.guards[0].told == []


def left_by(tmp_path: Path, user: str, *, before: list[str], key_id: str) -> Path:
    """A lease that nobody holds."""
    directory = tmp_path / DIRECTORY
    directory.mkdir(exist_ok=True)
    with testuser_leases.held(directory, user, before) as lease:
        lease.made(key_id)
    return lease.file


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
    # Nobody else may make a key before it knows which one is to go.
    assert pipe.holds_lock
    os.close(pipe.lock)


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
    for _ in range(testuser_guard.ATTEMPTS):
        account.refuses("delete_access_key", "AccessDenied")
    pipe = Pipe(account, tmp_path, KEY)
    pipe.ends()
    account.all_asked()
    assert pipe.lease.exists()
