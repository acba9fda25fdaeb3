"""Asks AWS and the API server what stands, the same way in the rehearsal and on AWS.

The stack's outputs say what to ask for; the answers come from EKS and the nodes
themselves, so that `status` tells what is, not what was once recorded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from cli.failures import CannotAsk


@dataclass(frozen=True)
class Node:
    """One node as the API server knows it."""

    name: str
    zone: str
    instance_type: str
    ready: bool
    max_pods: int
    """Greatest number of pods, as its kubelet tells it (`.status.capacity.pods`); 0: it tells none."""


@dataclass(frozen=True)
class Addon:
    """One EKS add-on; status in EKS's words (ACTIVE, DEGRADED, ...)."""

    name: str
    version: str
    status: str


@dataclass(frozen=True)
class Release:
    """One Helm release; state is "installed" on AWS and "recorded" in the rehearsal."""

    name: str
    namespace: str
    chart: str
    version: str
    state: str


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


def collect(stack: str, outputs: Mapping[str, Any], *, rehearsal: bool) -> Facts:
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
    return Facts(
        stack=stack,
        region=region,
        cluster=name,
        status=cluster["status"],
        version=cluster["version"],
        endpoint=cluster.get("endpoint", ""),
        up_for_seconds=round((datetime.now(UTC) - cluster["createdAt"]).total_seconds()),
        nodes=nodes(outputs["kubeconfig"]),
        max_pods=wanted_max_pods(outputs),
        addons=tuple(Addon(a["addonName"], a["addonVersion"], a["status"]) for a in addons),
        releases=releases(outputs, rehearsal=rehearsal),
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


def releases(outputs: Mapping[str, Any], *, rehearsal: bool) -> tuple[Release, ...]:
    """The stack's Helm releases, from its outputs."""
    state = "recorded" if rehearsal else "installed"
    return tuple(
        Release(r["name"], r["namespace"], r["chart"], r["version"], state) for r in outputs.get("releases") or []
    )


def nodes(kubeconfig: object) -> tuple[Node, ...]:
    """The cluster's nodes, by zone, then name."""
    from kubernetes import client, config  # most of a second, and only this asks
    from urllib3.exceptions import HTTPError

    settings = yaml.safe_load(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
    try:
        api = client.CoreV1Api(config.new_client_from_config_dict(settings))
        found: list[Any] = api.list_node(_request_timeout=10).items
    except (client.ApiException, config.ConfigException, HTTPError) as error:
        raise CannotAsk(
            f"The API server could not be asked for its nodes: {str(error).splitlines()[0]}. Try again in a moment."
        ) from error
    return tuple(sorted((_node(found_one) for found_one in found), key=lambda n: (n.zone, n.name)))


def _node(node: Any) -> Node:
    labels: dict[str, str] = node.metadata.labels or {}
    ready = any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or [])
    return Node(
        node.metadata.name,
        labels.get("topology.kubernetes.io/zone", ""),
        labels.get("node.kubernetes.io/instance-type", ""),
        ready,
        int((node.status.capacity or {}).get("pods", 0)),
    )
