"""The user's own clients; none of them is called."""

import pytest
from botocore.exceptions import ProfileNotFound

from clients.aws import PRICING_REGION, clients

SEOUL = "ap-northeast-2"


def test_clients_are_made_once_and_pricing_where_it_has_its_endpoint(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    make = clients(None, SEOUL)
    assert make("pricing") is make("pricing")
    assert make("pricing").meta.region_name == PRICING_REGION
    assert make("ec2").meta.region_name == SEOUL


def test_a_profile_that_does_not_exist_is_told_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(ProfileNotFound):
        clients("nobody", SEOUL)
