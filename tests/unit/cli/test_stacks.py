"""Settings are checked before anything starts, with every problem at once."""

from pathlib import Path

import pytest

from cli import stacks
from cli.failures import BadInput

GOOD = "config:\n  aws:region: ap-northeast-2\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stacks, "CHECKOUT", tmp_path)
    return tmp_path


def test_the_rehearsal_is_known_by_its_name_alone(checkout: Path):
    for name in ("rehearsal", "dev"):
        (checkout / f"Pulumi.{name}.yaml").write_text(GOOD)
    assert stacks.load("rehearsal").is_rehearsal
    assert not stacks.load("dev").is_rehearsal


def test_a_stack_without_a_file_names_those_that_have_one(checkout: Path):
    (checkout / "Pulumi.dev.yaml").write_text(GOOD)
    with pytest.raises(BadInput, match=r"no stack prod.*Name one of: dev\."):
        stacks.load("prod")


@pytest.mark.parametrize("text", ["config: [1, 2]", "- 1", "config: {a"])
def test_a_file_of_another_shape_is_told(checkout: Path, text: str):
    (checkout / "Pulumi.dev.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"Pulumi\.dev\.yaml"):
        stacks.load("dev")


def test_every_problem_is_told_at_once_and_the_exit_code_is_two(checkout: Path):
    (checkout / "Pulumi.dev.yaml").write_text(
        GOOD + "  myeks:natGateway: maybe\n  myeks:vpcCdr: 10.0.0.0/16\n  myeks:domain: example.com\n"
    )
    with pytest.raises(BadInput) as caught:
        stacks.load("dev")
    text = str(caught.value)
    for key in ("myeks:natGateway", "myeks:vpcCdr", "myeks:hostedZoneId"):
        assert key in text
    assert caught.value.exit_code == 2
