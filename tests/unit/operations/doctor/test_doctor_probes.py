"""The probes: stubbed clients answer in the form of each API; what AWS refuses is unseen, never empty."""

import io
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.client import BadStatusLine
from typing import Any
from urllib.error import URLError

import boto3
import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)
from botocore.stub import ANY, Stubber
from sights import ACCOUNT, HEALTHY, NOW, SEOUL, lab

from clients.aws import ClientFactory
from infra.config.aws_checks import Answers
from infra.config.loading import LabConfig
from operations.doctor import machine, probes, rights
from operations.doctor.diagnose import diagnose
from operations.doctor.findings import Layer, Status
from operations.doctor.observations import (
    Caller,
    ClusterSeen,
    Denied,
    NameConflict,
    Peering,
    QuotaSeen,
    RecordedResources,
    Refused,
    Unseen,
    VersionSeen,
)
from operations.doctor.permissions import by_right
from operations.doctor.probes import Sight, see
from operations.doctor.quota_usage import quota_of
from operations.doctor.quotas import ADDRESSES, CLUSTERS, INTERFACES, ON_DEMAND_VCPUS, SECURITY_GROUPS, SPOT_VCPUS, VPCS
from tests.unit.conftest import CERTIFICATE, ZONE_ID

SERVICES = ("sts", "iam", "eks", "ec2", "service-quotas", "logs", "kms", "elbv2", "elb", "scheduler")

Stubs = dict[str, Stubber]


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    """Made once: a new session reads the whole model of EC2."""
    session: Any = boto3.Session("test", "test", region_name=SEOUL)
    return {service: session.client(service) for service in SERVICES}


@pytest.fixture
def stubs(clients: dict[str, Any]) -> Iterator[Stubs]:
    made = {service: Stubber(client) for service, client in clients.items()}
    for stub in made.values():
        stub.activate()
    yield made
    for stub in made.values():
        stub.deactivate()
    for stub in made.values():
        stub.assert_no_pending_responses()


@pytest.fixture
def client(clients: dict[str, Any]) -> ClientFactory:
    return clients.__getitem__


class Quiet:
    """Nothing wrong with the settings."""

    def ask(self, config: LabConfig) -> Answers:
        return Answers()


def sight(client: ClientFactory, **changes: Any) -> Sight:
    plain = Sight(
        client,
        Quiet(),
        "dev",
        recorded=RecordedResources,
        machine=lambda: HEALTHY.machine,
        address=lambda: pytest.fail("nothing hangs on the address"),
        profiles=lambda: ("default", "lab"),
        clock=lambda: NOW,
    )
    return replace(plain, **changes)


def identity(arn: str, **headers: str) -> dict[str, Any]:
    return {
        "UserId": "AIDAEXAMPLE",
        "Account": ACCOUNT,
        "Arn": arn,
        "ResponseMetadata": {"HTTPHeaders": headers, "HTTPStatusCode": 200},
    }


ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me"


def test_the_caller_and_the_clock(stubs: Stubs, client: ClientFactory):
    answer = identity(ROLE, date="Tue, 24 Nov 2026 11:59:00 GMT")
    stubs["sts"].add_response("get_caller_identity", answer)
    assert probes.caller(sight(client)) == (Caller(ACCOUNT, ROLE, None), 60.0)


def test_the_end_is_that_of_the_credentials_that_were_used(
    stubs: Stubs, client: ClientFactory, clients: dict[str, Any]
):
    end = NOW + timedelta(hours=1)
    signer = clients["sts"]._request_signer
    before, signer._credentials = signer._credentials, session(end)
    try:
        stubs["sts"].add_response("get_caller_identity", identity(ROLE))
        assert probes.caller(sight(client)) == (Caller(ACCOUNT, ROLE, end), None)
    finally:
        signer._credentials = before


def session(end: datetime) -> Any:
    return RefreshableCredentials("test", "test", "test", end, refresh_using=dict, method="sso")


@pytest.mark.parametrize(
    ("credentials", "end"),
    [
        (session(NOW), NOW),
        (session(NOW.replace(tzinfo=None)), NOW),
        (Credentials("test", "test"), None),
        (Credentials("test", "test", "test"), Unseen("their session token came without it")),
    ],
)
def test_when_credentials_end(credentials: Any, end: datetime | Unseen | None):
    assert probes.credentials_end(credentials) == end


