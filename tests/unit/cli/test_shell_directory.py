"""Each shell's directory: the user's alone, gone at its end, and gone at the next start after a kill."""

import fcntl
import os
from pathlib import Path

import pytest

from cli import shell_directory


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path))
    return tmp_path / "shells"


def listed(root: Path) -> set[Path]:
    return {entry for entry in root.iterdir() if entry.is_dir()}


def test_two_shells_have_two_directories_that_nobody_else_reads(root: Path):
    with shell_directory.opened() as one:
        with shell_directory.opened() as two:
            assert listed(root) == {one.path, two.path}
            assert all(each.path.stat().st_mode & 0o077 == 0 for each in (one, two))
            assert root.stat().st_mode & 0o077 == 0
        assert listed(root) == {one.path}
    assert listed(root) == set()


def test_it_goes_also_when_the_shell_fails(root: Path):
    def fails() -> None:
        with shell_directory.opened() as own:
            (own.path / "aws").mkdir()
            assert listed(root) == {own.path}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert listed(root) == set()


def test_what_a_killed_shell_left_is_cleared_and_one_that_lives_on_is_not(root: Path):
    for name in ("left", "lives"):
        (root / name).mkdir(parents=True)
        (root / name / "held").touch()
    (root / "half-made").mkdir()
    # lab was killed, and its shell goes on with the descriptor that it inherited.
    labs = os.open(root / "lives" / "held", os.O_RDWR)
    fcntl.flock(labs, fcntl.LOCK_EX)
    shells = os.dup(labs)
    os.close(labs)
    try:
        with shell_directory.opened() as own:
            assert listed(root) == {root / "lives", own.path}
    finally:
        os.close(shells)
    with shell_directory.opened() as own:
        assert listed(root) == {own.path}
