"""Subnets and security groups: where a load balancer stands, who may connect to it, and how it reaches pods."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from rehearsal.cluster.controllers.load_balancer.aws import (
    CLUSTER,
    RESOURCE,
    STACK,
    Aws,
    code_of,
    listed,
    mapping,
    patiently,
)
from rehearsal.cluster.controllers.load_balancer.backends import plain
from rehearsal.cluster.controllers.load_balancer.groups import GroupId, Refused
from rehearsal.cluster.controllers.load_balancer.model import Desired
from rehearsal.cluster.controllers.load_balancer.settings import Settings

MANAGED: Final = "ManagedLBSecurityGroup"
"""Value of the tag ingress.k8s.aws/resource."""
BACKEND_RESOURCE: Final = "elbv2.k8s.aws/resource"
BACKEND: Final = "backend-sg"
SHARED: Final = "elbv2.k8s.aws/targetGroupBinding=shared"
"""Description of the rules that let load balancers reach pods; all others are not ours."""
FREE_ADDRESSES: Final = 8
"""That a subnet needs for a load balancer (Application Load Balancers guide, "Subnets")."""
MANAGED_GOES_WITHIN: Final = 10.0
BACKEND_GOES_WITHIN: Final = 120.0


class Permission(NamedTuple):
    """One inbound rule over TCP."""

    first: int
    last: int
    cidr: str = ""
    group: str = ""
    """A security group's id, when it is no CIDR."""

    def sent(self, description: str) -> dict[str, Any]:
        """As EC2 takes it."""
        told = {"Description": description} if description else {}
        ports = {"IpProtocol": "tcp", "FromPort": self.first, "ToPort": self.last}
        if self.cidr:
            return {**ports, "IpRanges": [{"CidrIp": self.cidr, **told}]}
        return {**ports, "UserIdGroupPairs": [{"GroupId": self.group, **told}]}