def test_no_date_in_the_answer_is_no_clock(stubs: Stubs, client: ClientFactory):
    stubs["sts"].add_response("get_caller_identity", identity(ROLE))
    assert probes.caller(sight(client))[1] is None


def test_an_expired_session_is_nobody(stubs: Stubs, client: ClientFactory):
    stubs["sts"].add_client_error("get_caller_identity", "ExpiredToken", "The security token is expired")
    assert probes.caller(sight(client)) == (Refused("ExpiredToken: The security token is expired"), None)


def test_a_clock_that_is_far_off_is_told_although_aws_refuses(stubs: Stubs, client: ClientFactory):
    stubs["sts"].add_client_error(
        "get_caller_identity",
        "SignatureDoesNotMatch",
        "Signature expired",
        http_status_code=403,
        response_meta={"HTTPHeaders": {"date": "Tue, 24 Nov 2026 12:06:00 GMT"}},
    )
    seen = see(lab(), sight(client))
    assert (seen.caller, seen.clock_ahead) == (Refused("SignatureDoesNotMatch: Signature expired"), -360.0)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NoCredentialsError(), Refused),
        (ProfileNotFound(profile="study"), Refused),
        (RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."), Refused),
        (ValueError("Unknown string format: soon"), Refused),
        (EndpointConnectionError(endpoint_url="https://sts.example.com"), Unseen),
        (ConnectTimeoutError(endpoint_url="https://sts.example.com"), Unseen),
        (ReadTimeoutError(endpoint_url="https://sts.example.com"), Unseen),
    ],
)
def test_who_is_refused_and_who_cannot_be_asked(error: Exception, kind: type[Refused | Unseen]):
    def client(service: str) -> Any:
        raise error

    who, ahead = probes.caller(sight(client))
    assert type(who) is kind
    assert ahead is None
    assert getattr(who, "profiles", None) == (("default", "lab") if isinstance(error, ProfileNotFound) else None)


@pytest.mark.parametrize(("code", "status"), [("InternalFailure", 500), ("", 503), ("Throttling", 400)])
def test_an_aws_that_is_not_well_refuses_nobody(stubs: Stubs, client: ClientFactory, code: str, status: int):
    stubs["sts"].add_client_error("get_caller_identity", code, "later", http_status_code=status)
    assert isinstance(probes.caller(sight(client))[0], Unseen)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (NoCredentialsError(), "no credentials"),
        (EndpointConnectionError(endpoint_url="https://sts.example.com"), "reached"),
    ],
)
def test_without_a_caller_nothing_else_is_asked(error: Exception, why: str):
    asked: list[str] = []

    def client(service: str) -> Any:
        asked.append(service)
        raise error

    known = RecordedResources({"aws:ec2/vpc:Vpc": frozenset({"vpc-1"})})
    seen = see(lab(), sight(client, recorded=lambda: known))
    assert asked == ["sts"]
    for part in (seen.denied, seen.versions, seen.peerings, seen.cluster, seen.name_conflicts):
        assert isinstance(part, Unseen)
        assert why in part.why
    assert seen.settings.unanswered
    assert (seen.machine, seen.recorded, seen.stack) == (HEALTHY.machine, known, "dev")


class Told(io.BytesIO):
    """An HTTP answer."""


@pytest.mark.parametrize(
    ("answer", "address"),
    [
        (b"198.51.100.9\n", "198.51.100.9"),
        (b"2001:db8::1\n", None),
        (b"<html>log in</html>", None),
        (b"\xff", None),
        (URLError("timed out"), None),
        (TimeoutError("timed out"), None),
        (BadStatusLine("?"), None),
    ],
)
def test_the_address_under_which_the_internet_sees_this_machine(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | Exception, address: str | None
):
    def urlopen(url: str, timeout: float) -> Told:
        assert url == "https://checkip.amazonaws.com"
        assert timeout <= 5
        if isinstance(answer, Exception):
            raise answer
        return Told(answer)

    monkeypatch.setattr(probes, "urlopen", urlopen)
    found = probes.public_address()
    assert found == address if address else isinstance(found, Unseen)
    if isinstance(answer, URLError) and isinstance(found, Unseen):
        assert found.why == "https://checkip.amazonaws.com does not tell it (timed out)"


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({"operatorCidrs": ["203.0.113.7/32"]}, True),
        ({"operatorCidrs": ["0.0.0.0/0"], "allowAnyOperatorCidr": True}, False),
        ({}, False),
    ],
)
def test_the_address_is_asked_for_where_the_endpoint_is_limited(values: dict[str, Any], asked: bool):
    def nobody(service: str) -> Any:
        raise NoCredentialsError

    address = (lambda: "198.51.100.9") if asked else sight(nobody).address
    seen = see(lab(**values), sight(nobody, address=address))
    assert seen.address == ("198.51.100.9" if asked else None)


