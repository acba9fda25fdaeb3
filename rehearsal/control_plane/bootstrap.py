"""Puts into a new cluster what EKS puts there, before a user looks.

It runs beside everything else once the API server answers: nothing that the
engine creates depends on it, so it must not delay the cluster's creation.
"""

import asyncio
from pathlib import Path
from typing import Any, cast

import yaml

from rehearsal.control_plane.client import Client
from rehearsal.control_plane.errors import ControlPlaneError

_MANIFESTS = Path(__file__).with_name("bootstrap.yaml")
_MANAGER = "eks"
_PLURALS = {
    "StorageClass": "storageclasses",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
}
_TRIES = 5


def manifests() -> list[dict[str, Any]]:
    """The objects, in the order in which they are made."""
    documents = yaml.safe_load_all(_MANIFESTS.read_text())
    return [cast("dict[str, Any]", document) for document in documents]


def path_of(manifest: dict[str, Any]) -> str:
    """Where the API server keeps this object."""
    metadata = cast("dict[str, Any]", manifest["metadata"])
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    version = cast("str", manifest["apiVersion"])
    return f"/apis/{version}{namespace}/{_PLURALS[cast('str', manifest['kind'])]}/{metadata['name']}"


async def fill(client: Client) -> None:
    """Apply every object, again after a failure: the API server may just be restarting."""
    for manifest in manifests():
        for attempt in range(_TRIES):
            try:
                await client.apply(path_of(manifest), manifest, _MANAGER)
                break
            except ControlPlaneError:
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(0.5 * 2**attempt)
