"""What is refused before the rehearsal is begun."""

from pathlib import Path

import pytest

from cli import aws_stack, preview, rehearsed, updates
from cli.console import Progress
from cli.failures import BadInput
from cli.stacks import Stack
from infra.config import parse

CONFIG = parse({"expires": "2026-01-01T00:00Z"}, "ap-northeast-2")


@pytest.fixture(autouse=True)
def nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsed, "begin", lambda *_: pytest.fail("begun"))
    monkeypatch.setattr(aws_stack, "_pulumi", lambda *_, **__: pytest.fail("begun"))


def test_a_lab_whose_end_has_passed_is_not_built():
    with pytest.raises(BadInput, match="--ttl"):
        updates.rehearse(Stack("rehearsal", Path("Pulumi.rehearsal.yaml"), CONFIG), Progress())


@pytest.mark.parametrize("name", ["rehearsal", "dev"])
def test_nor_previewed(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(preview, "load", lambda given: Stack(given, Path(f"Pulumi.{given}.yaml"), CONFIG))
    with pytest.raises(BadInput, match="--ttl"):
        preview.preview(name)
