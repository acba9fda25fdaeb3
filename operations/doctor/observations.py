"""What the probes saw, as plain values. A probe that got no answer leaves `Unseen`, never an empty value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from infra.config.aws_checks import Answers


@dataclass(frozen=True)
class Unseen:
    """There was no answer."""

    why: str


@dataclass(frozen=True)
class Refused:
    """The credentials are no good: AWS does not take them, or there are none."""

    why: str
    profiles: tuple[str, ...] | None = None
    """The profiles that there are, where the one that is named is not among them."""


@dataclass(frozen=True)
class RecordedResources:
    """What the engine's state holds of the stack. A run that failed leaves a part of it, and none of its outputs."""

    ids: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """The engine's types → ids."""

    def holds(self, kind: str, identifier: str) -> bool:
        """Whether that one of that type is the stack's own."""
        return identifier in self.ids.get(kind, ())


@dataclass(frozen=True)
class Tool:
    """A command that the lab needs."""

    name: str
    version: str | None
    """As it prints it; empty: it prints none; None: not on PATH."""


@dataclass(frozen=True)
class Machine:
    """Where the engine will run."""

    python: tuple[int, int]
    tools: tuple[Tool, ...]
    sdk: str = ""
    """Version of Pulumi's Python SDK, which the program is run with; empty: there is none."""


@dataclass(frozen=True)
class Caller:
    """Who the caller is to AWS."""

    account: str
    arn: str
    expires: datetime | Unseen | None = None
    """When these credentials end; None: never."""


@dataclass(frozen=True)
class Denied:
    """A right that the caller does not have, as far as IAM can tell."""

    right: str
    decision: str
    """`implicitDeny` or `explicitDeny`, as IAM has it."""

    missing: tuple[str, ...] = ()
    """Condition keys that a policy asks for and whose values only the real call has: it may be allowed."""


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
    by: Mapping[str, float] = field(default_factory=dict[str, float])
    """Id of what it is counted by, such as a VPC → how much of the use is there."""


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
    vpc: str = ""


SCHEDULE: Final = "schedule"
"""Kind of a conflict: an appointment with AWS, which deletes a cluster by its name."""

CLASSIC_BALANCER: Final = "Classic load balancer"
"""Kind of a conflict: a Service of an earlier cluster of the lab's name had it. It blocks nothing, and it costs."""


@dataclass(frozen=True)
class NameConflict:
    """Something that has a name which the lab will want, and of which AWS allows one; or CLASSIC_BALANCER."""

    kind: str
    name: str
    vpc: str = ""
    """Id of the VPC that it stands in."""

    remains: bool = False
    """Whether AWS created it again after an earlier lab was gone."""


@dataclass(frozen=True)
class Observations:
    """Everything that was looked at."""

    stack: str
    """Its name, for the commands in the findings."""

    machine: Machine
    clock_ahead: float | None
    """Seconds that this machine's clock is ahead of AWS's; None: AWS returned no time."""

    caller: Caller | Refused | Unseen
    denied: tuple[Denied, ...] | Unseen
    settings: Answers
    """Zones, key pair, hosted zone and certificate, asked as the program itself asks them."""

    versions: Mapping[str, VersionSeen] | Unseen
    quotas: Mapping[str, QuotaSeen | Unseen]
    """Quota code → what was seen."""

    peerings: tuple[Peering, ...] | Unseen
    address: str | Unseen | None
    """Address under which the internet sees this machine; None: nothing hangs on it."""

    cluster: ClusterSeen | Unseen | None
    """None: there is none of that name."""

    name_conflicts: tuple[NameConflict, ...] | Unseen
    recorded: RecordedResources | Unseen
