"""Requests as the API server's authorizer sees them, and whether one rule allows one.

Semantics: Kubernetes documentation, "Using RBAC Authorization" and "Authorization"
(v1.36); held to a real API server by a property test.
"""

from dataclasses import dataclass

from exercises.access.objects import Rule


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


def rule_allows(rule: Rule, request: Request) -> bool:
    """Whether one rule allows a request, where the rule holds."""
    if isinstance(request, UrlRequest):
        return _verb_matches(rule, request.verb) and any(_url_matches(p, request.path) for p in rule.non_resource_urls)
    return _resource_matches(rule, request) and (not rule.resource_names or request.name in rule.resource_names)


def rule_allows_some_names(rule: Rule, request: Request) -> bool:
    """Whether a rule allows what is requested for objects of certain names only; never for a URL."""
    return isinstance(request, ResourceRequest) and bool(rule.resource_names) and _resource_matches(rule, request)


def _verb_matches(rule: Rule, verb: str) -> bool:
    return verb in rule.verbs or "*" in rule.verbs


def _resource_matches(rule: Rule, request: ResourceRequest) -> bool:
    if not _verb_matches(rule, request.verb):
        return False
    if request.group not in rule.api_groups and "*" not in rule.api_groups:
        return False
    if "*" in rule.resources:
        return True
    if not request.subresource:
        return request.resource in rule.resources
    return f"{request.resource}/{request.subresource}" in rule.resources or f"*/{request.subresource}" in rule.resources


def _url_matches(pattern: str, path: str) -> bool:
    # Stars count at the end alone, however many there are.
    return pattern == path or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))
