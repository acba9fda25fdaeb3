"""What several commands' tests share."""

import pytest

from cli.commands import down, sweep
from tests.unit.stacks.sweep_world import STACK, World, world_in


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for module in (sweep, down):
        monkeypatch.setattr(module, "load", lambda _name: STACK)
    return world_in(monkeypatch)