def test_without_a_caller_no_setting_is_called_good():
    def nobody(service: str) -> Any:
        raise NoCredentialsError

    named = {"keyName": "my-key", "domain": "example.com", "hostedZoneId": ZONE_ID, "certificateArn": CERTIFICATE}
    config = lab(**named, allowAnyOperatorCidr=True)
    findings = diagnose(config, see(config, sight(nobody)), NOW)
    keys = [f"myeks:{key}" for key in ("nodeGroup.instanceTypes", "keyName", "hostedZoneId", "certificateArn")]
    told = [next(one for one in findings if one.finding.startswith(key)) for key in keys]
    assert {one.status for one in told} == {Status.UNCHECKED}
    assert not [one for one in findings if one.status is Status.OK and one.layer in (Layer.SETTINGS, Layer.REGION)]


def simulated(decisions: dict[str, str], missing: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalDecision": decision, "MissingContextValues": list(missing)}
            for action, decision in decisions.items()
        ],
        "IsTruncated": False,
    }


def context(region: str, **more: str) -> list[dict[str, Any]]:
    def entry(key: str, value: str, kind: str = "string") -> dict[str, Any]:
        return {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}

    known = [entry("aws:RequestedRegion", region), entry("aws:SecureTransport", "true", "boolean")]
    return known + [entry(f"iam:{key}", value) for key, value in more.items()]


ADMIN_ROLE = f"arn:aws:iam::{ACCOUNT}:role/path/Admin"


class Simulator:
    """Answers as IAM does, and keeps what it was asked."""

    def __init__(self, denied: dict[str, str], missing: Sequence[str] = ()) -> None:
        self.denied, self.missing = denied, missing
        self.asked: list[dict[str, Any]] = []

    def __call__(self, service: str) -> Any:
        assert service == "iam"
        return self

    def get_role(self, **asked: str) -> Any:
        return {"Role": {"Arn": ADMIN_ROLE}}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "simulate_principal_policy"
        return self

    def paginate(self, **asked: Any) -> Iterator[Any]:
        self.asked.append(asked)
        yield simulated({name: self.denied.get(name, "allowed") for name in asked["ActionNames"]}, self.missing)


def test_a_roles_rights_are_simulated_for_the_role_itself_in_parts(stubs: Stubs, client: ClientFactory):
    """In the form that IAM's model has, and page by page."""
    role = {"Path": "/path/", "RoleName": "Admin", "RoleId": "AROAEXAMPLEEXAMPLE", "Arn": ADMIN_ROLE, "CreateDate": NOW}
    stubs["iam"].add_response("get_role", {"Role": role}, {"RoleName": "Admin"})
    plain = [right for right in by_right(lab()) if " " not in right]
    regional = [right for right in plain if not right.startswith("iam:")]
    assert len(regional) > rights.MOST_ACTIONS
    first, second = regional[: rights.MOST_ACTIONS], regional[rights.MOST_ACTIONS :]
    own = [right for right in plain if right.startswith("iam:")]
    calls: list[tuple[list[str], list[dict[str, Any]], dict[str, Any]]] = [
        (first, context(SEOUL), simulated(dict.fromkeys(first, "allowed"))),
        (second, context(SEOUL), simulated({second[0]: "implicitDeny", second[1]: "explicitDeny"})),
        (own, context("us-east-1"), simulated(dict.fromkeys(own, "allowed"))),
    ]
    for service in ("eks-nodegroup.amazonaws.com", "eks.amazonaws.com"):
        entries = context("us-east-1", AWSServiceName=service)
        calls.append((["iam:CreateServiceLinkedRole"], entries, simulated({"iam:CreateServiceLinkedRole": "allowed"})))
    for service in ("ec2.amazonaws.com", "eks.amazonaws.com", "pods.eks.amazonaws.com"):
        entries = context(SEOUL, PassedToService=service)
        answer = "implicitDeny" if service.startswith("pods") else "allowed"
        calls.append((["iam:PassRole"], entries, simulated({"iam:PassRole": answer})))
    for actions, entries, answer in calls:
        asked = {"PolicySourceArn": ADMIN_ROLE, "ActionNames": actions, "ContextEntries": entries}
        stubs["iam"].add_response("simulate_principal_policy", answer, asked)
    assert rights.denials(client, Caller(ACCOUNT, ROLE), lab()) == (
        Denied(second[0], "implicitDeny"),
        Denied(second[1], "explicitDeny"),
        Denied("iam:PassRole pods.eks.amazonaws.com", "implicitDeny"),
    )


