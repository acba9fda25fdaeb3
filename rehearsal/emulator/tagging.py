"""The Resource Groups Tagging API's GetResources, a page at a time.

ministack finds the resources, once it knows the tags of the services, and gives
them all at once. Resource Groups Tagging API Reference, "GetResources", seen 2026-11.
"""

import base64
import binascii
import json
from typing import Any, Final

from rehearsal.emulator.ministack import Backend, Params

Answer = tuple[int, dict[str, str], bytes]
JSON: Final = {"Content-Type": "application/x-amz-json-1.1"}
PER_PAGE: Final = 50
"""Resources of a page when nobody says."""
MOST_PER_PAGE: Final = 100


class Tagging:
    """Answers the API's calls."""

    def __init__(self, backend: Backend) -> None:
        """Takes GetResources over from ministack."""
        self._original = backend.handler("tagging")
        backend.replace("tagging", self._handle)

    async def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Params) -> Answer:
        status, answered, content = await self._original(method, path, headers, body, query)
        if status != 200 or headers.get("x-amz-target", "").rpartition(".")[2] != "GetResources":
            return status, answered, content
        asked: dict[str, Any] = json.loads(body or b"{}")
        found = sorted(json.loads(content)["ResourceTagMappingList"], key=lambda each: each["ResourceARN"])
        size = asked.get("ResourcesPerPage", PER_PAGE)
        if not 1 <= size <= MOST_PER_PAGE:
            return _refused("InvalidParameterException", f"ResourcesPerPage must be between 1 and {MOST_PER_PAGE}")
        start = _start(asked.get("PaginationToken", ""))
        if start is None:
            return _refused("PaginationTokenExpiredException", "The pagination token is expired or invalid")
        end = start + size
        token = base64.b64encode(str(end).encode()).decode() if end < len(found) else ""
        page = {"ResourceTagMappingList": found[start:end], "PaginationToken": token}
        return 200, dict(JSON), json.dumps(page).encode()


def _start(token: str) -> int | None:
    """Where the page of a token begins; None for a token that is none."""
    if not token:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (ValueError, binascii.Error):
        return None


def _refused(code: str, message: str) -> Answer:
    body = json.dumps({"__type": code, "Message": message}).encode()
    return 400, {**JSON, "x-amzn-errortype": code}, body
