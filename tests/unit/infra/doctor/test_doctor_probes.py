"""The probes: stubbed clients answer in the form of each API; what AWS refuses is unseen, never empty."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import ANY, Stubber
from sights import ACCOUNT, HEALTHY, NOW, SEOUL, lab

from infra.clients import Client
from infra.config import LabConfig
from infra.doctor import machine, probes
from infra.doctor.needs import ADDRESSES, CLUSTERS, ON_DEMAND_VCPUS, SPOT_VCPUS, VPCS
from infra.doctor.probes import Sight, see
from infra.doctor.rights import by_action
from infra.doctor.seen import Caller, ClusterSeen, Denied, Leftover, Peering, QuotaSeen, Unseen, VersionSeen
from infra.lookups import Answers

SERVICES = ("sts", "iam", "eks", "ec2", "service-quotas", "logs", "kms", "elbv2")

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
def client(clients: dict[str, Any]) -> Client:
    return clients.__getitem__


class Quiet:
    """Nothing wrong with the settings."""

    def ask(self, config: LabConfig) -> Answers:
        return Answers()


def sight(client: Client, **changes: Any) -> Sight:
    plain = Sight(
        client,
        Quiet(),
        machine=lambda: HEALTHY.machine,
        stands=lambda: False,
        clock=lambda: NOW,
        credentials_end=lambda: None,
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


def test_the_caller_and_the_clock(stubs: Stubs, client: Client):
    answer = identity(ROLE, date="Tue, 24 Nov 2026 11:59:00 GMT")
    stubs["sts"].add_response("get_caller_identity", answer)
    end = NOW + timedelta(hours=1)
    assert probes.caller(sight(client, credentials_end=lambda: end)) == Caller(ACCOUNT, ROLE, end, 60.0)


def test_no_date_in_the_answer_is_no_clock(stubs: Stubs, client: Client):
    stubs["sts"].add_response("get_caller_identity", identity(ROLE))
    found = probes.caller(sight(client))
    assert isinstance(found, Caller)
    assert found.clock_ahead is None


def test_an_expired_session_is_nobody(stubs: Stubs, client: Client):
    stubs["sts"].add_client_error("get_caller_identity", "ExpiredToken", "The security token is expired")
    assert probes.caller(sight(client)) == Unseen("ExpiredToken: The security token is expired")


def test_without_credentials_nothing_else_is_asked():
    asked: list[str] = []

    def nobody(service: str) -> Any:
        asked.append(service)
        raise NoCredentialsError

    seen = see(lab(), sight(nobody))
    assert asked == ["sts"]
    assert seen.caller == Unseen("Unable to locate credentials")
    assert all(isinstance(part, Unseen) for part in (seen.denied, seen.versions, seen.peerings, seen.cluster))
    assert seen.settings.unanswered
    assert seen.machine == HEALTHY.machine


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-11-24T13:00:00Z", NOW + timedelta(hours=1)),
        ("2026-11-24T22:00:00+09:00", NOW + timedelta(hours=1)),
        ("2026-11-24T13:00:00", NOW + timedelta(hours=1)),
        ("soon", None),
        ("", None),
    ],
)
def test_when_credentials_of_the_environment_end(text: str, end: datetime | None):
    assert probes.credentials_end({"AWS_CREDENTIAL_EXPIRATION": text}) == end
    assert probes.credentials_end({}) is None


def simulated(decisions: dict[str, str]) -> dict[str, Any]:
    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalDecision": decision} for action, decision in decisions.items()
        ],
        "IsTruncated": False,
    }


def test_a_roles_rights_are_simulated_for_the_role_itself_in_parts(stubs: Stubs, client: Client):
    arn = f"arn:aws:iam::{ACCOUNT}:role/path/Admin"
    role = {"Path": "/path/", "RoleName": "Admin", "RoleId": "AROAEXAMPLEEXAMPLE", "Arn": arn, "CreateDate": NOW}
    stubs["iam"].add_response("get_role", {"Role": role}, {"RoleName": "Admin"})
    actions = list(by_action(lab()))
    assert len(actions) > probes.MOST_ACTIONS
    first, second = actions[: probes.MOST_ACTIONS], actions[probes.MOST_ACTIONS :]
    stubs["iam"].add_response(
        "simulate_principal_policy",
        simulated(dict.fromkeys(first, "allowed")),
        {"PolicySourceArn": arn, "ActionNames": first},
    )
    stubs["iam"].add_response(
        "simulate_principal_policy",
        simulated({second[0]: "implicitDeny", second[1]: "explicitDeny", second[2]: "allowed"}),
        {"PolicySourceArn": arn, "ActionNames": second},
    )
    found = probes.denials(client, Caller(ACCOUNT, ROLE), lab())
    assert found == (Denied(second[0], "implicitDeny"), Denied(second[1], "explicitDeny"))


def test_a_users_arn_is_the_principal_itself(client: Client):
    arn = f"arn:aws:iam::{ACCOUNT}:user/path/me"
    assert probes.principal(client, arn) == arn


def test_root_may_do_everything_and_is_not_simulated(client: Client):
    assert probes.denials(client, Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"), lab()) == ()


def test_versions_with_both_names_of_the_status(stubs: Stubs, client: Client):
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


@pytest.mark.parametrize(("which", "used"), [(ON_DEMAND_VCPUS, 2 + 4), (SPOT_VCPUS, 8)])
def test_vcpus_count_by_how_they_are_bought_and_without_other_families(
    stubs: Stubs, client: Client, which: Any, used: int
):
    stubs["service-quotas"].add_response(
        "get_service_quota", quota(32), {"ServiceCode": "ec2", "QuotaCode": which.code}
    )
    reservations = [
        {"Instances": [instance("t3.medium", 1), instance("m5.xlarge", 2)]},
        {"Instances": [instance("c5.2xlarge", 4, InstanceLifecycle="spot"), instance("g5.xlarge", 2)]},
    ]
    stubs["ec2"].add_response("describe_instances", {"Reservations": reservations}, {"Filters": RUNNING})
    assert probes.quota_of(client, which) == QuotaSeen(32, used)


def test_a_quota_that_was_never_raised_is_awss_default(stubs: Stubs, client: Client):
    asked = {"ServiceCode": "vpc", "QuotaCode": VPCS.code}
    stubs["service-quotas"].add_client_error("get_service_quota", "NoSuchResourceException")
    stubs["service-quotas"].add_response("get_aws_default_service_quota", quota(5), asked)
    stubs["ec2"].add_response("describe_vpcs", {"Vpcs": [{"VpcId": "vpc-1"}], "NextToken": "more"}, {})
    stubs["ec2"].add_response("describe_vpcs", {"Vpcs": [{"VpcId": "vpc-2"}]}, {"NextToken": "more"})
    assert probes.quota_of(client, VPCS) == QuotaSeen(5, 2)


def test_addresses_and_clusters_are_counted(stubs: Stubs, client: Client):
    for value in (5, 100):
        stubs["service-quotas"].add_response("get_service_quota", quota(value), {"ServiceCode": ANY, "QuotaCode": ANY})
    stubs["ec2"].add_response("describe_addresses", {"Addresses": [{"PublicIp": "198.51.100.1"}]}, {})
    stubs["eks"].add_response("list_clusters", {"clusters": ["a", "b"]}, {})
    assert probes.quota_of(client, ADDRESSES) == QuotaSeen(5, 1)
    assert probes.quota_of(client, CLUSTERS) == QuotaSeen(100, 2)


def test_both_sides_of_a_peering_count_with_all_their_ranges(stubs: Stubs, client: Client):
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


def test_a_cluster_that_is_there_and_one_that_is_not(stubs: Stubs, client: Client):
    stubs["eks"].add_response(
        "describe_cluster", {"cluster": {"name": "myeks", "status": "ACTIVE", "version": "1.36"}}, {"name": "myeks"}
    )
    assert probes.cluster(client, "myeks") == ClusterSeen("ACTIVE", "1.36")
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
    stubs["elbv2"].add_client_error("describe_load_balancers", "LoadBalancerNotFound")


ANY_PREFIX = {"logGroupNamePrefix": "/aws/eks/myeks/cluster"}


def test_nothing_left_is_an_empty_answer(stubs: Stubs, client: Client):
    nothing_left(stubs)
    assert list(probes.leftovers(client, "myeks")) == []


def test_what_has_the_labs_names_is_found(stubs: Stubs, client: Client):
    group = {"logGroups": [{"logGroupName": "/aws/eks/myeks/cluster"}]}
    stubs["logs"].add_response("describe_log_groups", group, ANY_PREFIX)
    stubs["kms"].add_response("list_aliases", {"Aliases": [{"AliasName": "alias/myeks-eks-secrets"}]}, {})
    stubs["elbv2"].add_response(
        "describe_load_balancers",
        {"LoadBalancers": [{"LoadBalancerName": "myeks-ingress-alb"}]},
        {"Names": ["myeks-ingress-alb"]},
    )
    assert list(probes.leftovers(client, "myeks")) == [
        Leftover("log group", "/aws/eks/myeks/cluster"),
        Leftover("KMS alias", "alias/myeks-eks-secrets"),
        Leftover("load balancer", "myeks-ingress-alb"),
    ]


def test_one_probe_that_is_refused_leaves_the_others(monkeypatch: pytest.MonkeyPatch):
    """Each by itself: the whole look goes on."""
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Any")

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    answers: dict[str, Callable[..., Any]] = {
        "caller": lambda _sight: Caller(ACCOUNT, ROLE),
        "denials": lambda *_: (),
        "versions": lambda _client: {},
        "quota_of": lambda *_: QuotaSeen(5, 0),
        "peerings": lambda _client: iter(()),
        "cluster": lambda *_: None,
        "leftovers": lambda *_: iter(()),
    }
    fields = {"denials": "denied", "peerings": "peerings", "versions": "versions", "cluster": "cluster"}
    fields["leftovers"] = "leftovers"
    for refused, field in fields.items():
        for name, answer in answers.items():
            monkeypatch.setattr(probes, name, refuse if name == refused else answer)
        seen = see(lab(), sight(lambda _: None))
        unseen = {name for name in fields.values() if isinstance(getattr(seen, name), Unseen)}
        assert unseen == {field}
        assert getattr(seen, field) == Unseen("AccessDenied: no")


def test_a_network_that_fails_is_unseen(monkeypatch: pytest.MonkeyPatch):
    def unreachable(_client: Client, _quota: Any) -> QuotaSeen:
        raise EndpointConnectionError(endpoint_url="https://example.com")

    monkeypatch.setattr(probes, "caller", lambda _sight: Caller(ACCOUNT, ROLE))
    monkeypatch.setattr(probes, "quota_of", unreachable)
    for name in ("denials", "versions", "cluster"):
        monkeypatch.setattr(probes, name, lambda *_: None)
    for name in ("peerings", "leftovers"):
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
