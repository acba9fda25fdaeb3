"""What goes around `pulumi destroy`: what goes before it, and what is told when it fails."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import typer

from operations import cleanup
from operations.cleanup import Report
from operations.cleanup.model import Claim
from stacks import services
from stacks.aws_backend import AwsBackend, engine
from stacks.aws_backend import down as aws_down
from stacks.aws_lab import AnotherCluster, LabSession
from stacks.console import Progress
from stacks.errors import Failure
from stacks.stack import Stack
from stacks.state import StackState
from tests.unit.stacks.eks_answers import ANOTHER, Eks
from tests.unit.stacks.sweep_world import (
    ALB,
    DATA,
    GROUP,
    NOTHING,
    STACK,
    STANDING,
    STRANGER,
    VPC,
    World,
    left,
    report,
    world_in,
)

pytestmark = pytest.mark.usefixtures("pulumi_installed")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return world_in(monkeypatch)


@pytest.fixture
def ran(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []

    def pulumi(_stack: Stack, *arguments: str, **_: object) -> None:
        calls.append(arguments)
        world.log.append(arguments[0])

    monkeypatch.setattr(engine, "change", pulumi)
    return calls


def run(*, yes: bool, stack: Stack = STACK) -> bool:
    """Whether the user agreed."""
    try:
        AwsBackend(stack).destroy(Progress(), yes=yes)
    except typer.Exit:
        return False
    return True


def test_down_that_fails_shows_what_may_hold_it_up(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Failure("pulumi destroy ended with exit code 255.")

    monkeypatch.setattr(engine, "change", fail)
    world.reports = [report(ALB, VPC)]
    with pytest.raises(Failure, match="lab sweep -s dev --delete"):
        run(yes=True)
    said = capsys.readouterr().err
    assert "loadbalancer/app/myeks/1" in said
    assert "vpc-1" not in said
    # Nothing of it is the lab's: no command here deletes it.
    world.reports = [report(STRANGER, VPC)]
    with pytest.raises(Failure, match="Look whose they are") as failed:
        run(yes=True)
    assert "sweep" not in str(failed.value)
    # While the cluster stands, what it made is no obstacle: the engine has to go on with it.
    world.recorded = STANDING
    monkeypatch.setattr(aws_down, "cluster_is_gone", lambda *_: False)
    with pytest.raises(Failure, match=r"Run \./lab down -s dev again"):
        run(yes=True)


@pytest.fixture
def gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's state holds a cluster that EKS has no more."""
    world.recorded = STANDING
    monkeypatch.setattr(aws_down, "cluster_is_gone", lambda *_: True)


@pytest.mark.parametrize(("held", "asked"), [(STANDING, True), (StackState(), False)])
def test_down_clears_services_after_consent_and_before_the_engine(
    world: World, ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, held: StackState, asked: bool
) -> None:
    world.recorded = held
    monkeypatch.setattr(aws_down, "cluster_is_gone", lambda *_: False)
    monkeypatch.setattr(typer, "confirm", lambda _: world.log.append("agreed") or True)
    told: list[Any] = []

    def clear(lab: LabSession, shown: Progress, **how: Any) -> None:
        world.log.append("services")
        told.append((lab.recorded, how))

    monkeypatch.setattr(services, "clear", clear)
    run(yes=False)
    assert ran
    assert world.log == ["agreed", *(["services"] if asked else []), "destroy"]
    assert told == ([(held, {"yes": False, "again": "./lab down -s dev"})] if asked else [])


def test_in_a_cluster_that_is_gone_no_service_is_asked_for(
    world: World, ran: list[tuple[str, ...]], gone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "clear", lambda *_, **__: pytest.fail("asked"))
    run(yes=True)
    assert ran


@pytest.mark.usefixtures("gone")
def test_what_a_cluster_left_in_the_network_goes_before_the_engine_waits_for_it(
    world: World, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    world.reports = [report(GROUP, STRANGER, DATA, VPC, left("security group", "sg-2", recorded=True)), report()]
    assert run(yes=True)
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
    assert not run(yes=False)
    assert asked[1:] == ["Delete the 1 that are the lab's for good first?"]
    assert world.log == []


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("found", [report(), report(left("network interface", "eni-1", Claim.NAME, going=True))])
def test_what_goes_by_itself_is_the_engines_to_wait_for(
    world: World, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str], found: Report
) -> None:
    world.reports = [found, report()]
    run(yes=True)
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
    run(yes=True)
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
    with pytest.raises(Failure) as failed:
        run(yes=True, stack=replace(STACK, profile="mine"))
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
        run(yes=True)
    assert ran == []
    assert "pulumi state delete --stack dev --target-dependents 'urn:of:cluster'" in str(refused.value)
    assert str(refused.value).count("./lab down -s dev again") == 1
