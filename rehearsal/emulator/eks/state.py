"""What the emulator knows of each cluster, and what it needs of a control plane.

Records keep EKS's own shape (`view`), so that describing is handing out; what
EKS never shows stands beside it.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rehearsal.cluster.node_objects import NodeSpec
from rehearsal.cluster.spec import ControlPlaneSpec, ProcessInfo
from rehearsal.emulator.errors import AwsError


class ApiClient(Protocol):
    """Requests to an API server as its administrator."""

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's object; raises ApiError for a refusal, ControlPlaneError out of contact."""
        ...


class ControlPlane(Protocol):
    """What the emulator needs of `rehearsal.cluster.control_plane.ControlPlane`."""

    endpoint: str
    ca_data: str

    @property
    def client(self) -> ApiClient:
        """Requests as the cluster's administrator."""
        ...

    async def start(self) -> None:
        """Return when the API server is ready; raise ControlPlaneError when it will not be."""
        ...

    async def stop(self) -> None:
        """End every process and remove every file."""
        ...

    async def add_node(self, node: NodeSpec) -> None:
        """Register a node."""
        ...

    async def remove_node(self, name: str) -> None:
        """Take a node and its pods away."""
        ...

    async def ready_nodes(self) -> list[str]:
        """Names of the nodes that are Ready."""
        ...

    async def put(self, objects: Sequence[dict[str, Any]], *, force: bool = True) -> None:
        """Have these objects there; without `force` what others have changed stays. Raises ControlPlaneError."""
        ...

    async def take(self, objects: Sequence[dict[str, Any]]) -> None:
        """Have none of these objects in the cluster. Raises ControlPlaneError."""
        ...

    async def upgrade(self, version: str) -> None:
        """Go on as a later Kubernetes version; raise ControlPlaneError, and be what it was, when it cannot."""
        ...

    def processes(self) -> Sequence[ProcessInfo]:
        """Each process as it is now."""
        ...


Trouble = Callable[[str], bool]
"""Whether what an EKS operation of this name begins is to end in a failed state."""


class ControlPlaneFactory(Protocol):
    """Makes a control plane that is not started yet."""

    def __call__(self, spec: ControlPlaneSpec) -> ControlPlane:
        """A control plane for that cluster."""
        ...


@dataclass
class AccessEntry:
    """An access entry; `principal_id` is the unique id that EKS keeps and never shows."""

    view: dict[str, Any]
    principal_id: str
    policies: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Associated access policies by ARN, in EKS's shape."""
    made_by_eks: bool = False


@dataclass
class Node:
    """One node of a node group: an instance and the Node that stands for it."""

    instance_id: str
    name: str
    subnet_id: str
    template: tuple[str, str]
    """Launch template id and version that it was launched from."""
    release: str
    """Version of the AMI that it was launched from."""


@dataclass
class Nodegroup:
    """A managed node group."""

    view: dict[str, Any]
    template: dict[str, Any] = field(default_factory=dict[str, Any])
    """The launch template version's data; empty without a template."""
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    """By instance id."""
    task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.view["nodegroupName"]


@dataclass
class Cluster:
    """A cluster."""

    view: dict[str, Any]
    bootstrap_addons: bool
    """Whether EKS puts vpc-cni, kube-proxy and coredns there by itself."""
    hidden_admin: str = ""
    """The creator's principal id, when only aws-auth is used: then its admin right is written nowhere."""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """Part of the webhooks' path."""
    wrapped_key: bytes = b""
    """The key of what etcd holds, encrypted by the customer's KMS key; empty without one."""
    control_plane: ControlPlane | None = None
    task: asyncio.Task[None] | None = None
    interfaces: list[str] = field(default_factory=list[str])
    nodegroups: dict[str, Nodegroup] = field(default_factory=dict[str, Nodegroup])
    addons: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    entries: dict[str, AccessEntry] = field(default_factory=dict[str, AccessEntry])
    associations: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Pod Identity associations by id."""
    updates: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    authenticator_log: deque[str] = field(default_factory=lambda: deque[str](maxlen=1000))
    """What the authenticator has written and nobody has sent to CloudWatch Logs yet."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.view["name"]

    @property
    def authentication_mode(self) -> str:
        """CONFIG_MAP, API or API_AND_CONFIG_MAP."""
        return self.view["accessConfig"]["authenticationMode"]

    @property
    def node_count(self) -> int:
        """Nodes that pods can run on."""
        return sum(len(group.nodes) for group in self.nodegroups.values())

    def has_nodes_of(self, role_arn: str) -> bool:
        """Whether a node group that is not being deleted has this role."""
        return any(
            group.view["nodeRole"] == role_arn and group.view["status"] != "DELETING"
            for group in self.nodegroups.values()
        )


class Clusters:
    """The clusters of one account and region."""

    def __init__(self) -> None:
        """Starts with none."""
        self.all: dict[str, Cluster] = {}
        self.reserved: set[str] = set()
        """Names of clusters that are being made and not recorded yet."""

    def get(self, name: str) -> Cluster:
        """A cluster by name; raises AwsError when there is none."""
        if name not in self.all:
            raise not_found(f"No cluster found for name: {name}.", clusterName=name)
        return self.all[name]

    def active(self, name: str) -> Cluster:
        """A cluster that can be worked on; raises AwsError when it is being made or deleted."""
        cluster = self.get(name)
        if cluster.view["status"] not in ("ACTIVE", "UPDATING"):
            message = f"Cluster '{name}' is not in ACTIVE status"
            raise AwsError("InvalidRequestException", message, clusterName=name)
        return cluster


def not_found(message: str, **fields: Any) -> AwsError:
    """EKS's answer to a name that it does not know."""
    return AwsError("ResourceNotFoundException", message, 404, **fields)


def invalid(message: str, **fields: Any) -> AwsError:
    """EKS's answer to a parameter that it does not take."""
    return AwsError("InvalidParameterException", message, **fields)


def bad_request(message: str, **fields: Any) -> AwsError:
    """EKS's answer to what cannot be done as things are."""
    return AwsError("InvalidRequestException", message, **fields)


def in_use(message: str, **fields: Any) -> AwsError:
    """EKS's answer to a name that is taken, or a thing that is needed."""
    return AwsError("ResourceInUseException", message, 409, **fields)
