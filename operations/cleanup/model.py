"""Terms of the search: a lab, a resource as AWS describes it, what is left of the lab, and a kind of resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from clients.aws import ClientFactory as ClientFactory
from infra.lab_tag import lab_id


@dataclass(frozen=True)
class LabIdentity:
    """What identifies a lab, from its settings alone."""

    cluster: str
    region: str
    domain: str = ""
    """Domain of the web pages; empty: there are none."""

    hosted_zone_id: str = ""

    @property
    def id(self) -> str:
        """The value of the lab's tag."""
        return lab_id(self.region, self.cluster)


@dataclass(frozen=True)
class Resource:
    """One resource as AWS describes it."""

    id: str
    """What the service's own delete call takes."""

    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    size: str = ""
    """In words: `120 GiB gp3`; empty where a size says nothing."""

    created: datetime | None = None
    """With its time zone; None where AWS does not tell it."""

    vpc: str = ""
    """Id of the VPC that it stands in; empty for what stands in none."""

    peer_vpc: str = ""
    """Id of the other VPC of a peering connection."""

    state: str = ""
    """In AWS's word, where it matters."""

    going: bool = False
    """Whether it goes by itself: its deletion is under way, or AWS deletes it when what uses it is gone."""

    holder: str = ""
    """Id of the instance that it goes with."""

    owner: str = ""
    """What else must be known to delete it: the cluster of a node group, the user of an access key."""

    recorded_id: str = ""
    """Its id in the engine's state, where that is another."""

    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)
    """AWS's own answer, for a delete call that must repeat it."""


class Claim(Enum):
    """How a resource is known to be the lab's."""

    TAG = "tag"
    NAME = "name"
    CLUSTER = "cluster"
    """It holds data and bears the cluster's name alone, which an older cluster of that name gave to its own too."""

    NAMESAKE = "namesake"
    """It bears the cluster's name, and a cluster of that name stands that is not the lab's: it is not ours to delete.
    Likewise where AWS did not tell whether one stands."""

    PLACE = "place"
    """It stands in the lab's VPC and bears neither tag nor name: it is in the way, and it is not ours to delete."""


class NameEvidence(Enum):
    """What a name, or a cluster's name in a tag, says of a kind of resource that lacks the lab's tag."""

    NOTHING = "nothing"
    """The stack makes and tags every one that is the lab's."""

    CLUSTER = "cluster"
    """It is a cluster's of that name: EKS and the controllers in any cluster name theirs so."""

    LAB = "lab"
    """It is the lab's: nothing else gives such names."""


@dataclass(frozen=True)
class Ownership:
    """A claim and the tag, name or place that it rests on."""

    claim: Claim
    evidence: str


@dataclass(frozen=True)
class OwnershipContext:
    """What is known of the lab before a kind is asked for."""

    vpcs: frozenset[str] = frozenset()
    """Ids of the lab's VPCs."""

    other_vpcs: frozenset[str] = frozenset()
    """Ids of the VPCs that are not the lab's."""

    balancers: frozenset[str] = frozenset()
    """DNS names of the lab's load balancers, in lower case."""

    other_balancers: frozenset[str] = frozenset()
    """DNS names of the other load balancers, in lower case."""

    namesake: bool = False
    """Whether a cluster of the lab's name stands that is not the lab's, or may stand: AWS did not tell."""

    namesake_vpc: str = ""
    """Id of the VPC that it stands in."""


Named = Callable[[Resource, LabIdentity, OwnershipContext], str]
"""Gives the name, or the part of it, by which a resource is the lab's; empty when it is not."""


@dataclass(frozen=True)
class Kind:
    """One kind of resource: how it is asked for, known, and deleted."""

    name: str
    """Singular, as in a table."""

    plural: str
    service: str
    """Name of the boto3 client that is asked."""

    rights: tuple[str, ...]
    """IAM actions that the question needs."""

    why: str
    """Why it costs, or what it keeps from being deleted, in a few words."""

    find: Callable[[ClientFactory, LabIdentity], Iterable[Resource]]
    """All that may be the lab's; raises ClientError or BotoCoreError."""

    delete: Callable[[ClientFactory, Resource], None]
    """Ask for the deletion of one; raises ClientError or BotoCoreError."""

    named: Named
    engine_type: str = ""
    """The engine's type of it; empty for what the engine does not make."""

    names: NameEvidence = NameEvidence.CLUSTER
    data: bool = False
    """Whether what is lost with it cannot be made again."""

    everywhere: bool = False
    """Whether it knows no region: then a cluster's name alone says too little."""

    patience: float = 300.0
    """Seconds that its deletion may take."""

    applies: Callable[[LabIdentity], bool] = lambda _: True
    """Whether such a lab can have any."""


@dataclass(frozen=True)
class Leftover:
    """A resource that is the lab's, or in its way."""

    kind: Kind
    resource: Resource
    ownership: Ownership
    recorded: bool = False
    """Whether the engine's state holds it: then `lab down` deletes it."""

    @property
    def ours(self) -> bool:
        """Whether it bears the lab's tag or name, so that it may be deleted."""
        return self.ownership.claim in (Claim.TAG, Claim.NAME, Claim.CLUSTER)

    @property
    def sure(self) -> bool:
        """Whether it is the lab's beyond doubt; the rest of ours somebody has to look at first."""
        return self.ownership.claim in (Claim.TAG, Claim.NAME)


@dataclass(frozen=True)
class Unasked:
    """A kind that could not be asked for: whether there are any is not known."""

    kind: Kind
    why: str


@dataclass(frozen=True)
class Report:
    """What was asked and what was found, in the order of deletion."""

    asked: tuple[Kind, ...] = ()
    left: tuple[Leftover, ...] = ()
    unasked: tuple[Unasked, ...] = ()
    inapplicable: tuple[Kind, ...] = ()
    """Kinds that this lab's settings do not make."""

    @property
    def clean(self) -> bool:
        """Whether every kind was asked for and nothing was found."""
        return not self.left and not self.unasked
