"""A source file has one subject, and so at most 350 lines (CONTRIBUTING.md)."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
MOST_LINES = 350


def test_no_source_file_is_too_long() -> None:
    files = [ROOT / "__main__.py", *(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))]
    lines = {file.relative_to(ROOT): len(file.read_text().splitlines()) for file in files}
    assert {file.parts[0] for file in lines} == {"__main__.py", *ROOMS}
    assert {file: count for file, count in lines.items() if count > MOST_LINES} == {}
