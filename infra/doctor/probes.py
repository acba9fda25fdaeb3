"""Asks AWS what the doctor wants to know; each probe is one question, and judges nothing.

Whatever AWS does not answer (no permission, no connection) becomes `Unseen` with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from infra.clients import Client
from infra.config import LabConfig
from infra.doctor.machine import look
from infra.doctor.needs import (
    ADDRESSES,
    CLUSTERS,
    INTERFACES,
    ON_DEMAND_VCPUS,
    QUOTAS,
    SECURITY_GROUPS,
    SPOT_VCPUS,
    VPCS,
    Quota,
    needs,
)
from infra.doctor.rights import by_action
from infra.doctor.seen import (
    Caller,
    ClusterSeen,
    Denied,
    Leftover,
    Machine,
    Peering,
    QuotaSeen,
    Seen,
    Unseen,
    VersionSeen,
)
from infra.lookups import Answers, Lookups, Unanswered

T = TypeVar("T")

WORKERS: Final = 8
MOST_ACTIONS: Final = 100
"""Actions that are simulated in one request."""

STANDARD_FAMILIES: Final = "acdhimrtz"
"""First letters of the instance families that share the vCPU quota."""


@dataclass(frozen=True)
class Sight:
    """How the doctor looks; parts are replaced in tests."""

    client: Client
    lookups: Lookups
    machine: Callable[[], Machine] = look
    stands: Callable[[], bool | Unseen] = lambda: Unseen("it was not asked")
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    credentials_end: Callable[[], datetime | None] = lambda: credentials_end(os.environ)


def see(config: LabConfig, sight: Sight) -> Seen:
    """Everything at once, as far as it goes in parallel; never raises for what AWS refuses."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        stands = pool.submit(sight.stands)
        machine = pool.submit(sight.machine)
        who = caller(sight)
        if isinstance(who, Unseen):
            # Every other question would end in the same way, some after half a minute.
            nobody = Unseen("there is nobody to ask as")
            return Seen(
                machine.result(),
                who,
                nobody,
                _no_answers(nobody.why),
                nobody,
                {quota.code: nobody for quota in QUOTAS},
                nobody,
                nobody,
                nobody,
                stands.result(),
            )
        client = sight.client
        wanted = [quota for quota in QUOTAS if quota in needs(config)]
        quotas = {quota.code: pool.submit(_quietly, lambda q=quota: quota_of(client, q)) for quota in wanted}
        denied = pool.submit(_quietly, lambda: denials(client, who, config))
        settings = pool.submit(sight.lookups.ask, config)
        offered = pool.submit(_quietly, lambda: versions(client))
        peered = pool.submit(_quietly, lambda: tuple(peerings(client)))
        named = pool.submit(_quietly, lambda: cluster(client, config.cluster_name))
        left = pool.submit(_quietly, lambda: tuple(leftovers(client, config.cluster_name)))
        return Seen(
            machine.result(),
            who,
            denied.result(),
            settings.result(),
            offered.result(),
            {code: one.result() for code, one in quotas.items()},
            peered.result(),
            named.result(),
            left.result(),
            stands.result(),
        )
    finally:
        # Ctrl-C waits for the requests under way alone.
        pool.shutdown(wait=False, cancel_futures=True)


def _no_answers(why: str) -> Answers:
    return Answers(unanswered=(Unanswered("myeks:nodeGroup.instanceTypes", why),))


def _quietly(probe: Callable[[], T]) -> T | Unseen:
    try:
        return probe()
    except (BotoCoreError, ClientError) as error:
        return Unseen(_why(error))


