"""Asks AWS and the API server what stands, the same way in the rehearsal and on AWS.

The stack's outputs say what to ask for; the answers come from EKS and the API
server, so that `status` shows what is there, not what was once recorded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from stacks import cluster_facts
from stacks.cluster_facts import Node, Release
from stacks.errors import CannotAsk
from stacks.stack import Stack


@dataclass(frozen=True)
class Addon:
    """One EKS add-on; status in EKS's words (ACTIVE, DEGRADED, ...)."""

    name: str
    version: str
    status: str


@dataclass(frozen=True)
class Facts:
    """What `lab status --json` prints, field by field; `up_for_seconds` counts from the cluster's creation."""

    stack: str
    region: str
    cluster: str
    status: str
    version: str
    endpoint: str
    up_for_seconds: int
    nodes: tuple[Node, ...]
    max_pods: int
    """nodeGroup.maxPods at the last `up`; 0: that one told none."""

    addons: tuple[Addon, ...]
    releases: tuple[Release, ...]
    pages: Mapping[str, Mapping[str, str]]
    expires: str
    """When it ends by itself (2026-11-24T21:30Z); empty when it does not."""

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def collect(stack: Stack, outputs: Mapping[str, Any]) -> Facts:
    """Ask about the lab that has these outputs; raises CannotAsk when AWS or the API server does not answer."""
    name, region = outputs["clusterName"], outputs["region"]
    try:
        eks = boto3.client("eks", region_name=region)
        cluster = eks.describe_cluster(name=name)["cluster"]
        addons = [
            eks.describe_addon(clusterName=name, addonName=addon)["addon"]
            for page in eks.get_paginator("list_addons").paginate(clusterName=name)
            for addon in page["addons"]
        ]
    except (BotoCoreError, ClientError) as error:
        raise CannotAsk(
            f"EKS could not be asked about {name}: {error}. Check the credentials and try again."
        ) from error
    get = cluster_facts.entered(outputs)
    return Facts(
        stack=stack.name,
        region=region,
        cluster=name,
        status=cluster["status"],
        version=cluster["version"],
        endpoint=cluster.get("endpoint", ""),
        up_for_seconds=round((datetime.now(UTC) - cluster["createdAt"]).total_seconds()),
        nodes=cluster_facts.nodes(get),
        max_pods=wanted_max_pods(outputs),
        addons=tuple(Addon(a["addonName"], a["addonVersion"], a["status"]) for a in addons),
        releases=cluster_facts.releases(get, outputs, stack.option),
        pages=outputs.get("pages") or {},
        expires=outputs.get("expires") or "",
    )


def wanted_max_pods(outputs: Mapping[str, Any]) -> int:
    """nodeGroup.maxPods at the last `up`; 0 when the stack's outputs are of a time before they told it."""
    return int(outputs.get("maxPods") or 0)


def other_max_pods(found: Iterable[Node], wanted: int) -> str:
    """Says which nodes hold another number of pods than the setting; empty: none, or nothing is wanted (0)."""
    wrong = [f"{one.name} ({one.max_pods})" for one in found if wanted and one.max_pods != wanted]
    if not wrong:
        return ""
    return (
        f"nodeGroup.maxPods is {wanted}, and these nodes hold another number of pods: {', '.join(wrong)}. "
        "A node reads the setting at its first boot: terminate the instance, and the node group makes a new one."
    )
