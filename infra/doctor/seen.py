"""What the probes saw, as plain values. A probe that got no answer leaves `Unseen`, never an empty value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from infra.lookups import Answers


@dataclass(frozen=True)
class Unseen:
    """Nobody answered."""

    why: str


@dataclass(frozen=True)
class Tool:
    """A command that the lab needs."""

    name: str
    version: str | None
    """As it tells it; empty: it told none; None: not on PATH."""


@dataclass(frozen=True)
class Machine:
    """Where the engine will run."""

    python: tuple[int, int]
    tools: tuple[Tool, ...]
    sdk: str = ""
    """Version of Pulumi's Python SDK, which the program is run with; empty: there is none."""


@dataclass(frozen=True)
class Caller:
    """Who AWS takes us for."""

    account: str
    arn: str
    expires: datetime | None = None
    """When these credentials end; None: not known, or never."""

    clock_ahead: float | None = None
    """Seconds that this machine's clock is ahead of AWS's; None: AWS told no time."""


@dataclass(frozen=True)
class Denied:
    """An action that the caller may not take."""

    action: str
    decision: str
    """`implicitDeny` or `explicitDeny`, as IAM has it."""


@dataclass(frozen=True)
class VersionSeen:
    """A Kubernetes version that EKS offers."""

    status: str
    """STANDARD_SUPPORT, EXTENDED_SUPPORT or UNSUPPORTED."""

    standard_until: date | None


@dataclass(frozen=True)
class QuotaSeen:
    """A quota and how much of it is used."""

    limit: float
    used: float


@dataclass(frozen=True)
class Peering:
    """A range with which a VPC of this account is peered, or one of its own."""

    vpc: str
    cidr: str


@dataclass(frozen=True)
class ClusterSeen:
    """An EKS cluster that has the lab's name."""

    status: str
    version: str


@dataclass(frozen=True)
class Leftover:
    """Something with the lab's name that is not in a stack."""

    kind: str
    name: str


@dataclass(frozen=True)
class Seen:
    """Everything that was looked at."""

    machine: Machine
    caller: Caller | Unseen
    denied: tuple[Denied, ...] | Unseen
    settings: Answers
    """Zones, key pair, hosted zone and certificate, asked as the program itself asks them."""

    versions: Mapping[str, VersionSeen] | Unseen
    quotas: Mapping[str, QuotaSeen | Unseen]
    """Quota code → what was seen."""

    peerings: tuple[Peering, ...] | Unseen
    cluster: ClusterSeen | Unseen | None
    """None: there is none of that name."""

    leftovers: tuple[Leftover, ...] | Unseen
    stands: bool | Unseen = field(default_factory=lambda: Unseen("it was not asked"))
    """Whether the stack has resources already, so that this `up` is an update."""
