"""From observations to findings. Pure: no clock, no network, no process; every rule can be tested by a value.

Each rule yields one finding or more about its layer. What could not be observed is reported so and is never a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from infra.config.loading import LabConfig
from operations.doctor.findings import Finding, Layer
from operations.doctor.observations import Observations
from operations.doctor.rules import account, existing, machine, settings

Rule = Callable[[LabConfig, Observations, datetime], Iterator[Finding]]

RULES: Final[tuple[Rule, ...]] = (
    machine.machine,
    machine.clock,
    account.caller,
    account.permissions,
    settings.settings,
    settings.version,
    account.quotas,
    settings.network,
    settings.endpoint_access,
    existing.existing,
)


def diagnose(config: LabConfig, seen: Observations, now: datetime) -> tuple[Finding, ...]:
    """Every finding, in the order of the layers.

    Args:
        config: the lab that shall be created.
        seen: what the probes saw.
        now: with a time zone.
    """
    found = [finding for rule in RULES for finding in rule(config, seen, now)]
    order = list(Layer)
    return tuple(sorted(found, key=lambda finding: order.index(finding.layer)))
