"""`lab down -s`: what it asks for before and after the engine, and how it ends."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import typer

from cli.commands import down
from operations import cleanup
from operations.cleanup import Report
from operations.cleanup.model import Claim
from rehearsal import world as worlds
from stacks import expiry, kept_stages, services
from stacks.aws_backend import down as aws_down
from stacks.aws_backend import engine
from stacks.aws_lab import AnotherCluster, Opened
from stacks.console import Progress
from stacks.errors import BadInput, Failure
from stacks.rehearsal_backend import opening
from stacks.stack import Stack
from stacks.state import Recorded
from tests.unit.cli.sweep_world import (
    ALB,
    CLUSTER_LEFT,
    DATA,
    GROUP,
    LOST,
    NOTHING,
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
from tests.unit.stacks.eks_answers import ANOTHER, Eks

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
    assert ALB.thing.id in json.dumps(json.loads(capsys.readouterr().out))
    with pytest.raises(BadInput, match="--yes"):
        run(down.down, yes=False, force=False, as_json=True)
    assert len(ran) == 1


def test_down_that_fails_shows_what_may_hold_it_up(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Failure("pulumi destroy ended with exit code 255.")

    monkeypatch.setattr(engine, "change", fail)
    world.reports = [report(ALB, VPC)]
    with pytest.raises(Failure, match="lab sweep -s dev --delete"):
        run(down.down, yes=True, force=False)
    said = capsys.readouterr().err
    assert "loadbalancer/app/myeks/1" in said
    assert "vpc-1" not in said
    # Nothing of it is the lab's: no command here deletes it.
    world.reports = [report(STRANGER, VPC)]
    with pytest.raises(Failure, match="Look whose they are") as failed:
        run(down.down, yes=True, force=False)
    assert "sweep" not in str(failed.value)
    # While the cluster stands, what it made is no obstacle: the engine has to go on with it.
    world.recorded = STANDING
    monkeypatch.setattr(aws_down, "cluster_is_gone", lambda *_: False)
    with pytest.raises(Failure, match=r"Run \./lab down -s dev again"):
        run(down.down, yes=True, force=False)


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


@pytest.fixture
def gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's state holds a cluster that EKS has no more."""
    world.recorded = STANDING
    monkeypatch.setattr(aws_down, "cluster_is_gone", lambda *_: True)


@pytest.mark.parametrize(("held", "asked"), [(STANDING, True), (Recorded(), False)])
def test_down_clears_services_after_consent_and_before_the_engine(
    world: World, ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, held: Recorded, asked: bool
) -> None:
    world.recorded = held
    monkeypatch.setattr(aws_down, "cluster_is_gone", lambda *_: False)
    monkeypatch.setattr(typer, "confirm", lambda _: world.log.append("agreed") or True)
    told: list[Any] = []

    def clear(lab: Opened, shown: Progress, **how: Any) -> None:
        world.log.append("services")
        told.append((lab.recorded, how))

    monkeypatch.setattr(services, "clear", clear)
    run(down.down, yes=False, force=False)
    assert ran
    assert world.log == ["agreed", *(["services"] if asked else []), "destroy"]
    assert told == ([(held, {"yes": False, "again": "./lab down -s dev"})] if asked else [])


def test_in_a_cluster_that_is_gone_no_service_is_asked_for(
    world: World, ran: list[tuple[str, ...]], gone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "clear", lambda *_, **__: pytest.fail("asked"))
    run(down.down, yes=True, force=False)
    assert ran


