"""A lifetime on the command line, the moment in the settings, and what status tells of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from infra.config.loading import expiry, parse
from stacks import expiry as lifetime
from stacks import settings_file
from stacks.errors import BadInput
from stacks.stack import Stack, parsed

NOW = datetime(2026, 11, 24, 17, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ttl", "moment"),
    [
        ("4h", "2026-11-24T21:31Z"),
        ("90m", "2026-11-24T19:01Z"),
        ("1d12h", "2026-11-26T05:31Z"),
        (" 2h15m ", "2026-11-24T19:46Z"),
        ("none", ""),
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


def test_an_end_that_has_passed_is_bad_input():
    config = parse({"expires": "2026-11-24T17:30Z"}, "ap-northeast-2")
    with pytest.raises(BadInput, match=r"--ttl 4h, or no end with \./lab up --ttl none") as told:
        lifetime.require(config, NOW)
    assert told.value.exit_code == 2
    with pytest.raises(BadInput):
        lifetime.require(config, NOW.replace(second=0))
    lifetime.require(config, NOW - timedelta(minutes=1))
    lifetime.require(parse({}, "ap-northeast-2"), NOW)


def test_a_version_without_the_support_that_is_asked_for_is_bad_input():
    old = parse({"kubernetesVersion": "1.34"}, "ap-northeast-2")
    lifetime.require(old, datetime(2026, 12, 2, 23, 59, tzinfo=UTC))
    late = datetime(2026, 12, 3, tzinfo=UTC)
    with pytest.raises(BadInput, match=r"Standard support of 1\.34 ended") as told:
        lifetime.require(old, late)
    assert told.value.exit_code == 2
    lifetime.require(parse({"kubernetesVersion": "1.34", "supportType": "EXTENDED"}, "ap-northeast-2"), late)


def stack(file: Path, text: str) -> Stack:
    file.write_text(text)
    return parsed("dev", file, text)


def test_the_end_of_a_lab_that_is_gone_is_forgotten(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = 'config:\n  aws:region: ap-northeast-2 # here\n  myeks:expires: "2026-01-01T00:00Z"\n'
    file = tmp_path / "Pulumi.dev.yaml"
    gone = stack(file, text)
    lifetime.forget(gone)
    assert file.read_text() == text.replace("2026-01-01T00:00Z", "")
    assert parsed("dev", file, file.read_text()).config.expires is None
    assert "2026-01-01T00:00Z was this one's" in capsys.readouterr().err


def test_settings_without_an_end_are_not_touched(tmp_path: Path):
    file = tmp_path / "Pulumi.dev.yaml"
    kept = stack(file, "config:\n  aws:region: ap-northeast-2\n")
    file.unlink()
    lifetime.forget(kept)
    assert not file.exists()


def test_an_end_that_cannot_be_taken_out_does_not_make_the_lab_come_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "Pulumi.dev.yaml"
    gone = stack(file, 'config:\n  aws:region: ap-northeast-2\n  myeks:expires: "2026-01-01T00:00Z"\n')
    file.write_text("config:\n")
    lifetime.forget(gone)
    assert file.read_text() == "config:\n"
    assert "still has the end" in capsys.readouterr().err


@pytest.mark.parametrize("ttl", ["99999999999d", "99999999999999h", "9" * 30 + "m"])
def test_a_lifetime_that_python_cannot_count_is_too_long(ttl: str):
    with pytest.raises(BadInput, match="too short or too long"):
        lifetime.ends(ttl, datetime(2026, 11, 24, 12, tzinfo=UTC))


@pytest.mark.parametrize(("at", "begun"), [("09:05", False), ("08:56", False), ("08:55", True), ("08:00", True)])
def test_the_end_begins_with_the_pages(at: str, begun: bool):
    config = parse({"expires": f"2026-01-31T{at}Z"}, "ap-northeast-2")
    assert lifetime.has_begun_to_end(config, datetime(2026, 1, 31, 8, 45, tzinfo=UTC)) is begun
    assert not lifetime.has_begun_to_end(parse({}, "ap-northeast-2"), datetime(2026, 1, 31, tzinfo=UTC))
