"""Asks AWS what the doctor wants to know; each probe is one question, and judges nothing.

Whatever AWS does not answer (no permission, no connection) becomes `Unseen` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from ipaddress import IPv4Address
from typing import Any, Final, TypeVar
from urllib.request import urlopen

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, ProfileNotFound

from clients.aws import ClientFactory
from infra.config.aws_checks import Lookups, unanswered
from infra.config.loading import LabConfig
from operations.cleanup.kinds.load_balancers import classic
from operations.cleanup.ownership import CLUSTER_TAG
from operations.doctor.machine import look
from operations.doctor.observations import (
    CLASSIC_BALANCER,
    SCHEDULE,
    Caller,
    ClusterSeen,
    Machine,
    NameConflict,
    Observations,
    Peering,
    RecordedResources,
    Refused,
    Unseen,
    VersionSeen,
)
from operations.doctor.quota_usage import pages, quota_of
from operations.doctor.quotas import QUOTAS, endpoint_ranges, needs
from operations.doctor.rights import denials

T = TypeVar("T")

WORKERS: Final = 8
CHECK_IP: Final = "https://checkip.amazonaws.com"
"""Answers with the address that it is asked from."""

CHECK_IP_WITHIN: Final = 4.0

_BUSY: Final = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"})


def public_address() -> str | Unseen:
    """The address under which the internet sees this machine."""
    try:
        with urlopen(CHECK_IP, timeout=CHECK_IP_WITHIN) as answer:
            return str(IPv4Address(answer.read(64).decode("ascii").strip()))
    except (OSError, HTTPException, ValueError) as error:
        return Unseen(f"{CHECK_IP} does not tell it ({getattr(error, 'reason', None) or error})")


@dataclass(frozen=True)
class Sight:
    """How the doctor looks; parts are replaced in tests."""

    client: ClientFactory
    lookups: Lookups
    stack: str
    recorded: Callable[[], RecordedResources | Unseen]
    machine: Callable[[], Machine] = look
    address: Callable[[], str | Unseen] = public_address
    profiles: Callable[[], Iterable[str]] = lambda: botocore.session.Session().available_profiles
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def see(config: LabConfig, sight: Sight) -> Observations:
    """Everything at once, as far as it goes in parallel; never raises for what AWS refuses."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        recorded = pool.submit(sight.recorded)
        machine = pool.submit(sight.machine)
        address = pool.submit(sight.address) if endpoint_ranges(config) else None
        who, ahead = caller(sight)
        if not isinstance(who, Caller):
            # Every other question would end in the same way, some after half a minute.
            nobody = Unseen("there are no credentials" if isinstance(who, Refused) else "AWS could not be reached")
            return Observations(
                sight.stack,
                machine.result(),
                ahead,
                who,
                nobody,
                unanswered(config, nobody.why),
                nobody,
                {quota.code: nobody for quota in QUOTAS},
                nobody,
                address.result() if address else None,
                nobody,
                nobody,
                recorded.result(),
            )
        client = sight.client
        wanted = [quota for quota in QUOTAS if quota in needs(config)]
        quotas = {quota.code: pool.submit(_quietly, lambda q=quota: quota_of(client, q)) for quota in wanted}
        denied = pool.submit(_quietly, lambda: denials(client, who, config))
        settings = pool.submit(sight.lookups.ask, config)
        offered = pool.submit(_quietly, lambda: versions(client))
        peered = pool.submit(_quietly, lambda: tuple(peerings(client)))
        named = pool.submit(_quietly, lambda: cluster(client, config.cluster_name))
        left = pool.submit(_quietly, lambda: tuple(name_conflicts(client, config.cluster_name)))
        return Observations(
            sight.stack,
            machine.result(),
            ahead,
            who,
            denied.result(),
            settings.result(),
            offered.result(),
            {code: one.result() for code, one in quotas.items()},
            peered.result(),
            address.result() if address else None,
            named.result(),
            left.result(),
            recorded.result(),
        )
    finally:
        # Ctrl-C waits for the requests under way alone.
        pool.shutdown(wait=False, cancel_futures=True)


def _quietly(probe: Callable[[], T]) -> T | Unseen:
    try:
        return probe()
    except (BotoCoreError, ClientError) as error:
        return Unseen(_why(error))


def _why(error: Exception) -> str:
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"{told.get('Code')}: {told.get('Message')}".strip().rstrip(".")
    return str(error).rstrip(".")


