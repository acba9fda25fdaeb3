"""What `lab sweep` and `lab down -s` find in their tests, and what they deleted."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from infra.config.loading import parse
from operations import cleanup
from operations.cleanup import KINDS, Leftover, Outcome, Report, Resource, Unasked
from operations.cleanup.model import Claim, Ownership
from stacks import state
from stacks.aws_backend import AwsBackend
from stacks.aws_lab import LabSession, identity
from stacks.backend import Backend
from stacks.rehearsal_backend import RehearsalBackend
from stacks.stack import Stack
from stacks.state import CLUSTER, StackState

STACK = Stack("dev", Path("Pulumi.dev.yaml"), parse({}, "ap-northeast-2"))
BY_NAME = {kind.name: kind for kind in KINDS}
NOTHING = Report(asked=KINDS)
STANDING = StackState({CLUSTER: frozenset({"myeks"})}, 80, "https://one")


def left(kind: str, identifier: str, claim: Claim = Claim.TAG, **more: Any) -> Leftover:
    resource = Resource(identifier, more.pop("name", ""), going=more.pop("going", False))
    return Leftover(BY_NAME[kind], resource, Ownership(claim, "tag myeks:lab"), **more)


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
LOST = StackState(missing=True)


class World:
    """What the command finds, and what it deleted."""

    def __init__(self) -> None:
        self.reports = [NOTHING]
        self.recorded = StackState()
        self.deleted: list[Leftover] = []
        self.known: Any = None
        self.failed: list[cleanup.Failed] = []
        self.client: Callable[[str], Any] = lambda _: None
        self.log: list[str] = []

    def find(self, *_: Any, **__: Any) -> Report:
        return self.reports.pop(0) if len(self.reports) > 1 else self.reports[0]

    def delete(self, client: Any, lab: Any, chosen: Sequence[Leftover], known: Any, **_: Any) -> Outcome:
        self.deleted, self.known = list(chosen), known
        self.log.append("delete")
        return Outcome(list(chosen), self.failed)


def run(command: Callable[..., None], **options: Any) -> int:
    try:
        command("dev", **options)
    except typer.Exit as left_with:
        return left_with.exit_code
    return 0


def world_in(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in the place of what AWS and the engine's state would answer."""
    made = World()

    @contextmanager
    def opened(backend: Backend) -> Generator[LabSession]:
        stack = backend.stack
        yield LabSession(stack, identity(stack, made.recorded), made.client, made.recorded)

    for kind in (AwsBackend, RehearsalBackend):
        monkeypatch.setattr(kind, "opened", opened)
    monkeypatch.setattr(state, "on_aws", lambda _stack: made.recorded)
    for name in ("find", "settled"):
        monkeypatch.setattr(cleanup, name, made.find)
    monkeypatch.setattr(cleanup, "delete", made.delete)
    return made
