"""`lab plan`: which settings the rehearsal plays for it, in which world, and where its charts go."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from rich.console import Console
from typer.testing import CliRunner

from cli.commands import plan
from infra.config.loading import parse
from operations.forecast.critical_path import Bar, Schedule
from operations.forecast.forecast import Forecast
from rehearsal import world as worlds
from rehearsal.engine import EngineCommand
from rehearsal.world import World
from stacks import rehearsal_backend
from stacks.stack import Stack

SEOUL, FRANKFURT = "ap-northeast-2", "eu-central-1"
URN = "urn:pulumi:dev::myeks::aws:ec2/vpc:Vpc::network-vpc"
SETTINGS = {
    "encryptionsalt": "v1:salt",
    "config": {
        "aws:region": FRANKFURT,
        "aws:profile": "study",
        "aws:assumeRoles": [{"roleArn": "arn:aws:iam::111122223333:role/study"}],
        "myeks:grafanaAdminPassword": {"secure": "v1:0123:4567"},
        "myeks:nodeGroup": {"desiredSize": 2},
    },
}


class Played:
    """Stands in for the rehearsal, with a world that runs in Seoul, and remembers what it was asked to play."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
        self.file = directory / "Pulumi.dev.yaml"
        self.file.write_text(yaml.safe_dump(SETTINGS))
        self.running: World | None = World("id", 1, "http://127.0.0.1:1", "111122223333", SEOUL, directory / "world")
        self.world = ""
        self.settings: dict[str, Any] = {}
        self.stopped = 0
        self.engine = EngineCommand(Path("/nowhere"))
        monkeypatch.setenv("MYEKS_LAB_WORLD", "the user's")
        monkeypatch.setattr(rehearsal_backend, "attached", lambda: self.running)
        monkeypatch.setattr(rehearsal_backend, "begin", self._begin)
        monkeypatch.setattr(rehearsal_backend, "stack_in", self._stack_in)
        monkeypatch.setattr(worlds, "stop", self._stop)
        self._patch = monkeypatch

    def __call__(self, *arguments: str, region: str = FRANKFURT) -> None:
        self._patch.setattr(plan, "load", lambda name: Stack(name, self.file, parse({}, region), "study"))
        app = typer.Typer()
        plan.register(app)
        ended = CliRunner().invoke(app, ["-s", "dev", *arguments], catch_exceptions=False)
        assert ended.exit_code == 0, ended.output

    def _begin(self, *_: object) -> tuple[None, None, bool]:
        self.world = os.environ["MYEKS_LAB_WORLD"]
        return None, None, True

    def _stack_in(self, _world: object, _bin_dir: object, stack: Stack, *_: object) -> "Played":
        self.settings = yaml.safe_load(stack.file.read_text())
        return self

    def plan(self) -> dict[str, Any]:
        return {"resourcePlans": {URN: {"goal": {"custom": True}}}}

    def _stop(self, _world: object) -> None:
        assert os.environ["MYEKS_LAB_WORLD"] == self.world
        self.stopped += 1


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Played:
    return Played(monkeypatch, tmp_path)


def test_nothing_that_leads_to_an_account_of_the_users_is_played(played: Played):
    played()
    assert played.settings == {"config": {"aws:region": FRANKFURT, "myeks:nodeGroup": {"desiredSize": 2}}}
    assert yaml.safe_load(played.file.read_text()) == SETTINGS


def test_a_running_rehearsal_of_another_region_is_left_alone(played: Played):
    assert played.running
    played()
    assert played.world == f"{played.running.dir}-{FRANKFURT}"
    assert played.stopped == 1
    assert os.environ["MYEKS_LAB_WORLD"] == "the user's"


def test_one_of_the_same_region_plays_the_plan_and_so_does_a_new_one(played: Played):
    played(region=SEOUL)
    assert played.world == "the user's"
    played.running = None
    played()
    assert played.world == "the user's"


def test_charts_go_where_the_user_is(played: Played, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LAB_INVOKED_FROM", str(tmp_path / "here"))
    played("--svg", "charts/new")
    assert sorted(file.name for file in (tmp_path / "here/charts/new").iterdir()) == ["down.svg", "up.svg"]
    played("--svg", str(tmp_path / "there"))
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
