"""Puts sets of objects into a cluster, and takes them out, as what runs beside a control plane does.

EKS fills a new cluster, and its add-ons bring objects of their own. Both know
what they want there and not what is there, so both apply on the server's side.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

from rehearsal.cluster.api_client import ApiError, Client
from rehearsal.cluster.errors import ControlPlaneError

Manifest = dict[str, Any]


class Kind(NamedTuple):
    """Where the API server keeps objects of a kind."""

    version: str
    """As `apiVersion` has it."""
    plural: str
    namespaced: bool = False


_RBAC: Final = "rbac.authorization.k8s.io/v1"

KINDS: Final = {
    "ServiceAccount": Kind("v1", "serviceaccounts", True),
    "ConfigMap": Kind("v1", "configmaps", True),
    "Service": Kind("v1", "services", True),
    "Deployment": Kind("apps/v1", "deployments", True),
    "DaemonSet": Kind("apps/v1", "daemonsets", True),
    "PodDisruptionBudget": Kind("policy/v1", "poddisruptionbudgets", True),
    "Role": Kind(_RBAC, "roles", True),
    "RoleBinding": Kind(_RBAC, "rolebindings", True),
    "ClusterRole": Kind(_RBAC, "clusterroles"),
    "ClusterRoleBinding": Kind(_RBAC, "clusterrolebindings"),
    "StorageClass": Kind("storage.k8s.io/v1", "storageclasses"),
    "CSIDriver": Kind("storage.k8s.io/v1", "csidrivers"),
    "APIService": Kind("apiregistration.k8s.io/v1", "apiservices"),
    "MutatingWebhookConfiguration": Kind("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"),
    "ValidatingWebhookConfiguration": Kind("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"),
}
"""The kinds that EKS and its add-ons make."""

_MANAGER: Final = "eks"
"""Field manager: as on EKS, `kubectl get --show-managed-fields` tells what came from there."""
_TRIES: Final = 5
_CONFLICT: Final = 409
_GONE: Final = 404


def path_of(manifest: Manifest) -> str:
    """Where the API server keeps this object."""
    metadata = cast("dict[str, Any]", manifest["metadata"])
    kind = KINDS[cast("str", manifest["kind"])]
    root = "apis" if "/" in kind.version else "api"
    namespace = f"/namespaces/{metadata['namespace']}" if kind.namespaced else ""
    return f"/{root}/{kind.version}{namespace}/{kind.plural}/{metadata['name']}"


async def apply(client: Client, manifests: Sequence[Manifest], *, force: bool = True) -> None:
    """Apply every object in its order, again after a failure: the API server may just be restarting.

    Without `force` an object stays as it is where somebody else has changed the same fields. Raises ControlPlaneError.
    """
    for manifest in manifests:
        for attempt in range(_TRIES):
            try:
                await client.apply(path_of(manifest), manifest, _MANAGER, force=force)
                break
            except ControlPlaneError as error:
                if not force and isinstance(error, ApiError) and error.status == _CONFLICT:
                    break
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(0.5 * 2**attempt)


async def delete(client: Client, manifests: Sequence[Manifest]) -> None:
    """Delete the objects, the last first; what they own goes some time later. Raises ControlPlaneError."""
    for manifest in reversed(manifests):
        try:
            await client.request("DELETE", f"{path_of(manifest)}?propagationPolicy=Background")
        except ApiError as error:
            if error.status != _GONE:
                raise
