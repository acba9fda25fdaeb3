"""`lab sweep` and the end of `lab down -s`: what they say, which exit code they leave with, what they refuse."""

import json
import subprocess
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError

from cli import aws_stack, down, leftover_tables, lifetime, pulumi_cli, recorded, rehearsed, sweep
from cli.console import Progress
from cli.failures import BadInput, Failure
from cli.lab_on_aws import AnotherCluster, Opened, cluster_is_gone, identity, state_of
from cli.recorded import CLUSTER, Recorded
from cli.stacks import Stack
from infra import leftovers
from infra.config import parse
from infra.leftovers import KINDS, Leftover, Outcome, Report, Thing, Unasked
from infra.leftovers.model import Belonging, Claim
from rehearsal import world as worlds

pytestmark = pytest.mark.usefixtures("pulumi_installed")

STACK = Stack("dev", Path("Pulumi.dev.yaml"), parse({}, "ap-northeast-2"))
BY_NAME = {kind.name: kind for kind in KINDS}
NOTHING = Report(asked=KINDS)
STANDING = Recorded({CLUSTER: frozenset({"myeks"})}, 80, "https://one")


def left(kind: str, identifier: str, claim: Claim = Claim.TAG, **more: Any) -> Leftover:
    thing = Thing(identifier, more.pop("name", ""), going=more.pop("going", False))
    return Leftover(BY_NAME[kind], thing, Belonging(claim, "tag myeks:lab"), **more)


def report(*found: Leftover, unasked: Sequence[Unasked] = ()) -> Report:
    return Report(asked=KINDS, left=found, unasked=tuple(unasked))


UNASKED = Unasked(BY_NAME["role"], "these credentials may not ask (AccessDenied): they need iam:ListRoles")
ALB = left("load balancer", "arn:aws:elasticloadbalancing:ap-northeast-2:111122223333:loadbalancer/app/myeks/1")
VPC = left("VPC", "vpc-1", recorded=True)
CLUSTER_LEFT = left("cluster", "myeks")
STRANGER = left("security group", "sg-9", Claim.PLACE)
NAMESAKE = left("cluster", "myeks", Claim.NAMESAKE)
GROUP = left("security group", "sg-1", Claim.NAME)
DATA = left("volume", "vol-1", Claim.CLUSTER)
LOST = Recorded(missing=True)


class World:
    """What the command finds, and what it deleted."""

    def __init__(self) -> None:
        self.reports = [NOTHING]
        self.recorded = Recorded()
        self.deleted: list[Leftover] = []
        self.known: Any = None
        self.failed: list[leftovers.Failed] = []
        self.client: Callable[[str], Any] = lambda _: None
        self.log: list[str] = []

    def find(self, *_: Any, **__: Any) -> Report:
        return self.reports.pop(0) if len(self.reports) > 1 else self.reports[0]

    def delete(self, client: Any, lab: Any, chosen: Sequence[Leftover], known: Any, **_: Any) -> Outcome:
        self.deleted, self.known = list(chosen), known
        self.log.append("delete")
        return Outcome(list(chosen), self.failed)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    @contextmanager
    def opened(stack: Stack) -> Generator[Opened]:
        yield Opened(stack, identity(stack), made.client, made.recorded)

    for module in (sweep, down):
        monkeypatch.setattr(module, "opened", opened)
        monkeypatch.setattr(module, "load", lambda _name: STACK)
    monkeypatch.setattr(recorded, "on_aws", lambda _stack: made.recorded)
    for name in ("find", "settled"):
        monkeypatch.setattr(leftovers, name, made.find)
    monkeypatch.setattr(leftovers, "delete", made.delete)
    return made


