"""The words for prices: what is priced, in which unit, and where a price comes from.

A price without its day and its source is a rumour, so neither can be left out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

HOURS_A_MONTH: Final = 730
"""AWS's own round month, 365 days of 24 hours in 12 parts (AWS Pricing Calculator)."""


class Item(StrEnum):
    """Something that AWS has a price for; the value is its name in the table."""

    CONTROL_PLANE = "control-plane"
    EXTENDED_SUPPORT = "extended-support"
    """What comes on top of the control plane's price after standard support: 0.50 on 0.10 is the 0.60 of the
    pricing page. The price list has the two apart."""

    INSTANCE = "instance"
    SPOT_INSTANCE = "spot-instance"
    GP3_STORAGE = "gp3-storage"
    GP3_IOPS = "gp3-iops"
    GP3_THROUGHPUT = "gp3-throughput"
    PUBLIC_IPV4 = "public-ipv4"
    LOAD_BALANCER = "load-balancer"
    LOAD_BALANCER_CAPACITY = "load-balancer-capacity"
    NAT_GATEWAY = "nat-gateway"
    KMS_KEY = "kms-key"
    LOG_INGESTION = "log-ingestion"
    LOG_STORAGE = "log-storage"
    SECRET = "secret"  # noqa: S105  # a service's item, no password


@dataclass(frozen=True)
class Unit:
    """What a price is for."""

    name: str
    hours: float
    """Hours that the price pays for; 1 where the quantity itself is an amount an hour."""


_HOUR: Final = Unit("hour", 1)
_GB_MONTH: Final = Unit("GB-month", HOURS_A_MONTH)

UNITS: Final[Mapping[Item, Unit]] = {
    Item.CONTROL_PLANE: _HOUR,
    Item.EXTENDED_SUPPORT: _HOUR,
    Item.INSTANCE: _HOUR,
    Item.SPOT_INSTANCE: _HOUR,
    Item.GP3_STORAGE: _GB_MONTH,
    Item.GP3_IOPS: Unit("IOPS-month", HOURS_A_MONTH),
    Item.GP3_THROUGHPUT: Unit("MiB/s-month", HOURS_A_MONTH),
    Item.PUBLIC_IPV4: _HOUR,
    Item.LOAD_BALANCER: _HOUR,
    Item.LOAD_BALANCER_CAPACITY: Unit("LCU-hour", 1),
    Item.NAT_GATEWAY: _HOUR,
    Item.KMS_KEY: Unit("key-month", HOURS_A_MONTH),
    Item.LOG_INGESTION: Unit("GB", 1),
    Item.LOG_STORAGE: _GB_MONTH,
    Item.SECRET: Unit("secret-month", HOURS_A_MONTH),
}
"""Item → its unit. EBS and CloudWatch bill a GiB as what they call a GB."""


@dataclass(frozen=True)
class Key:
    """What a price is asked for; instances have one for each type."""

    item: Item
    instance_type: str = ""

    def __str__(self) -> str:
        return f"{self.item.value} {self.instance_type}".strip()


class Source(StrEnum):
    """Where a price comes from."""

    LIVE = "live"
    """AWS answered just now."""

    TABLE = "table"
    """The project's own dated table."""

    ASSUMED = "assumed"
    """Reckoned from a price of the table; the row says how."""


@dataclass(frozen=True)
class Price:
    """USD for one unit, without tax, discounts and free tier."""

    usd: float
    source: Source
    seen: date
    """Day on which the source showed it."""

    page: str
    """Where it can be looked up."""


Prices = Mapping[Key, Price]
