"""What the configured lab costs while it stands, so that nobody leaves it running unknowingly.

Two steps, both pure: the configuration says of what there is how much (`lines`), and prices make a bill of it
(`bill`). Whatever has no price is reported as not counted; it is never taken for free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from exercises.catalogue import EXERCISES, OFF
from infra.config.loading import LabConfig
from infra.versions import KUBERNETES_VERSIONS
from operations.cost.prices.model import HOURS_A_MONTH, UNITS, Item, Key, Price, Prices, Source
from operations.cost.prices.table import SPOT_DISCOUNT

HOURS_A_DAY: Final = 24

OPS_SERVERS: Final = 2
OPS_DISK_GIB: Final = 30
NODE_DISK_IOPS: Final = 3000
NODE_DISK_MIBS: Final = 125
LOG_RETENTION_DAYS: Final = 7
"""As the components build it. They are not imported: the provider's SDK behind them takes seconds to load."""

FREE_IOPS: Final = 3000
FREE_MIBS: Final = 125
"""What every gp3 volume has without extra charge (Amazon EBS pricing, 2026-11)."""

LOAD_BALANCER_ZONES: Final = 3
"""The web pages' load balancer stands in the three public subnets, with a public address in each."""

LOAD_BALANCER_UNITS: Final = 1.0
"""Assumed LCUs. One is 25 new connections a second, 3,000 active ones or 1 GB an hour, whichever is most
(Elastic Load Balancing pricing, 2026-11): more than people with browsers make. Parts are billed as parts."""

LOG_GB_A_DAY: Final = 1.0
"""Assumed size of the control plane's logs, all five kinds. Published figures: a few hundred MB on a quiet day,
5 to 10 GB on a busy one; nearly all of it is the audit log."""

SPOT_ASSUMED: Final = f"Spot on average {SPOT_DISCOUNT:.0%} below on demand."
SPOT_NOW: Final = "Spot stays at its price of this hour, the mean over the lab's zones."

NEVER_COUNTED: Final = (
    "traffic to the internet and between zones, and what a NAT gateway moves (by the GB)",
    "CPU credits that T instances use beyond their baseline (they run in unlimited mode)",
    "volumes, load balancers and other resources that you create in the cluster yourself",
    "requests to KMS, Secrets Manager, S3 and Route 53; your hosted zone",
    "tax",
)
"""What depends on use, so that no configuration tells it."""


@dataclass(frozen=True)
class Line:
    """One cost item, without its price."""

    component: str
    """Stable name, for scripts; lines of one component belong together."""

    what: str
    quantity: float
    """In units of the item: instances, GB, addresses; for log ingestion GB an hour."""

    key: Key
    note: str = ""
    """What is assumed."""

    from_hours: float = 0.0
    """Hours from now on after which it begins to cost."""


@dataclass(frozen=True)
class Row:
    """A line and its price."""

    line: Line
    price: Price

    @property
    def note(self) -> str:
        """What is assumed, in the quantity or in the price; empty: nothing."""
        if self.line.key.item is Item.SPOT_INSTANCE:
            return SPOT_ASSUMED if self.price.source is Source.ASSUMED else SPOT_NOW
        return self.line.note

    @property
    def rate(self) -> float:
        """USD an hour once it costs."""
        return self.line.quantity * self.price.usd / UNITS[self.line.key.item].hours

    @property
    def hourly(self) -> float:
        """USD in the hour that begins now."""
        return 0.0 if self.line.from_hours > 0 else self.rate

    def over(self, hours: float) -> float:
        """USD for so many hours from now on."""
        return self.rate * max(0.0, hours - self.line.from_hours)


@dataclass(frozen=True)
class Bill:
    """Everything that is priced, and what is not because no price is known."""

    rows: tuple[Row, ...]
    unpriced: tuple[Line, ...]

    @property
    def hourly(self) -> float:
        """USD in the hour that begins now."""
        return sum(row.hourly for row in self.rows)

    def over(self, hours: float) -> float:
        """USD for so many hours from now on."""
        return sum(row.over(hours) for row in self.rows)


def bill(config: LabConfig, prices: Prices, now: datetime, horizon: float = HOURS_A_MONTH) -> Bill:
    """What the lab costs.

    Args:
        config: the lab.
        prices: what is known.
        now: with a time zone; decides the tier of support.
        horizon: hours that somebody will ask about; what begins to cost later has no row.
    """
    rows: list[Row] = []
    unpriced: list[Line] = []
    for line in lines(config, now, horizon):
        price = prices.get(line.key)
        if price is None:
            unpriced.append(line)
        else:
            rows.append(Row(line, price))
    return Bill(tuple(rows), tuple(unpriced))


def lines(config: LabConfig, now: datetime, horizon: float = HOURS_A_MONTH) -> tuple[Line, ...]:
    """Everything of the lab that costs; arguments as for `bill`."""
    found = [
        *_control_plane(config, now, max(horizon, HOURS_A_MONTH)),
        *_nodes(config),
        *_ops_servers(config),
        *_network(config),
        Line("kms-key", "key that encrypts the secrets", 1, Key(Item.KMS_KEY)),
        *_logs(),
        *_exercises(config),
    ]
    return tuple(line for line in found if line.quantity > 0)


def publishes(config: LabConfig) -> bool:
    """Whether there are public web pages, and so a load balancer."""
    return bool(config.domain and config.certificate_arn and (config.monitoring or config.kube_ops_view))


