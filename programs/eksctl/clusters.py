"""cluster: which there are, and what EKS says of one."""

import argparse
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

from programs import text
from programs.cluster import Stopped
from programs.eksctl.client import Client
from programs.eksctl.output import Column, Log, printed
from programs.eksctl.roles import CLUSTER_TAG

ALL: Final[tuple[Column, ...]] = (
    ("NAME", lambda one: one["Name"]),
    ("REGION", lambda one: one["Region"]),
    ("EKSCTL CREATED", lambda one: one["Owned"]),
)
ONE: Final[tuple[Column, ...]] = (
    ("NAME", lambda one: one["Name"]),
    ("VERSION", lambda one: one.get("Version", "-")),
    ("STATUS", lambda one: one.get("Status", "-")),
    ("CREATED", lambda one: one.get("CreatedAt", "-")),
    ("VPC", lambda one: _network(one).get("VpcId", "-")),
    ("SUBNETS", lambda one: ",".join(sorted(_network(one).get("SubnetIds", ())))),
    ("SECURITYGROUPS", lambda one: ",".join(sorted(_network(one).get("SecurityGroupIds", ())))),
    ("PROVIDER", lambda _: "EKS"),
)


def get(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Print every cluster of the region, or one in detail."""
    del log
    if given.all_regions:
        raise Stopped("--all-regions is not here: the rehearsal has one region. Leave it out")
    name = given.name or given.name_argument
    if name:
        text.write(printed("clusters", [fields(client.cluster(name))], ONE, given.output))
        return
    eks = client.aws("eks")
    records: list[dict[str, str]] = []
    for page in eks.get_paginator("list_clusters").paginate():
        for one in page["clusters"]:
            # eksctl looks for its stack; the tag is what it leaves on the cluster itself.
            is_owned = (client.cluster(one).get("tags") or {}).get(CLUSTER_TAG) == one
            records.append({"Name": one, "Region": client.region, "Owned": str(is_owned)})
    text.write(printed("clusters", records, ALL, given.output))


def fields(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """EKS's answer with the names that Go's SDK has for its fields; tags keep theirs."""
    return {
        key[:1].upper() + key[1:]: value if key == "tags" else _value(value)
        for key, value in cluster.items()
        if key != "ResponseMetadata"
    }


def _value(value: object) -> object:
    if isinstance(value, dict):
        return fields(cast("dict[str, Any]", value))
    if isinstance(value, list):
        return [_value(one) for one in cast("list[object]", value)]
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def _network(cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    return cluster.get("ResourcesVpcConfig") or {}
