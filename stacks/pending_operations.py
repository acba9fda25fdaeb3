"""What a killed update had begun, and how the result gets into the engine's state; without AWS and without pulumi.

The engine writes down that it begins something before it does so, and what came of it afterwards. Killed in between,
its state has a pending operation. `pulumi refresh --import-pending-creates` is meant for this and drops the operation
instead (pulumi 3.259: nothing reads the operations that it turns into imports). So the state is changed here: what was
being created and has an id becomes a resource, as the engine itself would have written it, and everything in doubt is
marked to be read again before the next update, which the engine then does by itself.
"""

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from operations.cleanup import Report

CREATING: Final = "creating"
DELETING: Final = "deleting"
_CHANGES: Final = ("updating", DELETING)
KUBERNETES: Final = "kubernetes:"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
CLUSTER: Final = "aws:eks/cluster:Cluster"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
ADDON: Final = "aws:eks/addon:Addon"
NAT_GATEWAY: Final = "aws:ec2/natGateway:NatGateway"
PEERING: Final = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
POD_IDENTITY: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"

FIELD_MANAGER: Final = "__fieldManager"
"""Output of a Kubernetes object: the name under which the provider applied it (pulumi-kubernetes, provider.go)."""

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What a preview has in place of a value that is known only when something was made (pulumi, sdk/go/common/resource/
plugin/rpc.go)."""

READ_ANEW: Final = "refreshBeforeUpdate"
"""Mark of a resource that the engine reads before it does anything else; reading it takes the mark away."""

Json = dict[str, Any]
Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """Something that was begun."""

    kind: str
    """In the engine's word: creating, updating, deleting, reading or importing."""

    resource: Inputs
    """The resource as the engine's state would have it."""

    @property
    def urn(self) -> str:
        """The engine's own name of the resource."""
        return str(self.resource["urn"])

    @property
    def type(self) -> str:
        """The engine's type."""
        return str(self.resource["type"])

    @property
    def is_object(self) -> bool:
        """Whether it is an object in a cluster; a Helm release is many."""
        return self.type.startswith(KUBERNETES) and self.type != RELEASE

    @property
    def inputs(self) -> Inputs:
        """What the program asked for, with the defaults and the names that the provider chose."""
        return self.resource.get("inputs") or {}

    @property
    def about(self) -> str:
        """For the user: `Cluster cluster-eksCluster`."""
        return f"{self.type.rpartition(':')[2]} {self.urn.rpartition('::')[2]}"


def operations(deployment: Inputs) -> list[Operation]:
    """What is pending about real resources; components and providers are nothing outside the state."""
    found = [Operation(str(each["type"]), each["resource"]) for each in deployment.get("pending_operations") or []]
    return [each for each in found if each.resource.get("custom") and not each.type.startswith("pulumi:")]


def deletions(deployment: Inputs) -> Iterator[Operation]:
    """What may be under deletion after an update that gave up: it stands in the state, and no operation is pending."""
    for each in deployment.get("resources") or []:
        operation = Operation(DELETING, each)
        if each.get("custom") and operation.is_object:
            yield operation


def is_idempotent(operation: Operation) -> bool:
    """Whether making it once more is no error and leaves no second one."""
    return operation.type in _IDEMPOTENT


def known_id(operation: Operation) -> str:
    """The id that follows from the inputs alone, whether or not the thing exists; empty where AWS chooses it."""
    if operation.type.startswith(KUBERNETES):
        names: Inputs = operation.inputs if operation.type == RELEASE else operation.inputs.get("metadata") or {}
        name, namespace = names.get("name"), names.get("namespace")
        return f"{namespace}/{name}" if name and namespace else str(name or "")
    made = _IDS.get(operation.type)
    try:
        return made(operation.inputs) if made else ""
    except (KeyError, TypeError):
        return ""


def matching(operation: Operation, report: Report) -> list[str]:
    """Ids of what AWS has, the state has not, and this may have made: the lab's, of its type, by its name."""
    name = _name(operation.inputs)
    return [
        each.resource.recorded_id or each.resource.id
        for each in report.left
        if each.kind.engine_type == operation.type
        and each.sure
        and not each.recorded
        and not each.resource.going
        and (not name or name in (each.resource.id, each.resource.name))
    ]


def standing(deployment: Inputs) -> set[str]:
    """URNs of what the state holds and the engine neither deletes nor has begun to replace by deleting it first."""
    resources: list[Json] = deployment.get("resources") or []
    return {each["urn"] for each in resources if not each.get("delete") and not each.get("pendingReplacement")}


