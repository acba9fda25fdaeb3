"""Whether one rule of a role allows a request.

Semantics: Kubernetes documentation, "Using RBAC Authorization" (v1.36); held to a real API server by a property test.
"""

from grading.requests import Request, ResourceRequest, UrlRequest
from operations.rbac.objects import Rule


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
