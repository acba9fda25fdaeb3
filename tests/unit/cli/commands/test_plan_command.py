"""`lab plan`: where its charts go, and how they fit."""

import io
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from cli.commands import plan
from operations.forecast.critical_path import Bar, Schedule
from operations.forecast.forecast import Forecast

URN = "urn:pulumi:dev::myeks::aws:ec2/vpc:Vpc::network-vpc"


def test_charts_go_where_the_user_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def drawn(directory: str) -> None:
        ended = CliRunner().invoke(app, ["-s", "dev", "--svg", directory], catch_exceptions=False)
        assert ended.exit_code == 0, ended.output

    app = typer.Typer()
    plan.register(app)
    monkeypatch.setattr(plan, "load", lambda name: name)
    monkeypatch.setattr(plan, "plan_of", lambda _: {"resourcePlans": {URN: {"goal": {"custom": True}}}})
    monkeypatch.setenv("LAB_INVOKED_FROM", str(tmp_path / "here"))
    drawn("charts/new")
    assert sorted(file.name for file in (tmp_path / "here/charts/new").iterdir()) == ["down.svg", "up.svg"]
    drawn(str(tmp_path / "there"))
    assert (tmp_path / "there/up.svg").exists()


@pytest.mark.parametrize("width", [60, 80, 100, 240])
def test_the_chart_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int):
    told = io.StringIO()
    monkeypatch.setattr(plan, "out", Console(file=told, width=width))
    monkeypatch.setattr(plan.tables, "line", lambda text: told.write(f"{text}\n"))
    names = ("network-vpc", "a-release-with-rather-a-long-name", "cluster")
    bars = [Bar(URN.replace("network-vpc", name), 60.0 * at, 60.0 * (at + 1), True) for at, name in enumerate(names)]
    plan._chart("up", Forecast(Schedule(tuple(bars), 180.0), Schedule(tuple(bars), 180.0)))  # pyright: ignore[reportPrivateUsage]
    head, *lines = told.getvalue().rstrip("\n").split("\n")
    assert "…" not in told.getvalue()
    assert all(name in told.getvalue() for name in names)
    if width == 60:
        assert lines[::2] == [f"ec2 Vpc {name}" for name in names]
        lines = lines[1::2]
    assert len(lines) == len(names), "no line is broken in two"
    assert all(len(line) <= width for line in (head, *lines))
    drawn = [line.rstrip() for line in lines]
    assert all(line.endswith("█") for line in drawn), "no bar is cut off"
    ends = [len(line) for line in drawn]
    assert ends == sorted(set(ends)), "each ends after the one before"
