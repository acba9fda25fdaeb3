"""What a pod refers to in its cluster: secrets, config maps, and its own fields.

Volumes and environment variables read the same sources, and say the same
when one is missing.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, Protocol, cast

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.kubelet.errors import NotStarted

Object = dict[str, Any]

_INDEXED = re.compile(r"^metadata\.(labels|annotations)\['(.+)'\]$")
_WHOLE = re.compile(r"^metadata\.(labels|annotations)$")


class Api(Protocol):
    """What is needed of the API server."""

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Object:
        """Send a request; raises ApiError."""
        ...


class Sources:
    """Reads secrets and config maps of one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    async def config_map(self, name: str, optional: bool) -> dict[str, bytes] | None:
        """Its keys and values; None when it is not there and need not be. Raises NotStarted."""
        found = await self._get("configmaps", "configmap", name, optional)
        if found is None:
            return None
        text = {key: value.encode() for key, value in (found.get("data") or {}).items()}
        binary = {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
        return text | binary

    async def secret(self, name: str, optional: bool) -> dict[str, bytes] | None:
        """Its keys and values; None when it is not there and need not be. Raises NotStarted."""
        found = await self._get("secrets", "secret", name, optional)
        if found is None:
            return None
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}

    async def _get(self, plural: str, kind: str, name: str, optional: bool) -> Object | None:
        try:
            return await self._api.request("GET", f"/api/v1/namespaces/{self._namespace}/{plural}/{name}")
        except ApiError as error:
            if error.status != 404:
                raise
        if optional:
            return None
        raise NotStarted("CreateContainerConfigError", f'{kind} "{name}" not found')


def field_of(pod: Mapping[str, Any], path: str) -> str:
    """A field of a pod, as the downward API gives it; raises NotStarted for one that it does not give."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    if indexed := _INDEXED.match(path):
        return cast("str", (metadata.get(indexed[1]) or {}).get(indexed[2], ""))
    if whole := _WHOLE.match(path):
        values = cast("Mapping[str, str]", metadata.get(whole[1]) or {})
        return "\n".join(f'{key}="{_quoted(value)}"' for key, value in sorted(values.items()))
    fields = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": status.get("hostIP", ""),
        "status.podIP": status.get("podIP", ""),
        "status.hostIPs": ",".join(each["ip"] for each in status.get("hostIPs", [])),
        "status.podIPs": ",".join(each["ip"] for each in status.get("podIPs", [])),
    }
    if path not in fields:
        raise NotStarted("CreateContainerConfigError", f"the rehearsal does not play the pod field {path}")
    return fields[path]


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