@pytest.mark.parametrize(
    ("action", "missing", "told"),
    [
        # "Deny unless MFA", and an address that only the call has.
        ("eks:CreateCluster", ("aws:MultiFactorAuthPresent",), ("aws:MultiFactorAuthPresent",)),
        ("eks:CreateCluster", ("aws:SourceIp", "eks:supportType"), ("aws:SourceIp", "eks:supportType")),
        ("iam:CreateUser", ("iam:PermissionsBoundary",), ("iam:PermissionsBoundary",)),
        # IAM lists what any policy of the caller asks for; these cannot be about this action.
        ("eks:CreateCluster", ("iam:PermissionsBoundary", "ec2:InstanceType"), ()),
        ("iam:CreateUser", ("iam:PassedToService", "iam:awsServiceName"), ()),
        ("eks:CreateCluster", (), ()),
    ],
)
def test_a_denial_for_want_of_context_is_none_that_is_sure(
    action: str, missing: tuple[str, ...], told: tuple[str, ...]
):
    config = lab(exercises={"identityMapping": "entry"})
    simulator = Simulator({action: "explicitDeny"}, missing)
    assert rights.denials(simulator, Caller(ACCOUNT, ROLE), config) == (Denied(action, "explicitDeny", told),)


def test_services_in_view_are_told_to_iam_one_at_a_time():
    simulator = Simulator({})
    rights.denials(simulator, Caller(ACCOUNT, ROLE), lab(expires="2999-01-31T09:05Z"))
    passed = {
        entry["ContextKeyValues"][0]
        for asked in simulator.asked
        for entry in asked["ContextEntries"]
        if entry["ContextKeyName"] == "iam:PassedToService"
    }
    assert passed == {f"{name}.amazonaws.com" for name in ("ec2", "eks", "pods.eks", "scheduler")}
    for asked in simulator.asked:
        special = {"iam:PassRole", "iam:CreateServiceLinkedRole"} & set(asked["ActionNames"])
        assert not special or len(asked["ActionNames"]) == 1
        assert len(asked["ContextEntries"]) == (3 if special else 2)
        region = asked["ContextEntries"][0]["ContextKeyValues"]
        iam = asked["ActionNames"][0].startswith("iam:") and asked["ActionNames"] != ["iam:PassRole"]
        assert region == (["us-east-1"] if iam else [SEOUL])


def test_a_users_arn_is_the_principal_itself(client: ClientFactory):
    arn = f"arn:aws:iam::{ACCOUNT}:user/path/me"
    assert rights.principal(client, arn) == arn


def test_root_may_do_everything_and_is_not_simulated(client: ClientFactory):
    assert rights.denials(client, Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"), lab()) == ()


def test_versions_with_both_names_of_the_status(stubs: Stubs, client: ClientFactory):
    end = datetime(2027, 8, 2, tzinfo=UTC)
    answer = {
        "clusterVersions": [
            {"clusterVersion": "1.36", "versionStatus": "STANDARD_SUPPORT", "endOfStandardSupportDate": end},
            {"clusterVersion": "1.33", "status": "extended-support"},
        ]
    }
    stubs["eks"].add_response("describe_cluster_versions", answer, {})
    assert probes.versions(client) == {
        "1.36": VersionSeen("STANDARD_SUPPORT", date(2027, 8, 2)),
        "1.33": VersionSeen("EXTENDED_SUPPORT", None),
    }


def quota(value: float) -> dict[str, Any]:
    return {"Quota": {"ServiceCode": "x", "QuotaCode": "y", "Value": value}}


def instance(kind: str, cores: int, **more: Any) -> dict[str, Any]:
    return {"InstanceType": kind, "CpuOptions": {"CoreCount": cores, "ThreadsPerCore": 2}, **more}


RUNNING = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]


