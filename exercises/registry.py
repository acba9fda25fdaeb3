"""Every row of every exercise, in the order in which they are shown: each folder's `checks.rows`."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from exercises.catalogue import EXERCISES
from grading.check import Row

ROWS: Final[tuple[Row, ...]] = tuple(
    row for each in EXERCISES.values() for row in import_module(f"{each.package}.checks").rows()
)
