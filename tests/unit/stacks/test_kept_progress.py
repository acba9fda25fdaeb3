"""The file that keeps a stack's progress: whole at any moment, and never in the way of a command."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.dummy import Pool
from pathlib import Path
from typing import Any

import pytest

from exercises.progress import Record
from infra.config.loading import parse
from stacks import progress
from stacks.stack import REHEARSAL, Stack

NOW = datetime(2026, 11, 29, 12, 0, 1, 250000, tzinfo=UTC)
HERE = Stack(REHEARSAL, Path("Pulumi.rehearsal.yaml"), parse({}, "ap-northeast-2"))
DEV = Stack("dev", Path("Pulumi.dev.yaml"), parse({}, "ap-northeast-2"))


@dataclass(frozen=True)
class Score:
    points: int = 100
    passed: bool = True


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(tmp_path / "world"))
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_what_is_written_is_read(world: Path):
    assert progress.read(HERE) == {}
    assert not list(world.iterdir())
    assert progress.begun(HERE, "k03", NOW) == Record()
    progress.hinted(HERE, "k03")
    progress.attempted(HERE, "k03", Score(40, passed=False), NOW + timedelta(seconds=5))
    progress.attempted(HERE, "k03", Score(), NOW + timedelta(seconds=9))
    progress.solved(HERE, "rbac", NOW)
    kept = progress.of(HERE, "k03")
    assert (kept.hints, kept.attempts, kept.points, kept.seconds, kept.state) == (1, 2, 100, 9.0, "passed")
    assert progress.read(HERE) == {"k03": kept, "rbac": progress.of(HERE, "rbac")}
    assert progress.of(HERE, "irsa") == Record()


def test_each_stack_has_its_own_and_none_is_in_the_worlds_directory(world: Path):
    progress.begun(HERE, "k03", NOW)
    assert progress.read(DEV) == {}
    progress.begun(DEV, "rbac", NOW)
    assert list(progress.read(HERE)) == ["k03"]
    assert progress.file(REHEARSAL) == world / "world.progress.json"
    assert progress.file("dev").is_relative_to(world / "cache")
    assert not (world / "world").exists()
    assert progress.file(REHEARSAL).stat().st_mode & 0o077 == 0


def test_what_was_moved_away_is_left_and_the_rest_goes_on():
    progress.begun(HERE, "k03", NOW)
    progress.begun(HERE, "rbac", NOW)
    assert progress.left(HERE, ["rbac", "irsa"], NOW) == ["rbac"]
    assert progress.left(HERE, ["rbac"], NOW) == []
    assert [progress.of(HERE, name).is_open for name in ("k03", "rbac")] == [True, False]
    assert progress.all_left(REHEARSAL, NOW) == ["k03"]
    assert progress.of(HERE, "k03").state == "left"
    assert progress.all_left("dev", NOW) == []


def test_two_commands_at_once_lose_nothing():
    progress.begun(HERE, "k03", NOW)
    with Pool(8) as pool:
        pool.map(lambda _: progress.attempted(HERE, "k03", Score(1, passed=False), NOW), range(40))
    assert progress.of(HERE, "k03").attempts == 40


def _with(**changed: Any) -> str:
    record = {
        **dict.fromkeys(("begun", "since", "passed", "solution")),
        **{"is_open": True, "seconds": 0.0, "hints": 0, "attempts": 0, "points": 0},
    }
    return json.dumps({"version": 1, "exercises": {"k03": {**record, **changed}}})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 2, "exercises": {}}',
        '{"version": 1}',
        '{"version": 1, "exercises": {"k03": {}}}',
        '{"version": 1, "exercises": {"k03": null}}',
        _with(points="many"),
        _with(hints=True),
        _with(since="yesterday"),
        _with(since="2026-11-29T12:00:00"),
        _with(more=1),
        "\udcff",
    ],
)
def test_a_damaged_file_is_told_and_set_aside(world: Path, capsys: pytest.CaptureFixture[str], text: str):
    file = progress.file(REHEARSAL)
    file.write_bytes(text.encode(errors="surrogateescape"))
    assert progress.read(HERE) == {}
    (aside,) = world.glob("*.damaged-*")
    assert aside.read_bytes() == text.encode(errors="surrogateescape")
    said = capsys.readouterr().err
    assert "begins again" in said
    assert str(aside) in said
    progress.begun(HERE, "k03", NOW)
    assert list(progress.read(HERE)) == ["k03"]


def test_a_whole_file_is_not_set_aside(world: Path):
    progress.file(REHEARSAL).write_text(_with(points=40, seconds=3, since="2026-11-29T12:00:00+00:00"))
    assert progress.of(HERE, "k03").points == 40
    assert not list(world.glob("*.damaged-*"))
