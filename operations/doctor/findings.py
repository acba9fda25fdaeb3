"""What the doctor reports: one finding each, with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from operations.doctor.observations import Unseen


class Status(StrEnum):
    """How a finding stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    """`up` would fail, or end in something broken."""

    UNCHECKED = "could not check"
    """There was no answer; that is neither good nor bad."""


class Layer(StrEnum):
    """What a finding is about; they are shown in this order, each resting on those before."""

    MACHINE = "this machine"
    CREDENTIALS = "credentials"
    PERMISSIONS = "permissions"
    REGION = "region and zones"
    VERSION = "Kubernetes version"
    QUOTAS = "quotas"
    SETTINGS = "key, zone, certificate"
    NETWORK = "network"
    EXISTING = "what is there already"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    layer: Layer
    status: Status
    finding: str
    """One sentence."""

    remedy: str = ""
    """What to do; empty when it is ok."""


def unchecked(layer: Layer, what: str, unseen: Unseen, remedy: str = "") -> Finding:
    """The finding about what could not be observed."""
    return Finding(layer, Status.UNCHECKED, f"{what}: {unseen.why}", remedy)
