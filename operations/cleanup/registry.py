"""Every kind of resource that a lab can leave behind, in the order in which they can be deleted.

The cluster goes first, because what runs in it would create again what is deleted; then the records, which are known by
the load balancers that they lead to; then what is attached to its network, then the network from the inside out. The
rest has no order but IAM's own: keys before their user, profiles before roles, roles before the policies attached to
them. The VPC is last.
"""

from __future__ import annotations

from typing import Final

from operations.cleanup.kinds.clusters import CLUSTERS, NODE_GROUPS, SCALING_GROUPS
from operations.cleanup.kinds.compute import INSTANCES, SNAPSHOTS, TEMPLATES, VOLUMES
from operations.cleanup.kinds.dns_records import RECORDS
from operations.cleanup.kinds.iam import ACCESS_KEYS, POLICIES, PROFILES, PROVIDERS, ROLES, USERS
from operations.cleanup.kinds.load_balancers import BALANCERS, CLASSIC_BALANCERS, TARGET_GROUPS
from operations.cleanup.kinds.logs_keys_schedules import ALIASES, KEYS, LOG_GROUPS, SCHEDULES
from operations.cleanup.kinds.network import (
    ADDRESSES,
    ENDPOINTS,
    INTERFACES,
    INTERNET_GATEWAYS,
    NAT_GATEWAYS,
    PEERINGS,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    VPCS,
)
from operations.cleanup.kinds.secrets import SECRETS
from operations.cleanup.model import Kind

KINDS: Final[tuple[Kind, ...]] = (
    SCHEDULES,
    NODE_GROUPS,
    CLUSTERS,
    SCALING_GROUPS,
    INSTANCES,
    RECORDS,
    BALANCERS,
    CLASSIC_BALANCERS,
    TARGET_GROUPS,
    NAT_GATEWAYS,
    ENDPOINTS,
    INTERFACES,
    ADDRESSES,
    PEERINGS,
    SECURITY_GROUPS,
    VOLUMES,
    SNAPSHOTS,
    TEMPLATES,
    LOG_GROUPS,
    ALIASES,
    KEYS,
    SECRETS,
    PROVIDERS,
    ACCESS_KEYS,
    USERS,
    PROFILES,
    ROLES,
    POLICIES,
    SUBNETS,
    ROUTE_TABLES,
    INTERNET_GATEWAYS,
    VPCS,
)

FIRST: Final = (CLUSTERS, VPCS, BALANCERS, CLASSIC_BALANCERS)
"""Asked for before the others, whose name, place or target is judged by them."""

HOLDERS: Final = (RECORDS, BALANCERS, CLASSIC_BALANCERS, ENDPOINTS, INTERFACES, SECURITY_GROUPS)
"""What others than the stack make in its VPC, where it keeps subnets, groups and the VPC itself; and the records, which
are known by the balancers that they lead to."""
