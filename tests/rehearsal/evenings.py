"""A lab with a domain, and what its controllers make in the account, looked at from outside of the lab."""

from __future__ import annotations

import configparser
import json
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from rehearsal import world as worlds
from rehearsal.environment import environment
from rehearsal.toolchain.cache import ensure
from tests.rehearsal.conftest import Lab

DOMAIN: Final = "lab.example.com"
BALANCER: Final = "myeks-ingress-alb"
REGION: Final = "ap-northeast-2"


@dataclass(frozen=True)
class Made:
    """What the load balancer controller and ExternalDNS have in the account: names, sorted."""

    balancers: list[str] = field(default_factory=list[str])
    target_groups: list[str] = field(default_factory=list[str])
    security_groups: list[str] = field(default_factory=list[str])
    records: list[str] = field(default_factory=list[str])
    """"NAME TYPE", without those that every zone has."""


NOTHING: Final = Made()


class Account:
    """The emulated account, a hosted zone and a certificate in it that are the user's."""

    def __init__(self, world: worlds.World) -> None:
        kept = configparser.ConfigParser()
        kept.read(world.dir / "aws" / "credentials")
        self._endpoint = world.endpoint
        self._session = boto3.Session(
            aws_access_key_id=kept["default"]["aws_access_key_id"],
            aws_secret_access_key=kept["default"]["aws_secret_access_key"],
            region_name=world.region,
        )
        self._elb, self._ec2, self._route53 = (self._client(name) for name in ("elbv2", "ec2", "route53"))
        made = self._route53.create_hosted_zone(Name=DOMAIN, CallerReference=DOMAIN)
        self.zone: str = made["HostedZone"]["Id"].removeprefix("/hostedzone/")
        asked = self._client("acm").request_certificate(DomainName=f"*.{DOMAIN}", ValidationMethod="DNS")
        self.certificate: str = asked["CertificateArn"]

    def _client(self, service: str) -> Any:
        once = Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=20)
        return self._session.client(service, endpoint_url=self._endpoint, config=once)  # pyright: ignore[reportArgumentType, reportCallIssue]  # the service's name is data

    def made(self) -> Made:
        """What is there now; raises BotoCoreError when the emulator has ended."""
        of_controller = [{"Name": "tag-key", "Values": ["elbv2.k8s.aws/cluster"]}]
        records = self._route53.list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        return Made(
            sorted(each["LoadBalancerName"] for each in self._elb.describe_load_balancers()["LoadBalancers"]),
            sorted(each["TargetGroupName"] for each in self._elb.describe_target_groups()["TargetGroups"]),
            sorted(
                each["GroupName"]
                for each in self._ec2.describe_security_groups(Filters=of_controller)["SecurityGroups"]
            ),
            sorted(f"{each['Name']} {each['Type']}" for each in records if each["Type"] not in ("NS", "SOA")),
        )


class Watch(threading.Thread):
    """Looks at the account until it answers no longer: `lab down` ends the emulator, and its memory with it."""

    def __init__(self, account: Account) -> None:
        super().__init__(daemon=True)
        self._account = account
        self.looks: list[Made] = []
        """What was seen, each time that it differed from before."""

    def run(self) -> None:
        """Look."""
        while True:
            try:
                now = self._account.made()
            except BotoCoreError:
                return
            if now != (self.looks[-1] if self.looks else None):
                self.looks.append(now)
            time.sleep(0.2)

    def last(self) -> Made:
        """What was seen last, after the emulator's end."""
        self.join(60)
        assert not self.is_alive(), "the emulator still answers"
        return self.looks[-1]


class Evening:
    """A lab whose world runs, with a hosted zone and a certificate for its domain."""

    def __init__(self, lab: Lab, world: worlds.World) -> None:
        self.lab = lab
        self.account = Account(world)
        self.domain: Mapping[str, object] = {
            "domain": DOMAIN,
            "hostedZoneId": self.account.zone,
            "certificateArn": self.account.certificate,
        }

    def up(self, **settings: object) -> None:
        """Stand the lab up with its domain."""
        self.lab.set(**self.domain, opsServers={"enabled": False}, **settings)
        self.lab.has("external-dns")
        self.lab("up")

    def addresses(self) -> dict[str, str]:
        """Name of each Ingress → its address; empty while it has none."""
        found = json.loads(self.lab.sh("kubectl get ingress --all-namespaces -o json"))["items"]
        shown = {each["metadata"]["name"]: each["status"]["loadBalancer"].get("ingress") or [{}] for each in found}
        return {name: first.get("hostname", "") for name, (first, *_) in shown.items()}

    def balancer(self) -> str:
        """The address of the lab's load balancer, as AWS has it."""
        query = "--query LoadBalancers[].DNSName --output text"
        return self.lab.sh(f"aws elbv2 describe-load-balancers --names {BALANCER} {query}").strip()

    def records(self) -> dict[str, str]:
        """Name of each address record in the zone → where it leads to."""
        told = self.lab.sh(f"aws route53 list-resource-record-sets --hosted-zone-id {self.account.zone}")
        return {
            each["Name"].rstrip("."): each["AliasTarget"]["DNSName"].rstrip(".")
            for each in json.loads(told)["ResourceRecordSets"]
            if each["Type"] == "A"
        }

    def is_published(self, *pages: str) -> None:
        """Wait until these pages, and no others, have an address, the load balancer, and records that lead to it."""
        balancer = self.balancer()
        assert balancer.startswith(f"{BALANCER}-")
        assert self.addresses() == dict.fromkeys(pages, balancer)
        expected = {f"{page}.{DOMAIN}": balancer for page in pages}
        # ExternalDNS looks 5 s after an event.
        deadline = time.monotonic() + 60
        while (found := self.records()) != expected:
            assert time.monotonic() < deadline, found
            time.sleep(1)
        made = self.account.made()
        assert (made.balancers, len(made.target_groups)) == ([BALANCER], len(pages))
        # The load balancer's own, and the one that the pods' nodes let in.
        assert len(made.security_groups) == 2

    def without_controller(self) -> None:
        """Take all pods from the load balancer controller, as somebody does who wonders what it is for."""
        name = "aws-load-balancer-controller"
        self.lab.sh(f"kubectl -n kube-system scale deployment {name} --replicas 0")
        self.lab.sh(f"kubectl -n kube-system wait pod -l app.kubernetes.io/name={name} --for=delete --timeout=60s")

    def down(self, *arguments: str) -> None:
        """Take the lab away; nothing that the controllers made may be in the account when the emulator ends."""
        watch = Watch(self.account)
        watch.start()
        ended = self.lab("down", *arguments, timeout=420)
        assert watch.last() == NOTHING, watch.looks
        assert watch.looks[0] != NOTHING
        assert "Nothing is left" in ended.stderr
        assert self.lab.left_running() == []
        assert not self.lab.world.exists()


@contextmanager
def evening(lab: Lab) -> Generator[Evening]:
    """A world for a lab, before its first `up`: who names a hosted zone in the settings has it already."""
    lab.reset()
    with environment(lab.env, set()):
        world = worlds.start(REGION, ensure(print))
    try:
        yield Evening(lab, world)
    finally:
        lab("down", "--force", code=None)
