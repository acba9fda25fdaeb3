"""The plan that is previewed in the rehearsal: which settings are played for it, and in which world."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.config.loading import parse
from rehearsal import world as worlds
from rehearsal.engine import EngineCommand
from rehearsal.world import World
from stacks.rehearsal_backend import opening
from stacks.rehearsal_backend.plan import plan_of
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
        monkeypatch.setattr(opening, "attached", lambda: self.running)
        monkeypatch.setattr(opening, "begin", self._begin)
        monkeypatch.setattr(opening, "stack_in", self._stack_in)
        monkeypatch.setattr(worlds, "stop", self._stop)

    def __call__(self, region: str = FRANKFURT) -> None:
        assert plan_of(Stack("dev", self.file, parse({}, region), "study")) == self.plan()

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
