"""What a killed run leaves, as far as files tell it."""

import json
import os
from pathlib import Path

import pytest

from rehearsal.at_work import AlreadyRunning
from rehearsal.recovery import clear_locks, end_engines, restore_checkpoint


def test_a_dead_engines_lock_is_removed_and_told(tmp_path: Path):
    assert not clear_locks(tmp_path, "rehearsal")
    lock = tmp_path / "organization" / "lock.json"
    lock.parent.mkdir()
    lock.write_text(json.dumps({"pid": 2**22 + 7}))
    assert clear_locks(tmp_path, "rehearsal")
    assert not lock.exists()
    lock.write_text('{"pi')
    assert clear_locks(tmp_path, "rehearsal")


def test_a_living_engines_lock_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({"pid": os.getpid()}))
    monkeypatch.setattr("rehearsal.processes.alive", lambda pid, part: (pid, part) == (os.getpid(), "pulumi"))
    with pytest.raises(AlreadyRunning, match=str(os.getpid())):
        clear_locks(tmp_path, "rehearsal")
    assert lock.exists()


def test_only_a_living_engine_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for pid in (7, 8):
        (tmp_path / f"{pid}.json").write_text(json.dumps({"pid": pid}))
    ended: list[tuple[int, float]] = []
    monkeypatch.setattr("rehearsal.processes.alive", lambda pid, part: (pid, part) == (7, "pulumi"))
    monkeypatch.setattr("rehearsal.processes.end", lambda *asked: ended.append(asked))
    end_engines(tmp_path)
    assert ended == [(7, 0)]


def test_a_state_file_cut_off_is_replaced_by_the_one_before(tmp_path: Path):
    checkpoint = tmp_path / "rehearsal.json"
    assert not restore_checkpoint(checkpoint)
    checkpoint.write_text("{}")
    assert not restore_checkpoint(checkpoint)
    checkpoint.with_name("rehearsal.json.bak").write_text('{"before": 1}')
    checkpoint.write_text('{"aft')
    assert restore_checkpoint(checkpoint)
    assert checkpoint.read_text() == '{"before": 1}'


def test_with_neither_readable_the_stack_begins_anew(tmp_path: Path):
    checkpoint = tmp_path / "rehearsal.json"
    checkpoint.write_text("")
    checkpoint.with_name("rehearsal.json.bak").write_text("")
    assert not restore_checkpoint(checkpoint)
    assert list(tmp_path.iterdir()) == []
