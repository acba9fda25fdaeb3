"""What one rule allows: each case beside its near miss."""

import pytest

from grading.requests import Request, ResourceRequest, UrlRequest
from operations.rbac.objects import Rule
from operations.rbac.rules import rule_allows, rule_allows_some_names

PODS = Rule(("get", "list"), ("",), ("pods",))
ANYTHING = Rule(("*",), ("*",), ("*",))


def resource(verb: str, what: str, group: str = "", name: str = "") -> ResourceRequest:
    """A request for RESOURCE[/SUBRESOURCE]."""
    plural, _, sub = what.partition("/")
    return ResourceRequest(verb, group, plural, sub, name)


@pytest.mark.parametrize(
    ("rule", "request_", "allowed"),
    [
        (PODS, resource("get", "pods"), True),
        (PODS, resource("get", "pods", name="any"), True),
        (PODS, resource("watch", "pods"), False),
        (PODS, resource("get", "pods", "apps"), False),
        (PODS, resource("get", "pods/log"), False),
        (PODS, resource("get", "Pods"), False),
        (Rule(("GET",), ("",), ("pods",)), resource("get", "pods"), False),
        (Rule((), ("",), ("pods",)), resource("get", "pods"), False),
        (Rule(("get",), ("",), ("pods/log",)), resource("get", "pods/log"), True),
        (Rule(("get",), ("",), ("pods/log",)), resource("get", "pods"), False),
        # A star for the verb, the group or the resource.
        (Rule(("*",), ("",), ("pods",)), resource("anything", "pods"), True),
        (Rule(("get",), ("*",), ("pods",)), resource("get", "pods", "metrics.k8s.io"), True),
        (Rule(("get",), ("",), ("*",)), resource("get", "pods/exec"), True),
        (Rule(("get",), ("",), ("*",)), resource("get", "deployments", "apps"), False),
        # A star before the slash means any resource; after it, nothing.
        (Rule(("get",), ("*",), ("*/scale",)), resource("get", "deployments/scale", "apps"), True),
        (Rule(("get",), ("*",), ("*/scale",)), resource("get", "deployments", "apps"), False),
        (Rule(("get",), ("*",), ("*/scale",)), resource("get", "deployments/status", "apps"), False),
        (Rule(("get",), ("",), ("pods/*",)), resource("get", "pods/log"), False),
        (Rule(("get",), ("",), ("*/*",)), resource("get", "pods/log"), False),
        # Asking for everything takes a rule for everything.
        (ANYTHING, resource("*", "*", "*"), True),
        (Rule(("*",), ("",), ("*",)), resource("*", "*", "*"), False),
        (PODS, resource("*", "pods"), False),
        # Names.
        (Rule(("get",), ("",), ("pods",), ("one",)), resource("get", "pods", name="one"), True),
        (Rule(("get",), ("",), ("pods",), ("one",)), resource("get", "pods", name="two"), False),
        (Rule(("list", "create"), ("",), ("pods",), ("one",)), resource("list", "pods"), False),
        (Rule(("list", "create"), ("",), ("pods",), ("one",)), resource("create", "pods"), False),
        (Rule(("list",), ("",), ("pods",), ("one",)), resource("list", "pods", name="one"), True),
        (Rule(("get",), ("",), ("pods",), ("*",)), resource("get", "pods", name="one"), False),
        # Paths.
        (Rule(("get",), non_resource_urls=("/metrics",)), UrlRequest("get", "/metrics"), True),
        (Rule(("get",), non_resource_urls=("/metrics",)), UrlRequest("post", "/metrics"), False),
        (Rule(("get",), non_resource_urls=("/metrics",)), UrlRequest("get", "/metrics/"), False),
        (Rule(("get",), non_resource_urls=("/logs/*",)), UrlRequest("get", "/logs/a/b"), True),
        (Rule(("get",), non_resource_urls=("/logs/*",)), UrlRequest("get", "/logs"), False),
        (Rule(("get",), non_resource_urls=("/logs/**",)), UrlRequest("get", "/logs/a"), True),
        (Rule(("get",), non_resource_urls=("/a*b",)), UrlRequest("get", "/aXb"), False),
        (Rule(("get",), non_resource_urls=("/a*b",)), UrlRequest("get", "/a*b"), True),
        (Rule(("get",), non_resource_urls=("*",)), UrlRequest("get", "/"), True),
        # One sort of rule says nothing about the other sort of request.
        (ANYTHING, UrlRequest("get", "/metrics"), False),
        (Rule(("*",), non_resource_urls=("*",)), resource("get", "pods"), False),
    ],
)
def test_a_rule_allows(rule: Rule, request_: Request, allowed: bool) -> None:
    assert rule_allows(rule, request_) is allowed


def test_a_rule_for_names_is_told_apart() -> None:
    named = Rule(("get",), ("",), ("secrets",), ("one",))
    assert rule_allows_some_names(named, resource("get", "secrets"))
    assert not rule_allows_some_names(named, resource("list", "secrets"))
    assert not rule_allows_some_names(Rule(("get",), ("",), ("secrets",)), resource("get", "secrets"))
    assert not rule_allows_some_names(named, UrlRequest("get", "/secrets"))