def put_right(deployment: Inputs, found: Mapping[str, Mapping[str, str]]) -> Json:
    """The deployment without pending operations.

    What was being created and was found (URN → `id`, and outputs that reading it needs) becomes a resource, unless one
    of that URN stands: then a later update may have made it once more, and which of the two others rest on is not
    known. What was being changed is read again.
    """
    pending = operations(deployment)
    taken = standing(deployment)
    made = {each.urn: each for each in pending if each.kind == CREATING and each.urn in found and each.urn not in taken}
    doubtful = {each.urn for each in pending if each.kind in _CHANGES}
    kept: list[Json] = []
    for each in deployment.get("resources") or []:
        resource: Json = dict(each)
        urn = resource["urn"]
        if urn in made and resource.get("pendingReplacement"):
            # It is gone already, and its successor was made: as the engine does it then, it is forgotten.
            continue
        if urn in doubtful:
            resource[READ_ANEW] = True
        kept.append(resource)
    added = [_resource(each, **found[urn]) for urn, each in made.items()]
    return {**deployment, "resources": [*kept, *added], "pending_operations": []}


def unread(deployment: Inputs, types: Collection[str]) -> list[Json]:
    """Resources of these types that are to be read again."""
    return [each for each in deployment.get("resources") or [] if each.get(READ_ANEW) and each["type"] in types]


def is_cut_off_release(resource: Inputs) -> bool:
    """Whether it is a Helm release whose first installation may have been cut off: Helm neither installs nor upgrades
    it then."""
    return resource["type"] == RELEASE and "status" not in (resource.get("outputs") or {})


def _resource(operation: Operation, *, id: str, **more: str) -> Json:
    outputs = {**cast("Json", _without_marks(operation.inputs)), **_attributes(operation.type, id), **more}
    for key in _UNREADABLE.get(operation.type, ()):
        outputs.pop(key, None)
    # With the inputs as outputs: what AWS does not tell, such as how a cluster was bootstrapped, would else look like
    # a change that replaces it.
    return {**operation.resource, "id": id, "outputs": outputs, READ_ANEW: True}


def _without_marks(value: object) -> object:
    """Inputs without the provider's notes about which of them are defaults."""
    if isinstance(value, dict):
        return {key: _without_marks(item) for key, item in cast("Json", value).items() if key != "__defaults"}
    if isinstance(value, list):
        return [_without_marks(item) for item in cast("list[object]", value)]
    return value


def _attributes(kind: str, identity: str) -> Json:
    """What reading it needs beside its id and its inputs."""
    return {"associationId": identity} if kind == POD_IDENTITY else {}


def _name(inputs: Inputs) -> str:
    """What the thing is called on AWS; empty when the inputs do not tell."""
    tags = inputs.get("tags")
    candidates: Iterable[object] = (
        inputs.get("name"),
        inputs.get("nodeGroupName"),
        tags.get("Name") if isinstance(tags, dict) else None,
        str(inputs.get("url") or "").removeprefix("https://"),
        inputs.get("description"),
    )
    return next((each for each in candidates if isinstance(each, str) and each), "")


def _route(inputs: Inputs) -> str:
    destination: str = inputs["destinationCidrBlock"]
    return f"r-{inputs['routeTableId']}{zlib.crc32(destination.encode())}"


_IDS: Final[Mapping[str, Callable[[Inputs], str]]] = {
    ADDON: lambda of: f"{of['clusterName']}:{of['addonName']}",
    "aws:eks/accessEntry:AccessEntry": lambda of: f"{of['clusterName']}:{of['principalArn']}",
    "aws:iam/rolePolicy:RolePolicy": lambda of: f"{of['role']}:{of['name']}",
    "aws:ec2/route:Route": _route,
}
"""Ids as the provider makes them (terraform-provider-aws: the create functions of these resources)."""

_IDEMPOTENT: Final = frozenset(
    {
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions",
    }
)

_UNREADABLE: Final[Mapping[str, tuple[str, ...]]] = {PEERING: ("autoAccept",)}
"""Inputs that AWS does not tell and that the provider acts on in an update: one that was killed between asking for a
peering and accepting it is accepted by the next."""


# What AWS tells by a question about the thing itself.


def subnet_links(answer: Inputs, inputs: Inputs) -> Iterator[str]:
    """Ids of a subnet's link to its route table, from DescribeRouteTables."""
    for table in answer["RouteTables"]:
        for link in table.get("Associations", []):
            if link.get("SubnetId") == inputs["subnetId"] and link.get("RouteTableId") == inputs["routeTableId"]:
                yield link["RouteTableAssociationId"]


def group_rules(answer: Inputs, inputs: Inputs, *, egress: bool) -> Iterator[str]:
    """Ids of a rule of a security group, from DescribeSecurityGroupRules."""
    for rule in answer["SecurityGroupRules"]:
        found = (
            rule["IsEgress"],
            rule["IpProtocol"],
            rule.get("FromPort", -1),
            rule.get("ToPort", -1),
            rule.get("CidrIpv4"),
            rule.get("ReferencedGroupInfo", {}).get("GroupId"),
        )
        wanted = (
            egress,
            inputs["ipProtocol"],
            inputs.get("fromPort", -1),
            inputs.get("toPort", -1),
            inputs.get("cidrIpv4"),
            inputs.get("referencedSecurityGroupId"),
        )
        if found == wanted:
            yield rule["SecurityGroupRuleId"]
