"""From what was seen to what is told: for every probe a good case, a bad one with its remedy, and no answer."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sights import ACCOUNT, HEALTHY, NOW, PUBLISHED, lab, spoilt

from infra.config.aws_checks import Answers, Unanswered
from infra.config.loading import Problem
from operations.doctor.diagnose import diagnose
from operations.doctor.findings import Finding, Layer, Status
from operations.doctor.observations import (
    Caller,
    ClusterSeen,
    Denied,
    Machine,
    NameConflict,
    Observations,
    Peering,
    QuotaSeen,
    RecordedResources,
    Refused,
    Tool,
    Unseen,
    VersionSeen,
)
from operations.doctor.quotas import (
    ADDRESS,
    ADDRESSES,
    CLUSTER,
    CLUSTERS,
    ON_DEMAND_VCPUS,
    QUOTAS,
    SECURITY_GROUPS,
    SPOT_VCPUS,
    VPC,
    VPCS,
    needs,
)

NOBODY = Unseen("AccessDenied: no")
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/me"
LEFT = (NameConflict("log group", "/aws/eks/myeks/cluster"), NameConflict("KMS alias", "alias/myeks-eks-secrets"))
PART = RecordedResources(
    {
        VPC: frozenset({"vpc-1", "vpc-2"}),
        ADDRESS: frozenset({"eipalloc-1", "eipalloc-2"}),
        CLUSTER: frozenset({"myeks"}),
        "aws:cloudwatch/logGroup:LogGroup": frozenset({"/aws/eks/myeks/cluster"}),
        "aws:kms/alias:Alias": frozenset({"alias/myeks-eks-secrets"}),
    }
)
"""What a first run leaves in the state that failed after the cluster."""


def told(seen: Observations, layer: Layer | None = None, **values: Any) -> list[Finding]:
    return [f for f in diagnose(lab(**values), seen, NOW) if layer is None or f.layer is layer]


@pytest.mark.parametrize(
    "offered",
    [
        VersionSeen("EXTENDED_SUPPORT", date(2026, 1, 1)),
        VersionSeen("STANDARD_SUPPORT", NOW.date() + timedelta(days=60)),
    ],
)
def test_extended_support_that_is_asked_for_is_told_with_its_price(offered: VersionSeen):
    (one,) = told(spoilt(versions={"1.36": offered}), Layer.VERSION, supportType="EXTENDED")
    assert one.status is Status.WARN
    assert "0.60 instead of 0.10" in one.finding


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
    "clock": ({"clock_ahead": 301}, Layer.MACHINE, Status.FAIL, "ahead of", "NTP"),
    "late clock": ({"clock_ahead": -90}, Layer.MACHINE, Status.WARN, "behind", "NTP"),
    "no clock": ({"clock_ahead": None}, Layer.MACHINE, Status.UNCHECKED, "returned no time", ""),
    "nobody": ({"caller": Refused("ExpiredToken: old")}, Layer.CREDENTIALS, Status.FAIL, "ExpiredToken", "Log in"),
    "no such profile": (
        {"caller": Refused("The config profile (study) could not be found", ("default", "lab"))},
        Layer.CREDENTIALS,
        Status.FAIL,
        "(study) could not be found",
        "Name one of these in aws:profile of the stack's settings, or in AWS_PROFILE: default, lab.",
    ),
    "no profile at all": (
        {"caller": Refused("The config profile (study) could not be found", ())},
        Layer.CREDENTIALS,
        Status.FAIL,
        "(study) could not be found",
        "There is none at all",
    ),
    "no way to AWS": (
        {"caller": Unseen("Could not connect")},
        Layer.CREDENTIALS,
        Status.UNCHECKED,
        "Who you are: Could not connect",
        "this machine's way to AWS",
    ),
    "root": (
        {"caller": Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")},
        Layer.CREDENTIALS,
        Status.WARN,
        "root user",
        "administrator",
    ),
    "session ends": (
        {"caller": Caller(ACCOUNT, ADMIN, NOW + timedelta(minutes=20))},
        Layer.CREDENTIALS,
        Status.WARN,
        "end in 20 minutes",
        "Renew",
    ),
    "session ends, nobody knows when": (
        {"caller": Caller(ACCOUNT, ADMIN, Unseen("their session token came without it"))},
        Layer.CREDENTIALS,
        Status.UNCHECKED,
        "When these credentials end: their session token",
        "45 minutes",
    ),
    "denied": (
        {"denied": (Denied("eks:CreateCluster", "implicitDeny"),)},
        Layer.PERMISSIONS,
        Status.FAIL,
        "For eks:index:Cluster you may not eks:CreateCluster.",
        "administrator",
    ),
    "denied outright": (
        {"denied": (Denied("eks:CreateCluster", "explicitDeny"),)},
        Layer.PERMISSIONS,
        Status.FAIL,
        "For eks:index:Cluster a policy denies you eks:CreateCluster.",
        "policy changed",
    ),
    "denied for a service": (
        {"denied": (Denied("iam:PassRole pods.eks.amazonaws.com", "implicitDeny"),)},
        Layer.PERMISSIONS,
        Status.FAIL,
        "you may not iam:PassRole to pods.eks.amazonaws.com.",
        "administrator",
    ),
    "denied unless": (
        {"denied": (Denied("eks:CreateCluster", "explicitDeny", ("aws:MultiFactorAuthPresent",)),)},
        Layer.PERMISSIONS,
        Status.UNCHECKED,
        "Whether you may eks:CreateCluster depends on aws:MultiFactorAuthPresent,",
        "policies",
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
        Status.FAIL,
        "supportType is STANDARD",
        "kubernetesVersion",
    ),
    "support ends": (
        {"versions": {"1.36": VersionSeen("STANDARD_SUPPORT", NOW.date() + timedelta(days=60))}},
        Layer.VERSION,
        Status.WARN,
        "EKS upgrades the cluster by itself",
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
        {"cluster": ClusterSeen("ACTIVE", "1.36", "vpc-9")},
        Layer.EXISTING,
        Status.FAIL,
        "cluster myeks already (ACTIVE), and it is not in this stack.",
        "Choose another myeks:clusterName, or name the stack that it belongs to.",
    ),
    "cluster of a run that was broken off": (
        {
            "cluster": ClusterSeen("CREATING", "1.36", "vpc-1"),
            "recorded": RecordedResources({VPC: frozenset({"vpc-1"})}),
        },
        Layer.EXISTING,
        Status.FAIL,
        "in this stack's VPC, and the engine's state does not hold it",
        "./lab sweep -s dev --delete",
    ),
    "own cluster that failed": (
        {"cluster": ClusterSeen("FAILED", "1.36"), "recorded": PART},
        Layer.EXISTING,
        Status.WARN,
        "of this stack is FAILED",
        "./lab down -s dev",
    ),
    "own cluster that is gone": (
        {"recorded": PART},
        Layer.EXISTING,
        Status.WARN,
        "state holds the cluster myeks, and EKS has none",
        "./lab down -s dev",
    ),
    "cluster unseen": ({"cluster": NOBODY}, Layer.EXISTING, Status.UNCHECKED, "AccessDenied", ""),
    "name conflict": (
        {"name_conflicts": LEFT[:1]},
        Layer.EXISTING,
        Status.FAIL,
        "The log group /aws/eks/myeks/cluster is there already, and not in this stack",
        "lab of yours, ./lab sweep -s dev --delete",
    ),
    "log group that EKS made again": (
        {"name_conflicts": (replace(LEFT[0], remains=True),)},
        Layer.EXISTING,
        Status.WARN,
        "EKS made it for its last lines",
        "`up` takes it away",
    ),
    "load balancer of another VPC": (
        {
            "name_conflicts": (NameConflict("load balancer", "myeks-ingress-alb", "vpc-9"),),
            "cluster": ClusterSeen("ACTIVE", "1.36"),
            "recorded": PART,
        },
        Layer.EXISTING,
        Status.FAIL,
        "load balancer myeks-ingress-alb",
        "./lab sweep -s dev --delete",
    ),
    "Classic load balancer of an earlier cluster": (
        {"name_conflicts": (NameConflict("Classic load balancer", "a01", "vpc-9"),)},
        Layer.EXISTING,
        Status.WARN,
        "Classic load balancer a01 is there already, made for a Service of an earlier cluster myeks",
        "./lab sweep -s dev --delete",
    ),
    "schedule of an earlier lab's end": (
        {"name_conflicts": (NameConflict("schedule", "default/myeks-expiry-cluster"),)},
        Layer.EXISTING,
        Status.FAIL,
        "default/myeks-expiry-cluster is there already, and not in this stack; it would end the new lab.",
        "./lab sweep -s dev --delete",
    ),
    "name_conflicts unseen": ({"name_conflicts": NOBODY}, Layer.EXISTING, Status.UNCHECKED, "AccessDenied", ""),
    "state unseen": ({"recorded": NOBODY}, Layer.EXISTING, Status.UNCHECKED, "What the engine's state holds", "login"),
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
    blind = Observations(
        stack="dev",
        machine=HEALTHY.machine,
        clock_ahead=0,
        caller=NOBODY,
        denied=NOBODY,
        settings=Answers(unanswered=(Unanswered("myeks:nodeGroup.instanceTypes", "no"),)),
        versions=NOBODY,
        quotas={},
        peerings=NOBODY,
        address=NOBODY,
        cluster=NOBODY,
        name_conflicts=NOBODY,
        recorded=NOBODY,
    )
    for finding in told(blind, operatorCidrs=["203.0.113.7/32"]):
        assert (finding.status is Status.OK) == (finding.layer is Layer.MACHINE)


def test_many_denials_are_gathered_by_what_needs_them():
    denied = tuple(Denied(f"ec2:{name}", "implicitDeny") for name in ("CreateVpc", "DeleteVpc", "CreateSubnet"))
    found = [f.finding for f in told(spoilt(denied=denied), Layer.PERMISSIONS)]
    assert found == [
        "For aws:ec2/subnet:Subnet you may not ec2:CreateSubnet.",
        "For aws:ec2/vpc:Vpc you may not ec2:CreateVpc, ec2:DeleteVpc.",
    ]


def full(**by: dict[str, float]) -> dict[str, QuotaSeen]:
    """Quotas of which all is used, and by what."""
    used = {quota.code: sum(by.get(quota.code.replace("-", "_"), {}).values()) for quota in QUOTAS}
    return {code: QuotaSeen(used[code], used[code], by.get(code.replace("-", "_"), {})) for code in used}


OWN_USE = full(
    L_1216C47A={"vpc-1": 6, "vpc-2": 4},
    L_F678F1CE={"vpc-1": 1, "vpc-2": 1},
    L_0263D0A3={"eipalloc-1": 1, "eipalloc-2": 1},
    L_DF5E4CA3={"vpc-1": 20},
    L_E79EC296={"vpc-1": 8},
    L_1194D53C={"myeks": 1},
)


@pytest.mark.parametrize("status", ["ACTIVE", "FAILED", "CREATE_FAILED"])
def test_after_a_run_that_failed_the_stack_goes_on(status: str):
    """The state holds what was made, and no outputs; all of it is on AWS with the lab's own names."""
    seen = spoilt(
        recorded=PART,
        quotas=OWN_USE,
        cluster=ClusterSeen(status, "1.36", "vpc-1"),
        name_conflicts=(*LEFT, NameConflict("load balancer", "myeks-ingress-alb", "vpc-1")),
        peerings=(Peering("vpc-1", "192.168.0.0/16"), Peering("vpc-2", "172.20.0.0/16")),
    )
    found = told(seen)
    assert [f for f in found if f.status is not Status.OK and status == "ACTIVE"] == []
    assert Status.FAIL not in {f.status for f in found}
    assert any("takes no more" in f.finding for f in found)


