"""What several tests of the exercises share."""

import signal
from collections.abc import Iterator

import pytest

from tests.unit.exercises.iam_account import (
    Account,
    used,
)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    return used(Account(), monkeypatch)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """No signal handler may be left behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before
