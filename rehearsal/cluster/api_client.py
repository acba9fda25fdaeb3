"""Talks to the API server as the cluster's own administrator.

The few requests that the control plane makes for itself (is it ready, add a
node, what EKS puts into a new cluster) need no generated client: loading one
takes longer than starting etcd.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import urllib3

from rehearsal.cluster.errors import ControlPlaneError

_TIMEOUT = urllib3.Timeout(connect=2, read=15)


class ApiError(ControlPlaneError):
    """The API server refused: `status` is the HTTP status, `reason` Kubernetes' word for it."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        try:
            answer = cast("dict[str, Any]", json.loads(body))
        except ValueError:
            answer = {"message": body.decode(errors="replace")}
        self.status = status
        self.reason = str(answer.get("reason", ""))
        super().__init__(f"The API server answered {status} to {method} {path}: {answer.get('message')}")


class Client:
    """HTTPS to one API server with a client certificate; may be used from several tasks."""

    def __init__(self, endpoint: str, ca_file: Path, files: tuple[Path, Path]) -> None:
        self._endpoint = endpoint
        certificate, key = files
        self._pool = urllib3.PoolManager(
            ca_certs=str(ca_file),
            cert_file=str(certificate),
            key_file=str(key),
            retries=False,
            timeout=_TIMEOUT,
        )

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None, content_type: str) -> tuple[int, bytes]:
        answer = self._pool.request(
            method,
            self._endpoint + path,
            body=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": content_type, "User-Agent": "myeks-lab"},
        )
        return answer.status, answer.data

    async def is_serving(self) -> bool:
        """Whether the server answers at all, ready or not."""
        try:
            await asyncio.to_thread(self._send, "GET", "/readyz", None, "application/json")
        except urllib3.exceptions.HTTPError:
            return False
        return True

    async def is_ready(self) -> bool:
        """Whether /readyz says so; a server that does not answer is not ready."""
        try:
            status, _ = await asyncio.to_thread(self._send, "GET", "/readyz", None, "application/json")
        except urllib3.exceptions.HTTPError:
            return False
        return status == 200

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Send one request; the answer's object. Raises ApiError, or ControlPlaneError out of contact."""
        try:
            status, data = await asyncio.to_thread(self._send, method, path, body, content_type)
        except urllib3.exceptions.HTTPError as error:
            raise ControlPlaneError(
                f"The API server at {self._endpoint} did not answer {method} {path}: {error}. "
                "It is being restarted; try again in a few seconds."
            ) from error
        if status >= 300:
            raise ApiError(method, path, status, data)
        return cast("dict[str, Any]", json.loads(data)) if data.startswith(b"{") else {}

    async def apply(self, path: str, body: Mapping[str, Any], manager: str, *, force: bool = True) -> dict[str, Any]:
        """Server-side apply; takes over fields that another manager owns, or raises ApiError without `force`."""
        query = f"{path}?fieldManager={manager}&force={str(force).lower()}"
        return await self.request("PATCH", query, body, "application/apply-patch+yaml")

    def close(self) -> None:
        """Drop the connections."""
        self._pool.clear()
