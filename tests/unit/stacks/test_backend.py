"""Which backend a stack has, and what a command reads off it."""

from pathlib import Path

import pytest

from cli.commands import preview
from infra.config.loading import parse
from rehearsal.emulator.settings import OPERATOR
from stacks import backend
from stacks.aws_backend import AwsBackend, engine
from stacks.console import Progress
from stacks.errors import BadInput
from stacks.made_by_hand import nobody
from stacks.rehearsal_backend import RehearsalBackend, opening
from stacks.stack import Stack

CONFIG = parse({}, "ap-northeast-2")
LATE = parse({"expires": "2026-01-01T00:00Z"}, "ap-northeast-2")


def test_only_a_stack_that_is_named_so_is_the_rehearsals():
    here, there = (backend.of(Stack(name, Path(f"Pulumi.{name}.yaml"), CONFIG)) for name in ("rehearsal", "dev"))
    assert isinstance(here, RehearsalBackend)
    assert isinstance(there, AwsBackend)
    assert (here.costs, there.costs) == (False, True)
    assert (here.place, there.place) == ("this machine", "AWS in ap-northeast-2")
    assert here.patience < there.patience
    assert there.world() is None
    assert not there.is_gone()


@pytest.fixture
def nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "begin", lambda *_, **__: pytest.fail("begun"))
    monkeypatch.setattr(engine, "change", lambda *_, **__: pytest.fail("begun"))


@pytest.mark.usefixtures("nothing_begins")
def test_a_lab_whose_end_has_passed_is_not_built_in_the_rehearsal():
    late = backend.of(Stack("rehearsal", Path("Pulumi.rehearsal.yaml"), LATE))
    with pytest.raises(BadInput, match="--ttl"):
        late.up(Progress(), yes=True, agree=nobody)
    with pytest.raises(BadInput, match="--ttl"):
        late.apply(Progress())


@pytest.mark.usefixtures("nothing_begins")
@pytest.mark.parametrize("name", ["rehearsal", "dev"])
def test_nor_previewed(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(preview, "load", lambda given: Stack(given, Path(f"Pulumi.{given}.yaml"), LATE))
    with pytest.raises(BadInput, match="--ttl"):
        preview.preview(name)


@pytest.mark.parametrize(
    ("running", "shells", "gone"), [("", "one", True), ("two", "one", True), ("one", "one", False)]
)
def test_a_rehearsal_that_was_started_afresh_is_another_one(
    monkeypatch: pytest.MonkeyPatch, running: str, shells: str, gone: bool
):
    monkeypatch.setenv("MYEKS_REHEARSAL_WORLD", shells)
    here = opening.World(running, 1, "", "", "", Path()) if running else None
    monkeypatch.setattr(opening, "attached", lambda: here)
    assert backend.of(Stack("rehearsal", Path("Pulumi.rehearsal.yaml"), CONFIG)).is_gone() is gone


def test_the_rehearsals_operator_is_the_emulators():
    here = backend.of(Stack("rehearsal", Path("Pulumi.rehearsal.yaml"), CONFIG))
    assert here.operator({"accountId": "111122223333"}) == ("admin", f"arn:aws:iam::111122223333:user/{OPERATOR}")
