"""Asks the API server and AWS of one resource that takes long, and has `stacks.waits` put the answer into words.

It asks with small requests of its own, beside the engine; a cluster is reached by what EKS says of it, because a first
`up` has no outputs yet.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from clients import aws
from operations.cleanup import ClientFactory
from stacks import cluster_facts, waits
from stacks.cluster_facts import Get
from stacks.errors import CannotAsk
from stacks.stack import Stack
from stacks.waits import Reporter, Resource

CONTROLLER_IMAGE: Final = "aws-load-balancer-controller"
"""In the name of the image that the load balancer controller runs."""

_AWAY: Final = ": it has no ready pod"

_ENTERED_FOR: Final = 600.0
"""Seconds that an entry is used: EKS takes its token for 15 minutes."""

_RELEASE: Final = "meta.helm.sh/release-name"
_HOOK: Final = "helm.sh/hook"
_WORKLOADS: Final = ("deployments", "statefulsets", "daemonsets")
_EKS: Final = {
    "aws:eks/cluster:Cluster": ("describe_cluster", "cluster", ("name",)),
    "aws:eks/nodeGroup:NodeGroup": ("describe_nodegroup", "nodegroup", ("clusterName", "nodegroupName")),
    "aws:eks/addon:Addon": ("describe_addon", "addon", ("clusterName", "addonName")),
}
"""Type → how EKS is asked, what its answer holds, and the arguments, in the order of the parts of the engine's id."""

_NETWORK: Final = {
    "aws:ec2/subnet:Subnet": "subnet-id",
    "aws:ec2/securityGroup:SecurityGroup": "group-id",
    "aws:ec2/vpc:Vpc": "vpc-id",
    "aws:ec2/internetGateway:InternetGateway": "vpc-id",
}
"""Type → the filter that gives the network interfaces which keep it."""


def controller_is_ready(get: Get) -> bool:
    """Whether a Deployment of the load balancer controller has a ready pod; raises CannotAsk."""
    return any(
        (each.get("status") or {}).get("readyReplicas")
        for each in get("/apis/apps/v1/deployments")["items"]
        for container in each["spec"]["template"]["spec"]["containers"]
        if CONTROLLER_IMAGE in container["image"]
    )


def reporter(stack: Stack, tell: Callable[[str], object], *, builds: bool) -> Reporter:
    """Who tells what a run of the stack waits for; `builds`: whether that builds the lab, or takes it away."""
    away = "" if builds else f". Start it again, or press Ctrl-C and run ./lab down{stack.option} --yes"
    probes = Probes(stack, away)
    made = Reporter(probes, tell)
    probes.is_over = lambda: made.is_over
    return made


