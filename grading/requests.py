"""Requests as the API server's authorizer sees them (Kubernetes documentation, "Authorization", v1.36)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResourceRequest:
    """A request for a resource."""

    verb: str
    group: str
    """API group; the core group is the empty text."""
    resource: str
    """Plural name."""
    subresource: str = ""
    name: str = ""
    """Empty when the request names no object: list, watch, create, deletecollection."""
    namespace: str = ""
    """Empty for what is in no namespace, and for a request across all namespaces."""


@dataclass(frozen=True, slots=True)
class UrlRequest:
    """A request for a path that is no resource, such as /metrics; the verb is HTTP's, in lower case."""

    verb: str
    path: str


Request = ResourceRequest | UrlRequest
