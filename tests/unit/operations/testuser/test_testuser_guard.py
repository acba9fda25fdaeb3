"""The guard of a key: what it deletes when its command is gone without a word."""

import io
import json
import os
from pathlib import Path

import pytest

from operations.testuser import watchdog
from tests.unit.operations.testuser.iam_account import (
    KEY,
    NOW,
    OTHER,
    REGION,
    THIRD,
    USER,
    Account,
)


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
        watchdog.watch(io.StringIO(self.text), self.lock)

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
    monkeypatch.setattr(watchdog, "client", lambda _region: account.iam)
    monkeypatch.setattr(watchdog.time, "sleep", taken.append)
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

    monkeypatch.setattr(watchdog.subprocess, "Popen", Process)
    with watchdog.Guard(USER, REGION, [], 0, tmp_path) as guard:
        if done:
            guard.done()
    assert waited == ([watchdog.PROMPT] if done else [])


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
