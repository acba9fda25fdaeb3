"""What several commands' tests share."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.commands import down, sweep
from operations import cleanup
from stacks import pulumi_cli, state
from stacks.aws_lab import Opened, identity
from stacks.stack import Stack
from tests.unit.cli.sweep_world import (
    STACK,
    World,
)


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the world of the user's, nor the stages that are kept beside it."""
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(tmp_path_factory.mktemp("world") / "world"))


@pytest.fixture
def pulumi_installed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A machine that has pulumi, which nobody runs; a stack's last update went well."""
    program: Path = tmp_path_factory.mktemp("bin") / "pulumi"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(pulumi_cli, "last_update_failed", lambda _stack: False)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    @contextmanager
    def opened(stack: Stack) -> Generator[Opened]:
        yield Opened(stack, identity(stack, made.recorded), made.client, made.recorded)

    for module in (sweep, down):
        monkeypatch.setattr(module, "opened", opened)
        monkeypatch.setattr(module, "load", lambda _name: STACK)
    monkeypatch.setattr(state, "on_aws", lambda _stack: made.recorded)
    for name in ("find", "settled"):
        monkeypatch.setattr(cleanup, name, made.find)
    monkeypatch.setattr(cleanup, "delete", made.delete)
    return made