@pytest.mark.parametrize(("which", "by"), [(ON_DEMAND_VCPUS, {"vpc-1": 2 + 4, "vpc-2": 2}), (SPOT_VCPUS, {"vpc-2": 8})])
def test_vcpus_count_by_how_they_are_bought_and_without_other_families(
    stubs: Stubs, client: ClientFactory, which: Any, by: dict[str, float]
):
    stubs["service-quotas"].add_response(
        "get_service_quota", quota(32), {"ServiceCode": "ec2", "QuotaCode": which.code}
    )
    reservations = [
        {"Instances": [instance("t3.medium", 1, VpcId="vpc-1"), instance("m5.xlarge", 2, VpcId="vpc-1")]},
        {"Instances": [instance("t3.small", 1, VpcId="vpc-2"), instance("g5.xlarge", 2, VpcId="vpc-2")]},
        {"Instances": [instance("c5.2xlarge", 4, VpcId="vpc-2", InstanceLifecycle="spot")]},
    ]
    stubs["ec2"].add_response("describe_instances", {"Reservations": reservations}, {"Filters": RUNNING})
    assert quota_of(client, which) == QuotaSeen(32, sum(by.values()), by)


def test_a_quota_that_was_never_raised_is_awss_default(stubs: Stubs, client: ClientFactory):
    asked = {"ServiceCode": "vpc", "QuotaCode": VPCS.code}
    stubs["service-quotas"].add_client_error("get_service_quota", "NoSuchResourceException")
    stubs["service-quotas"].add_response("get_aws_default_service_quota", quota(5), asked)
    stubs["ec2"].add_response("describe_vpcs", {"Vpcs": [{"VpcId": "vpc-1"}], "NextToken": "more"}, {})
    stubs["ec2"].add_response("describe_vpcs", {"Vpcs": [{"VpcId": "vpc-2"}]}, {"NextToken": "more"})
    assert quota_of(client, VPCS) == QuotaSeen(5, 2, {"vpc-1": 1, "vpc-2": 1})


def test_addresses_and_clusters_are_counted(stubs: Stubs, client: ClientFactory):
    for value in (5, 100):
        stubs["service-quotas"].add_response("get_service_quota", quota(value), {"ServiceCode": ANY, "QuotaCode": ANY})
    address = {"PublicIp": "198.51.100.1", "AllocationId": "eipalloc-1"}
    stubs["ec2"].add_response("describe_addresses", {"Addresses": [address]}, {})
    stubs["eks"].add_response("list_clusters", {"clusters": ["a", "b"]}, {})
    assert quota_of(client, ADDRESSES) == QuotaSeen(5, 1, {"eipalloc-1": 1})
    assert quota_of(client, CLUSTERS) == QuotaSeen(100, 2, {"a": 1, "b": 1})


@pytest.mark.parametrize(
    ("which", "operation", "key"),
    [
        (INTERFACES, "describe_network_interfaces", "NetworkInterfaces"),
        (SECURITY_GROUPS, "describe_security_groups", "SecurityGroups"),
    ],
)
def test_what_stands_in_a_vpc_is_counted_by_it(
    stubs: Stubs, client: ClientFactory, which: Any, operation: str, key: str
):
    stubs["service-quotas"].add_response("get_service_quota", quota(50), {"ServiceCode": ANY, "QuotaCode": ANY})
    stubs["ec2"].add_response(operation, {key: [{"VpcId": "vpc-1"}, {"VpcId": "vpc-1"}, {"VpcId": "vpc-2"}]}, {})
    assert quota_of(client, which) == QuotaSeen(50, 3, {"vpc-1": 2, "vpc-2": 1})


