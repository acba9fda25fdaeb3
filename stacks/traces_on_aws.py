"""What was done by hand on AWS to an exercise's own roles, user and nodes, and what no update takes back.

The engine reads again all that it made itself. Of a policy that somebody attached to its role it knows nothing, and
the role can neither be what it was nor be deleted. Nor does it know the instances of a node group, which EKS makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from clients.aws_responses import if_there, pages, reason
from operations.cleanup import ClientFactory
from stacks import pending_operations
from stacks.errors import CannotAsk
from stacks.exercise_state import Held
from stacks.made_by_hand_on_aws import ACCESS_ENTRY, IAM_USER
from stacks.pending_operations import Json
from stacks.traces import Trace

ROLE: Final = "aws:iam/role:Role"
_POLICIES: Final = {
    ROLE: ("role", "RoleName", "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:iam/rolePolicy:RolePolicy"),
    IAM_USER: (
        "user",
        "UserName",
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        "aws:iam/userPolicy:UserPolicy",
    ),
}
"""Type of a principal → IAM's word in its calls, its parameter, and the types of what the engine attaches."""

_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
_ASSOCIATION: Final = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"


def on_aws(client: ClientFactory, held: Held, cluster: str) -> Iterator[Trace]:
    """What was added on AWS to what the exercise has there. Raises CannotAsk."""
    principals = [each for each in held.on_aws if each["type"] in _POLICIES]
    for each in principals:
        yield from _policies(client, held, each)
    arns = {str(arn) for each in principals if (arn := (each.get("outputs") or {}).get("arn"))}
    yield from _entries(client, held, cluster, arns)
    yield from _associations(client, held, cluster)
    yield from _metadata_options(client, held, cluster)


def _policies(client: ClientFactory, held: Held, principal: Json) -> Iterator[Trace]:
    """Policies of a role or user that the engine did not attach."""
    word, parameter, attachment, inline = _POLICIES[principal["type"]]
    iam, name = client("iam"), principal["id"]
    of = {parameter: name}
    recorded = {str(inputs.get("policyArn")) for inputs in _inputs(held, attachment) if inputs.get(word) == name}
    found: list[Any] = _asked(lambda: list(pages(iam, f"list_attached_{word}_policies", "AttachedPolicies", **of)))
    for each in found:
        arn = each["PolicyArn"]
        if arn not in recorded:
            detach = getattr(iam, f"detach_{word}_policy")
            yield _trace(f"policy {arn} of IAM {word} {name}", detach, **of, PolicyArn=arn)
    own = {str(inputs.get("name")) for inputs in _inputs(held, inline) if inputs.get(word) == name}
    names: list[Any] = _asked(lambda: list(pages(iam, f"list_{word}_policies", "PolicyNames", **of)))
    for each in names:
        if each not in own:
            delete = getattr(iam, f"delete_{word}_policy")
            yield _trace(f"inline policy {each} of IAM {word} {name}", delete, **of, PolicyName=each)
    if word == "user":
        groups: list[Any] = _asked(lambda: iam.list_groups_for_user(**of)["Groups"])
        for each in groups:
            group = each["GroupName"]
            about = f"IAM user {name} in group {group}"
            yield _trace(about, iam.remove_user_from_group, **of, GroupName=group)


def _entries(client: ClientFactory, held: Held, cluster: str, arns: set[str]) -> Iterator[Trace]:
    """Access entries of its roles and user, and policies of its own entries, that the engine did not make."""
    eks = client("eks")
    entries = {str(inputs.get("principalArn")) for inputs in _inputs(held, ACCESS_ENTRY)}
    policies = {(str(of.get("principalArn")), str(of.get("policyArn"))) for of in _inputs(held, _ASSOCIATION)}
    for principal in sorted(arns):
        of = {"clusterName": cluster, "principalArn": principal}
        if principal not in entries:
            if _asked(lambda of=of: eks.describe_access_entry(**of)):
                yield _trace(f"access entry {principal}", eks.delete_access_entry, **of)
            continue
        found: list[Any] = _asked(
            lambda of=of: list(pages(eks, "list_associated_access_policies", "associatedAccessPolicies", **of))
        )
        for each in found:
            if (principal, each["policyArn"]) not in policies:
                about = f"access policy {each['policyArn']} of access entry {principal}"
                yield _trace(about, eks.disassociate_access_policy, **of, policyArn=each["policyArn"])