def run(command: Callable[..., None], **options: Any) -> int:
    try:
        command("dev", **options)
    except typer.Exit as left_with:
        return left_with.exit_code
    return 0


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
        (report(), Recorded(), 0),
        (report(ALB), Recorded(), 1),
        (report(STRANGER), Recorded(), 1),
        (report(), Recorded(count=3), 1),
        (report(unasked=[UNASKED]), Recorded(), 3),
        (report(ALB, unasked=[UNASKED]), Recorded(), 3),
        (report(), Recorded(unknown="not logged in"), 3),
    ],
)
def test_exit_codes(world: World, found: Report, held: Recorded, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    world.reports, world.recorded = [found], held
    assert run(sweep.sweep) == code
    said = capsys.readouterr().out
    assert ("Nothing is left" in said) is (code == 0)
    for each in found.unasked:
        assert each.why in said
        assert f"{each.kind.plural}," not in said.partition("none found")[2]
    assert (held.unknown or "") in said


def test_json_tells_everything(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.reports, world.recorded = [report(ALB, STRANGER, unasked=[UNASKED])], Recorded(count=2)
    assert run(sweep.sweep, as_json=True) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["clean"] is False
    assert [(each["kind"], each["deletable"]) for each in told["left"]] == [
        ("load balancer", True),
        ("security group", False),
    ]
    assert told["left"][0]["id"] == ALB.thing.id
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
    world.recorded = Recorded({"aws:ec2/vpc:Vpc": frozenset({"vpc-1"})}, 1)
    world.reports = [report(ALB, STRANGER, VPC), report(STRANGER, VPC)]
    assert run(sweep.sweep, delete=True, yes=True) == 1
    assert [each.thing.id for each in world.deleted] == [ALB.thing.id]
    assert world.known == world.recorded.ids
    said = capsys.readouterr().out
    assert "1 deleted" in said
    assert "./lab down -s dev" in said
    assert "look whose they are" in said


def test_what_would_not_go_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.reports = [report(ALB)]
    world.failed = [leftovers.Failed(ALB, "OperationNotPermitted: deletion protection is enabled")]
    assert run(sweep.sweep, delete=True, yes=True) == 1
    assert "deletion protection is enabled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("held", "says"),
    [(STANDING, "./lab down -s dev"), (Recorded(unknown="not logged in"), "not logged in")],
)
def test_a_lab_that_stands_is_not_pulled_from_under_the_engine(world: World, held: Recorded, says: str) -> None:
    world.reports, world.recorded = [report(CLUSTER_LEFT, ALB)], held
    with pytest.raises(BadInput, match=says):
        run(sweep.sweep, delete=True, yes=True)
    assert world.deleted == []


def test_force_deletes_a_lab_that_stands(world: World) -> None:
    world.reports, world.recorded = [report(CLUSTER_LEFT, VPC), report()], STANDING
    assert run(sweep.sweep, delete=True, yes=True, force=True) == 1
    assert [each.thing.id for each in world.deleted] == ["myeks", "vpc-1"]
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
    assert [each.thing.id for each in world.deleted] == ["myeks", ALB.thing.id]


def test_a_cluster_that_is_going_needs_no_force(world: World) -> None:
    world.reports = [report(left("cluster", "myeks", going=True), ALB), report()]
    assert run(sweep.sweep, delete=True, yes=True) == 0
    assert [each.thing.id for each in world.deleted] == ["myeks", ALB.thing.id]


@pytest.mark.parametrize("held", [LOST, Recorded(), Recorded(unknown="not logged in")])
def test_beside_a_namesake_nothing_goes_without_force_and_it_never_does(world: World, held: Recorded) -> None:
    world.reports, world.recorded = [report(NAMESAKE, ALB)], held
    with pytest.raises(BadInput, match=r"not this lab's: it lacks the tag myeks:lab.*--force"):
        run(sweep.sweep, delete=True, yes=True)
    assert world.deleted == []
    world.reports = [report(NAMESAKE, ALB), report(NAMESAKE)]
    assert run(sweep.sweep, delete=True, yes=True, force=True) == (3 if held.unknown else 1)
    assert [each.thing.id for each in world.deleted] == [ALB.thing.id]


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
    leftover_tables.show(STACK, report(ALB), Recorded())
    assert "111122223333" not in capsys.readouterr().out


def test_what_aws_says_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    unasked = Unasked(UNASKED.kind, "no answer [/prod]")
    found = left("network interface", "eni-1", name="[d-abc123] team [/prod]")
    leftover_tables.show(STACK, report(found, unasked=[unasked]), Recorded())
    said = capsys.readouterr().out
    assert "[d-abc123] team [/prod]" in said
    assert "no answer [/prod]" in said


def test_beside_a_standing_lab_it_is_told_whose_these_are(capsys: pytest.CaptureFixture[str]) -> None:
    leftover_tables.show(STACK, report(ALB), STANDING)
    said = capsys.readouterr().out
    assert "While the lab stands" in said
    assert "1 left" not in said
    leftover_tables.show(STACK, report(ALB), Recorded())
    assert "1 left." in capsys.readouterr().out


# -- down


@pytest.fixture
def ran(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []

    def pulumi(*arguments: str, **_: object) -> None:
        calls.append(arguments)
        world.log.append(arguments[0])

    monkeypatch.setattr(aws_stack, "_pulumi", pulumi)
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
    monkeypatch.setattr(lifetime, "forget", forgotten.append)
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
    monkeypatch.setattr(rehearsed, "attached", lambda: None)
    monkeypatch.setattr(worlds, "sweep", lambda force=False: None)
    down.down(force=force, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"left": {}, "seconds": 0.0}


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
    def fail(*_: str, **__: object) -> None:
        raise Failure("pulumi destroy ended with exit code 255.")

    monkeypatch.setattr(aws_stack, "_pulumi", fail)
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
    monkeypatch.setattr(down, "cluster_is_gone", lambda *_: False)
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
    monkeypatch.setattr(down, "cluster_is_gone", lambda *_: True)


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
    asked: list[Sequence[leftovers.Kind]] = []

    def find(*_: Any, kinds: Sequence[leftovers.Kind], **__: Any) -> Report:
        asked.append(kinds)
        return NOTHING

    monkeypatch.setattr(leftovers, "find", find)
    run(down.down, yes=True, force=False)
    assert set(asked[0]) == {*leftovers.FIRST, *leftovers.HOLDERS}


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
    def fail(*_: str, **__: object) -> None:
        raise Failure(said)

    cluster = answer if isinstance(answer, str) else {"resourcesVpcConfig": {"publicAccessCidrs": answer}}
    world.recorded, world.client = STANDING, lambda _: Eks(cluster)
    monkeypatch.setattr(aws_stack, "_pulumi", fail)
    monkeypatch.setattr(down, "cluster_is_gone", lambda *_: False)
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


class Eks:
    def __init__(self, *answers: dict[str, Any] | str) -> None:
        self.answers = list(answers)

    def describe_cluster(self, name: str) -> dict[str, Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": ""}}, "DescribeCluster")
        return {"cluster": answer}


ACTIVE = {"status": "ACTIVE", "endpoint": "https://one"}


@pytest.mark.parametrize(
    ("held", "answers", "gone"),
    [
        (STANDING, [ACTIVE], False),
        (STANDING, ["ResourceNotFoundException"], True),
        (STANDING, ["AccessDeniedException"], False),
        (STANDING, [{"status": "FAILED"}], False),
        (STANDING, [{**ACTIVE, "status": "DELETING"}, "ResourceNotFoundException"], True),
        (STANDING, [{**ACTIVE, "status": "DELETING"}, ACTIVE], False),
        (Recorded(), ["ResourceNotFoundException"], False),
    ],
)
def test_a_cluster_is_gone_only_when_eks_says_so(held: Recorded, answers: list[Any], gone: bool) -> None:
    eks = Eks(*answers)
    lab = Opened(STACK, identity(STACK), lambda _: eks, held)
    assert cluster_is_gone(lab, Progress()) is gone


ANOTHER: dict[str, Any] = {"status": "ACTIVE", "endpoint": "https://another"}


def test_another_cluster_of_that_name_is_not_deleted_by_it(
    world: World, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    world.recorded, world.client = replace(STANDING, cluster_urn="urn:of:cluster"), lambda _: Eks(ANOTHER)
    with pytest.raises(AnotherCluster, match=r"would delete the other by its name") as refused:
        run(down.down, yes=True, force=False)
    assert ran == []
    assert "pulumi state delete --stack dev --target-dependents 'urn:of:cluster'" in str(refused.value)
    assert str(refused.value).count("./lab down -s dev again") == 1


def test_in_the_rehearsal_another_cluster_of_that_name_is_nobodys() -> None:
    stack = Stack("rehearsal", STACK.file, STACK.config)
    assert cluster_is_gone(Opened(stack, identity(stack), lambda _: Eks(ANOTHER), STANDING), Progress())


# -- what the engine holds


def test_the_state_is_read_by_type_and_id() -> None:
    held = recorded.parsed(
        [
            {"type": "pulumi:pulumi:Stack", "custom": False},
            {"type": "pulumi:providers:aws", "custom": True, "id": "p"},
            {"type": "eks:index:Cluster", "custom": False},
            {"type": CLUSTER, "custom": True, "id": "myeks", "urn": "urn:1", "outputs": {"endpoint": "https://one"}},
            {"type": "aws:ec2/vpc:Vpc", "custom": True, "id": "vpc-1", "outputs": {}},
        ]
    )
    assert held.count == 2
    assert held.has_cluster
    assert held.endpoint == "https://one"
    assert held.cluster_urn == "urn:1"
    assert held.ids == {CLUSTER: {"myeks"}, "aws:ec2/vpc:Vpc": {"vpc-1"}}


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "count", "unknown"),
    [
        (
            0,
            json.dumps({"version": 3, "deployment": {"resources": [{"type": "a", "custom": True, "id": "1"}]}}),
            "",
            1,
            "",
        ),
        (0, json.dumps({"version": 3, "deployment": {}}), "", 0, ""),
        (6, "", "error: no stack named 'dev' found\n", 0, ""),
        (3, "", "error: PULUMI_ACCESS_TOKEN must be set\n", 0, "PULUMI_ACCESS_TOKEN must be set"),
        (1, "", "", 0, "pulumi said nothing"),
        (0, "[]", "", 0, "a form that is not known"),
    ],
)
def test_a_lost_state_is_told_from_one_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: int,
    stdout: str,
    stderr: str,
    count: int,
    unknown: str,
) -> None:
    monkeypatch.setattr(pulumi_cli, "binary", lambda: "pulumi")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], code, stdout, stderr))
    held = state_of(STACK)
    assert held.count == count
    assert unknown in held.unknown
    assert bool(held.unknown) is bool(unknown)
    assert held.missing is ("no stack named" in stderr)
    # It takes seconds, and nothing else is said meanwhile.
    assert "asking pulumi what stack dev holds" in capsys.readouterr().err


def test_without_pulumi_the_state_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "pulumi CLI is not on PATH" in recorded.on_aws(STACK).unknown
