"""From what was seen to what is told: for every probe a good case, a bad one with its remedy, and no answer."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sights import ACCOUNT, HEALTHY, NOW, PUBLISHED, lab, spoilt

from infra.config import Problem
from infra.doctor.diagnose import diagnose
from infra.doctor.findings import Finding, Layer, Status
from infra.doctor.needs import ADDRESSES, CLUSTERS, ON_DEMAND_VCPUS, QUOTAS, SPOT_VCPUS, VPCS, needs
from infra.doctor.seen import (
    Caller,
    ClusterSeen,
    Denied,
    Leftover,
    Machine,
    Peering,
    QuotaSeen,
    Seen,
    Tool,
    Unseen,
    VersionSeen,
)
from infra.lookups import Answers, Unanswered

NOBODY = Unseen("AccessDenied: no")
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/me"


def told(seen: Seen, layer: Layer | None = None, **values: Any) -> list[Finding]:
    return [f for f in diagnose(lab(**values), seen, NOW) if layer is None or f.layer is layer]


def test_a_healthy_account_has_nothing_to_mend():
    found = told(HEALTHY, keyName="me", **PUBLISHED)
    assert {f.status for f in found} == {Status.OK}
    assert [f.layer for f in found] == sorted((f.layer for f in found), key=list(Layer).index)
    assert {f.layer for f in found} == set(Layer)


def tools(**versions: str | None) -> Machine:
    present = {tool.name: tool.version for tool in HEALTHY.machine.tools} | versions
    return replace(HEALTHY.machine, tools=tuple(Tool(name, version) for name, version in present.items()))


# What is spoilt → layer, status, a part of the finding, a part of the remedy.
BAD: dict[str, tuple[dict[str, Any], Layer, Status, str, str]] = {
    "python": ({"machine": replace(HEALTHY.machine, python=(3, 10))}, Layer.MACHINE, Status.FAIL, "3.10", "3.11"),
    "no pulumi": ({"machine": tools(pulumi=None)}, Layer.MACHINE, Status.FAIL, "not on PATH", "pulumi.com"),
    "old pulumi": ({"machine": tools(pulumi="v3.9.1")}, Layer.MACHINE, Status.WARN, "older than its", "Update"),
    "ancient pulumi": ({"machine": tools(pulumi="v2.25.0")}, Layer.MACHINE, Status.FAIL, "v2.25.0", "3.0"),
    "mute pulumi": ({"machine": tools(pulumi="")}, Layer.MACHINE, Status.UNCHECKED, "did not tell", "pulumi.com"),
    "no aws": ({"machine": tools(aws=None)}, Layer.MACHINE, Status.FAIL, "not on PATH", "AWS CLI version 2"),
    "no kubectl": ({"machine": tools(kubectl=None)}, Layer.MACHINE, Status.WARN, "not on PATH", "ops servers"),
    "clock": ({"caller": Caller(ACCOUNT, ADMIN, clock_ahead=301)}, Layer.MACHINE, Status.FAIL, "ahead of", "NTP"),
    "late clock": ({"caller": Caller(ACCOUNT, ADMIN, clock_ahead=-90)}, Layer.MACHINE, Status.WARN, "behind", "NTP"),
    "no clock": ({"caller": Caller(ACCOUNT, ADMIN)}, Layer.MACHINE, Status.UNCHECKED, "told no time", ""),
    "nobody": ({"caller": Unseen("ExpiredToken: old")}, Layer.CREDENTIALS, Status.FAIL, "ExpiredToken", "Log in"),
    "root": (
        {"caller": Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", clock_ahead=0)},
        Layer.CREDENTIALS,
        Status.WARN,
        "root user",
        "administrator",
    ),
    "session ends": (
        {"caller": Caller(ACCOUNT, ADMIN, NOW + timedelta(minutes=20), 0)},
        Layer.CREDENTIALS,
        Status.WARN,
        "end in 20 minutes",
        "Renew",
    ),
    "denied": (
        {"denied": (Denied("eks:CreateCluster", "implicitDeny"),)},
        Layer.PERMISSIONS,
        Status.FAIL,
        "For eks:index:Cluster you may not eks:CreateCluster.",
        "administrator",
    ),
    "rights unseen": ({"denied": NOBODY}, Layer.PERMISSIONS, Status.UNCHECKED, "AccessDenied", "Simulate"),
    "zone": (
        {"settings": Answers((Problem("myeks:nodeGroup.instanceTypes", "None in c.", "Another."),))},
        Layer.REGION,
        Status.FAIL,
        "None in c.",
        "Another.",
    ),
    "zone unseen": (
        {"settings": Answers(unanswered=(Unanswered("myeks:nodeGroup.instanceTypes", "no"),))},
        Layer.REGION,
        Status.UNCHECKED,
        "instanceTypes: no",
        "",
    ),
    "key pair": (
        {"settings": Answers((Problem("myeks:keyName", "No key.", "Name one."),))},
        Layer.SETTINGS,
        Status.FAIL,
        "No key.",
        "Name one.",
    ),
    "key pair unseen": (
        {"settings": Answers(unanswered=(Unanswered("myeks:keyName", "no"),))},
        Layer.SETTINGS,
        Status.UNCHECKED,
        "keyName: no",
        "",
    ),
    "hosted zone": (
        {"settings": Answers((Problem("myeks:hostedZoneId", "It is private.", "Name the public one."),))},
        Layer.SETTINGS,
        Status.FAIL,
        "private",
        "public",
    ),
    "certificate": (
        {"settings": Answers((Problem("myeks:certificateArn", "Not issued.", "Finish."),))},
        Layer.SETTINGS,
        Status.FAIL,
        "Not issued.",
        "Finish.",
    ),
    "version gone": ({"versions": {}}, Layer.VERSION, Status.FAIL, "no clusters of Kubernetes 1.36", '"1.36"'),
    "unsupported": (
        {"versions": {"1.36": VersionSeen("UNSUPPORTED", None)}},
        Layer.VERSION,
        Status.FAIL,
        "no clusters",
        "kubernetesVersion",
    ),
    "extended": (
        {"versions": {"1.36": VersionSeen("EXTENDED_SUPPORT", date(2026, 1, 1))}},
        Layer.VERSION,
        Status.WARN,
        "0.60 instead of 0.10",
        "kubernetesVersion",
    ),
    "support ends": (
        {"versions": {"1.36": VersionSeen("STANDARD_SUPPORT", NOW.date() + timedelta(days=60))}},
        Layer.VERSION,
        Status.WARN,
        "0.60 instead of 0.10",
        "kubernetesVersion",
    ),
    "versions unseen": ({"versions": NOBODY}, Layer.VERSION, Status.UNCHECKED, "AccessDenied", ""),
    "quota": (
        {"quotas": {**HEALTHY.quotas, VPCS.code: QuotaSeen(5, 4)}},
        Layer.QUOTAS,
        Status.FAIL,
        "VPCs in the region: 4 of 5 used, the stack takes 2 more.",
        "L-F678F1CE of vpc raised to 6",
    ),
    "quota unseen": (
        {"quotas": {**HEALTHY.quotas, VPCS.code: NOBODY}},
        Layer.QUOTAS,
        Status.UNCHECKED,
        "VPCs in the region: AccessDenied",
        "",
    ),
    "overlap": (
        {"peerings": (Peering("vpc-1", "192.168.128.0/17"),)},
        Layer.NETWORK,
        Status.WARN,
        "overlaps 192.168.128.0/17 of vpc-1",
        "another range",
    ),
    "ops overlap": ({"peerings": (Peering("vpc-1", "172.20.0.0/16"),)}, Layer.NETWORK, Status.WARN, "ops VPC", ""),
    "peerings unseen": ({"peerings": NOBODY}, Layer.NETWORK, Status.UNCHECKED, "AccessDenied", ""),
    "cluster": (
        {"cluster": ClusterSeen("ACTIVE", "1.36")},
        Layer.EXISTING,
        Status.FAIL,
        "cluster myeks already (ACTIVE)",
        "clusterName",
    ),
    "cluster unseen": ({"cluster": NOBODY}, Layer.EXISTING, Status.UNCHECKED, "AccessDenied", ""),
    "leftover": (
        {"leftovers": (Leftover("log group", "/aws/eks/myeks/cluster"),)},
        Layer.EXISTING,
        Status.FAIL,
        "log group /aws/eks/myeks/cluster",
        "lab sweep",
    ),
    "leftovers unseen": ({"leftovers": NOBODY}, Layer.EXISTING, Status.UNCHECKED, "AccessDenied", ""),
    "stack unseen": ({"stands": NOBODY}, Layer.EXISTING, Status.UNCHECKED, "Whether the stack stands", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_one_thing_that_is_wrong_is_told_alone(case: str):
    changes, layer, status, finding, remedy = BAD[case]
    found = [f for f in told(spoilt(**changes), keyName="me", **PUBLISHED) if f.status is not Status.OK]
    (one,) = found
    assert (one.layer, one.status) == (layer, status)
    assert finding in one.finding
    assert remedy in one.remedy


@pytest.mark.parametrize("case", BAD)
def test_whoever_fails_says_what_to_do(case: str):
    for finding in told(spoilt(**BAD[case][0]), **PUBLISHED):
        assert finding.remedy or finding.status in {Status.OK, Status.UNCHECKED}
        assert not (finding.status is Status.OK and finding.remedy)


def test_nothing_seen_is_nothing_passed():
    """No probe answered: no finding but those about this machine may be ok."""
    blind = Seen(
        machine=HEALTHY.machine,
        caller=NOBODY,
        denied=NOBODY,
        settings=Answers(unanswered=(Unanswered("myeks:nodeGroup.instanceTypes", "no"),)),
        versions=NOBODY,
        quotas={},
        peerings=NOBODY,
        cluster=NOBODY,
        leftovers=NOBODY,
        stands=NOBODY,
    )
    for finding in told(blind):
        assert (finding.status is Status.OK) == (finding.layer is Layer.MACHINE)


def test_many_denials_are_gathered_by_what_needs_them():
    denied = tuple(Denied(f"ec2:{name}", "implicitDeny") for name in ("CreateVpc", "DeleteVpc", "CreateSubnet"))
    found = [f.finding for f in told(spoilt(denied=denied), Layer.PERMISSIONS)]
    assert found == [
        "For aws:ec2/subnet:Subnet you may not ec2:CreateSubnet.",
        "For aws:ec2/vpc:Vpc you may not ec2:CreateVpc, ec2:DeleteVpc.",
    ]


def test_a_stack_that_stands_takes_no_more_and_owns_its_cluster():
    full = {code: QuotaSeen(1, 1) for code in HEALTHY.quotas}
    seen = spoilt(
        stands=True,
        quotas=full,
        cluster=ClusterSeen("ACTIVE", "1.36"),
        leftovers=(Leftover("log group", "/aws/eks/myeks/cluster"),),
        peerings=(Peering("vpc-1", "192.168.0.0/16"), Peering("vpc-2", "172.20.0.0/16")),
    )
    assert {f.status for f in told(seen)} == {Status.OK}


@pytest.mark.parametrize(
    ("minutes", "status"), [(44, Status.WARN), (45, Status.OK), (-5, Status.WARN), (600, Status.OK)]
)
def test_a_session_has_to_outlive_the_run(minutes: int, status: Status):
    seen = spoilt(caller=Caller(ACCOUNT, ADMIN, NOW + timedelta(minutes=minutes), 0))
    assert told(seen, Layer.CREDENTIALS)[-1].status is status


@pytest.mark.parametrize(("days", "status"), [(60, Status.WARN), (61, Status.OK), (0, Status.WARN)])
def test_support_is_warned_of_within_sixty_days(days: int, status: Status):
    until = (NOW + timedelta(days=days)).date()
    seen = spoilt(versions={"1.36": VersionSeen("STANDARD_SUPPORT", until)})
    assert [f.status for f in told(seen, Layer.VERSION)] == [status]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {ON_DEMAND_VCPUS: 10, VPCS: 2, ADDRESSES: 2, CLUSTERS: 1}),
        ({"natGateway": True}, {ADDRESSES: 3}),
        ({"opsServers": {"enabled": False}}, {ON_DEMAND_VCPUS: 6, VPCS: 1}),
        ({"nodeGroup": {"capacityType": "SPOT"}}, {SPOT_VCPUS: 6, ON_DEMAND_VCPUS: 4}),
        ({"nodeGroup": {"desiredSize": 4, "instanceTypes": ["t3.medium", "m5.xlarge"]}}, {ON_DEMAND_VCPUS: 4 * 4 + 4}),
    ],
)
def test_what_the_stack_takes_of_a_quota(values: dict[str, object], expected: dict[Any, int]):
    taken = needs(lab(**values))
    assert {quota: taken[quota] for quota in expected} == expected
    assert set(taken) <= set(QUOTAS)


def test_a_quota_that_is_just_enough_is_enough():
    seen = spoilt(quotas={**HEALTHY.quotas, VPCS.code: QuotaSeen(5, 3)})
    assert {f.status for f in told(seen, Layer.QUOTAS)} == {Status.OK}


def test_the_day_is_the_callers():
    """The rules read no clock of their own."""
    late = datetime(2027, 7, 1, tzinfo=NOW.tzinfo)
    (one,) = [f for f in diagnose(lab(), HEALTHY, late) if f.layer is Layer.VERSION]
    assert one.status is Status.WARN
