"""A lifetime on the command line, the moment in the settings, and what status tells of it."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli import lifetime, settings_file
from cli.failures import BadInput
from infra.config import expiry

NOW = datetime(2026, 11, 24, 17, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ttl", "moment"),
    [
        ("4h", "2026-11-24T21:31Z"),
        ("90m", "2026-11-24T19:01Z"),
        ("1d12h", "2026-11-26T05:31Z"),
        (" 2h15m ", "2026-11-24T19:46Z"),
    ],
)
def test_a_lifetime_becomes_a_moment(ttl: str, moment: str):
    assert lifetime.ends(ttl, NOW) == moment


@pytest.mark.parametrize("ttl", ["", "4", "h", "4 h", "-1h", "59m", "31d", "4h30", "1w"])
def test_what_is_no_lifetime_is_refused(ttl: str):
    with pytest.raises(BadInput):
        lifetime.ends(ttl, NOW)


@given(minutes=st.integers(60, 30 * 24 * 60), second=st.integers(0, 59))
def test_nobody_gets_less_than_asked_for(minutes: int, second: int):
    now = NOW.replace(second=second)
    end = expiry(lifetime.ends(f"{minutes}m", now))
    assert timedelta(minutes=minutes) <= end - now < timedelta(minutes=minutes + 1)


def test_status_tells_when_it_ends_and_how_to_move_that():
    assert "in 1 h 59 min" in lifetime.told("2026-11-24T19:30Z", NOW)
    assert "--ttl" in lifetime.told("2026-11-24T19:30Z", NOW)
    assert "./lab down" in lifetime.told("", NOW)
    assert "was up" in lifetime.told("2026-11-24T17:30Z", NOW)


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  aws:region: ap-northeast-2 # here\n  # ours\n  myeks:natGateway: false\n",
        'config:\n  myeks:expires: "2026-01-01T00:00Z" # the end\n  aws:region: ap-northeast-2\n',
        "config: {aws:region: ap-northeast-2}\n",
    ],
)
def test_the_end_is_written_and_nothing_else_changes(text: str):
    changed = settings_file.with_expires(text, "2026-11-24T21:31Z")
    before, after = yaml.safe_load(text)["config"], yaml.safe_load(changed)["config"]
    assert after == {**before, "myeks:expires": "2026-11-24T21:31Z"}
    assert [line.partition("#")[2] for line in text.splitlines() if "#" in line] == [
        line.partition("#")[2] for line in changed.splitlines() if "#" in line
    ]


@pytest.mark.parametrize("text", ["", "config:\n", "config: []\n", "a: [\n", "- a\n"])
def test_a_file_without_settings_is_left_alone(text: str):
    with pytest.raises(BadInput):
        settings_file.with_expires(text, "2026-11-24T21:31Z")
