"""A disk that is too small is told before a world is started, and a full one whenever a command has failed."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import app
from rehearsal import room
from rehearsal.endpoint import WorldError
from rehearsal.world import joined
from stacks.rehearsal_backend.backend import free_room


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(tmp_path / "small" / "world"))
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "small" / "world"


def leave(monkeypatch: pytest.MonkeyPatch, mebibytes: int) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=mebibytes << 20))


def test_too_little_room_is_told_before_anything_is_started(place: Path, monkeypatch: pytest.MonkeyPatch):
    leave(monkeypatch, 20)
    with pytest.raises(WorldError) as refused:
        joined("ap-northeast-2", Path("/nowhere"))
    assert f"takes up to {room.WORLD} MiB in {place}, where 20 MiB are free. Free some" in str(refused.value)
    assert not place.exists()
    finding = free_room()
    assert (finding.status, "20 MiB are free" in finding.finding) == ("fail", True)
    assert "MYEKS_LAB_WORLD" in finding.remedy
    leave(monkeypatch, room.WORLD)
    assert room.lack() == ""
    assert free_room().status == "ok"


def test_a_world_that_stands_has_its_room(place: Path, monkeypatch: pytest.MonkeyPatch):
    place.mkdir(parents=True)
    (place / "world.json").touch()
    leave(monkeypatch, 20)
    assert room.lack() == ""
    leave(monkeypatch, 1)
    assert room.lack()


@pytest.mark.parametrize(("code", "free", "told"), [(1, 0, True), (1, 500, False), (2, 0, False)])
def test_a_full_disk_is_named_after_a_failure(
    code: int, free: int, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    leave(monkeypatch, free)
    with pytest.raises(SystemExit) as ended:
        app._end("etcd ended.", code)  # pyright: ignore[reportPrivateUsage]
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert said.startswith("lab: etcd ended.\n")
    assert ("No space is left in" in said) is told
