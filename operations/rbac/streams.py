"""Who may run a command in a pod: a question whose answer changed with Kubernetes 1.35.

kubectl opens exec, attach and port-forward by a GET that becomes a WebSocket,
and the API server asks its authorizer about the verb get. Up to 1.34 that was
all: a role that may only get pods/exec could run commands. Since 1.35 the API
server asks about create as well. Without get, kubectl goes on by a POST, for
which create is enough. Source: Kubernetes' feature gate
AuthorizePodWebsocketUpgradeCreatePermission (on since 1.35; issue 133515).
"""

from dataclasses import replace
from typing import Final

from grading.requests import Request, ResourceRequest

CONNECTIONS: Final = ("exec", "attach", "portforward")
"""Subresources of pods that are a connection."""
CREATE_ASKED_SINCE: Final = (1, 35)

Version = tuple[int, int]
"""Kubernetes' major and minor version."""


def is_connection(request: Request) -> bool:
    """Whether this is about a connection to a pod."""
    return (
        isinstance(request, ResourceRequest)
        and (request.group, request.resource) == ("", "pods")
        and request.subresource in CONNECTIONS
    )


def also_enough(request: Request, version: Version) -> ResourceRequest | None:
    """For a request to create a connection: the other right that is enough by itself at this version, if any."""
    if isinstance(request, ResourceRequest) and is_connection(request) and request.verb == "create":
        return replace(request, verb="get") if version < CREATE_ASKED_SINCE else None
    return None


def note(request: Request, version: Version) -> str:
    """What the right to get a connection is worth at this version; empty for another request."""
    if not isinstance(request, ResourceRequest) or not is_connection(request) or request.verb != "get":
        return ""
    shown = ".".join(str(part) for part in version)
    what = f"pods/{request.subresource}"
    if version < CREATE_ASKED_SINCE:
        return f"At Kubernetes {shown} who may get {what} may use it: over a WebSocket, create is not asked for."
    return f"At Kubernetes {shown} get alone does not let anybody use {what}: create is asked for too."
