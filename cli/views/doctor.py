"""How findings of the doctor are shown."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from operations.doctor.findings import Finding, Status
from stacks import tables
from stacks.console import out

STYLES: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.UNCHECKED: "yellow"}


def show(found: Sequence[Finding], to: Console = out, *, without_ok: bool = False) -> None:
    """The findings as a table, and how many there are of each kind; `without_ok` only what wants attention."""
    rows: list[tuple[tables.Cell, ...]] = []
    layer = ""
    for finding in found:
        if without_ok and finding.status is Status.OK:
            continue
        status = Text(finding.status.value, STYLES[finding.status])
        rows.append(("" if finding.layer == layer else finding.layer.value, status, finding.finding, finding.remedy))
        layer = finding.layer
    tables.show(("", "", "finding", "what to do"), rows, to=to)
    counts = [f"{sum(f.status is status for f in found)} {status.value}" for status in Status]
    to.print(f"{', '.join(counts)}.")
