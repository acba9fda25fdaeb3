"""The records that ExternalDNS wrote into the hosted zone.

The zone is the user's and outlives the lab. Beside each record that ExternalDNS writes it puts a TXT record with its
owner id, and it changes no others (its documentation, "TXT registry", seen 2026-11). The lab's owner id is the zone's
id, which every lab in that zone shares; so a record is this lab's only if it leads to this lab's load balancer, or if
its name is one of this lab's pages and it leads nowhere else. A cluster of the same name that is not the lab's may name
its load balancer alike: what leads to one that stands is whose that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from clients.aws_responses import if_there, pages
from infra.config.aws_checks import HOSTS
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, NameEvidence, OwnershipContext, Resource

_REGISTRY: Final = re.compile(r"heritage=external-dns,external-dns/owner=([^,\"]+)")
_ADDRESSES: Final = ("A", "AAAA", "CNAME")


def _records(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    found = if_there(
        lambda: list(
            pages(client("route53"), "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=lab.hosted_zone_id)
        )
    )
    yield from resources(found or [], lab)


def resources(records: Iterable[Mapping[str, Any]], lab: LabIdentity) -> Iterator[Resource]:
    """The records under the lab's domain that ExternalDNS registered with the lab's owner id, and their registration.

    A resource's `name` is the host, its `size` where the host's address records lead, in lower case, empty if there are
    none; its `owner` is the zone.
    """
    sets = list(records)
    hosts = {host for each in sets if (host := _registered(each, lab))}
    targets = {name: target for each in sets if (target := _target(each)) and (name := _plain(each["Name"])) in hosts}
    for each in sets:
        host = _registered(each, lab) or (_plain(each["Name"]) if each["Type"] in _ADDRESSES else "")
        if host in hosts:
            yield Resource(
                id=f"{_plain(each['Name'])} {each['Type']}",
                name=host,
                size=targets.get(host, ""),
                owner=lab.hosted_zone_id,
                raw=each,
            )


def _plain(name: str) -> str:
    return name.rstrip(".").replace("\\052", "*").lower()


def _registered(record: Mapping[str, Any], lab: LabIdentity) -> str:
    """The host that a TXT record registers for the lab's owner id; empty when it registers none."""
    if record["Type"] != "TXT":
        return ""
    text = " ".join(each["Value"] for each in record.get("ResourceRecords", []))
    owner = _REGISTRY.search(text)
    if not owner or owner[1] != lab.hosted_zone_id:
        return ""
    name = _plain(record["Name"])
    # `a-grafana.example.com` registers the A record of grafana.example.com; without a prefix it is the older form.
    host = re.sub(r"^(a|aaaa|cname)-", "", name)
    return host if host == lab.domain or host.endswith(f".{lab.domain}") else ""


def _target(record: Mapping[str, Any]) -> str:
    if record["Type"] not in _ADDRESSES:
        return ""
    alias = record.get("AliasTarget", {}).get("DNSName", "")
    plain = [each["Value"] for each in record.get("ResourceRecords", [])]
    return _plain(alias or " ".join(plain)).removeprefix("dualstack.")


def named(resource: Resource, lab: LabIdentity, context: OwnershipContext) -> str:
    """By the load balancer that the record leads to, or by the page whose name it has."""
    target = resource.size
    leads = f"leads to {target.partition('.')[0]}"
    if target in context.balancers:
        return leads
    if context.namesake or target in context.other_balancers:
        return ""
    own = rf"{re.escape(lab.cluster.lower())}-ingress-alb-[0-9a-f]+\.{re.escape(lab.region)}\.elb\.amazonaws\.com"
    if re.fullmatch(own, target):
        return leads
    if not target and resource.name in {f"{host}.{lab.domain}" for host in HOSTS}:
        return f"registered for {resource.name}, which leads nowhere"
    return ""


def _delete(client: ClientFactory, resource: Resource) -> None:
    """A record must be given as it stands."""
    client("route53").change_resource_record_sets(
        HostedZoneId=resource.owner,
        ChangeBatch={"Changes": [{"Action": "DELETE", "ResourceRecordSet": dict(resource.raw)}]},
    )


RECORDS = Kind(
    "record",
    "records",
    "route53",
    ("route53:ListResourceRecordSets",),
    "costs nothing; leads to a balancer that is gone",
    _records,
    _delete,
    named,
    names=NameEvidence.LAB,
    everywhere=True,
    applies=lambda lab: bool(lab.hosted_zone_id and lab.domain),
)
