"""Asks a cluster's API server for nodes and Helm releases, as the operator of a stack's kubeconfig.

A few GET requests need neither the Kubernetes client, whose import takes most of a second, nor a process of
`aws eks get-token`, which takes another: `up` asks too, and shall not be slower by it.
"""

import base64
import gzip
import json
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
import yaml

from grading.aws_api import Boto
from grading.endpoint import Endpoint
from grading.outcomes import Unanswered
from grading.tokens import for_cluster
from rehearsal.charts.archive import RECORDED as MARK
from rehearsal.charts.archive import WHY
from stacks.console import err
from stacks.errors import CannotAsk

Get = Callable[[str], dict[str, Any]]
"""Takes a path with its query; gives the answer, parsed. Raises CannotAsk."""

Ask = Callable[[str, str, Any], dict[str, Any]]
"""Takes a method, a path with its query and a body or None; gives the answer, parsed. Raises NotThere, CannotAsk."""

RECORDED: Final = f"recorded: {WHY}"
MISSING: Final = "missing"

_DONE: Final = frozenset({200, 201, 202})
_ABSENT: Final = 404
_TYPES: Final = {"PATCH": "application/merge-patch+json"}
_TIMEOUT: Final = urllib3.Timeout(connect=5, read=20)
_READY: Final = {"DaemonSet": ("numberReady", "desiredNumberScheduled"), "": ("readyReplicas", "replicas")}
_WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet")
_IS_WORKLOAD: Final = re.compile(rf"^kind: (?:{'|'.join(_WORKLOADS)})\s*$", re.MULTILINE)
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
class Release:
    """One Helm release as the cluster has it."""

    name: str
    namespace: str
    chart: str
    version: str
    state: str
    """Helm's word, `deployed` when all is well; `recorded: …` when Helm has the release with an empty chart; `missing`
    when Helm has no such release."""

    revision: int = 0
    """Number of the installation or upgrade, from 1."""

    pods_ready: int = 0
    pods: int = 0
    """Of the chart's own Deployments, StatefulSets and DaemonSets, without what an operator makes of its objects."""

    change: str = ""
    """The command that brings it to `deployed`; empty when it is."""

    @property
    def told(self) -> str:
        """For a person."""
        if self.state != "deployed":
            return self.state
        return f"deployed, revision {self.revision}, {self.pods_ready} of {self.pods} pods ready"


class NotThere(CannotAsk):
    """The API server has no such object, or no such kind."""


def entered(outputs: Mapping[str, Any]) -> Get:
    """The way to ask the cluster that has these stack outputs; raises CannotAsk where there is none.

    The credentials are those of this process's environment.
    """
    ask = reached(outputs)
    return lambda path: ask("GET", path, None)


def reached(outputs: Mapping[str, Any]) -> Ask:
    """As `entered`, for every method; a PATCH is a JSON merge patch. Raises CannotAsk."""
    try:
        endpoint = Endpoint.of(outputs.get("kubeconfig"))
        context = ssl.create_default_context(cadata=endpoint.ca.decode())
    except (ValueError, ssl.SSLError) as error:
        raise CannotAsk(f"The stack's kubeconfig cannot be used: {error}. Run ./lab up.") from error
    aws = Boto(str(outputs["region"]), endpoint.option("--profile"), endpoint.option("--role"))
    key = aws.operator_key()
    if isinstance(key, Unanswered):
        raise CannotAsk(f"{key.reason.rstrip('.')}. Check the credentials and try again.")
    token = for_cluster(key, str(outputs["clusterName"]), region=str(outputs["region"]), sts=aws.sts)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    host = urlsplit(endpoint.server).hostname or ""
    proxy = None if proxy_bypass(host) else getproxies().get("https")
    options: dict[str, Any] = {"ssl_context": context, "headers": headers, "retries": False, "timeout": _TIMEOUT}
    pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def ask(method: str, path: str, body: Any) -> dict[str, Any]:
        sent = None if body is None else json.dumps(body)
        typed = headers if body is None else {**headers, "Content-Type": _TYPES.get(method, "application/json")}
        try:
            answer = pool.request(method, endpoint.server + path, body=sent, headers=typed)
        except urllib3.exceptions.HTTPError as error:
            raise CannotAsk(f"The API server did not answer: {error}. Try again in a moment.") from error
        if answer.status not in _DONE:
            why = NotThere if answer.status == _ABSENT else CannotAsk
            raise why(f"The API server answered {answer.status} to {path}. Try again in a moment.")
        return json.loads(answer.data)

    return ask


def nodes(get: Get) -> tuple[Node, ...]:
    """The cluster's nodes, by zone, then name; raises CannotAsk."""
    return tuple(sorted(map(_node, get("/api/v1/nodes")["items"]), key=lambda node: (node.zone, node.name)))


