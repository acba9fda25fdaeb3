"""The settings themselves: names, types and defaults. What values they may have together is told by the
rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic.alias_generators import to_camel

from exercises.catalogue import EXERCISES, OFF, Exercise, standing
from grading.check import ExerciseName
from infra.config.decoding import (
    ConfigBool,
    ConfigInt,
    ConfigList,
    ConfigMap,
    ConfigStr,
    OptionalSecret,
    OptionalStr,
    decode_stage,
    decode_switch,
)
from infra.versions import DEFAULT_KUBERNETES_VERSION

DEFAULT_REGION = "ap-northeast-2"

EXPIRES_FORM = "%Y-%m-%dT%H:%MZ"
"""How `expires` is written, for strptime and strftime."""

OPS_VPC_CIDR = "172.20.0.0/16"
"""Range of the ops VPC, which is peered with the lab's VPC."""

SERVICE_CIDR = "10.100.0.0/16"
"""Range of the cluster's service addresses, to be given to EKS explicitly. Left alone, EKS takes this one or
172.20.0.0/16, whichever is further from the VPC's range, and the latter is the ops VPC: bastions whose
addresses are also service addresses would be out of the pods' reach. Amazon EKS API Reference,
KubernetesNetworkConfigRequest, 2026-11."""


class Settings(BaseModel):
    """What every group of settings has in common: unchangeable, and no key that it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        # The input may hold a secret.
        hide_input_in_errors=True,
    )


class NodeGroup(Settings):
    """The managed node group ``ng1``."""

    instance_types: ConfigList = ("t3.medium",)
    """EC2 instance types, x86_64; more than one is of use with SPOT."""

    desired_size: ConfigInt = 3
    """Number of nodes; three give one in each zone."""

    # The two bounds follow desiredSize where they are not set, so that it can be changed alone.
    min_size: ConfigInt = Field(default_factory=lambda group: min(3, group.get("desired_size", 3)))
    """Least number of nodes; unless set, 3 or desiredSize if that is less."""

    max_size: ConfigInt = Field(default_factory=lambda group: max(3, group.get("desired_size", 3)))
    """Greatest number of nodes; unless set, 3 or desiredSize if that is more."""

    disk_size_gib: ConfigInt = Field(default=120, alias="diskSizeGiB")
    """Root volume (gp3) of a node, in GiB."""

    max_pods: ConfigInt = 100
    """Greatest number of pods on a node, as set in the kubelet."""

    prefix_delegation: ConfigBool = True
    """Whether vpc-cni gives a node /28 prefixes instead of single addresses (ENABLE_PREFIX_DELEGATION)."""

    capacity_type: Literal["ON_DEMAND", "SPOT"] = "ON_DEMAND"
    """How the instances are bought."""

    session_manager: ConfigBool = False
    """Whether Session Manager reaches the nodes (AmazonSSMManagedInstanceCore on their role). Every pod can then read
    every SSM parameter of the account; the ops servers have Session Manager anyway."""


class OpsServers(Settings):
    """The two bastions in the ops VPC."""

    enabled: ConfigBool = True
    """Whether the ops VPC, its peering and the servers exist."""

    instance_type: ConfigStr = "t3.small"
    """EC2 instance type, x86_64."""


class _Exercises(Settings):
    """What the group of the exercises' settings is beside one setting for each exercise."""

    testuser_boundary: ConfigBool = True
    """Whether a permissions boundary limits testuser to what the exercise needs."""

    def outputs(self) -> dict[str, str | bool]:
        """Setting → value, as the stack output `exercises` has it."""
        return self.model_dump(mode="json", by_alias=True)

    def stages(self) -> dict[ExerciseName, str]:
        """Exercise → its stage."""
        return standing({"exercises": self.outputs()})


def _setting(exercise: Exercise) -> Any:
    """Type and default of an exercise's setting."""
    decode = decode_switch if "on" in exercise.stages else decode_stage
    stage = Annotated[Literal[(OFF, *exercise.stages)], BeforeValidator(decode)]  # pyright: ignore[reportInvalidTypeForm]
    return (stage, Field(default=OFF, description=exercise.words.setting))


if TYPE_CHECKING:
    Exercises = _Exercises  # the fields of a model that is made at run time are nothing that a type checker can see
else:
    Exercises = create_model(
        "Exercises",
        __base__=_Exercises,
        __doc__="""Which exercise stands at which stage: a setting for each exercise of the catalogue.""",
        **{exercise.key: _setting(exercise) for exercise in EXERCISES.values()},
    )


