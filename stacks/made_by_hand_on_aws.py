"""What the exercises make on AWS under names of their own, asked for: an IAM user, an access entry, an association.

Roles and policies of the lab have random names, so that no other resource has the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from clients.aws_responses import if_there, reason
from exercises.catalogue import OFF
from exercises.made import NAMESPACE, POD_IDENTITY_ACCOUNT, USER
from grading.check import ExerciseName
from operations.cleanup import ClientFactory
from stacks import pending_operations
from stacks.errors import CannotAsk
from stacks.pending_operations import Inputs, Json, Operation

IAM_USER: Final = "aws:iam/user:User"
ACCESS_ENTRY: Final = "aws:eks/accessEntry:AccessEntry"


@dataclass(frozen=True)
class Resource:
    """Something on AWS."""

    id: str
    """As the engine's state has it."""

    inputs: Json
    """What the engine would call its inputs, as far as AWS tells them."""

    deleted_by: tuple[str, ...]


def look(client: ClientFactory, operation: Operation) -> Resource | None:
    """What stands under the name of what is to be created; None where nothing does. Raises CannotAsk."""
    ask = _ASK.get(operation.type)
    if ask is None or is_unnamed(operation):
        return None
    return _answer(lambda: ask(client, operation.inputs), operation.about)


def is_unnamed(operation: Operation) -> bool:
    """Whether it is one of these, and named by what is still to be made."""
    return any(_is_unknown(operation.inputs.get(key)) for key in _NAMED_BY.get(operation.type, ()))


def is_anything_there(
    client: ClientFactory, cluster: str, stages: Mapping[ExerciseName, str], resources: list[Json]
) -> bool:
    """Whether something stands that these stages need and the state does not have. Raises CannotAsk."""
    user = next((each for each in resources if (each["type"], each.get("id")) == (IAM_USER, USER)), None)
    mapping = stages["identity-mapping"]
    if mapping != OFF and user is None and _answer(lambda: _user(client, {"name": USER}), USER):
        return True
    # A user that a killed update had made, and that the engine has not read yet, has no ARN.
    arn = ((user or {}).get("outputs") or {}).get("arn")
    if mapping == "entry" and arn:
        inputs = {"clusterName": cluster, "principalArn": arn}
        recorded = any(each["type"] == ACCESS_ENTRY and USER in str(each.get("id")) for each in resources)
        if not recorded and _answer(lambda: _entry(client, inputs), "the access entry"):
            return True
    account = {"clusterName": cluster, "namespace": NAMESPACE, "serviceAccount": POD_IDENTITY_ACCOUNT}
    associations = [each.get("inputs") or {} for each in resources if each["type"] == pending_operations.POD_IDENTITY]
    recorded = any(each.get("serviceAccount") == POD_IDENTITY_ACCOUNT for each in associations)
    if stages["pod-identity"] == OFF or recorded:
        return False
    return bool(_answer(lambda: _association(client, account), "the Pod Identity association"))


def _is_unknown(value: object) -> bool:
    """Whether what names it is not known yet."""
    return not isinstance(value, str) or not value or pending_operations.UNKNOWN in value


def _answer(question: Callable[[], Resource | None], about: str) -> Resource | None:
    try:
        return if_there(question)
    except (BotoCoreError, ClientError) as error:
        raise CannotAsk(f"AWS cannot be asked about {about}: {reason(error)}.") from error


def _user(client: ClientFactory, inputs: Inputs) -> Resource:
    name = inputs["name"]
    iam = client("iam")
    user = iam.get_user(UserName=name)["User"]
    attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    of = f"--user-name {name}"
    return Resource(
        name,
        {
            "path": user["Path"],
            "permissionsBoundary": (user.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
            "tags": {tag["Key"]: tag["Value"] for tag in user.get("Tags") or []},
        },
        (
            *(f"aws iam detach-user-policy {of} --policy-arn {each['PolicyArn']}" for each in attached),
            *(f"aws iam delete-access-key {of} --access-key-id {each['AccessKeyId']}" for each in keys),
            f"aws iam delete-user {of}",
        ),
    )


def _entry(client: ClientFactory, inputs: Inputs) -> Resource:
    cluster, principal = inputs["clusterName"], inputs["principalArn"]
    entry = client("eks").describe_access_entry(clusterName=cluster, principalArn=principal)["accessEntry"]
    return Resource(
        f"{cluster}:{principal}",
        {"type": entry.get("type"), "tags": entry.get("tags") or {}},
        (f"aws eks delete-access-entry --cluster-name {cluster} --principal-arn {principal}",),
    )


def _association(client: ClientFactory, inputs: Inputs) -> Resource | None:
    eks, cluster = client("eks"), inputs["clusterName"]
    found: list[Any] = eks.list_pod_identity_associations(
        clusterName=cluster, namespace=inputs["namespace"], serviceAccount=inputs["serviceAccount"]
    )["associations"]
    if not found:
        return None
    number = found[0]["associationId"]
    told = eks.describe_pod_identity_association(clusterName=cluster, associationId=number)["association"]
    return Resource(
        number,
        {"roleArn": told["roleArn"], "tags": told.get("tags") or {}},
        (f"aws eks delete-pod-identity-association --cluster-name {cluster} --association-id {number}",),
    )


_ASK: Final[Mapping[str, Callable[[ClientFactory, Inputs], Resource | None]]] = {
    IAM_USER: _user,
    ACCESS_ENTRY: _entry,
    pending_operations.POD_IDENTITY: _association,
}
_NAMED_BY: Final = {
    IAM_USER: ("name",),
    ACCESS_ENTRY: ("clusterName", "principalArn"),
    pending_operations.POD_IDENTITY: ("clusterName", "namespace", "serviceAccount"),
}
