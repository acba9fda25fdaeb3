"""The kubelet's own way to the API server, without a thread that waits.

A watch is open for as long as the cluster lives. In the event loop it costs a
socket; by the control plane's other client it would cost a thread of a small
pool that everything else shares.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet.objects import Object

_TIMEOUT = aiohttp.ClientTimeout(total=15)
_ENDLESS = aiohttp.ClientTimeout(total=None, sock_read=None)


class ApiServer:
    """HTTPS to one API server with a client certificate; made within a running event loop."""

    def __init__(self, endpoint: str, ca_file: Path, files: tuple[Path, Path]) -> None:
        context = ssl.create_default_context(cafile=str(ca_file))
        context.load_cert_chain(*files)
        self._endpoint = endpoint
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context),
            headers={"User-Agent": "kubelet", "Accept": "application/json"},
        )

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """Send one request; the answer's object. Raises ApiError, or ControlPlaneError out of contact."""
        try:
            async with self._session.request(
                method,
                self._endpoint + path,
                data=None if body is None else json.dumps(body).encode(),
                headers={"Content-Type": content_type},
                timeout=_TIMEOUT,
            ) as answer:
                data = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ControlPlaneError(f"The API server did not answer {method} {path}: {error}.") from error
        if answer.status >= 300:
            raise ApiError(method, path, answer.status, data)
        return cast("Object", json.loads(data))

    async def watch(self, path: str, version: str) -> AsyncIterator[tuple[str, Object]]:
        """Every change after a resource version, until the server ends the watch: ADDED, MODIFIED, DELETED or ERROR.

        Raises ApiError, or ControlPlaneError out of contact.
        """
        address = f"{self._endpoint}{path}?watch=1&resourceVersion={version}&allowWatchBookmarks=true"
        try:
            async with self._session.get(address, timeout=_ENDLESS) as answer:
                if answer.status >= 300:
                    raise ApiError("GET", path, answer.status, await answer.read())
                rest = b""
                async for data in answer.content.iter_any():
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        if line:
                            event = json.loads(line)
                            yield event["type"], event["object"]
        except (aiohttp.ClientError, asyncio.IncompleteReadError, TimeoutError) as error:
            raise ControlPlaneError(f"The watch of {path} broke off: {error}.") from error

    async def close(self) -> None:
        """Drop the connections."""
        await self._session.close()