def caller(sight: Sight) -> tuple[Caller | Refused | Unseen, float | None]:
    """Who AWS takes us for, and by how many seconds our clock is ahead of its, as far as it told the time."""
    try:
        sts = sight.client("sts")
        answer = sts.get_caller_identity()
    except ProfileNotFound as error:
        return Refused(_why(error), tuple(sight.profiles())), None
    except ClientError as error:
        # A clock that is far off is itself why AWS refuses the signature.
        ahead = _ahead(error.response, sight.clock())
        return (Unseen if _no_verdict(error) else Refused)(_why(error)), ahead
    except (ConnectionError, HTTPClientError) as error:
        return Unseen(_why(error)), None
    except (BotoCoreError, RuntimeError, ValueError) as error:
        # The SDK raises the last two for credentials of the environment that are over, or whose end is no time.
        return Refused(_why(error)), None
    # No public way leads to the credentials that a client uses; another session might ask for another MFA code.
    end = credentials_end(sts._get_credentials())
    return Caller(answer["Account"], answer["Arn"], end), _ahead(answer, sight.clock())


def _no_verdict(error: ClientError) -> bool:
    """Whether AWS had no time or no health to judge, so that it is not the credentials."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error.response["Error"].get("Code") in _BUSY


def _ahead(answer: Mapping[str, Any], now: datetime) -> float | None:
    told = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return (now - parsedate_to_datetime(told)).total_seconds() if told else None


def credentials_end(credentials: Any) -> datetime | Unseen | None:
    """When credentials that were just used end; those of SSO, of a role and of a process know it."""
    end = getattr(credentials, "_expiry_time", None)
    if isinstance(end, datetime):
        return end if end.tzinfo else end.replace(tzinfo=UTC)
    return Unseen("their session token came without it") if credentials.token else None


def versions(client: ClientFactory) -> dict[str, VersionSeen]:
    """Kubernetes versions that EKS offers."""
    found: dict[str, VersionSeen] = {}
    for page in client("eks").get_paginator("describe_cluster_versions").paginate():
        for one in page["clusterVersions"]:
            until = one.get("endOfStandardSupportDate")
            # `status` is the older of the two, and writes standard-support.
            status = str(one.get("versionStatus") or one.get("status") or "").upper().replace("-", "_")
            found[one["clusterVersion"]] = VersionSeen(status, until.date() if isinstance(until, datetime) else until)
    return found


def peerings(client: ClientFactory) -> Iterator[Peering]:
    """Ranges of both sides of every active peering."""
    active = [{"Name": "status-code", "Values": ["active"]}]
    for one in pages(client("ec2"), "describe_vpc_peering_connections", "VpcPeeringConnections", Filters=active):
        for side in ("RequesterVpcInfo", "AccepterVpcInfo"):
            info = one.get(side, {})
            cidrs = {entry["CidrBlock"] for entry in info.get("CidrBlockSet", [])} | {info.get("CidrBlock")}
            yield from (Peering(info.get("VpcId", "a VPC"), cidr) for cidr in sorted(filter(None, cidrs)))


def cluster(client: ClientFactory, name: str) -> ClusterSeen | None:
    """The cluster of that name, if there is one."""
    try:
        one = client("eks").describe_cluster(name=name)["cluster"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return ClusterSeen(one["status"], one["version"], one.get("resourcesVpcConfig", {}).get("vpcId", ""))


def name_conflicts(client: ClientFactory, name: str) -> Iterator[NameConflict]:
    """Things whose names AWS keeps unique, so that `up` could not make them again; what would end the new lab; and
    Classic load balancers of a cluster of that name."""
    group = f"/aws/eks/{name}/cluster"
    for one in pages(client("logs"), "describe_log_groups", "logGroups", logGroupNamePrefix=group):
        if one["logGroupName"] == group:
            # The lab's own is kept for days; EKS makes one for its last lines, kept for ever.
            yield NameConflict("log group", group, remains="retentionInDays" not in one)
    alias = f"alias/{name}-eks-secrets"
    if any(one["AliasName"] == alias for one in pages(client("kms"), "list_aliases", "Aliases")):
        yield NameConflict("KMS alias", alias)
    ends = {f"{name}-expiry-{what}" for what in ("cluster", "nodes")}
    for one in pages(client("scheduler"), "list_schedules", "Schedules", NamePrefix=f"{name}-expiry-"):
        if one["Name"] in ends:
            yield NameConflict(SCHEDULE, f"{one.get('GroupName', 'default')}/{one['Name']}")
    balancer = f"{name}-ingress-alb"
    try:
        found = client("elbv2").describe_load_balancers(Names=[balancer])["LoadBalancers"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "LoadBalancerNotFound":
            raise
    else:
        yield from (NameConflict("load balancer", balancer, one.get("VpcId", "")) for one in found)
    for one in classic(client):
        if one.tags.get(f"{CLUSTER_TAG}{name}") == "owned":
            yield NameConflict(CLASSIC_BALANCER, one.name, one.vpc)