class Probes:
    """What a resource of one stack waits for."""

    def __init__(self, stack: Stack, away: str) -> None:
        """`away` goes on after "it has no ready pod": what the user does about a controller that is gone."""
        self._config, self._profile = stack.config, stack.profile
        self._away = f"{_AWAY}{away}"
        self._client: ClientFactory | None = None
        self._get: tuple[float, Get] | None = None
        self._served: dict[str, list[Mapping[str, Any]]] = {}
        self.is_over: Callable[[], bool] = lambda: False
        """Whether the run is over: the environment is no longer the one in which the stack's AWS answers."""

    def __call__(self, resource: Resource) -> str:
        """In words; empty where that cannot be told."""
        try:
            if resource.type.startswith("kubernetes:"):
                return self._in_cluster(resource)
            if asked := _EKS.get(resource.type):
                return self._at_eks(resource, *asked)
            if resource.operation == "delete" and (name := _NETWORK.get(resource.type)):
                return self._in_network(resource, name)
        except (CannotAsk, BotoCoreError, ClientError):
            pass
        return ""

    def _insist(self) -> None:
        """Raises CannotAsk when the run is over."""
        if self.is_over():
            raise CannotAsk("The run is over. Nothing is asked any more.")

    def _aws(self, service: str) -> Any:
        self._insist()
        if self._client is None:
            self._client = aws.clients(self._profile, self._config.region)
        return self._client(service)

    def _at_eks(self, resource: Resource, operation: str, answer: str, names: tuple[str, ...]) -> str:
        inputs = resource.inputs
        name = inputs.get("nodeGroupName") or inputs.get("addonName")
        parts = resource.id.split(":") if resource.id else [inputs.get("clusterName") or inputs.get("name"), name]
        asked = dict(zip(names, parts, strict=False))
        return waits.eks(getattr(self._aws("eks"), operation)(**asked)[answer])

    def _in_network(self, resource: Resource, name: str) -> str:
        gateway = resource.type == "aws:ec2/internetGateway:InternetGateway"
        wanted = str(resource.inputs.get("vpcId") or "") if gateway else resource.id
        if not wanted:
            return ""
        filters = [{"Name": name, "Values": [wanted]}]
        found = self._aws("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        # A gateway is kept by public addresses alone.
        return waits.interfaces(each for each in found if not gateway or each.get("Association"))

    def _api(self, path: str) -> dict[str, Any]:
        now = time.monotonic()
        if self._get is None or now - self._get[0] > _ENTERED_FOR:
            self._get = now, self._entered()
        self._insist()
        return self._get[1](path)

    def _entered(self) -> Get:
        name, region = self._config.cluster_name, self._config.region
        found = self._aws("eks").describe_cluster(name=name)["cluster"]
        self._insist()
        if not found.get("endpoint"):
            raise CannotAsk("The cluster has no API server yet. Ask again later.")
        profile = ["--profile", self._profile] if self._profile else []
        place = {"server": found["endpoint"], "certificate-authority-data": found["certificateAuthority"]["data"]}
        kubeconfig = {
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "clusters": [{"name": name, "cluster": place}],
            "users": [{"name": name, "user": {"exec": {"args": profile}}}],
        }
        return cluster_facts.entered({"kubeconfig": kubeconfig, "region": region, "clusterName": name})

    def _in_cluster(self, resource: Resource) -> str:
        inputs = resource.inputs
        if resource.type == "kubernetes:helm.sh/v3:Release":
            return self._of_release(str(inputs.get("namespace") or "default"), str(inputs.get("name")))
        about = inputs.get("metadata") or {}
        version, kind = str(inputs.get("apiVersion")), str(inputs.get("kind"))
        space, _, name = resource.id.rpartition("/")
        space, name = space or about.get("namespace") or "default", name or about.get("name")
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        kinds = self._served.get(base) or self._api(base)["resources"]
        served = next((each for each in kinds if each["kind"] == kind and "/" not in each["name"]), None)
        if served is None:
            return ""  # its definition may still come
        self._served[base] = kinds
        where = f"/namespaces/{space}" if served["namespaced"] else ""
        found: dict[str, Any] = {"kind": kind, **self._api(f"{base}{where}/{served['name']}/{name}")}
        going = bool(found["metadata"].get("deletionTimestamp"))
        if kind == "Pod":
            return waits.pods([found])
        pods = self._pods(space, found)
        if going or pods:
            return "; ".join(filter(None, (pods, self._of_deletion(found) if going else "")))
        wanted = urlencode({"fieldSelector": f"involvedObject.kind={kind},involvedObject.name={name}"})
        warned = waits.events(self._api(f"/api/v1/namespaces/{space}/events?{wanted}")["items"])
        return warned or (self._of_address(found) if kind == "Ingress" else "")

    def _pods(self, space: str, found: Mapping[str, Any]) -> str:
        """What a Deployment or its like waits for in its pods; empty for what makes none."""
        selector = ((found.get("spec") or {}).get("selector") or {}).get("matchLabels")
        if not selector:
            return ""
        wanted = urlencode({"labelSelector": ",".join(f"{key}={value}" for key, value in selector.items())})
        return waits.workload(found) or waits.pods(self._api(f"/api/v1/namespaces/{space}/pods?{wanted}")["items"])

    def _of_address(self, ingress: Mapping[str, Any]) -> str:
        if ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
            return ""
        return f"an address, which {waits.LOAD_BALANCER} gives{'' if controller_is_ready(self._api) else _AWAY}"

    def _of_deletion(self, found: Mapping[str, Any]) -> str:
        owners = {waits.owner_of(each) for each in found["metadata"].get("finalizers") or []}
        away = waits.LOAD_BALANCER in owners and not controller_is_ready(self._api)
        return waits.deletion(found, self._away if away else "")

    def _of_release(self, space: str, name: str) -> str:
        """The pods of what the chart made, and of its hooks."""
        made: list[dict[str, Any]] = [
            each
            for kind in _WORKLOADS
            for each in self._api(f"/apis/apps/v1/namespaces/{space}/{kind}")["items"]
            if _marks(each).get(_RELEASE) == name
        ]
        if failed := next(filter(None, map(waits.workload, made)), ""):
            return failed
        jobs = self._api(f"/apis/batch/v1/namespaces/{space}/jobs")["items"]
        made += [each for each in jobs if _HOOK in _marks(each)]
        selectors = [each["spec"]["selector"]["matchLabels"].items() for each in made]
        found = self._api(f"/api/v1/namespaces/{space}/pods")["items"]
        return waits.pods(each for each in found if _selected(each, selectors))


def _marks(found: Mapping[str, Any]) -> Mapping[str, str]:
    return found["metadata"].get("annotations") or {}


def _selected(pod: Mapping[str, Any], selectors: Iterable[Any]) -> bool:
    labels = (pod["metadata"].get("labels") or {}).items()
    return any(selector <= labels for selector in selectors)
