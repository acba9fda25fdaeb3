"""What the configured lab costs while it stands, so that nobody leaves it running unknowingly.

Arithmetic over a small dated price table. Traffic, requests, log volume and load
balancer capacity units depend on use and are not in it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from infra.config import LabConfig
from infra.versions import KUBERNETES_VERSIONS

SOURCE: Final = "AWS list prices for Asia Pacific (Seoul), on demand, noted 2026-11; other regions differ"
HOURS_A_MONTH: Final = 730

INSTANCE_HOUR: Final = {
    "t3.micro": 0.013,
    "t3.small": 0.026,
    "t3.medium": 0.052,
    "t3.large": 0.104,
    "t3.xlarge": 0.208,
    "m5.large": 0.118,
    "m5.xlarge": 0.236,
    "c5.large": 0.096,
    "c5.xlarge": 0.192,
}
"""Instance type → USD an hour, Linux, on demand."""

CLUSTER_HOUR: Final = 0.10
CLUSTER_HOUR_EXTENDED: Final = 0.60
"""Control plane, per cluster and hour, in standard and in extended support."""
GP3_GIB_MONTH: Final = 0.0912
PUBLIC_IPV4_HOUR: Final = 0.005
NAT_GATEWAY_HOUR: Final = 0.059
LOAD_BALANCER_HOUR: Final = 0.0225
KMS_KEY_MONTH: Final = 1.0
OPS_SERVER_DISK_GIB: Final = 30


@dataclass(frozen=True)
class Row:
    """One part of the lab; `hourly` in USD."""

    what: str
    hourly: float


@dataclass(frozen=True)
class Bill:
    """The parts, their sum in USD an hour, and instance types that the table has no price for."""

    rows: tuple[Row, ...]
    unpriced: tuple[str, ...]

    @property
    def hourly(self) -> float:
        """USD an hour in all."""
        return sum(row.hourly for row in self.rows)


def estimate(config: LabConfig, today: date | None = None) -> Bill:
    """The lab's cost while it stands; SPOT nodes are counted at the on-demand price, which they stay below."""
    group, ops = config.node_group, config.ops_servers
    unpriced: list[str] = []

    def instances(count: int, kind: str, label: str) -> list[Row]:
        if kind not in INSTANCE_HOUR:
            unpriced.append(kind)
            return []
        return [Row(f"{label}: {count} x {kind}", count * INSTANCE_HOUR[kind])]

    def volumes(count: int, gib: int, label: str) -> Row:
        return Row(f"{label}: {count} x {gib} GiB gp3", count * gib * GP3_GIB_MONTH / HOURS_A_MONTH)

    version = KUBERNETES_VERSIONS.get(config.kubernetes_version)
    extended = version is None or (today or date.today()) > version.standard_support_until
    rows = [
        Row(
            f"control plane, {'extended' if extended else 'standard'} support",
            CLUSTER_HOUR_EXTENDED if extended else CLUSTER_HOUR,
        ),
        *instances(group.desired_size, group.instance_types[0], "nodes"),
        volumes(group.desired_size, group.disk_size_gib, "node disks"),
    ]
    addresses = group.desired_size
    if ops.enabled:
        rows += [
            *instances(2, ops.instance_type, "ops servers"),
            volumes(2, OPS_SERVER_DISK_GIB, "ops server disks"),
        ]
        addresses += 2
    if config.nat_gateway:
        rows.append(Row("NAT gateway", NAT_GATEWAY_HOUR))
        addresses += 1
    rows.append(Row(f"public IPv4 addresses: {addresses}", addresses * PUBLIC_IPV4_HOUR))
    if config.domain:
        rows.append(Row("load balancer of the web pages", LOAD_BALANCER_HOUR))
    rows.append(Row("KMS key", KMS_KEY_MONTH / HOURS_A_MONTH))
    return Bill(tuple(rows), tuple(unpriced))
