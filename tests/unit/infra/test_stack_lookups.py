"""What AWS is asked before the graph exists, with botocore's own stub in AWS's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import ANY, Stubber

from infra.config.aws_checks import AwsLookups
from infra.config.loading import LabConfig
from tests.unit.conftest import CERTIFICATE, DOMAIN, ZONE_ID
from tests.unit.mocks import REGION

PLAIN = LabConfig()
PUBLISHED = LabConfig(domain=DOMAIN, hosted_zone_id=ZONE_ID, certificate_arn=CERTIFICATE)


class Aws:
    """Stubbed clients, one a service, which accept exactly the calls that a test prepares."""

    def __init__(self, clients: Mapping[str, Any]) -> None:
        self.clients = clients
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def __call__(self, service: str) -> Any:
        return self.clients[service]

    def offers(self, *offered: tuple[str, str]) -> None:
        answer = [
            {"InstanceType": kind, "LocationType": "availability-zone", "Location": zone} for kind, zone in offered
        ]
        self.stubs["ec2"].add_response(
            "describe_instance_type_offerings",
            {"InstanceTypeOfferings": answer},
            {"LocationType": "availability-zone", "Filters": ANY},
        )

    def offers_all(self) -> None:
        self.offers(*((kind, f"{REGION}{zone}") for kind in ("t3.medium", "t3.small") for zone in "abc"))

    def zone(self, name: str, private: bool = False) -> None:
        zone = {"Id": ZONE_ID, "Name": name, "CallerReference": "x", "Config": {"PrivateZone": private}}
        self.stubs["route53"].add_response("get_hosted_zone", {"HostedZone": zone}, {"Id": ZONE_ID})

    def certificate(self, *names: str, status: str = "ISSUED") -> None:
        certificate = {"DomainName": names[0], "SubjectAlternativeNames": list(names), "Status": status}
        self.stubs["acm"].add_response(
            "describe_certificate", {"Certificate": certificate}, {"CertificateArn": CERTIFICATE}
        )

    def refuses(self, service: str, call: str, code: str) -> None:
        self.stubs[service].add_client_error(call, code, "told so")


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    """Made once: reading the service models takes most of a test's time."""
    session = boto3.Session(region_name=REGION, aws_access_key_id="AKIATEST", aws_secret_access_key="none")
    return {name: session.client(name) for name in ("ec2", "route53", "acm")}


@pytest.fixture
def aws(clients: dict[str, Any]) -> Iterator[Aws]:
    fake = Aws(clients)
    yield fake
    for stub in fake.stubs.values():
        stub.assert_no_pending_responses()
        stub.deactivate()


def _problems(aws: Aws, config: LabConfig) -> Mapping[str, str]:
    answers = AwsLookups(REGION, client=aws).ask(config)
    assert not answers.unanswered
    return {problem.key: problem.what for problem in answers.problems}


def test_nothing_to_object(aws: Aws) -> None:
    aws.offers_all()
    aws.zone(f"{DOMAIN}.")
    aws.certificate(f"*.{DOMAIN}", DOMAIN)
    assert _problems(aws, PUBLISHED) == {}


def test_only_what_is_configured_is_asked(aws: Aws) -> None:
    aws.offers_all()
    assert _problems(aws, PLAIN) == {}


def test_node_type_that_a_zone_does_not_offer(aws: Aws) -> None:
    aws.offers(("t3.medium", f"{REGION}a"), ("t3.medium", f"{REGION}c"), ("t3.small", f"{REGION}a"))
    assert _problems(aws, PLAIN) == {"myeks:nodeGroup.instanceTypes": f"AWS offers no t3.medium in {REGION}b."}


def test_server_type_is_needed_in_the_first_zone_alone(aws: Aws) -> None:
    aws.offers(*(("t3.medium", f"{REGION}{zone}") for zone in "abc"), ("t3.small", f"{REGION}b"))
    assert _problems(aws, PLAIN) == {"myeks:opsServers.instanceType": f"AWS offers no t3.small in {REGION}a."}


def test_key_pair_that_is_not_there(aws: Aws) -> None:
    aws.offers_all()
    aws.refuses("ec2", "describe_key_pairs", "InvalidKeyPair.NotFound")
    assert _problems(aws, LabConfig(key_name="lost")) == {
        "myeks:keyName": f"There is no EC2 key pair lost in {REGION}."
    }


@pytest.mark.parametrize(
    ("zone", "private", "what"),
    [
        ("example.org.", False, f"The hosted zone is example.org, which does not hold {DOMAIN}."),
        ("le.com.", False, f"The hosted zone is le.com, which does not hold {DOMAIN}."),
        (f"{DOMAIN}.", True, f"The hosted zone {DOMAIN} is private."),
    ],
)
def test_zone_that_cannot_serve_the_domain(aws: Aws, zone: str, private: bool, what: str) -> None:
    aws.offers_all()
    aws.zone(zone, private)
    aws.certificate(f"*.{DOMAIN}")
    assert _problems(aws, PUBLISHED) == {"myeks:hostedZoneId": what}


def test_zone_of_the_parent_domain_serves(aws: Aws) -> None:
    aws.offers_all()
    aws.zone("com.")
    aws.certificate(f"*.{DOMAIN}")
    assert _problems(aws, PUBLISHED) == {}


def test_zone_and_certificate_that_are_not_there_are_told_together(aws: Aws) -> None:
    aws.offers_all()
    aws.refuses("route53", "get_hosted_zone", "NoSuchHostedZone")
    aws.refuses("acm", "describe_certificate", "ResourceNotFoundException")
    assert _problems(aws, PUBLISHED).keys() == {"myeks:hostedZoneId", "myeks:certificateArn"}


@pytest.mark.parametrize(
    ("names", "status", "what"),
    [
        ([f"*.{DOMAIN}"], "PENDING_VALIDATION", "The certificate is not issued: its status is PENDING_VALIDATION."),
        (
            [DOMAIN],
            "ISSUED",
            f"The certificate does not cover kubeopsview.{DOMAIN}, prometheus.{DOMAIN}, grafana.{DOMAIN}.",
        ),
        (
            [f"prometheus.{DOMAIN}", f"grafana.{DOMAIN}", "*.com"],
            "ISSUED",
            f"The certificate does not cover kubeopsview.{DOMAIN}.",
        ),
    ],
)
def test_certificate_that_cannot_serve_the_pages(aws: Aws, names: list[str], status: str, what: str) -> None:
    aws.offers_all()
    aws.zone(f"{DOMAIN}.")
    aws.certificate(*names, status=status)
    assert _problems(aws, PUBLISHED) == {"myeks:certificateArn": what}


def test_refused_question_is_no_pass_and_the_others_are_still_asked(aws: Aws) -> None:
    aws.refuses("ec2", "describe_instance_type_offerings", "UnauthorizedOperation")
    aws.zone("example.org.")
    aws.refuses("acm", "describe_certificate", "AccessDeniedException")
    answers = AwsLookups(REGION, client=aws).ask(PUBLISHED)
    assert [one.key for one in answers.unanswered] == ["myeks:nodeGroup.instanceTypes", "myeks:certificateArn"]
    assert answers.unanswered[0].why == "UnauthorizedOperation: told so"
    assert [problem.key for problem in answers.problems] == ["myeks:hostedZoneId"]


def test_no_connection_is_no_pass() -> None:
    def unreachable(service: str) -> Any:
        raise EndpointConnectionError(endpoint_url="https://ec2.example")

    answers = AwsLookups(REGION, client=unreachable).ask(PLAIN)
    assert not answers.problems
    assert "https://ec2.example" in answers.unanswered[0].why
