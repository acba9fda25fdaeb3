"""`pulumi up` by hand builds a lab on AWS, and never as the stack that `./lab` keeps on this machine."""

import runpy
from pathlib import Path

import pulumi
import pytest

from infra import stack
from stacks.stack import REHEARSAL

ENTRY = Path(__file__).parents[3] / "__main__.py"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was deployed by the entry of the pulumi CLI."""
    found: list[str] = []
    monkeypatch.setattr(stack, "deploy", lambda: found.append(pulumi.get_stack()))
    return found


@pytest.mark.parametrize("name", ["dev", "rehearsal2", "test"])
def test_any_other_stack_is_built(name: str, deployed: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pulumi, "get_stack", lambda: name)
    runpy.run_path(str(ENTRY))
    assert deployed == [name]


def test_the_rehearsals_stack_is_refused_before_anything_is_registered(
    deployed: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pulumi, "get_stack", lambda: REHEARSAL)
    # A RunError is shown without a Python trace.
    with pytest.raises(pulumi.RunError, match=r"\./lab up for the rehearsal.*pulumi stack init dev"):
        runpy.run_path(str(ENTRY))
    assert deployed == []
