"""testuser's key from its making to its end, against clients of IAM and STS that botocore checks the shapes of."""

import signal
from pathlib import Path
from threading import Thread

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from operations.testuser.access_key import NoKey, NotDeleted, key, key_of
from tests.unit.operations.testuser.iam_account import (
    KEY,
    NOW,
    OTHER,
    REGION,
    SECRET,
    THIRD,
    USER,
    Account,
    leases,
    lives_once,
    used,
)


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
