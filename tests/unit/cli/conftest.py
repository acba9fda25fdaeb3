"""What several commands' tests share."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from cli.commands import down, sweep
from operations import cleanup
from stacks import state
from stacks.aws_backend import AwsBackend
from stacks.aws_lab import Opened, identity
from stacks.backend import Backend
from stacks.rehearsal_backend import RehearsalBackend
from tests.unit.cli.sweep_world import (
    STACK,
    World,
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    @contextmanager
    def opened(backend: Backend) -> Generator[Opened]:
        stack = backend.stack
        yield Opened(stack, identity(stack, made.recorded), made.client, made.recorded)

    for kind in (AwsBackend, RehearsalBackend):
        monkeypatch.setattr(kind, "opened", opened)
    for module in (sweep, down):
        monkeypatch.setattr(module, "load", lambda _name: STACK)
    monkeypatch.setattr(state, "on_aws", lambda _stack: made.recorded)
    for name in ("find", "settled"):
        monkeypatch.setattr(cleanup, name, made.find)
    monkeypatch.setattr(cleanup, "delete", made.delete)
    return made
