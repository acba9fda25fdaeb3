"""What only AWS can say about the configuration, asked before the graph exists.

A zone that offers no t3.medium, a certificate that is still pending: AWS would tell these after minutes of
building, in the words of some inner service. Asked here, they are problems of the configuration like any
other, all at once.

A question that AWS does not answer (no permission, no connection) is not a pass: it is reported, and the run goes
on, since the engine will meet the same obstacle or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from clients.aws import ClientFactory, clients
from infra.config.loading import LabConfig, Problem
from infra.config.problems import key_of

HOSTS = ("kubeopsview", "prometheus", "grafana")
"""First labels of the pages' host names."""


@dataclass(frozen=True)
class Unanswered:
    """A question that AWS did not answer."""

    key: str
    """The setting that it was about."""

    why: str


@dataclass(frozen=True)
class Answers:
    """What the look-ups found."""

    problems: tuple[Problem, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()


class Lookups(Protocol):
    """Whoever can be asked about a configuration."""

    def ask(self, config: LabConfig) -> Answers:
        """Everything that is wrong, and everything that could not be asked; never raises for either."""
        ...


class AwsLookups:
    """Asks AWS, or whatever stands at `AWS_ENDPOINT_URL`, by boto3."""

    def __init__(self, region: str, profile: str | None = None, client: ClientFactory | None = None) -> None:
        """Prepare to ask.

        Args:
            region: where the lab will stand.
            profile: AWS profile, as the engine's provider has it (`aws:profile`); None: the environment's.
            client: makes clients; for tests.
        """
        self._region, self._profile = region, profile
        self._client = client or self._own

    def ask(self, config: LabConfig) -> Answers:
        """See `Lookups.ask`."""
        problems: list[Problem] = []
        unanswered: list[Unanswered] = []
        for key, question in _questions(config):
            try:
                problems.extend(question(self._client, config))
            except ClientError as error:
                told = error.response.get("Error", {})
                unanswered.append(Unanswered(key, f"{told.get('Code')}: {told.get('Message')}"))
            except BotoCoreError as error:
                unanswered.append(Unanswered(key, str(error)))
        return Answers(tuple(problems), tuple(unanswered))

    def _own(self, service: str) -> Any:
        # Not before the first question: a profile that does not exist is an answer that does not come.
        return clients(self._profile, self._region)(service)


Question = Callable[[ClientFactory, LabConfig], Iterable[Problem]]


def _questions(config: LabConfig) -> Iterator[tuple[str, Question]]:
    yield key_of("nodeGroup", "instanceTypes"), _instance_types
    if config.key_name:
        yield key_of("keyName"), _key_pair
    if config.hosted_zone_id:
        yield key_of("hostedZoneId"), _hosted_zone
    if config.certificate_arn:
        yield key_of("certificateArn"), _certificate


def unanswered(config: LabConfig, why: str) -> Answers:
    """What is found when AWS cannot be asked at all: every question without an answer, for the same reason."""
    return Answers(unanswered=tuple(Unanswered(key, why) for key, _ in _questions(config)))


def _instance_types(client: ClientFactory, config: LabConfig) -> Iterator[Problem]:
    wanted = {kind: key_of("nodeGroup", "instanceTypes") for kind in config.node_group.instance_types}
    if config.ops_servers.enabled:
        wanted.setdefault(config.ops_servers.instance_type, key_of("opsServers", "instanceType"))
    pages = (
        client("ec2")
        .get_paginator("describe_instance_type_offerings")
        .paginate(
            LocationType="availability-zone",
            Filters=[
                {"Name": "instance-type", "Values": sorted(wanted)},
                {"Name": "location", "Values": list(config.zones)},
            ],
        )
    )
    offered = {(one["InstanceType"], one["Location"]) for page in pages for one in page["InstanceTypeOfferings"]}
    for kind, key in wanted.items():
        # The ops servers stand in the first zone, nodes in all three.
        zones = config.zones if kind in config.node_group.instance_types else config.zones[:1]
        missing = [zone for zone in zones if (kind, zone) not in offered]
        if missing:
            what = f"AWS offers no {kind} in {', '.join(missing)}."
            yield Problem(key, what, "Choose another instance type or another region.")


def _key_pair(client: ClientFactory, config: LabConfig) -> Iterator[Problem]:
    try:
        client("ec2").describe_key_pairs(KeyNames=[config.key_name])
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidKeyPair.NotFound":
            raise
        what = f"There is no EC2 key pair {config.key_name} in {config.region}."
        yield Problem(key_of("keyName"), what, "Name one that is there, or leave it out and use Session Manager.")


def _hosted_zone(client: ClientFactory, config: LabConfig) -> Iterator[Problem]:
    key, domain = key_of("hostedZoneId"), (config.domain or "").lower()
    try:
        zone = client("route53").get_hosted_zone(Id=config.hosted_zone_id)["HostedZone"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchHostedZone":
            raise
        what = f"This account has no hosted zone {config.hosted_zone_id}."
        yield Problem(key, what, "Take the id from `aws route53 list-hosted-zones`.")
        return
    name = zone["Name"].rstrip(".").lower()
    if zone.get("Config", {}).get("PrivateZone"):
        what = f"The hosted zone {name} is private."
        yield Problem(key, what, "Name the public zone of the domain.")
    if domain != name and not domain.endswith(f".{name}"):
        what = f"The hosted zone is {name}, which does not hold {domain}."
        yield Problem(key, what, f"Name the zone of {domain}, or set {key_of('domain')} to {name}.")


def _certificate(client: ClientFactory, config: LabConfig) -> Iterator[Problem]:
    key = key_of("certificateArn")
    try:
        answer = client("acm").describe_certificate(CertificateArn=config.certificate_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        what = f"There is no such certificate in {config.region}."
        yield Problem(key, what, "Take the ARN from `aws acm list-certificates` in the stack's region.")
        return
    certificate = answer["Certificate"]
    if certificate["Status"] != "ISSUED":
        what = f"The certificate is not issued: its status is {certificate['Status']}."
        yield Problem(key, what, "Finish its validation, or name another certificate.")
    names = {
        name.lower() for name in [certificate.get("DomainName", ""), *certificate.get("SubjectAlternativeNames", [])]
    }
    bare = [f"{host}.{config.domain}" for host in HOSTS if not _covered(f"{host}.{config.domain}", names)]
    if bare:
        what = f"The certificate does not cover {', '.join(bare)}."
        yield Problem(key, what, f"Name a certificate for *.{config.domain}.")


def _covered(host: str, names: Iterable[str]) -> bool:
    """Whether a certificate for these names is good for the host; `*` stands for exactly one label."""
    folded = host.lower()
    return folded in names or f"*.{folded.partition('.')[2]}" in names