def _node(node: Mapping[str, Any]) -> Node:
    labels = node["metadata"].get("labels") or {}
    status = node.get("status", {})
    conditions = status.get("conditions") or []
    return Node(
        node["metadata"]["name"],
        labels.get("topology.kubernetes.io/zone", ""),
        labels.get("node.kubernetes.io/instance-type", ""),
        any(each["type"] == "Ready" and each["status"] == "True" for each in conditions),
        int((status.get("capacity") or {}).get("pods", 0)),
    )


def releases(get: Get, outputs: Mapping[str, Any], option: str = "") -> tuple[Release, ...]:
    """The stack's releases as Helm keeps them in the cluster, in the order of the outputs; raises CannotAsk.

    `option` names the stack in a command, as " -s dev".
    """
    wanted: list[Mapping[str, str]] = outputs.get("releases") or []
    if not wanted:
        return ()
    selector = urlencode({"labelSelector": "owner=helm,status!=superseded"})
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for secret in get(f"/api/v1/secrets?{selector}")["items"]:
        labels, place = secret["metadata"]["labels"], secret["metadata"]["namespace"]
        key = (place, labels["name"])
        if key not in kept or int(labels["version"]) > int(kept[key]["metadata"]["labels"]["version"]):
            kept[key] = secret
    found = {(each["namespace"], each["name"]): kept.get((each["namespace"], each["name"])) for each in wanted}
    told = {key: _decoded(secret) for key, secret in found.items() if secret}
    workloads = {key: list(_workloads(release)) for key, release in told.items()}
    kinds = {kind for each in workloads.values() for kind, _, _ in each}
    ready = {key: counts for kind in kinds for key, counts in _counts(get, kind)}
    return tuple(_release(each, told, workloads, ready, option) for each in wanted)


def after_up(outputs: Mapping[str, Any], option: str = "") -> tuple[Release, ...] | None:
    """As `releases`, for a command that has done its work: None, and a line why, when nobody answers."""
    try:
        return releases(entered(outputs), outputs, option)
    except CannotAsk as error:
        err.print(f"What Helm has could not be asked. {error}", markup=False)
        return None


Workload = tuple[str, str, str]
"""Kind, namespace and name."""


def _release(
    wanted: Mapping[str, str],
    told: Mapping[tuple[str, str], Mapping[str, Any]],
    workloads: Mapping[tuple[str, str], list[Workload]],
    ready: Mapping[Workload, tuple[int, int]],
    option: str,
) -> Release:
    key = (wanted["namespace"], wanted["name"])
    described = (wanted["name"], wanted["namespace"], wanted["chart"], wanted["version"])
    if key not in told:
        return Release(*described, MISSING, change=f"./lab up --refresh{option}")
    release = told[key]
    state, revision = str(release["info"]["status"]), int(release["version"])
    if state != "deployed":
        return Release(*described, state, revision, change=f"./lab up{option}")
    if MARK in (release["chart"]["metadata"].get("annotations") or {}):
        return Release(*described, RECORDED, revision, change=f"./lab up{option}")
    # One that the chart made and that is gone has no pods at all.
    counts = [ready.get(workload, (0, 1)) for workload in workloads[key]]
    return Release(*described, state, revision, sum(one for one, _ in counts), sum(all_ for _, all_ in counts))


def _decoded(secret: Mapping[str, Any]) -> dict[str, Any]:
    """What Helm keeps of a release: gzipped JSON in base64 (helm.sh/helm/v3, pkg/storage/driver/util.go)."""
    return json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))


def _workloads(release: Mapping[str, Any]) -> Iterable[Workload]:
    # A large chart's manifest takes a second to parse: only what has pods is.
    for document in re.split(r"^---.*$", str(release.get("manifest") or ""), flags=re.MULTILINE):
        if _IS_WORKLOAD.search(document):
            made: Any = yaml.load(document, Loader=_LOADER)  # noqa: S506  # a safe loader
            about = made["metadata"]
            yield made["kind"], about.get("namespace") or release["namespace"], about["name"]


def _counts(get: Get, kind: str) -> Iterable[tuple[Workload, tuple[int, int]]]:
    ready, wanted = _READY.get(kind, _READY[""])
    for each in get(f"/apis/apps/v1/{kind.lower()}s")["items"]:
        about, status = each["metadata"], each.get("status", {})
        desired = status.get(wanted, 0) if kind == "DaemonSet" else each["spec"].get("replicas", 1)
        yield (kind, about["namespace"], about["name"]), (int(status.get(ready) or 0), int(desired))