class Network:
    """Works in one VPC."""

    def __init__(self, aws: Aws, settings: Settings) -> None:
        """Knows of no backend security group yet."""
        self._aws = aws
        self._settings = settings
        self._backend = ""

    def subnets(self, scheme: str) -> list[str]:
        """One subnet in each zone for a load balancer; raises Refused when there are too few."""
        tag = "kubernetes.io/role/elb" if scheme == "internet-facing" else "kubernetes.io/role/internal-elb"
        inside = {"Name": "vpc-id", "Values": [self._settings.vpc]}
        tagged = {"Name": f"tag:{tag}", "Values": ["", "1"]}
        found = self._aws.all_of(self._aws.ec2, "describe_subnets", "Subnets", Filters=[inside, tagged])
        if not found:
            raise Refused(f"couldn't auto-discover subnets: no subnet of {self._settings.vpc} has the tag {tag}")
        chosen: dict[str, dict[str, Any]] = {}
        for subnet in sorted(found, key=lambda each: (not self._is_clusters(each), each["SubnetId"])):
            if self._may_use(subnet) and subnet["AvailableIpAddressCount"] >= FREE_ADDRESSES:
                chosen.setdefault(subnet["AvailabilityZone"], subnet)
        if len(chosen) < 2:
            raise Refused(
                "couldn't auto-discover subnets: unable to resolve at least 2 subnets in different availability zones"
            )
        return [chosen[zone]["SubnetId"] for zone in sorted(chosen)]

    def _is_clusters(self, subnet: Mapping[str, Any]) -> bool:
        return f"kubernetes.io/cluster/{self._settings.cluster}" in mapping(subnet.get("Tags", []))

    def _may_use(self, subnet: Mapping[str, Any]) -> bool:
        """Whether no other cluster claims a subnet alone."""
        claims = [each for each in mapping(subnet.get("Tags", [])) if each.startswith("kubernetes.io/cluster/")]
        return not claims or self._is_clusters(subnet)

    def _groups(self, **tags: str) -> list[dict[str, Any]]:
        wanted = [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]
        inside = {"Name": "vpc-id", "Values": [self._settings.vpc]}
        return self._aws.all_of(self._aws.ec2, "describe_security_groups", "SecurityGroups", Filters=[inside, *wanted])

    def managed(self, group: GroupId) -> list[dict[str, Any]]:
        """The security groups that were made for a group of Ingresses."""
        return self._groups(**{CLUSTER: self._settings.cluster, STACK: str(group)})

    def make_managed(self, group: GroupId, desired: Desired) -> str:
        """The security group that faces the clients, with a rule for each range and port; gives its id."""
        tags = {**self._settings.default_tags, CLUSTER: self._settings.cluster, STACK: str(group), RESOURCE: MANAGED}
        rules = {Permission(each.port, each.port, cidr) for each in desired.listeners for cidr in each.cidrs}
        existing = [each for each in self.managed(group) if mapping(each["Tags"]).get(RESOURCE) == MANAGED]
        if existing:
            found = existing[0]
            self._retag(found, tags)
            group_id, current = found["GroupId"], found["IpPermissions"]
        else:
            description = "[k8s] Managed SecurityGroup for LoadBalancer"
            group_id, current = self._create(desired.security_group, description, tags), []
        self._set_rules(group_id, current, rules, "")
        return group_id

    def delete_managed(self, group: GroupId) -> None:
        """Take a group's security groups away; AWS may still hold them for the load balancer that is going."""
        for each in self.managed(group):
            self._delete(each["GroupId"], MANAGED_GOES_WITHIN)

    def backend(self) -> str:
        """Id of the one security group by which every load balancer of the cluster reaches pods."""
        if self._backend:
            return self._backend
        tags = {CLUSTER: self._settings.cluster, BACKEND_RESOURCE: BACKEND}
        existing = self._groups(**tags)
        every = {**self._settings.default_tags, **tags}
        if existing:
            self._retag(existing[0], every)
            self._backend = existing[0]["GroupId"]
        else:
            description = "[k8s] Shared Backend SecurityGroup for LoadBalancer"
            self._backend = self._create(backend_name(self._settings.cluster), description, every)
        return self._backend

    def release_backend(self) -> None:
        """Take that security group away.

        Only the one that this process has used: as with the real controller, one that was started after the last
        Ingress had been deleted does not know of any.
        """
        if self._backend:
            self._delete(self._backend, BACKEND_GOES_WITHIN)
            self._backend = ""

    def reach_pods(self, wanted: Mapping[str, Iterable[Permission]], *, revoke: bool) -> None:
        """Let load balancers reach pods: by security group of pods, the rules that it shall have.

        With `revoke` no others of ours stay, in any security group of the cluster.
        """
        marked = {"Name": f"tag:kubernetes.io/cluster/{self._settings.cluster}", "Values": ["owned", "shared"]}
        inside = {"Name": "vpc-id", "Values": [self._settings.vpc]}
        ec2 = self._aws.ec2
        found = self._aws.all_of(ec2, "describe_security_groups", "SecurityGroups", Filters=[marked, inside])
        missing = set(wanted) - {each["GroupId"] for each in found}
        if missing:
            found += ec2.describe_security_groups(GroupIds=sorted(missing))["SecurityGroups"]
        for each in found:
            rules = set(wanted.get(each["GroupId"], ()))
            self._set_rules(each["GroupId"], each["IpPermissions"], rules, SHARED, revoke=revoke)

    def security_group_of(self, groups: Iterable[str], interface: str) -> str:
        """Of a network interface's groups the one that rules for pods go into; raises Refused."""
        ids = list(groups)
        if len(ids) == 1:
            return ids[0]
        tag = f"kubernetes.io/cluster/{self._settings.cluster}"
        found = self._aws.ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
        own = [each["GroupId"] for each in found if tag in mapping(each.get("Tags", []))]
        if len(own) != 1:
            raise Refused(
                f"expected exactly one securityGroup tagged with {tag} for eni {interface}, got: {own} "
                f"(clusterName: {self._settings.cluster})"
            )
        return own[0]

    def _create(self, name: str, description: str, tags: Mapping[str, str]) -> str:
        specification = {"ResourceType": "security-group", "Tags": listed(tags)}
        made = self._aws.ec2.create_security_group(
            VpcId=self._settings.vpc, GroupName=name, Description=description, TagSpecifications=[specification]
        )
        return made["GroupId"]

    def _retag(self, found: Mapping[str, Any], wanted: Mapping[str, str]) -> None:
        current = mapping(found.get("Tags", []))
        if missing := {name: value for name, value in wanted.items() if current.get(name) != value}:
            self._aws.ec2.create_tags(Resources=[found["GroupId"]], Tags=listed(missing))
        if extra := {
            name: value for name, value in current.items() if name not in wanted and not name.startswith("aws:")
        }:
            self._aws.ec2.delete_tags(Resources=[found["GroupId"]], Tags=listed(extra))

    def _delete(self, group_id: str, within: float) -> None:
        def delete() -> None:
            try:
                self._aws.ec2.delete_security_group(GroupId=group_id)
            except Exception as error:
                if code_of(error) != "InvalidGroup.NotFound":
                    raise

        patiently(delete, "DependencyViolation", within)

    def _set_rules(
        self,
        group_id: str,
        current: Iterable[Mapping[str, Any]],
        wanted: set[Permission],
        description: str,
        *,
        revoke: bool = True,
    ) -> None:
        """Make a group's inbound rules be these; with a description, only the rules that bear it count."""
        existing = {rule: told for permission in current for rule, told in _rules(permission)}
        new = sorted(wanted - existing.keys())
        old = [
            rule for rule, told in existing.items() if rule not in wanted and (not description or told == description)
        ]
        if new:
            permissions = [each.sent(description) for each in new]
            self._aws.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=permissions)
        if old and revoke:
            permissions = [each.sent(existing[each]) for each in old]
            self._aws.ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=permissions)


def _rules(permission: Mapping[str, Any]) -> Iterable[tuple[Permission, str]]:
    """The single rules of a permission over TCP, with their descriptions."""
    if permission["IpProtocol"] != "tcp":
        return
    ports = (permission["FromPort"], permission["ToPort"])
    for each in permission.get("IpRanges", []):
        yield Permission(*ports, cidr=each["CidrIp"]), each.get("Description", "")
    for each in permission.get("UserIdGroupPairs", []):
        yield Permission(*ports, group=each["GroupId"]), each.get("Description", "")


def backend_name(cluster: str) -> str:
    """Name of the security group that all load balancers of a cluster share."""
    return f"k8s-traffic-{plain(cluster)[:232]}-{hashlib.sha256(cluster.encode()).hexdigest()[:10]}"
