"""Where a chart comes from: a directory of archives, else its repository, else nowhere.

The provider gets the path of an archive in the world's own directory, in which each archive lies under its digest:
the path is the same at every run, so that the engine sees no change, and another one as soon as the archive is
another. A chart that the world has once had stays, whatever becomes of the directory: to lose it would uninstall it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rehearsal.charts import archive
from rehearsal.charts.archive import Chart, NotAChart
from rehearsal.charts.repository import ANSWER_WITHIN, NotHad, Pin, Pull
from rehearsal.paths import charts_dir

OFFLINE: Final = "MYEKS_LAB_OFFLINE"
"""Environment variable: when it is set, no chart repository is asked."""

RECORDED_DIR: Final = "recorded"


class ChartError(Exception):
    """A chart or its values cannot be used: what is wrong, then what to do."""


@dataclass(frozen=True)
class Had:
    """A chart as the provider gets it."""

    path: Path
    """An archive in the world's directory."""

    chart: Chart | None
    """What is in it; None when the chart could not be had and the archive is an empty one that stands for it."""


class Charts:
    """The charts of one world."""

    def __init__(
        self,
        shelf: Path,
        tell: Callable[[str], object] = lambda _: None,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        """`shelf` is the world's directory for archives; `tell` gets what is pulled and what cannot be had."""
        self._shelf = shelf
        self._directory = charts_dir()
        self._tell = tell
        self._answer_within = answer_within
        self._pulls: dict[Pin, Pull] = {}
        self._had: dict[Pin, Had] = {}

    def begin(self, pins: Collection[Pin]) -> None:
        """Begin to pull what is not there, all at a time, so that nobody waits for it later."""
        for pin in pins:
            if not os.environ.get(OFFLINE) and not self._kept(pin) and not self._on_shelf(pin):
                self._pull(pin)

    def had(self, pin: Pin) -> Had:
        """The chart, or the empty one that stands for it; waits for its repository. Raises ChartError."""
        if pin not in self._had:
            self._had[pin] = self._find(pin)
        return self._had[pin]

    def is_recorded(self, path: str) -> bool:
        """Whether an archive of this world stands for a chart that could not be had."""
        return Path(path).parent == self._shelf / RECORDED_DIR

    def _find(self, pin: Pin) -> Had:
        kept = self._kept(pin)
        if kept:
            data = kept.read_bytes()
            return Had(self._lay(pin, data), self._read(pin, data, kept))
        shelved = self._on_shelf(pin)
        if shelved:
            return Had(shelved, self._read(pin, shelved.read_bytes(), shelved))
        try:
            if os.environ.get(OFFLINE):
                raise NotHad(f"{OFFLINE} is set")
            data = self._pull(pin).result()
            chart = archive.read(data)
        except (NotHad, NotAChart) as error:
            if not (self._shelf / RECORDED_DIR / pin.file_name).exists():
                # Once in a world: from then on the release's own state says so.
                why = f"{pin.repository}'s archive {error}" if isinstance(error, NotAChart) else str(error)
                self._tell(f"chart {pin.name} {pin.version} is recorded only: {why}")
            return Had(self._lay(pin, archive.empty(pin.name, pin.version), RECORDED_DIR), None)
        self._keep(pin, data)
        self._tell(f"chart {pin.name} {pin.version} pulled from {pin.repository}")
        return Had(self._lay(pin, data), chart)

    def _kept(self, pin: Pin) -> Path | None:
        file = self._directory / pin.file_name
        return file if file.is_file() else None

    def _on_shelf(self, pin: Pin) -> Path | None:
        """The archive that this world used last."""
        found = [file for file in self._shelf.glob(f"*/{pin.file_name}") if file.parent.name != RECORDED_DIR]
        return max(found, key=lambda file: file.stat().st_mtime, default=None)

    def _pull(self, pin: Pin) -> Pull:
        if pin not in self._pulls:
            self._pulls[pin] = Pull(pin, self._answer_within)
        return self._pulls[pin]

    def _read(self, pin: Pin, data: bytes, file: Path) -> Chart:
        try:
            chart = archive.read(data)
            if (chart.name, chart.version) != (pin.name, pin.version):
                raise NotAChart(f"holds {chart.name} {chart.version}")
        except NotAChart as error:
            raise ChartError(
                f"{file} is not the chart {pin.name} {pin.version}: it {error}. "
                "Put the right archive there, or remove it."
            ) from error
        return chart

    def _keep(self, pin: Pin, data: bytes) -> None:
        try:
            _write(self._directory / pin.file_name, data)
        except OSError as error:
            # The world has it; the next world pulls it again.
            self._tell(f"{self._directory} cannot be written, so {pin.file_name} is not kept: {error.strerror}")

    def _lay(self, pin: Pin, data: bytes, where: str = "") -> Path:
        file = self._shelf / (where or hashlib.sha256(data).hexdigest()[:16]) / pin.file_name
        if file.exists():
            # The one that was used last counts, should the directory lose it.
            os.utime(file)
        else:
            _write(file, data)
        return file


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(file)