def test_the_stacks_own_end_is_no_conflict():
    name = "default/myeks-expiry-cluster"
    held = RecordedResources({"aws:scheduler/schedule:Schedule": frozenset({name})})
    found = told(spoilt(recorded=held, name_conflicts=(NameConflict("schedule", name),)), Layer.EXISTING)
    assert {f.status for f in found} == {Status.OK}


def test_a_part_that_stands_is_not_taken_again():
    half = QuotaSeen(5, 4, {"vpc-1": 1, "vpc-9": 3})
    seen = spoilt(recorded=RecordedResources({VPC: frozenset({"vpc-1"})}), quotas={**HEALTHY.quotas, VPCS.code: half})
    (one,) = [f for f in told(seen, Layer.QUOTAS) if "VPCs" in f.finding]
    assert (one.status, one.finding) == (
        Status.OK,
        "VPCs in the region: 4 of 5 used, the stack takes 1 more.",
    )
    bare = replace(seen, recorded=RecordedResources())
    assert Status.FAIL in {f.status for f in told(bare, Layer.QUOTAS)}


def test_without_the_state_nothing_that_hangs_on_it_fails():
    seen = spoilt(
        recorded=NOBODY,
        quotas=OWN_USE,
        cluster=ClusterSeen("ACTIVE", "1.36", "vpc-1"),
        name_conflicts=(*LEFT, NameConflict("load balancer", "myeks-ingress-alb", "vpc-1")),
        peerings=(Peering("vpc-1", "192.168.0.0/16"),),
    )
    found = told(seen)
    assert {f.status for f in found} == {Status.OK, Status.UNCHECKED}
    unchecked = [f for f in found if f.status is Status.UNCHECKED]
    assert {f.layer for f in unchecked} == {Layer.QUOTAS, Layer.NETWORK, Layer.EXISTING}
    assert sum(f.layer is Layer.EXISTING for f in unchecked) == 5
    assert not any("Choose" in f.remedy or "sweep" in f.remedy for f in found)


