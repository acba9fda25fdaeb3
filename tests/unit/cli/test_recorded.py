"""What the engine holds, read from its state; a lost state is told from one that cannot be read."""

import json
import subprocess

import pytest

from cli import pulumi_cli, recorded
from cli.lab_on_aws import state_of
from cli.recorded import CLUSTER
from tests.unit.cli.sweep_world import (
    STACK,
)

pytestmark = pytest.mark.usefixtures("pulumi_installed")


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
