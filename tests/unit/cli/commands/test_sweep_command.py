"""`lab sweep`: what it says, which exit code it leaves with, what it refuses."""

import json

import pytest
import typer

from cli.commands import sweep
from cli.views import leftovers as leftover_tables
from operations import cleanup
from operations.cleanup import KINDS, Report, Unasked
from stacks.errors import BadInput
from stacks.stack import Stack
from stacks.state import StackState
from tests.unit.stacks.sweep_world import (
    ALB,
    CLUSTER_LEFT,
    DATA,
    LOST,
    NAMESAKE,
    STACK,
    STANDING,
    STRANGER,
    UNASKED,
    VPC,
    World,
    left,
    report,
    run,
)

pytestmark = pytest.mark.usefixtures("pulumi_installed")


def test_a_clean_lab_ends_with_nothing_left_and_what_was_asked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(sweep.sweep) == 0
    said = capsys.readouterr().out
    assert "Nothing is left of myeks in ap-northeast-2" in said
    for kind in KINDS:
        assert kind.plural in said
    assert "resources in stack dev" in said


@pytest.mark.parametrize(
    ("found", "held", "code"),
    [
        (report(), StackState(), 0),
        (report(ALB), StackState(), 1),
        (report(STRANGER), StackState(), 1),
        (report(), StackState(count=3), 1),
        (report(unasked=[UNASKED]), StackState(), 3),
        (report(ALB, unasked=[UNASKED]), StackState(), 3),
        (report(), StackState(unknown="not logged in"), 3),
    ],
)
def test_exit_codes(
    world: World, found: Report, held: StackState, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    world.reports, world.recorded = [found], held
    assert run(sweep.sweep) == code
    said = capsys.readouterr().out
    assert ("Nothing is left" in said) is (code == 0)
    for each in found.unasked:
        assert each.why in said
        assert f"{each.kind.plural}," not in said.partition("none found")[2]
    assert (held.unknown or "") in said


def test_json_tells_everything(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.reports, world.recorded = [report(ALB, STRANGER, unasked=[UNASKED])], StackState(count=2)
    assert run(sweep.sweep, as_json=True) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["clean"] is False
    assert [(each["kind"], each["deletable"]) for each in told["left"]] == [
        ("load balancer", True),
        ("security group", False),
    ]
    assert told["left"][0]["id"] == ALB.resource.id
    assert [each["kind"] for each in told["notAsked"]] == ["role"]
    assert {"kind": "volume", "service": "ec2", "found": 0} in told["asked"]
    assert "role" not in {each["kind"] for each in told["asked"]}
    assert told["engine"] == {"resources": 2, "why": ""}
    assert "deleted" not in told


def test_delete_asks_first(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    world.reports = [report(ALB)]
    asked: list[str] = []
    monkeypatch.setattr(typer, "confirm", asked.append)
    assert run(sweep.sweep, delete=True) == 1
    assert world.deleted == []
    assert asked == ["Delete these 1 of myeks in ap-northeast-2 from AWS for good?"]
    assert "loadbalancer/app/myeks/1" in capsys.readouterr().out


def test_delete_takes_what_is_ours_and_not_the_engines(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.recorded = StackState({"aws:ec2/vpc:Vpc": frozenset({"vpc-1"})}, 1)
    world.reports = [report(ALB, STRANGER, VPC), report(STRANGER, VPC)]
    assert run(sweep.sweep, delete=True, yes=True) == 1
    assert [each.resource.id for each in world.deleted] == [ALB.resource.id]
    assert world.known == world.recorded.ids
    said = capsys.readouterr().out
    assert "1 deleted" in said
    assert "./lab down -s dev" in said
    assert "find out whose they are" in said


def test_what_would_not_go_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.reports = [report(ALB)]
    world.failed = [cleanup.Failed(ALB, "OperationNotPermitted: deletion protection is enabled")]
    assert run(sweep.sweep, delete=True, yes=True) == 1
    assert "deletion protection is enabled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("held", "says"),
    [(STANDING, "./lab down -s dev"), (StackState(unknown="not logged in"), "not logged in")],
)
def test_a_lab_that_stands_is_not_pulled_from_under_the_engine(world: World, held: StackState, says: str) -> None:
    world.reports, world.recorded = [report(CLUSTER_LEFT, ALB)], held
    with pytest.raises(BadInput, match=says):
        run(sweep.sweep, delete=True, yes=True)
    assert world.deleted == []


def test_force_deletes_a_lab_that_stands(world: World) -> None:
    world.reports, world.recorded = [report(CLUSTER_LEFT, VPC), report()], STANDING
    assert run(sweep.sweep, delete=True, yes=True, force=True) == 1
    assert [each.resource.id for each in world.deleted] == ["myeks", "vpc-1"]
    assert not any(each.recorded for each in world.deleted)
    assert world.known == {}


def test_a_cluster_that_the_state_does_not_hold_goes_by_force_alone(world: World) -> None:
    world.recorded = LOST
    world.reports = [report(CLUSTER_LEFT, ALB)]
    with pytest.raises(BadInput, match=r"stack dev does not hold it.*--force"):
        run(sweep.sweep, delete=True, yes=True)
    assert world.deleted == []
    world.reports = [report(CLUSTER_LEFT, ALB), report()]
    assert run(sweep.sweep, delete=True, yes=True, force=True) == 0
    assert [each.resource.id for each in world.deleted] == ["myeks", ALB.resource.id]


def test_a_cluster_that_is_going_needs_no_force(world: World) -> None:
    world.reports = [report(left("cluster", "myeks", going=True), ALB), report()]
    assert run(sweep.sweep, delete=True, yes=True) == 0
    assert [each.resource.id for each in world.deleted] == ["myeks", ALB.resource.id]


@pytest.mark.parametrize("held", [LOST, StackState(), StackState(unknown="not logged in")])
def test_beside_a_namesake_nothing_goes_without_force_and_it_never_does(world: World, held: StackState) -> None:
    world.reports, world.recorded = [report(NAMESAKE, ALB)], held
    with pytest.raises(BadInput, match=r"not this lab's: it lacks the tag myeks:lab.*--force"):
        run(sweep.sweep, delete=True, yes=True)
    assert world.deleted == []
    world.reports = [report(NAMESAKE, ALB), report(NAMESAKE)]
    assert run(sweep.sweep, delete=True, yes=True, force=True) == (3 if held.unknown else 1)
    assert [each.resource.id for each in world.deleted] == [ALB.resource.id]


def test_a_namesake_alone_is_told_and_asks_for_no_force(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.reports = [report(NAMESAKE)]
    assert run(sweep.sweep, delete=True, yes=True) == 1
    assert world.deleted == []
    said = capsys.readouterr().out
    assert "same name, not this lab's" in said
    assert "is or may be somebody else's" in said
    assert "Nothing is left" not in said


def test_data_that_may_be_anothers_goes_only_when_somebody_has_looked(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.reports = [report(ALB, DATA), report(DATA)]
    assert run(sweep.sweep, delete=True, yes=True) == 1
    assert world.deleted == [ALB]
    said = capsys.readouterr().out
    assert "by the name alone" in said
    assert "leaves them with --yes" in said
    monkeypatch.setattr(typer, "confirm", lambda _question: True)
    world.reports = [report(DATA), report()]
    assert run(sweep.sweep, delete=True) == 0
    assert world.deleted == [DATA]
    assert "see their age" in capsys.readouterr().out


def test_in_the_rehearsal_all_data_is_ones_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "load", lambda _name: Stack("rehearsal", STACK.file, STACK.config))
    world.reports = [report(DATA), report()]
    assert run(sweep.sweep, delete=True, yes=True) == 0
    assert world.deleted == [DATA]


@pytest.mark.parametrize("options", [{"yes": True}, {"force": True}, {"delete": True, "as_json": True}])
def test_options_that_do_not_fit_are_refused(world: World, options: dict[str, bool]) -> None:
    with pytest.raises(BadInput):
        run(sweep.sweep, **options)


def test_an_arn_is_shown_without_account(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    leftover_tables.show(STACK, report(ALB), StackState())
    assert "111122223333" not in capsys.readouterr().out


def test_what_aws_says_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    unasked = Unasked(UNASKED.kind, "no answer [/prod]")
    found = left("network interface", "eni-1", name="[d-abc123] team [/prod]")
    leftover_tables.show(STACK, report(found, unasked=[unasked]), StackState())
    said = capsys.readouterr().out
    assert "[d-abc123] team [/prod]" in said
    assert "no answer [/prod]" in said


def test_beside_a_standing_lab_it_is_told_whose_these_are(capsys: pytest.CaptureFixture[str]) -> None:
    leftover_tables.show(STACK, report(ALB), STANDING)
    said = capsys.readouterr().out
    assert "While the lab is up" in said
    assert "1 left" not in said
    leftover_tables.show(STACK, report(ALB), StackState())
    assert "1 left." in capsys.readouterr().out
