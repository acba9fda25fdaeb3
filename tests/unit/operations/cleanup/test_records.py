"""Which records of a zone are the lab's: by ExternalDNS's registry, and by where they lead."""

from typing import Any

import pytest

from operations.cleanup import LabIdentity
from operations.cleanup.kinds.dns_records import named, resources
from operations.cleanup.model import OwnershipContext

ZONE = "Z0123456789ABCDEFGHIJ"
LAB = LabIdentity("myeks", "ap-northeast-2", "example.com", ZONE)
ALB = "myeks-ingress-alb-1234567890.ap-northeast-2.elb.amazonaws.com."
OTHER_ALB = "myeks-2-ingress-alb-1234567890.ap-northeast-2.elb.amazonaws.com."
KNOWN = OwnershipContext(balancers=frozenset({"k8s-shop-1.ap-northeast-2.elb.amazonaws.com"}))


def alias(host: str, target: str, kind: str = "A") -> dict[str, Any]:
    return {"Name": f"{host}.", "Type": kind, "AliasTarget": {"DNSName": target, "HostedZoneId": "Z1"}}


def registered(name: str, owner: str = ZONE) -> dict[str, Any]:
    text = f'"heritage=external-dns,external-dns/owner={owner},external-dns/resource=ingress/monitoring/grafana"'
    return {"Name": f"{name}.", "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": text}]}


def ours(*records: dict[str, Any], lab: LabIdentity = LAB, context: OwnershipContext = KNOWN) -> set[str]:
    return {resource.id for resource in resources(records, lab) if named(resource, lab, context)}


GRAFANA = "grafana.example.com"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([alias(GRAFANA, ALB), registered(f"a-{GRAFANA}")], {f"{GRAFANA} A", f"a-{GRAFANA} TXT"}),
        ([alias(GRAFANA, f"dualstack.{ALB}"), registered(f"a-{GRAFANA}")], {f"{GRAFANA} A", f"a-{GRAFANA} TXT"}),
        (
            [
                alias(GRAFANA, ALB),
                alias(GRAFANA, ALB, "AAAA"),
                registered(f"a-{GRAFANA}"),
                registered(f"aaaa-{GRAFANA}"),
            ],
            {f"{GRAFANA} A", f"{GRAFANA} AAAA", f"a-{GRAFANA} TXT", f"aaaa-{GRAFANA} TXT"},
        ),
        # The registry's older form.
        ([alias(GRAFANA, ALB), registered(GRAFANA)], {f"{GRAFANA} A", f"{GRAFANA} TXT"}),
        # Only the registration is left.
        ([registered(f"a-{GRAFANA}")], {f"a-{GRAFANA} TXT"}),
        # It leads to a balancer that bears the lab's tag.
        (
            [
                alias("shop.example.com", "k8s-shop-1.ap-northeast-2.elb.amazonaws.com."),
                registered("a-shop.example.com"),
            ],
            {"shop.example.com A", "a-shop.example.com TXT"},
        ),
        # Nobody registered it: it is the user's own.
        ([alias(GRAFANA, ALB)], set()),
        # Another owner's.
        ([alias(GRAFANA, ALB), registered(f"a-{GRAFANA}", "somebody")], set()),
        # Another lab's, in the same zone with the same owner id.
        ([alias(GRAFANA, OTHER_ALB), registered(f"a-{GRAFANA}")], set()),
        ([alias("grafana.two.example.com", OTHER_ALB), registered("a-grafana.two.example.com")], set()),
        ([registered("a-grafana.two.example.com")], set()),
        ([registered("a-shop.example.com")], set()),
        ([alias("grafana.example.org", ALB), registered("a-grafana.example.org")], set()),
        ([{"Name": "example.com.", "Type": "NS", "TTL": 1, "ResourceRecords": [{"Value": "ns.example.com."}]}], set()),
    ],
)
def test_a_record_is_ours_by_registry_and_target(records: list[dict[str, Any]], expected: set[str]) -> None:
    assert ours(*records) == expected


def test_the_same_cluster_in_another_region_is_another_lab() -> None:
    records = (alias(GRAFANA, ALB), registered(f"a-{GRAFANA}"))
    assert ours(*records, lab=LabIdentity("myeks", "eu-west-1", "example.com", ZONE)) == set()


@pytest.mark.parametrize(
    "context",
    [
        # A balancer of that name stands, and it is somebody else's.
        OwnershipContext(other_balancers=frozenset({ALB.removesuffix(".")})),
        # A cluster of that name stands, and it is somebody else's: it may have had such a balancer.
        OwnershipContext(namesake=True),
    ],
)
def test_a_record_of_a_namesake_is_not_ours(context: OwnershipContext) -> None:
    assert ours(alias(GRAFANA, ALB), registered(f"a-{GRAFANA}"), context=context) == set()


def test_beside_a_namesake_only_the_labs_balancer_tells() -> None:
    known = OwnershipContext(balancers=frozenset({ALB.removesuffix(".")}), namesake=True)
    assert ours(alias(GRAFANA, ALB), registered(f"a-{GRAFANA}"), context=known) == {f"{GRAFANA} A", f"a-{GRAFANA} TXT"}
    assert ours(registered(f"a-{GRAFANA}"), context=known) == set()
