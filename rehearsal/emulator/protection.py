"""AWS Shield and AWS WAF, of an account that uses neither.

The load balancer controller asks for Shield's subscription before it looks for protections, and for the web ACL
of a load balancer. Everything else of the three services is not played. AWS Shield Advanced API Reference,
"GetSubscriptionState"; AWS WAF API Reference, "GetWebACLForResource"; seen 2026-11.
"""

import json
from typing import Any, Final

from rehearsal.emulator.ministack import Backend, Handler, Params

Answer = tuple[int, dict[str, str], bytes]
JSON: Final = {"Content-Type": "application/x-amz-json-1.1"}
ANSWERS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "shield": {"GetSubscriptionState": {"SubscriptionState": "INACTIVE"}},
    "waf-regional": {"GetWebACLForResource": {}},
    "wafv2": {"GetWebACLForResource": {}},
}
"""Signing name → operation → what it answers."""


class Protection:
    """Answers the three services' calls."""

    def __init__(self, backend: Backend) -> None:
        """Adds Shield, which ministack does not have, and takes WAF over from it."""
        backend.add("shield", _handler("shield"), like="tagging")
        for service in ("waf-regional", "wafv2"):
            backend.replace(service, _handler(service))


def _handler(service: str) -> Handler:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Params) -> Answer:
        del method, path, body, query
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        answer = ANSWERS[service].get(operation)
        if answer is not None:
            return 200, dict(JSON), json.dumps(answer).encode()
        code, message = "UnsupportedOperation", f"The rehearsal does not play {operation} of {service}."
        content = json.dumps({"__type": code, "message": message}).encode()
        return 400, {**JSON, "x-amzn-errortype": code}, content

    return handle
