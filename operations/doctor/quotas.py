"""What the configured stack takes of the account's quotas, and from where it will be reached.

Asked first, so that `up` does not die on the one after twelve minutes, nor wait in vain for the cluster to answer.

Quota codes: Service Quotas console, 2026-11. Only quotas that a small lab can hit in a young account.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from infra.config.loading import LabConfig
from infra.instance_types import INSTANCE_TYPES
from operations.cost.estimate import LOAD_BALANCER_ZONES, OPS_SERVERS, publishes

CONTROL_PLANE_INTERFACES: Final = 4
"""EKS makes up to four in the subnets that it is given (Amazon EKS User Guide, networking requirements, 2026-11)."""

NODE_INTERFACES: Final = 2
"""The first, and the one that vpc-cni keeps ready."""

VPC: Final = "aws:ec2/vpc:Vpc"
ADDRESS: Final = "aws:ec2/eip:Eip"
CLUSTER: Final = "aws:eks/cluster:Cluster"
"""The engine's types by which one tells whose something is."""


@dataclass(frozen=True)
class Quota:
    """A quota of an account in a region."""

    service: str
    code: str
    what: str
    counted_by: str = VPC
    """Type of that whose id tells whose a part of the use is."""


ON_DEMAND_VCPUS: Final = Quota("ec2", "L-1216C47A", "vCPUs of running on-demand standard instances")
SPOT_VCPUS: Final = Quota("ec2", "L-34B43A08", "vCPUs of Spot standard instances")
VPCS: Final = Quota("vpc", "L-F678F1CE", "VPCs in the region")
ADDRESSES: Final = Quota("ec2", "L-0263D0A3", "Elastic IP addresses", ADDRESS)
INTERFACES: Final = Quota("vpc", "L-DF5E4CA3", "network interfaces in the region")
SECURITY_GROUPS: Final = Quota("vpc", "L-E79EC296", "security groups in the region")
CLUSTERS: Final = Quota("eks", "L-1194D53C", "EKS clusters in the region", CLUSTER)

QUOTAS: Final = (ON_DEMAND_VCPUS, SPOT_VCPUS, VPCS, ADDRESSES, INTERFACES, SECURITY_GROUPS, CLUSTERS)


def needs(config: LabConfig) -> dict[Quota, int]:
    """Quota → how much the stack takes of it; only what it takes something of."""
    group, ops = config.node_group, config.ops_servers
    servers = OPS_SERVERS if ops.enabled else 0
    spot = group.capacity_type == "SPOT"
    # An exercise that has a node of its own has it in a node group of its own.
    groups = 1 + config.node_count - group.desired_size
    nodes = config.node_count * max(_vcpus(kind) for kind in group.instance_types)
    balancer = LOAD_BALANCER_ZONES if publishes(config) else 0
    taken = {
        ON_DEMAND_VCPUS: (0 if spot else nodes) + servers * _vcpus(ops.instance_type),
        SPOT_VCPUS: nodes if spot else 0,
        VPCS: 1 + int(ops.enabled),
        ADDRESSES: servers + int(config.nat_gateway),
        INTERFACES: CONTROL_PLANE_INTERFACES
        + config.node_count * NODE_INTERFACES
        + servers
        + balancer
        + int(config.nat_gateway),
        # Each VPC's default one, the cluster's, each node group's, the ops servers', the load balancer's two.
        SECURITY_GROUPS: 2 + groups + 2 * int(ops.enabled) + (2 if balancer else 0),
        CLUSTERS: 1,
    }
    return {quota: count for quota, count in taken.items() if count}


def endpoint_ranges(config: LabConfig) -> tuple[IPv4Network, ...]:
    """From where the cluster's public endpoint will be reached, beside the ops servers; nothing: from everywhere."""
    ranges = tuple(map(IPv4Network, config.operator_cidrs))
    return () if any(each.prefixlen == 0 for each in ranges) else ranges


def _vcpus(kind: str) -> int:
    known = INSTANCE_TYPES.get(kind)
    return known.vcpus if known else 0
