"""TargetGroupBindings: which pods stand behind a target group, and that load balancers may reach them.

The real controller has a second controller for these objects; here one loop serves both.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from rehearsal.cluster.controllers.load_balancer.aws import Aws, Failure, code_of, told
from rehearsal.cluster.controllers.load_balancer.backends import TargetGroup, service_port
from rehearsal.cluster.controllers.load_balancer.cluster import BINDINGS, SLICES, ApiError, Cluster, path_of
from rehearsal.cluster.controllers.load_balancer.groups import GroupId, Object, Refused
from rehearsal.cluster.controllers.load_balancer.model import Desired
from rehearsal.cluster.controllers.load_balancer.network import Network, Permission
from rehearsal.cluster.controllers.load_balancer.settings import Settings

FINALIZER: Final = "elbv2.k8s.aws/resources"
SERVICE: Final = "kubernetes.io/service-name"
"""Label of an EndpointSlice."""


class Endpoint(NamedTuple):
    """A pod that is ready to serve."""

    address: str
    port: int
    pod: str
    """`namespace/name`."""
    node: str


class Bindings:
    """The TargetGroupBindings of the cluster."""

    def __init__(self, cluster: Cluster, aws: Aws, network: Network, settings: Settings) -> None:
        """Asks nothing yet."""
        self._cluster = cluster
        self._aws = aws
        self._network = network
        self._settings = settings

    def make(self, group: GroupId, desired: Desired, arns: Mapping[str, str], backend: str) -> None:
        """One object for each target group; `backend` is the security group that load balancers come from."""
        existing = {each["metadata"]["name"]: each for each in self._of(group)}
        for wanted in desired.target_groups.values():
            spec = self._spec(wanted, arns[wanted.id], backend)
            found = existing.get(wanted.name)
            if found is None:
                body = {
                    "apiVersion": "elbv2.k8s.aws/v1beta1",
                    "kind": "TargetGroupBinding",
                    "metadata": {"name": wanted.name, "namespace": wanted.namespace, "labels": group.labels},
                    "spec": spec,
                }
                root, _, plural = BINDINGS.rpartition("/")
                self._cluster.request("POST", f"{root}/namespaces/{wanted.namespace}/{plural}", body)
            elif found["spec"] != {**found["spec"], **spec}:
                self._cluster.request("PATCH", path_of(found), {"spec": spec})

    def _spec(self, wanted: TargetGroup, arn: str, backend: str) -> dict[str, Any]:
        return {
            "targetGroupARN": arn,
            "targetType": "ip",
            "targetGroupProtocol": "HTTP",
            "ipAddressType": "ipv4",
            "vpcID": self._settings.vpc,
            "serviceRef": {"name": wanted.service, "port": wanted.service_port},
            "networking": {
                "ingress": [
                    {
                        "from": [{"securityGroup": {"groupID": backend}}],
                        "ports": [{"protocol": "TCP", "port": wanted.target_port}],
                    }
                ]
            },
        }

    def delete(self, group: GroupId, kept: Iterable[str] = ()) -> bool:
        """Tell a group's objects to go but for those of these names; whether none of those is left."""
        keep = set(kept)
        gone = True
        for each in self._of(group):
            if each["metadata"]["name"] not in keep:
                gone = False
                if not each["metadata"].get("deletionTimestamp"):
                    self._cluster.request("DELETE", path_of(each))
        return gone

    def _of(self, group: GroupId) -> list[dict[str, Any]]:
        wanted = group.labels.items()
        return [each for each in self._all() if wanted <= (each["metadata"].get("labels") or {}).items()]

    def _all(self) -> list[dict[str, Any]]:
        kinds = {"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding"}
        return [{**kinds, **each} for each in self._cluster.listed(BINDINGS)]

    def serve(self) -> bool:
        """Register every binding's pods and open the way to them; whether all of that succeeded."""
        wanted: dict[str, set[Permission]] = {}
        computed = succeeded = True
        every = self._all()
        leaving = [each for each in every if each["metadata"].get("deletionTimestamp")]
        for each in every:
            if each in leaving:
                continue
            try:
                self._cluster.add_finalizer(path_of(each), each, FINALIZER)
                endpoints = self._endpoints(each)
                self._register(each, endpoints)
            except (*Failure, ApiError, Refused) as error:
                succeeded = False
                self._cluster.event(each, "Warning", "FailedReconcile", told(error))
                computed = False
                continue
            try:
                for group, rules in self._rules(each, endpoints).items():
                    wanted.setdefault(group, set()).update(rules)
            except (*Failure, ApiError, Refused) as error:
                succeeded = computed = False
                self._cluster.event(each, "Warning", "FailedNetworkReconcile", told(error))
        try:
            self._network.reach_pods(_widened(wanted), revoke=computed)
        except Failure as error:
            for each in every:
                self._cluster.event(each, "Warning", "FailedNetworkReconcile", told(error))
            return False
        return self._let_go(leaving) and succeeded

    def _let_go(self, leaving: Iterable[Object]) -> bool:
        """Take the targets out of the groups of bindings that are being deleted, and let those go."""
        succeeded = True
        for each in leaving:
            try:
                self._deregister(each)
                self._cluster.remove_finalizer(path_of(each), each, FINALIZER)
            except (*Failure, ApiError) as error:
                succeeded = False
                self._cluster.event(each, "Warning", "FailedCleanup", told(error))
        return succeeded

    def _endpoints(self, binding: Object) -> list[Endpoint]:
        """The ready pods behind a binding's Service; raises Refused when the Service or its port is gone."""
        namespace, reference = binding["metadata"]["namespace"], binding["spec"]["serviceRef"]
        service = self._cluster.service(namespace, reference["name"])
        port = service_port(service, reference["port"]) if service else None
        if port is None:
            raise Refused(f"backend not found: {namespace}/{reference['name']}:{reference['port']}")
        root, _, plural = SLICES.rpartition("/")
        selector = f"labelSelector={SERVICE}%3D{reference['name']}"
        found: list[Endpoint] = []
        for each in self._cluster.listed(f"{root}/namespaces/{namespace}/{plural}?{selector}"):
            numbers = [
                one["port"]
                for one in each.get("ports") or []
                if not port.get("name") or port["name"] == (one.get("name") or "")
            ]
            for endpoint in each.get("endpoints") or []:
                target = endpoint.get("targetRef") or {}
                if target.get("kind") == "Pod" and (endpoint.get("conditions") or {}).get("ready") is not False:
                    pod = f"{target.get('namespace', namespace)}/{target['name']}"
                    node = endpoint.get("nodeName", "")
                    found += [Endpoint(endpoint["addresses"][0], number, pod, node) for number in numbers]
        return found

    def _register(self, binding: Object, endpoints: Iterable[Endpoint]) -> None:
        arn = binding["spec"]["targetGroupARN"]
        shown = self._aws.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        current = {
            (each["Target"]["Id"], each["Target"]["Port"])
            for each in shown
            if each["TargetHealth"]["State"] != "draining"
        }
        wanted = {(each.address, each.port) for each in endpoints}
        if old := sorted(current - wanted):
            self._aws.elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": ip, "Port": port} for ip, port in old])
        if new := sorted(wanted - current):
            blocks = self._blocks()
            targets = [
                {"Id": ip, "Port": port, **({} if _inside(ip, blocks) else {"AvailabilityZone": "all"})}
                for ip, port in new
            ]
            self._aws.elb.register_targets(TargetGroupArn=arn, Targets=targets)

    def _deregister(self, binding: Object) -> None:
        arn = binding["spec"]["targetGroupARN"]
        try:
            shown = self._aws.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            if shown:
                targets = [{"Id": each["Target"]["Id"], "Port": each["Target"]["Port"]} for each in shown]
                self._aws.elb.deregister_targets(TargetGroupArn=arn, Targets=targets)
        except Failure as error:
            if code_of(error) != "TargetGroupNotFound":
                raise

    def _blocks(self) -> list[ipaddress.IPv4Network]:
        (vpc,) = self._aws.ec2.describe_vpcs(VpcIds=[self._settings.vpc])["Vpcs"]
        blocks = [each["CidrBlock"] for each in vpc.get("CidrBlockAssociationSet", [])] or [vpc["CidrBlock"]]
        return [ipaddress.IPv4Network(each) for each in blocks]

    def _rules(self, binding: Object, endpoints: list[Endpoint]) -> dict[str, set[Permission]]:
        """By security group of the pods, the rules that let the load balancer reach them; raises Refused."""
        sources = [
            peer["securityGroup"]["groupID"]
            for rule in binding["spec"].get("networking", {}).get("ingress", [])
            for peer in rule["from"]
        ]
        found: dict[str, set[Permission]] = {}
        for group, own in self._by_group(endpoints).items():
            # A named port may be another number in each pod.
            found[group] = {Permission(each.port, each.port, group=source) for each in own for source in sources}
        return found

    def _by_group(self, endpoints: list[Endpoint]) -> dict[str, list[Endpoint]]:
        """Endpoints by the security group of the network interface that has their address."""
        if not endpoints:
            return {}
        instances: dict[str, str] = {}
        for name in sorted({each.node for each in endpoints}):
            node = self._cluster.found(f"/api/v1/nodes/{name}") if name else None
            instances[name] = node["spec"].get("providerID", "").rpartition("/")[2] if node else ""
        ids = sorted({each for each in instances.values() if each})
        described = self._aws.ec2.describe_instances(InstanceIds=ids)["Reservations"] if ids else []
        interfaces = {
            each["InstanceId"]: each["NetworkInterfaces"]
            for reservation in described
            for each in reservation["Instances"]
        }
        found: dict[str, list[Endpoint]] = {}
        lost: list[str] = []
        for each in endpoints:
            own = [one for one in interfaces.get(instances[each.node], []) if _has(one, each.address)]
            if not own:
                lost.append(each.pod)
                continue
            groups = [group["GroupId"] for group in own[0]["Groups"]]
            group = self._network.security_group_of(groups, own[0]["NetworkInterfaceId"])
            found.setdefault(group, []).append(each)
        if lost:
            raise Refused(f"cannot resolve pod ENI for pods: {sorted(lost)}")
        return found


def _has(interface: Mapping[str, Any], address: str) -> bool:
    """Whether a network interface has an address, by itself or in one of its prefixes."""
    if any(each["PrivateIpAddress"] == address for each in interface.get("PrivateIpAddresses", [])):
        return True
    prefixes = [ipaddress.IPv4Network(each["Ipv4Prefix"]) for each in interface.get("Ipv4Prefixes", [])]
    return _inside(address, prefixes)


def _inside(address: str, blocks: Iterable[ipaddress.IPv4Network]) -> bool:
    return any(ipaddress.IPv4Address(address) in block for block in blocks)


def _widened(rules: Mapping[str, set[Permission]]) -> dict[str, set[Permission]]:
    """One rule for each source: from the lowest to the highest port that any target has."""
    found: dict[str, set[Permission]] = {}
    for group, own in rules.items():
        for source in {each.group for each in own}:
            ports = [port for each in own if each.group == source for port in (each.first, each.last)]
            found.setdefault(group, set()).add(Permission(min(ports), max(ports), group=source))
    return found
