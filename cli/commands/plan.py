"""`lab plan`: how long `up` and `down` will take on AWS, and what decides it.

The resource graph is the real one: the engine previews the same program with the
stack's settings against the rehearsal's AWS, so nothing of the user's account is
asked and nothing costs. How long each resource takes is a dated table.
"""

import json
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from infra.config.aws_checks import Answers
from infra.config.loading import LabConfig
from operations.forecast import durations, forecast, gantt
from operations.forecast.critical_path import Bar, Schedule
from operations.forecast.forecast import Forecast
from operations.forecast.resource_graph import Graph
from rehearsal import stack_files
from rehearsal import world as worlds
from rehearsal.at_work import AlreadyRunning
from rehearsal.engine import interruptible
from rehearsal.environment import environment
from rehearsal.outcome import RunFailed
from stacks import rehearsal_backend, tables
from stacks.console import err, out, progress
from stacks.error_hints import cause, refusal
from stacks.errors import Failure
from stacks.stack import REHEARSAL, Stack, StackOption, load, settings_of

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
    graph = Graph.from_plan(_plan_of(load(stack)))
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


def _plan_of(chosen: Stack) -> Mapping[str, Any]:
    """The engine's plan of this stack from nothing known of AWS, previewed in the rehearsal."""
    with progress() as shown, tempfile.TemporaryDirectory() as directory, _region_played(chosen):
        world, bin_dir, started = rehearsal_backend.begin(chosen, shown)
        try:
            stack = rehearsal_backend.stack_in(
                world, bin_dir, _without_accounts(chosen, Path(directory)), shown, NoLookups()
            )
            shown.waiting("previewing the program")
            with interruptible(stack.engine, shown.phase):
                return stack.plan()
        except AlreadyRunning as error:
            raise Failure(str(error)) from error
        except RunFailed as error:
            raise refusal(error)(f"The plan stopped: {cause(str(error))}") from error
        finally:
            if started:
                worlds.stop(world)


@dataclass(frozen=True)
class NoLookups:
    """Asks nobody: the graph does not depend on whether a zone or a certificate exists."""

    def ask(self, config: LabConfig) -> Answers:  # noqa: ARG002  # the protocol names it
        """No problems, no questions."""
        return Answers()


@contextmanager
def _region_played(chosen: Stack) -> Generator[None]:
    """A running rehearsal of another region is left alone: while this holds the world is one beside it."""
    running = rehearsal_backend.attached()
    region = chosen.config.region
    if running is None or running.region == region:
        yield
        return
    with environment({"MYEKS_LAB_WORLD": f"{running.dir}-{region}"}, set()):
        yield


def _without_accounts(chosen: Stack, directory: Path) -> Stack:
    """The stack with a settings file that leads to no account of the user's; no edge of the graph needs one.

    Left out are encrypted values, whose key is the user's, and how the provider reaches AWS (`aws:profile`).
    """
    config: dict[str, Any] = settings_of(chosen).get("config") or {}
    kept = {
        key: value
        for key, value in config.items()
        if not (isinstance(value, dict) and set(value) == {"secure"})
        and (key == "aws:region" or not key.startswith("aws:"))
    }
    file = directory / chosen.file.name
    file.write_text(stack_files.written({"config": kept}))
    return Stack(chosen.name, file, chosen.config)


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
        "█ decides how long it takes, ░ runs beside it. The lower bound keeps only the orders that AWS and Kubernetes "
        f"impose. Durations: {durations.SOURCE}; a run can take half or twice as long."
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