@pytest.mark.usefixtures("gone")
def test_what_a_cluster_left_in_the_network_goes_before_the_engine_waits_for_it(
    world: World, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    world.reports = [report(GROUP, STRANGER, DATA, VPC, left("security group", "sg-2", recorded=True)), report()]
    assert run(down.down, yes=True, force=False) == 1  # what the state holds
    assert world.log == ["delete", "destroy"]
    assert world.deleted == [GROUP]
    assert world.known == STANDING.ids
    said = capsys.readouterr().err
    assert "sg-1" in said
    assert "sg-9" in said  # told, and not touched
    assert "sg-2" not in said
    assert "vol-1" not in said


@pytest.mark.usefixtures("gone")
def test_what_is_in_the_network_goes_only_with_consent(
    world: World, ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.reports = [report(GROUP, STRANGER)]
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return len(asked) == 1

    monkeypatch.setattr(typer, "confirm", confirm)
    assert run(down.down, yes=False, force=False) == 1
    assert asked[1:] == ["Delete the 1 that are the lab's for good first?"]
    assert world.log == []


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("found", [report(), report(left("network interface", "eni-1", Claim.NAME, going=True))])
def test_what_goes_by_itself_is_the_engines_to_wait_for(
    world: World, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str], found: Report
) -> None:
    world.reports = [found, report()]
    run(down.down, yes=True, force=False)
    assert world.log == ["destroy"]
    assert "cannot go before them" not in capsys.readouterr().err


@pytest.mark.usefixtures("gone")
def test_the_network_is_asked_for_with_what_tells_whose_it_is(
    world: World, ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[cleanup.Kind]] = []

    def find(*_: Any, kinds: Sequence[cleanup.Kind], **__: Any) -> Report:
        asked.append(kinds)
        return NOTHING

    monkeypatch.setattr(cleanup, "find", find)
    run(down.down, yes=True, force=False)
    assert set(asked[0]) == {*cleanup.FIRST, *cleanup.HOLDERS}


UNREACHABLE = (
    "pulumi destroy ended with exit code 255. configured Kubernetes cluster is unreachable: unable to load schema "
    'information from the API server: Get "https://1.gr7.ap-northeast-2.eks.amazonaws.com/openapi/v2?timeout=32s": '
    "dial tcp 203.0.113.1:443: i/o timeout"
)


@pytest.mark.parametrize(
    ("said", "answer", "opens"),
    [
        (UNREACHABLE, ["198.51.100.7/32"], True),
        (
            UNREACHABLE.replace("cluster is unreachable", "API fails"),
            ["198.51.100.7/32"],
            True,
        ),
        (UNREACHABLE, ["0.0.0.0/0"], False),
        (UNREACHABLE, "ResourceNotFoundException", False),
        ("pulumi destroy ended with exit code 255. DependencyViolation", ["198.51.100.7/32"], False),
    ],
)
def test_down_says_how_to_get_into_a_cluster_that_does_not_know_this_address(
    world: World, monkeypatch: pytest.MonkeyPatch, said: str, answer: list[str] | str, opens: bool
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Failure(said)

    cluster = answer if isinstance(answer, str) else {"resourcesVpcConfig": {"publicAccessCidrs": answer}}
    world.recorded, world.client = STANDING, lambda _: Eks(cluster)
    monkeypatch.setattr(engine, "change", fail)
    monkeypatch.setattr(aws_down, "cluster_is_gone", lambda *_: False)
    monkeypatch.setattr(down, "load", lambda _name: replace(STACK, profile="mine"))
    with pytest.raises(Failure) as failed:
        run(down.down, yes=True, force=False)
    told = str(failed.value)
    assert told.startswith(said)
    assert "./lab down -s dev again" in told
    command = (
        "aws eks update-cluster-config --region ap-northeast-2 --name myeks --profile mine "
        "--resources-vpc-config publicAccessCidrs=YOUR-ADDRESS/32"
    )
    assert (command in told) is opens
    assert ("198.51.100.7/32" in told) is opens


def test_another_cluster_of_that_name_is_not_deleted_by_it(
    world: World, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    world.recorded, world.client = replace(STANDING, cluster_urn="urn:of:cluster"), lambda _: Eks(ANOTHER)
    with pytest.raises(AnotherCluster, match=r"would delete the other by its name") as refused:
        run(down.down, yes=True, force=False)
    assert ran == []
    assert "pulumi state delete --stack dev --target-dependents 'urn:of:cluster'" in str(refused.value)
    assert str(refused.value).count("./lab down -s dev again") == 1


@pytest.mark.parametrize("force", [True, False])
def test_with_the_rehearsal_go_the_stages_that_are_kept_for_it(monkeypatch: pytest.MonkeyPatch, force: bool) -> None:
    monkeypatch.setattr(worlds, "sweep", lambda **_: True)
    monkeypatch.setattr(opening, "attached", lambda: None)
    kept_stages.keep({}, {"rbac": "after"})
    assert kept_stages.over({}) == {"rbac": "after"}
    down.down("rehearsal", yes=True, force=force)
    assert kept_stages.over({}) == {}