@pytest.mark.parametrize("cluster", [ClusterSeen("ACTIVE", "1.36", "vpc-9"), NOBODY])
def test_what_may_be_anothers_is_not_to_be_deleted(cluster: ClusterSeen | Unseen):
    """Another learner in the account took the same name, or it is not known whether one did."""
    left = (*LEFT, NameConflict("load balancer", "myeks-ingress-alb", "vpc-9"), replace(LEFT[0], remains=True))
    found = [f for f in told(spoilt(cluster=cluster, name_conflicts=left)) if f.status is Status.FAIL]
    assert len(found) == len(left) + isinstance(cluster, ClusterSeen)
    for finding in found:
        assert "myeks:clusterName" in finding.remedy
        assert "name the stack that it belongs to" in finding.remedy
        assert not any(word in finding.remedy.lower() for word in ("sweep", "delete", "take"))


@pytest.mark.parametrize("cluster", [ClusterSeen("ACTIVE", "1.36", "vpc-9"), NOBODY])
def test_a_classic_balancer_is_the_cluster_s_that_stands(cluster: ClusterSeen | Unseen):
    left = (NameConflict("Classic load balancer", "a01", "vpc-9"),)
    assert not any("a01" in finding.finding for finding in told(spoilt(cluster=cluster, name_conflicts=left)))


