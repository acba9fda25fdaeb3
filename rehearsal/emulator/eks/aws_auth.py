"""What EKS itself does with the ConfigMap aws-auth: it maps the roles of managed nodes, and looks at every change.

When a managed node group is made, EKS adds its node role to mapRoles, and makes the ConfigMap where there is none, in
every authentication mode that reads it, also beside the role's access entry (EKS User Guide, "Create access entries":
"regardless of which platform version"; seen on clusters of April 2025). With the last managed node group of the role it
takes the role out again, whoever wrote it ("Delete a managed node group"). In between EKS does not look: what
somebody removes stays away.

The entry's form and the field manager are those of EKS's own ConfigMaps in public. That a role which is mapped already
is left alone, and that a path is left out as everywhere in aws-auth, is assumed.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.emulator.aws_auth import entries, mapping_of
from rehearsal.emulator.aws_auth_problems import refusal
from rehearsal.emulator.eks.iam_authenticator import without_path
from rehearsal.emulator.eks.nodes import NodeFailure
from rehearsal.emulator.eks.state import Cluster

log = logging.getLogger(__name__)

NAME: Final = "aws-auth"
NAMESPACE: Final = "kube-system"
COLLECTION: Final = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
PATH: Final = f"{COLLECTION}/{NAME}"
_MANAGER: Final = "vpcLambda"
"""Field manager of EKS's changes, as `kubectl get --show-managed-fields` shows it on EKS."""
_TRIES: Final = 5
_GONE: Final = 404
_CONFLICT: Final = 409

Data = Mapping[str, str]


class Unreadable(Exception):
    """EKS cannot add to what aws-auth holds, or may not; the text is EKS's (issue code AccessDenied)."""

    def __init__(self) -> None:
        super().__init__("The aws-auth ConfigMap in your cluster is invalid.")


def with_nodes(data: Data, role_arn: str) -> dict[str, str] | None:
    """The data with a node role in mapRoles; None when the role is mapped already. Raises Unreadable."""
    listed = _roles(data)
    if any(_is(one, role_arn) for one in listed):
        return None
    mapping = {
        "groups": ["system:bootstrappers", "system:nodes"],
        "rolearn": without_path(role_arn),
        "username": "system:node:{{EC2PrivateDNSName}}",
    }
    return {**data, "mapRoles": _text([*listed, mapping])}


def without_nodes(data: Data, role_arn: str) -> dict[str, str] | None:
    """The data without a role in mapRoles; None when it is not there. Raises Unreadable."""
    listed = _roles(data)
    left = [one for one in listed if not _is(one, role_arn)]
    return None if len(left) == len(listed) else {**data, "mapRoles": _text(left)}


def _roles(data: Data) -> list[Any]:
    try:
        return entries(data, "mapRoles")
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise Unreadable from error


def _is(entry: Any, role_arn: str) -> bool:
    mapped = mapping_of("mapRoles", "rolearn", entry)
    return mapped is not None and mapped.arn.lower() == without_path(role_arn).lower()


def _text(listed: list[Any]) -> str:
    return yaml.safe_dump(listed, width=10**6, allow_unicode=True)


async def admit_nodes(cluster: Cluster, role_arn: str) -> None:
    """Map the role of a new node group. Raises NodeFailure where the nodes could not come in by anything else."""
    if cluster.authentication_mode == "API":
        return
    try:
        await _change(cluster, lambda data: with_nodes(data, role_arn))
    except Unreadable as error:
        if cluster.authentication_mode == "CONFIG_MAP":
            raise NodeFailure("AccessDenied", str(error), []) from error
        log.warning("cluster %s: %s Its nodes come in by their access entry.", cluster.name, error)
    except ControlPlaneError as error:
        raise NodeFailure("ClusterUnreachable", str(error), []) from error


async def dismiss_nodes(cluster: Cluster, role_arn: str) -> None:
    """Take a role out that no node group has any more."""
    if cluster.authentication_mode == "API" or cluster.has_nodes_of(role_arn):
        return
    try:
        await _change(cluster, lambda data: without_nodes(data, role_arn))
    except (Unreadable, ControlPlaneError) as error:
        # The nodes are gone all the same.
        log.warning("cluster %s: %s stays in aws-auth: %s", cluster.name, role_arn, error)


async def _change(cluster: Cluster, change: Callable[[Data], dict[str, str] | None]) -> None:
    """Write what a change makes of the data, again when somebody else was faster.

    Raises ControlPlaneError, and Unreadable for what cannot be changed.
    """
    if cluster.control_plane is None:
        return
    client = cluster.control_plane.client
    for attempt in range(_TRIES):
        found: dict[str, Any] | None = None
        try:
            found = await client.request("GET", PATH)
        except ApiError as error:
            if error.status != _GONE:
                raise
        data = change((found or {}).get("data") or {})
        if data is None:
            return
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": NAMESPACE}}
        method, path = ("PUT", PATH) if found else ("POST", COLLECTION)
        try:
            await client.request(method, f"{path}?fieldManager={_MANAGER}", {**(found or made), "data": data})
            return
        except ApiError as error:
            if error.status not in (_GONE, _CONFLICT):
                raise Unreadable from error
            if attempt == _TRIES - 1:
                raise


def reviewed(review: Mapping[str, Any]) -> dict[str, Any]:
    """The webhook's answer to an AdmissionReview for a ConfigMap: aws-auth is let in unless it is refused."""
    request: Mapping[str, Any] = review["request"]
    found: Mapping[str, Any] = request.get("object") or {}
    why = refusal(found.get("data") or {}) if (found.get("metadata") or {}).get("name") == NAME else ""
    response: dict[str, Any] = {"uid": request["uid"], "allowed": not why}
    if why:
        response["status"] = {"message": why}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