def _why(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"{told.get('Code')}: {told.get('Message')}".strip().rstrip(".")
    return str(error).rstrip(".")


def credentials_end(environment: Mapping[str, str]) -> datetime | None:
    """When credentials from the environment end, as `aws configure export-credentials` writes it."""
    text = environment.get("AWS_CREDENTIAL_EXPIRATION", "")
    try:
        end = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return end if end.tzinfo else end.replace(tzinfo=UTC)


def caller(sight: Sight) -> Caller | Unseen:
    """Who AWS takes us for, and by how much our clock differs from its."""
    try:
        answer = sight.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return Unseen(_why(error))
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    ahead = None
    if "date" in headers:
        ahead = (sight.clock() - parsedate_to_datetime(headers["date"])).total_seconds()
    return Caller(answer["Account"], answer["Arn"], sight.credentials_end(), ahead)


def denials(client: Client, who: Caller, config: LabConfig) -> tuple[Denied, ...]:
    """The actions of the stack that IAM would not allow the caller; root may do everything."""
    if who.arn.endswith(":root"):
        return ()
    source = principal(client, who.arn)
    actions = list(by_action(config))
    found: list[Denied] = []
    for start in range(0, len(actions), MOST_ACTIONS):
        pages = (
            client("iam")
            .get_paginator("simulate_principal_policy")
            .paginate(PolicySourceArn=source, ActionNames=actions[start : start + MOST_ACTIONS])
        )
        for page in pages:
            for result in page["EvaluationResults"]:
                if result["EvalDecision"] != "allowed":
                    found.append(Denied(result["EvalActionName"], result["EvalDecision"]))
    return tuple(found)


def principal(client: Client, arn: str) -> str:
    """The user or role behind a caller: a session's ARN has the role's name but not its path."""
    head, _, resource = arn.rpartition(":")
    if resource.startswith("assumed-role/"):
        return client("iam").get_role(RoleName=resource.split("/")[1])["Role"]["Arn"]
    return f"{head}:{resource}"


def versions(client: Client) -> dict[str, VersionSeen]:
    """Kubernetes versions that EKS offers."""
    found: dict[str, VersionSeen] = {}
    for page in client("eks").get_paginator("describe_cluster_versions").paginate():
        for one in page["clusterVersions"]:
            until = one.get("endOfStandardSupportDate")
            # `status` is the older of the two, and writes standard-support.
            status = str(one.get("versionStatus") or one.get("status") or "").upper().replace("-", "_")
            found[one["clusterVersion"]] = VersionSeen(status, until.date() if isinstance(until, datetime) else until)
    return found


def quota_of(client: Client, quota: Quota) -> QuotaSeen:
    """A quota and its use; the account's own value, else AWS's default."""
    quotas = client("service-quotas")
    try:
        told = quotas.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
        told = quotas.get_aws_default_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    return QuotaSeen(told["Quota"]["Value"], _USED[quota](client))


def _pages(client: Any, operation: str, key: str, **asked: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**asked):
        yield from page[key]


def _vcpus(client: Client, *, spot: bool) -> int:
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    total = 0
    for reservation in _pages(client("ec2"), "describe_instances", "Reservations", Filters=running):
        for instance in reservation["Instances"]:
            if (instance.get("InstanceLifecycle") == "spot") != spot or instance["InstanceType"][0] not in (
                STANDARD_FAMILIES
            ):
                continue
            options = instance.get("CpuOptions", {})
            total += options.get("CoreCount", 1) * options.get("ThreadsPerCore", 1)
    return total


def _count(service: str, operation: str, key: str) -> Callable[[Client], int]:
    return lambda client: sum(1 for _ in _pages(client(service), operation, key))


_USED: Final[Mapping[Quota, Callable[[Client], int]]] = {
    ON_DEMAND_VCPUS: lambda client: _vcpus(client, spot=False),
    SPOT_VCPUS: lambda client: _vcpus(client, spot=True),
    VPCS: _count("ec2", "describe_vpcs", "Vpcs"),
    # Addresses have no pages.
    ADDRESSES: lambda client: len(client("ec2").describe_addresses()["Addresses"]),
    INTERFACES: _count("ec2", "describe_network_interfaces", "NetworkInterfaces"),
    SECURITY_GROUPS: _count("ec2", "describe_security_groups", "SecurityGroups"),
    CLUSTERS: _count("eks", "list_clusters", "clusters"),
}
"""Quota → how much of it is used."""


def peerings(client: Client) -> Iterator[Peering]:
    """Ranges of both sides of every active peering."""
    active = [{"Name": "status-code", "Values": ["active"]}]
    for one in _pages(client("ec2"), "describe_vpc_peering_connections", "VpcPeeringConnections", Filters=active):
        for side in ("RequesterVpcInfo", "AccepterVpcInfo"):
            info = one.get(side, {})
            cidrs = {entry["CidrBlock"] for entry in info.get("CidrBlockSet", [])} | {info.get("CidrBlock")}
            yield from (Peering(info.get("VpcId", "a VPC"), cidr) for cidr in sorted(filter(None, cidrs)))


def cluster(client: Client, name: str) -> ClusterSeen | None:
    """The cluster of that name, if there is one."""
    try:
        one = client("eks").describe_cluster(name=name)["cluster"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return ClusterSeen(one["status"], one["version"])


def leftovers(client: Client, name: str) -> Iterator[Leftover]:
    """Things whose names AWS keeps unique, so that `up` could not make them again."""
    group = f"/aws/eks/{name}/cluster"
    for one in _pages(client("logs"), "describe_log_groups", "logGroups", logGroupNamePrefix=group):
        if one["logGroupName"] == group:
            yield Leftover("log group", group)
    alias = f"alias/{name}-eks-secrets"
    if any(one["AliasName"] == alias for one in _pages(client("kms"), "list_aliases", "Aliases")):
        yield Leftover("KMS alias", alias)
    balancer = f"{name}-ingress-alb"
    try:
        client("elbv2").describe_load_balancers(Names=[balancer])
    except ClientError as error:
        if error.response["Error"]["Code"] != "LoadBalancerNotFound":
            raise
    else:
        yield Leftover("load balancer", balancer)