def _associations(client: ClientFactory, held: Held, cluster: str) -> Iterator[Trace]:
    """Pod Identity associations that the engine did not make: of the exercise's service accounts, and of those with
    which it has one itself."""
    eks = client("eks")
    recorded = {each["id"] for each in _of_type(held, pending_operations.POD_IDENTITY)}
    made = (each["metadata"] for each in held.objects if each["kind"] == "ServiceAccount")
    accounts = [(str(meta.get("namespace")), str(meta["name"])) for meta in made]
    own = (each.get("inputs") or {} for each in held.on_aws if each["type"] == pending_operations.POD_IDENTITY)
    accounts += [(str(inputs.get("namespace")), str(inputs.get("serviceAccount"))) for inputs in own]
    for namespace, account in dict.fromkeys(accounts):
        of = {"clusterName": cluster, "namespace": namespace, "serviceAccount": account}
        found: list[Any] = _asked(
            lambda of=of: list(pages(eks, "list_pod_identity_associations", "associations", **of))
        )
        for each in found:
            number = each["associationId"]
            if number not in recorded:
                about = f"Pod Identity association {number} of {namespace}/{account}"
                delete = eks.delete_pod_identity_association
                yield _trace(about, delete, clusterName=cluster, associationId=number)


def _metadata_options(client: ClientFactory, held: Held, cluster: str) -> Iterator[Trace]:
    """Nodes of the exercise's own node groups whose metadata service is not as the launch template has it."""
    ec2 = client("ec2")
    templates = {each["id"]: each["inputs"] for each in held.mine if each["type"] == _TEMPLATE}
    for group in (each["inputs"] for each in held.mine if each["type"] == pending_operations.NODE_GROUP):
        template = templates.get((group.get("launchTemplate") or {}).get("id")) or {}
        wanted = {f"{key[0].upper()}{key[1:]}": value for key, value in (template.get("metadataOptions") or {}).items()}
        filters = [
            {"Name": "tag:eks:cluster-name", "Values": [cluster]},
            {"Name": "tag:eks:nodegroup-name", "Values": [group.get("nodeGroupName")]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        found: list[Any] = _asked(
            lambda filters=filters: list(pages(ec2, "describe_instances", "Reservations", Filters=filters))
        )
        for instance in (each for reservation in found for each in reservation["Instances"]):
            options: Mapping[str, Any] = instance.get("MetadataOptions") or {}
            if any(options.get(key) != value for key, value in wanted.items()):
                number = instance["InstanceId"]
                change = ec2.modify_instance_metadata_options
                yield _trace(f"metadata options of instance {number}", change, InstanceId=number, **wanted)


def _of_type(held: Held, kind: str) -> Iterator[Json]:
    return (each for each in (*held.mine, *held.others) if each["type"] == kind)


def _inputs(held: Held, kind: str) -> Iterator[Json]:
    return (each.get("inputs") or {} for each in _of_type(held, kind))


def _asked(question: Callable[[], Any]) -> Any:
    """AWS's answer, an empty list where there is no such thing. Raises CannotAsk."""
    try:
        return if_there(question) or []
    except (BotoCoreError, ClientError) as error:
        raise CannotAsk(f"AWS cannot be asked what was done by hand: {reason(error)}.") from error


def _trace(about: str, undo: Callable[..., object], **arguments: Any) -> Trace:
    return Trace(about, lambda: _taken_back(about, undo, arguments))


def _taken_back(about: str, undo: Callable[..., object], arguments: Mapping[str, Any]) -> None:
    try:
        if_there(lambda: undo(**arguments))
    except (BotoCoreError, ClientError) as error:
        raise CannotAsk(f"{about[0].upper()}{about[1:]} cannot be taken back: {reason(error)}.") from error
