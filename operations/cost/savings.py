"""What other settings would save: the same bill made once more with each of them.

So a saving is never an arithmetic of its own that could disagree with the bill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from infra.config.loading import LabConfig
from infra.versions import DEFAULT_KUBERNETES_VERSION
from operations.cost import estimate
from operations.cost.prices.model import HOURS_A_MONTH, Item, Prices

SMALL_DISK_GIB: Final = 40
"""Enough for the system, the images and the 10 GiB that Prometheus keeps."""


@dataclass(frozen=True)
class Alternative:
    """Settings that cost less."""

    setting: str
    """As a user would write it."""

    note: str
    change: Callable[[LabConfig], LabConfig]


@dataclass(frozen=True)
class Saving:
    """What an alternative saves against the configuration as it is, in USD."""

    setting: str
    note: str
    hourly: float
    monthly: float
    """If the lab is left for a month, in which extended support may begin."""


TOGETHER: Final = "all of these together"


def alternatives(config: LabConfig, now: datetime) -> Iterator[Alternative]:
    """What could be set smaller in this configuration."""
    group = config.node_group
    begins = estimate.extended_from(config.kubernetes_version)
    if begins is None or (begins - now).total_seconds() < HOURS_A_MONTH * 3600:
        yield Alternative(
            f'kubernetesVersion: "{DEFAULT_KUBERNETES_VERSION}"',
            "a version with a longer standard support",
            lambda c: c.model_copy(update={"kubernetes_version": DEFAULT_KUBERNETES_VERSION}),
        )
    if group.capacity_type == "ON_DEMAND":
        yield Alternative(
            "nodeGroup.capacityType: SPOT",
            "AWS may take a node back at two minutes' notice",
            lambda c: _with_nodes(c, capacity_type="SPOT"),
        )
    if group.desired_size > 1:
        fewer = group.desired_size - 1
        # A minSize that the user wrote has to come down with it; another one follows by itself.
        both = group.min_size > fewer and "min_size" in group.model_fields_set
        yield Alternative(
            f"nodeGroup.desiredSize{' and minSize' if both else ''}: {fewer}",
            f"instead of {group.desired_size}; with its volume and its address",
            lambda c: _with_nodes(c, desired_size=fewer, min_size=min(fewer, c.node_group.min_size)),
        )
    if group.disk_size_gib > SMALL_DISK_GIB:
        yield Alternative(
            f"nodeGroup.diskSizeGiB: {SMALL_DISK_GIB}",
            f"instead of {group.disk_size_gib}",
            lambda c: _with_nodes(c, disk_size_gib=SMALL_DISK_GIB),
        )
    if config.ops_servers.enabled:
        yield Alternative(
            "opsServers.enabled: false",
            "./lab shell needs none",
            lambda c: c.model_copy(update={"ops_servers": c.ops_servers.model_copy(update={"enabled": False})}),
        )
    if config.nat_gateway:
        yield Alternative(
            "natGateway: false",
            "the nodes are in the public subnets",
            lambda c: c.model_copy(update={"nat_gateway": False}),
        )
    if estimate.publishes(config):
        yield Alternative(
            "no domain",
            "the web pages by port-forward",
            lambda c: c.model_copy(update={"domain": None, "hosted_zone_id": None, "certificate_arn": None}),
        )


def savings(config: LabConfig, prices: Prices, now: datetime) -> tuple[Saving, ...]:
    """What each alternative saves, most first, then all of them together; only what saves anything."""
    offered = list(alternatives(config, now))
    found = [s for a in offered if (s := _saving(config, [a], prices, now)) and s.monthly > 0]
    found.sort(key=lambda s: -s.monthly)
    together = _saving(config, offered, prices, now)
    if len(found) > 1 and together:
        found.append(together)
    return tuple(found)


def wanted(config: LabConfig, now: datetime) -> tuple[LabConfig, ...]:
    """Every configuration whose prices are needed to tell the bill and the savings."""
    return (config, *(alternative.change(config) for alternative in alternatives(config, now)))


def _saving(config: LabConfig, chosen: list[Alternative], prices: Prices, now: datetime) -> Saving | None:
    """None where the alternative's own bill lacks a price, so that the two cannot be compared."""
    changed = config
    for alternative in chosen:
        changed = alternative.change(changed)
    before, after = estimate.bill(config, prices, now), estimate.bill(changed, prices, now)
    if {line.key for line in after.unpriced} - {line.key for line in before.unpriced}:
        return None
    setting, note = (chosen[0].setting, chosen[0].note) if len(chosen) == 1 else (TOGETHER, "")
    assumed = {row.note.rstrip(".") for row in after.rows if row.line.key.item is Item.SPOT_INSTANCE}
    if len(chosen) == 1 and changed.node_group.capacity_type != config.node_group.capacity_type:
        note = "; ".join([*sorted(assumed), note])
    return Saving(setting, note, before.hourly - after.hourly, before.over(HOURS_A_MONTH) - after.over(HOURS_A_MONTH))


def _with_nodes(config: LabConfig, **values: object) -> LabConfig:
    return config.model_copy(update={"node_group": config.node_group.model_copy(update=values)})