def _control_plane(config: LabConfig, now: datetime, horizon: float) -> Iterator[Line]:
    version = config.kubernetes_version
    yield Line("control-plane", f"EKS control plane, Kubernetes {version}", 1, Key(Item.CONTROL_PLANE))
    if config.support_type == "STANDARD":
        return  # EKS upgrades the cluster when standard support ends
    known = KUBERNETES_VERSIONS.get(version)
    begins = extended_from(version)
    wait = max(0.0, (begins - now) / timedelta(hours=1)) if begins else 0.0
    if wait >= horizon:
        return
    what = f"on top: extended support of {version}"
    if known and wait > 0:
        what += f", from {begins:%Y-%m-%d} on"
    elif known:
        what += f", standard support ended on {known.standard_support_until}"
    yield Line("extended-support", what, 1, Key(Item.EXTENDED_SUPPORT), from_hours=wait)


def extended_from(version: str) -> datetime | None:
    """When extended support of a Kubernetes version begins; None: it is not known, so it is taken for old."""
    known = KUBERNETES_VERSIONS.get(version)
    if known is None:
        return None
    return datetime.combine(known.standard_support_until + timedelta(days=1), time(), tzinfo=UTC)


def _nodes(config: LabConfig) -> Iterator[Line]:
    group = config.node_group
    count, types = config.node_count, group.instance_types
    if group.capacity_type == "SPOT":
        for kind in types:
            share = "" if len(types) == 1 else f", 1/{len(types)} of them"
            yield Line(
                "nodes",
                f"{count} nodes, {kind}, Spot{share}",
                count / len(types),
                Key(Item.SPOT_INSTANCE, kind),
            )
    else:
        # EKS takes the types of an on-demand group in their order.
        yield Line("nodes", f"{count} nodes, {types[0]}, on demand", count, Key(Item.INSTANCE, types[0]))
    yield from _gp3("node-volumes", "nodes", count, group.disk_size_gib, NODE_DISK_IOPS, NODE_DISK_MIBS)


def _ops_servers(config: LabConfig) -> Iterator[Line]:
    if not config.ops_servers.enabled:
        return
    kind = config.ops_servers.instance_type
    yield Line("ops-servers", f"{OPS_SERVERS} ops servers, {kind}", OPS_SERVERS, Key(Item.INSTANCE, kind))
    yield from _gp3("ops-volumes", "ops servers", OPS_SERVERS, OPS_DISK_GIB, FREE_IOPS, FREE_MIBS)


def _gp3(component: str, owner: str, count: int, gib: int, iops: int, mibs: int) -> Iterator[Line]:
    """Volumes; IOPS and throughput only where they are more than what is free."""
    yield Line(component, f"{owner}: {count} gp3 volumes of {gib} GiB", count * gib, Key(Item.GP3_STORAGE))
    more_iops, more_mibs = max(0, iops - FREE_IOPS), max(0, mibs - FREE_MIBS)
    yield Line(component, f"{owner}: {more_iops} IOPS more, each", count * more_iops, Key(Item.GP3_IOPS))
    yield Line(component, f"{owner}: {more_mibs} MiB/s more, each", count * more_mibs, Key(Item.GP3_THROUGHPUT))


def _network(config: LabConfig) -> Iterator[Line]:
    holders = {
        "nodes": config.node_count,
        "ops servers": OPS_SERVERS if config.ops_servers.enabled else 0,
        "load balancer": LOAD_BALANCER_ZONES if publishes(config) else 0,
        "NAT gateway": int(config.nat_gateway),
    }
    told = ", ".join(f"{name} {count}" for name, count in holders.items() if count)
    yield Line("public-ipv4", f"public IPv4 addresses: {told}", sum(holders.values()), Key(Item.PUBLIC_IPV4))
    if config.nat_gateway:
        yield Line("nat-gateway", "NAT gateway", 1, Key(Item.NAT_GATEWAY))
    if publishes(config):
        yield Line("load-balancer", "load balancer of the web pages", 1, Key(Item.LOAD_BALANCER))
        yield Line(
            "load-balancer-capacity",
            "capacity of the load balancer",
            LOAD_BALANCER_UNITS,
            Key(Item.LOAD_BALANCER_CAPACITY),
            note=f"{LOAD_BALANCER_UNITS:g} LCU all the time, which is more than people with browsers make.",
        )


def _logs() -> Iterator[Line]:
    note = (
        f"{LOG_GB_A_DAY:g} GB of control-plane logs a day, kept {LOG_RETENTION_DAYS} days; "
        "a quiet cluster writes less, a busy one several times as much."
    )
    yield Line(
        "logs",
        "control-plane logs: written to CloudWatch",
        LOG_GB_A_DAY / HOURS_A_DAY,
        Key(Item.LOG_INGESTION),
        note=note,
    )
    yield Line(
        "log-storage",
        "control-plane logs: kept",
        LOG_GB_A_DAY * LOG_RETENTION_DAYS,
        Key(Item.LOG_STORAGE),
        note=note,
    )


def _exercises(config: LabConfig) -> Iterator[Line]:
    """What exercises have on AWS beside IAM's, which costs nothing, and beside their pods."""
    for name, stage in config.exercises.stages().items():
        if stage != OFF and "aws:secretsmanager/secret:Secret" in EXERCISES[name].aws_types:
            yield Line("secret", f"exercise {name}: secret in Secrets Manager", 1, Key(Item.SECRET))
