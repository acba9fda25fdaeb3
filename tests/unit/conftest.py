"""What unit tests share: the stack under mocks, built once for each configuration (building takes most of a test's
time), and what keeps each test from the user's own world and signal handlers."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from infra.config.aws_checks import Answers
from infra.config.loading import LabConfig
from infra.stack import deploy
from stacks import pulumi_cli
from tests.unit.mocks import REGION, Graph, run

DOMAIN = "example.com"
ZONE_ID = "Z0123456789ABCDEFGHIJ"
CERTIFICATE = f"arn:aws:acm:{REGION}:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef"
OPERATOR = "203.0.113.7/32"
PASSWORD = "grafana-test-Passw0rd"
LAB = {"myeks:lab": f"{REGION}/myeks"}
"""The tag by which everything of the lab is found."""


class NoLookups:
    """Answers every question about the configuration with: nothing wrong."""

    def ask(self, config: LabConfig) -> Answers:
        return Answers()


def stack(settings: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None) -> Graph:
    """The whole program under mocks; settings without the namespace."""
    return run(
        lambda: deploy(NoLookups()),
        {"aws:region": REGION, **{f"myeks:{key}": value for key, value in (settings or {}).items()}},
        {f"myeks:{key}": value for key, value in (secrets or {}).items()},
    )


@pytest.fixture(scope="session")
def default() -> Graph:
    """Nothing configured."""
    return stack()


@pytest.fixture(scope="session")
def full() -> Graph:
    """Everything configured, each exercise at its last stage, but no NAT gateway."""
    return stack(
        {
            "domain": DOMAIN,
            "hostedZoneId": ZONE_ID,
            "certificateArn": CERTIFICATE,
            "operatorCidrs": [OPERATOR, "198.51.100.0/28"],
            "keyName": "my-key",
            "tags": {"Project": "myeks", "Owner": "me"},
            "exercises": {
                "rbac": "after",
                "identityMapping": "entry",
                "irsa": True,
                "podIdentity": True,
                "k07": "closed",
                "k08": "closed",
                "crypto": "closed",
            },
        },
        {"grafanaAdminPassword": PASSWORD},
    )


@pytest.fixture(scope="session")
def nat() -> Graph:
    """With a NAT gateway."""
    return stack({"natGateway": True})


@pytest.fixture(scope="session")
def bare() -> Graph:
    """Without everything that can be left out, under another name and in another region."""
    return run(
        lambda: deploy(NoLookups()),
        {
            "aws:region": "eu-west-1",
            "aws:profile": "lab",
            "myeks:clusterName": "other",
            "myeks:opsServers": {"enabled": False},
            "myeks:monitoring": False,
            "myeks:kubeOpsView": False,
            "myeks:nodeGroup": {
                "prefixDelegation": False,
                "maxPods": 17,
                "minSize": 1,
                "desiredSize": 2,
                "maxSize": 4,
                "capacityType": "SPOT",
                "diskSizeGiB": 50,
            },
        },
    )


_COUNT = count()


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the world of the user's, nor the stages that are kept beside it."""
    own = tmp_path_factory.getbasetemp() / f"own-{next(_COUNT)}-world"
    own.mkdir()
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(own / "world"))


@pytest.fixture
def pulumi_installed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A machine that has pulumi, which nobody runs; a stack's last update went well."""
    program: Path = tmp_path_factory.mktemp("bin") / "pulumi"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(pulumi_cli, "last_update_failed", lambda _stack: False)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """No signal handler may be left behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before