class LabConfig(Settings):
    """Every setting of one lab.

    ``infra.config.loading.parse`` and ``from_pulumi`` make one whose values are checked against each other; the
    bare class checks types alone.
    """

    region: str = DEFAULT_REGION
    """AWS region; a stack has to name it."""

    cluster_name: ConfigStr = "myeks"
    """Name of the cluster, and the beginning of the names of everything around it."""

    kubernetes_version: ConfigStr = DEFAULT_KUBERNETES_VERSION
    """Kubernetes minor version: 1.36, 1.35 or 1.34, in quotes."""

    support_type: Literal["STANDARD", "EXTENDED"] = "STANDARD"
    """What EKS does when standard support of that version ends (its upgrade policy). STANDARD: it upgrades the cluster
    to the next version. EXTENDED: the cluster stays, for 0.60 instead of 0.10 USD an hour. A version whose standard
    support has ended can be chosen with EXTENDED alone. Then EKS refuses to change it for a standing cluster."""

    vpc_cidr: ConfigStr = "192.168.0.0/16"
    """Range of the lab's VPC."""

    public_subnet_cidrs: ConfigList = ("192.168.1.0/24", "192.168.2.0/24", "192.168.3.0/24")
    """Ranges of the three public subnets, in the zones a, b and c; the nodes are there."""

    private_subnet_cidrs: ConfigList = ("192.168.11.0/24", "192.168.12.0/24", "192.168.13.0/24")
    """Ranges of the three private subnets, in the zones a, b and c."""

    nat_gateway: ConfigBool = False
    """Whether one NAT gateway gives the private subnets a way out."""

    operator_cidrs: ConfigList = ()
    """IPv4 ranges from which the operator comes, for SSH, the cluster's public endpoint and the web pages. None: no
    SSH from outside, and the endpoint is open to all, guarded by IAM alone; so are the pages of a domain, without any
    guard, which needs allowAnyOperatorCidr."""

    allow_any_operator_cidr: ConfigBool = False
    """Consent to operator ranges as wide as the internet, and to a domain's web pages without any range."""

    key_name: OptionalStr = None
    """EC2 key pair in the region, for SSH to nodes and ops servers."""

    node_group: NodeGroup = NodeGroup()
    """The managed node group."""

    ops_servers: OpsServers = OpsServers()
    """The bastions."""

    domain: OptionalStr = None
    """Domain under which the web pages are published; given with the next two, or none of the three."""

    hosted_zone_id: OptionalStr = None
    """Route 53 public hosted zone that serves the domain."""

    certificate_arn: OptionalStr = None
    """ACM certificate for the domain's hosts, in the stack's region."""

    grafana_admin_password: OptionalSecret = None
    """Password of Grafana's admin; the chart makes one when it is absent."""

    monitoring: ConfigBool = True
    """Whether kube-prometheus-stack is installed."""

    kube_ops_view: ConfigBool = True
    """Whether kube-ops-view is installed."""

    exercises: Exercises = Exercises()
    """The exercises' stages."""

    expires: OptionalStr = None
    """When AWS takes away what costs by the hour, in UTC to the minute, such as 2026-11-24T21:30Z; `lab up --ttl 4h`
    writes it."""

    tags: ConfigMap = Field(default_factory=dict)
    """Tags on every AWS resource, besides the lab's own."""

    @property
    def node_count(self) -> int:
        """How many nodes there are: those of the node group, and those that exercises have for themselves."""
        own = sum(bool(EXERCISES[name].node_group) for name, stage in self.exercises.stages().items() if stage != OFF)
        return self.node_group.desired_size + own

    @property
    def expires_at(self) -> datetime | None:
        """`expires` as a time; None when it is not set."""
        return expiry(self.expires) if self.expires else None

    @property
    def zones(self) -> tuple[str, str, str]:
        """The three availability zones, in the order of the subnets."""
        return (f"{self.region}a", f"{self.region}b", f"{self.region}c")


def expiry(text: str) -> datetime:
    """`2026-11-24T21:30Z` as a time. Raises ValueError for any other form."""
    return datetime.strptime(text, EXPIRES_FORM).replace(tzinfo=UTC)


def alias_of(model: type[Settings], name: str) -> str:
    """The key under which a user writes a field: ``disk_size_gib`` → ``diskSizeGiB``."""
    return model.model_fields[name].alias or to_camel(name)


def keys_of(model: type[Settings]) -> tuple[str, ...]:
    """Every key that a user may write in a group, in the model's order; ``region`` has a namespace of its
    own."""
    return tuple(alias_of(model, name) for name in model.model_fields if name != "region")


GROUPS: dict[str, type[Settings]] = {
    "nodeGroup": NodeGroup,
    "opsServers": OpsServers,
    "exercises": Exercises,
}
"""Key → the settings below it."""
