"""What the engine holds, read from its state; a lost state is told from one that cannot be read."""

import json
import subprocess
from dataclasses import replace

import pytest

from infra.config.loading import parse
from operations import cleanup
from stacks import pulumi_cli, state
from stacks.aws_lab import identity
from stacks.state import CLUSTER
from tests.unit.stacks.sweep_world import (
    STACK,
)

pytestmark = pytest.mark.usefixtures("pulumi_installed")


def test_the_state_is_read_by_type_and_id() -> None:
    held = state.parsed(
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
    held = state.state_of(STACK)
    assert held.count == count
    assert unknown in held.unknown
    assert bool(held.unknown) is bool(unknown)
    assert held.missing is ("no stack named" in stderr)
    # It takes seconds, and nothing else is said meanwhile.
    assert "asking pulumi what stack dev holds" in capsys.readouterr().err


def test_without_pulumi_the_state_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "pulumi CLI is not on PATH" in state.on_aws(STACK).unknown


DNS = {"type": state.RELEASE, "custom": True, "id": "kube-system/external-dns"}
DNS_VALUES = {"domainFilters": ["Example.com"], "txtOwnerId": "Z0123456789ABCDEFGHIJ"}
TOLD = {"domain": "outputs.example.com", "hostedZoneId": "Z00OUTPUTS"}
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


@pytest.mark.parametrize(
    ("resources", "domain", "zone"),
    [
        ([{**DNS, "inputs": {"chart": "external-dns", "values": DNS_VALUES}}], "example.com", "Z0123456789ABCDEFGHIJ"),
        # The program that ran last had no domain any more, and did not come to ExternalDNS's deletion.
        (
            [
                {"type": state.STACK, "custom": False, "outputs": {"domain": "", "hostedZoneId": ""}},
                {**DNS, "inputs": {"chart": "external-dns", "values": DNS_VALUES}},
                {**DNS, "inputs": {"chart": "kube-ops-view", "values": {}}},
            ],
            "example.com",
            "Z0123456789ABCDEFGHIJ",
        ),
        # A deletion was broken off after ExternalDNS.
        ([{"type": state.STACK, "custom": False, "outputs": TOLD}], "outputs.example.com", "Z00OUTPUTS"),
        ([{"type": state.STACK, "custom": False, "outputs": {"domain": "example.com"}}], "", ""),
        ([{"type": state.STACK, "custom": False, "outputs": {**TOLD, "hostedZoneId": SECRET}}], "", ""),
        ([{"type": state.STACK, "custom": False}, {**DNS, "inputs": {"chart": "external-dns"}}], "", ""),
        ([{**DNS, "inputs": {"chart": "another", "values": DNS_VALUES}}], "", ""),
    ],
)
def test_the_state_tells_the_zone_of_the_labs_records(
    resources: list[dict[str, object]], domain: str, zone: str
) -> None:
    held = state.parsed(resources)
    assert (held.domain, held.hosted_zone_id) == (domain, zone)


CERTIFICATE = "arn:aws:acm:ap-northeast-2:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef"


def test_without_a_domain_in_the_settings_the_states_zone_is_searched_for_records() -> None:
    held = state.StackState(domain="example.com", hosted_zone_id="Z0HELD")
    assert identity(STACK, state.StackState()).hosted_zone_id == ""
    lab = identity(STACK, held)
    assert (lab.domain, lab.hosted_zone_id) == ("example.com", "Z0HELD")
    records = next(kind for kind in cleanup.KINDS if kind.name == "record")
    assert records.applies(lab)
    assert not records.applies(identity(STACK, state.StackState()))


def test_a_domain_in_the_settings_is_the_one_that_counts() -> None:
    domain = {"domain": "set.example.com", "hostedZoneId": "Z0123456789ABCDEFGHIJ", "certificateArn": CERTIFICATE}
    settings = {**domain, "allowAnyOperatorCidr": True}
    stack = replace(STACK, config=parse(settings, "ap-northeast-2"))
    lab = identity(stack, state.StackState(domain="example.com", hosted_zone_id="Z0HELD"))
    assert (lab.domain, lab.hosted_zone_id) == ("set.example.com", "Z0123456789ABCDEFGHIJ")


def test_the_kubeconfig_is_the_engines_own() -> None:
    provider = {"type": "pulumi:providers:kubernetes", "custom": True, "inputs": {"kubeconfig": "apiVersion: v1"}}
    assert state.parsed([provider]).kubeconfig == "apiVersion: v1"
    assert state.parsed([{**provider, "inputs": {}}]).kubeconfig is None