def test_both_sides_of_a_peering_count_with_all_their_ranges(stubs: Stubs, client: ClientFactory):
    answer = {
        "VpcPeeringConnections": [
            {
                "RequesterVpcInfo": {
                    "VpcId": "vpc-1",
                    "CidrBlock": "10.0.0.0/16",
                    "CidrBlockSet": [{"CidrBlock": "10.0.0.0/16"}, {"CidrBlock": "10.1.0.0/16"}],
                },
                "AccepterVpcInfo": {"VpcId": "vpc-2", "CidrBlock": "10.2.0.0/16"},
            }
        ]
    }
    active = [{"Name": "status-code", "Values": ["active"]}]
    stubs["ec2"].add_response("describe_vpc_peering_connections", answer, {"Filters": active})
    assert list(probes.peerings(client)) == [
        Peering("vpc-1", "10.0.0.0/16"),
        Peering("vpc-1", "10.1.0.0/16"),
        Peering("vpc-2", "10.2.0.0/16"),
    ]


def test_a_cluster_that_is_there_and_one_that_is_not(stubs: Stubs, client: ClientFactory):
    told = {"name": "myeks", "status": "ACTIVE", "version": "1.36", "resourcesVpcConfig": {"vpcId": "vpc-1"}}
    stubs["eks"].add_response("describe_cluster", {"cluster": told}, {"name": "myeks"})
    assert probes.cluster(client, "myeks") == ClusterSeen("ACTIVE", "1.36", "vpc-1")
    stubs["eks"].add_client_error("describe_cluster", "ResourceNotFoundException")
    assert probes.cluster(client, "myeks") is None
    stubs["eks"].add_client_error("describe_cluster", "AccessDeniedException")
    with pytest.raises(ClientError):
        probes.cluster(client, "myeks")


def nothing_left(stubs: Stubs) -> None:
    # Names that only begin alike are somebody else's.
    other = "/aws/eks/myeks/cluster-2"
    stubs["logs"].add_response("describe_log_groups", {"logGroups": [{"logGroupName": other}]}, ANY_PREFIX)
    stubs["kms"].add_response("list_aliases", {"Aliases": [{"AliasName": "alias/myeks-eks-secrets-2"}]}, {})
    schedules(stubs, "myeks-expiry-instance-1", "myeks-expiry-cluster-2")
    stubs["elbv2"].add_client_error("describe_load_balancers", "LoadBalancerNotFound")
    classic(
        stubs, {"a01": {"kubernetes.io/cluster/myeks-2": "owned"}, "a02": {"kubernetes.io/cluster/myeks": "shared"}}
    )


def classic(stubs: Stubs, tags: dict[str, dict[str, str]]) -> None:
    found = [{"LoadBalancerName": name, "VPCId": "vpc-1"} for name in tags]
    stubs["elb"].add_response("describe_load_balancers", {"LoadBalancerDescriptions": found}, {})
    told = [
        {"LoadBalancerName": name, "Tags": [{"Key": key, "Value": value} for key, value in each.items()]}
        for name, each in tags.items()
    ]
    stubs["elb"].add_response("describe_tags", {"TagDescriptions": told}, {"LoadBalancerNames": list(tags)})


def schedules(stubs: Stubs, *names: str) -> None:
    found = [{"Name": name, "GroupName": "default"} for name in names]
    stubs["scheduler"].add_response("list_schedules", {"Schedules": found}, {"NamePrefix": "myeks-expiry-"})


ANY_PREFIX = {"logGroupNamePrefix": "/aws/eks/myeks/cluster"}


def test_nothing_left_is_an_empty_answer(stubs: Stubs, client: ClientFactory):
    nothing_left(stubs)
    assert list(probes.name_conflicts(client, "myeks")) == []


