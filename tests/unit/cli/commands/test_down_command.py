"""`lab down -s`: what it asks for before and after the engine, and how it ends."""

import json
from dataclasses import replace

import pytest

from cli.commands import down
from operations.cleanup import Report
from rehearsal import world as worlds
from stacks import expiry, kept_stages
from stacks.aws_backend import engine
from stacks.errors import BadInput
from stacks.rehearsal_backend import opening
from stacks.stack import Stack
from tests.unit.stacks.sweep_world import (
    ALB,
    CLUSTER_LEFT,
    LOST,
    STACK,
    UNASKED,
    World,
    report,
    run,
)

pytestmark = pytest.mark.usefixtures("pulumi_installed")


@pytest.fixture
def ran(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []

    def pulumi(_stack: Stack, *arguments: str, **_: object) -> None:
        calls.append(arguments)
        world.log.append(arguments[0])

    monkeypatch.setattr(engine, "change", pulumi)
    return calls


@pytest.mark.parametrize(
    ("found", "code", "says"),
    [
        (report(), 0, "Nothing is left"),
        (report(ALB), 1, "./lab sweep -s dev --delete"),
        (report(unasked=[UNASKED]), 3, "iam:ListRoles"),
    ],
)
def test_down_ends_with_what_aws_says(
    world: World,
    ran: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: Report,
    code: int,
    says: str,
) -> None:
    world.reports = [found]
    forgotten: list[Stack] = []
    monkeypatch.setattr(expiry, "forget", forgotten.append)
    assert run(down.down, yes=True, force=False) == code
    assert [call[0] for call in ran] == ["destroy"]
    said = capsys.readouterr()
    assert says in said.out + said.err
    # Its end is this lab's, as long as anything of it is there.
    assert forgotten == ([] if code else [STACK])


@pytest.mark.parametrize("force", [True, False])
def test_down_of_a_rehearsal_that_is_not_up_is_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], force: bool
) -> None:
    def load(_name: str) -> Stack:
        if force:
            raise BadInput("The settings are wrong. They must not keep a rehearsal running.")
        return replace(STACK, name="rehearsal")

    monkeypatch.setattr(down, "load", load)
    monkeypatch.setattr(opening, "attached", lambda: None)
    monkeypatch.setattr(worlds, "sweep", lambda force=False: None)
    down.down(force=force, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"left": {}, "yours": {}, "seconds": 0.0}


def test_down_as_json_prints_what_is_left_and_nothing_else(
    world: World, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    world.reports = [report(ALB)]
    assert run(down.down, yes=True, force=False, as_json=True) == 1
    assert ALB.resource.id in json.dumps(json.loads(capsys.readouterr().out))
    with pytest.raises(BadInput, match="--yes"):
        run(down.down, yes=False, force=False, as_json=True)
    assert len(ran) == 1


@pytest.mark.parametrize(
    ("found", "code", "says"),
    [
        (report(), 0, "Nothing is left"),
        (report(ALB), 1, "./lab sweep -s dev --delete."),
        (report(CLUSTER_LEFT, ALB), 1, "./lab sweep -s dev --delete --force."),
    ],
)
def test_down_without_a_stack_ends_with_what_aws_says(
    world: World,
    ran: list[tuple[str, ...]],
    capsys: pytest.CaptureFixture[str],
    found: Report,
    code: int,
    says: str,
) -> None:
    world.reports, world.recorded = [found], LOST
    assert run(down.down, yes=False, force=False) == code
    assert ran == []
    said = capsys.readouterr()
    assert "Pulumi has no stack dev" in said.err
    assert says in said.out + said.err


@pytest.mark.parametrize("force", [True, False])
def test_with_the_rehearsal_go_the_stages_that_are_kept_for_it(monkeypatch: pytest.MonkeyPatch, force: bool) -> None:
    monkeypatch.setattr(worlds, "sweep", lambda **_: True)
    monkeypatch.setattr(opening, "attached", lambda: None)
    kept_stages.keep({}, {"rbac": "after"})
    assert kept_stages.over({}) == {"rbac": "after"}
    down.down("rehearsal", yes=True, force=force)
    assert kept_stages.over({}) == {}


def test_a_rehearsal_that_is_not_up_leaves_the_end_that_its_file_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "sweep", lambda **_: True)
    monkeypatch.setattr(opening, "attached", lambda: None)
    monkeypatch.setattr(expiry, "forget", lambda _stack: pytest.fail("forgotten"))
    down.down("rehearsal", yes=True)
