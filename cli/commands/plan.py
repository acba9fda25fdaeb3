"""`lab plan`: how long `up` and `down` will take on AWS, and what decides it.

The resource graph is the real one: the engine previews the same program with the
stack's settings against the rehearsal's AWS, so nothing of the user's account is
asked and nothing costs. How long each resource takes is a dated table.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from operations.forecast import durations, forecast, gantt
from operations.forecast.critical_path import Bar, Schedule
from operations.forecast.forecast import Forecast
from operations.forecast.resource_graph import Graph
from stacks import tables
from stacks.console import err, out
from stacks.rehearsal_backend.plan import plan_of
from stacks.stack import REHEARSAL, StackOption, load

WIDEST: Final = 48
NARROWEST: Final = 12
"""Columns of the terminal's chart, beside the names and the minutes."""

SHORTEST_SHOWN: Final = 20.0
"""Seconds; shorter bars beside the critical path tell nothing."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="plan", help="Predict how long up and down take on AWS, and show what decides it.")(plan)


def plan(
    stack: StackOption = REHEARSAL,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="DIR", help="Write both charts as SVG files into this directory.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every bar as JSON.")] = False,
) -> None:
    """Predict how long up and down take on AWS, and show what decides it."""
    graph = Graph.from_plan(plan_of(load(stack)))
    ways = {"up": forecast.up(graph), "down": forecast.destroy(graph)}
    if svg:
        # The launcher has left the directory in which the user named it.
        svg = Path(os.environ.get("LAB_INVOKED_FROM", "")) / svg
        svg.mkdir(parents=True, exist_ok=True)
        for name, way in ways.items():
            (svg / f"{name}.svg").write_text(gantt.svg(f"lab {name}, predicted", way.predicted))
            err.print(f"Written: {svg / name}.svg")
    if as_json:
        out.print_json(json.dumps({name: _as_json(way) for name, way in ways.items()}))
        return
    for name, way in ways.items():
        _chart(name, way)
    _summary(ways)


def _chart(name: str, way: Forecast) -> None:
    bars = [bar for bar in gantt.shown(way.predicted, SHORTEST_SHOWN) if bar.end - bar.start >= 1]
    labels = [gantt.label(bar.urn) for bar in bars]
    minutes = [f"{(bar.end - bar.start) / 60:.1f}" for bar in bars]
    columns = out.width - max((len(label) for label in labels), default=0) - len("  minutes  ")
    if columns < NARROWEST:
        # A name is not cut off: it has a line of its own, above its bar.
        columns = min(WIDEST, out.width - len("minutes  "))
        tables.line(f"lab {name}, minutes")
        for bar, label, told in zip(bars, labels, minutes, strict=True):
            tables.line(Text(label, _style(bar)))
            tables.line(Text(f"{told:7}  {_drawn(bar, way.predicted, columns)}", _style(bar)))
        return
    columns = min(WIDEST, columns)
    table = Table(box=None, pad_edge=False)
    table.add_column(f"lab {name}", no_wrap=True)
    table.add_column("minutes", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=columns)
    for bar, label, told in zip(bars, labels, minutes, strict=True):
        table.add_row(label, told, _drawn(bar, way.predicted, columns), style=_style(bar))
    out.print(table)


def _drawn(bar: Bar, schedule: Schedule, columns: int) -> str:
    scale = columns / (schedule.seconds or 1)
    start = min(int(bar.start * scale), columns - 1)
    length = max(1, round(bar.end * scale) - start)
    return " " * start + ("█" if bar.critical else "░") * length


def _style(bar: Bar) -> str:
    return "bold" if bar.critical else "dim"


def _summary(ways: Mapping[str, Forecast]) -> None:
    tables.show(
        ("", "predicted", "lower bound", "ratio"),
        (
            (
                f"lab {name}",
                f"{way.predicted.seconds / 60:.1f} min",
                f"{way.bound.seconds / 60:.1f} min",
                f"{way.ratio:.2f}",
            )
            for name, way in ways.items()
        ),
    )
    out.print(
        "█ decides how long it takes, ░ runs in parallel. The lower bound keeps only the orders that AWS and "
        f"Kubernetes impose. Durations: {durations.SOURCE}; a run can take half or twice as long."
    )


def _as_json(way: Forecast) -> dict[str, Any]:
    def bars(schedule: Schedule) -> list[dict[str, Any]]:
        return [{"resource": b.urn, "start": b.start, "end": b.end, "critical": b.critical} for b in schedule.bars]

    return {
        "predictedSeconds": way.predicted.seconds,
        "boundSeconds": way.bound.seconds,
        "ratio": round(way.ratio, 3),
        "predicted": bars(way.predicted),
        "bound": bars(way.bound),
        "durations": durations.SOURCE,
    }