@pytest.mark.parametrize("kept", [{"retentionInDays": 7}, {}])
def test_what_has_the_labs_names_is_found(stubs: Stubs, client: ClientFactory, kept: dict[str, int]):
    group = {"logGroups": [{"logGroupName": "/aws/eks/myeks/cluster", **kept}]}
    stubs["logs"].add_response("describe_log_groups", group, ANY_PREFIX)
    stubs["kms"].add_response("list_aliases", {"Aliases": [{"AliasName": "alias/myeks-eks-secrets"}]}, {})
    schedules(stubs, "myeks-expiry-cluster", "myeks-expiry-nodes", "myeks-expiry-address-1")
    stubs["elbv2"].add_response(
        "describe_load_balancers",
        {"LoadBalancers": [{"LoadBalancerName": "myeks-ingress-alb", "VpcId": "vpc-1"}]},
        {"Names": ["myeks-ingress-alb"]},
    )
    classic(stubs, {"a01": {"kubernetes.io/cluster/myeks": "owned"}, "somebodys": {"Owner": "colleague"}})
    assert list(probes.name_conflicts(client, "myeks")) == [
        NameConflict("log group", "/aws/eks/myeks/cluster", remains=not kept),
        NameConflict("KMS alias", "alias/myeks-eks-secrets"),
        NameConflict("schedule", "default/myeks-expiry-cluster"),
        NameConflict("schedule", "default/myeks-expiry-nodes"),
        NameConflict("load balancer", "myeks-ingress-alb", "vpc-1"),
        NameConflict("Classic load balancer", "a01", "vpc-1"),
    ]


def test_one_probe_that_is_refused_leaves_the_others(monkeypatch: pytest.MonkeyPatch):
    """Each by itself: the whole look goes on."""
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Any")

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    answers: dict[str, Callable[..., Any]] = {
        "caller": lambda _sight: (Caller(ACCOUNT, ROLE), 0.0),
        "denials": lambda *_: (),
        "versions": lambda _client: {},
        "quota_of": lambda *_: QuotaSeen(5, 0),
        "peerings": lambda _client: iter(()),
        "cluster": lambda *_: None,
        "name_conflicts": lambda *_: iter(()),
    }
    fields = {"denials": "denied", "peerings": "peerings", "versions": "versions", "cluster": "cluster"}
    fields["name_conflicts"] = "name_conflicts"
    for refused, field in fields.items():
        for name, answer in answers.items():
            monkeypatch.setattr(probes, name, refuse if name == refused else answer)
        seen = see(lab(), sight(lambda _: None))
        unseen = {name for name in fields.values() if isinstance(getattr(seen, name), Unseen)}
        assert unseen == {field}
        assert getattr(seen, field) == Unseen("AccessDenied: no")


def test_a_network_that_fails_is_unseen(monkeypatch: pytest.MonkeyPatch):
    def unreachable(_client: ClientFactory, _quota: Any) -> QuotaSeen:
        raise EndpointConnectionError(endpoint_url="https://example.com")

    monkeypatch.setattr(probes, "caller", lambda _sight: (Caller(ACCOUNT, ROLE), 0.0))
    monkeypatch.setattr(probes, "quota_of", unreachable)
    for name in ("denials", "versions", "cluster"):
        monkeypatch.setattr(probes, name, lambda *_: None)
    for name in ("peerings", "name_conflicts"):
        monkeypatch.setattr(probes, name, lambda *_: iter(()))
    seen = see(lab(), sight(lambda _: None))
    assert seen.quotas
    assert all(isinstance(one, Unseen) and "Could not connect" in one.why for one in seen.quotas.values())


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v3.259.0\n", "v3.259.0"),
        ("aws-cli/2.36.5 Python/3.13.4 Linux/6.1 exe/x86_64", "2.36.5"),
        ("Client Version: v1.36.3\nKustomize Version: v5.6.0\n", "v1.36.3"),
        ("go version go1.26.1 linux/amd64", "1.26.1"),
        ("GNU Make 4.4.1", "4.4.1"),
        ("no idea", ""),
    ],
)
def test_what_a_tool_says_of_its_version(monkeypatch: pytest.MonkeyPatch, said: str, version: str):
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    (tool,) = machine.look({"tool": ("version",)}, lambda _command: said).tools
    assert tool.version == version


def test_a_tool_that_is_not_there_and_one_that_hangs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.which", lambda name: None if name == "absent" else f"/bin/{name}")

    def hangs(command: Sequence[str]) -> str:
        raise subprocess.TimeoutExpired(command, 15)

    found = machine.look({"absent": (), "hanging": ()}, hangs).tools
    assert [tool.version for tool in found] == [None, ""]
