"""What several tests of the exercises share."""

import pytest

from tests.unit.operations.testuser.iam_account import (
    Account,
    used,
)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    return used(Account(), monkeypatch)