@pytest.mark.parametrize(
    ("cidrs", "address", "status"),
    [
        ([], "198.51.100.9", None),
        (["203.0.113.0/24", "198.51.100.9/32"], "198.51.100.9", Status.OK),
        (["203.0.113.0/24"], "203.0.113.77", Status.OK),
        (["203.0.113.0/24"], "198.51.100.9", Status.FAIL),
        (["203.0.113.0/24"], NOBODY, Status.UNCHECKED),
        (["203.0.113.0/24"], None, None),
    ],
)
def test_the_clusters_endpoint_must_answer_this_machine(
    cidrs: list[str], address: str | Unseen | None, status: Status | None
):
    found = [f for f in told(spoilt(address=address), Layer.NETWORK, operatorCidrs=cidrs) if "machine" in f.finding]
    assert [f.status for f in found] == ([] if status is None else [status])
    if status is Status.FAIL:
        assert found[0].remedy == "Add 198.51.100.9/32 to myeks:operatorCidrs."


def test_the_whole_internet_is_no_limit():
    open_ = {"operatorCidrs": ["203.0.113.0/24", "0.0.0.0/0"], "allowAnyOperatorCidr": True}
    assert len(told(spoilt(address="198.51.100.9"), Layer.NETWORK, **open_)) == 1


def test_a_clock_that_made_aws_refuse_is_told_beside_it():
    found = [
        f for f in told(spoilt(caller=Refused("SignatureDoesNotMatch"), clock_ahead=400)) if f.status is Status.FAIL
    ]
    assert [f.layer for f in found] == [Layer.MACHINE, Layer.CREDENTIALS]


@pytest.mark.parametrize(
    ("minutes", "status"), [(44, Status.WARN), (45, Status.OK), (-5, Status.WARN), (600, Status.OK)]
)
def test_a_session_has_to_outlive_the_run(minutes: int, status: Status):
    seen = spoilt(caller=Caller(ACCOUNT, ADMIN, NOW + timedelta(minutes=minutes)))
    assert told(seen, Layer.CREDENTIALS)[-1].status is status


@pytest.mark.parametrize(("days", "status"), [(60, Status.WARN), (61, Status.OK), (0, Status.WARN)])
def test_support_is_warned_of_within_sixty_days(days: int, status: Status):
    until = (NOW + timedelta(days=days)).date()
    seen = spoilt(versions={"1.36": VersionSeen("STANDARD_SUPPORT", until)})
    assert [f.status for f in told(seen, Layer.VERSION)] == [status]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {ON_DEMAND_VCPUS: 10, VPCS: 2, ADDRESSES: 2, SECURITY_GROUPS: 5, CLUSTERS: 1}),
        ({"natGateway": True}, {ADDRESSES: 3}),
        ({"opsServers": {"enabled": False}}, {ON_DEMAND_VCPUS: 6, VPCS: 1}),
        ({"nodeGroup": {"capacityType": "SPOT"}}, {SPOT_VCPUS: 6, ON_DEMAND_VCPUS: 4}),
        ({"exercises": {"k07": "open"}}, {ON_DEMAND_VCPUS: 12, SECURITY_GROUPS: 6}),
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
