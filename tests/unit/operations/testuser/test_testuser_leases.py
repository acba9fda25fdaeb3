"""Keys that killed commands left, and those of commands at work: which are deleted first, and which are not touched."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from operations.testuser import leases as testuser_leases
from operations.testuser.access_key import DIRECTORY, NoKey, key
from tests.unit.operations.testuser.iam_account import (
    KEY,
    NOW,
    OTHER,
    REGION,
    THIRD,
    USER,
    Account,
    aged,
    leases,
    left_by,
    lives_once,
)


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
