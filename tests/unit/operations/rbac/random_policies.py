"""Random roles, bindings and questions, dense in the corners of RBAC: the same seed gives the same ones.

Names are few, so that rules and questions meet; about half of the questions are
made from a rule that exists, and often bent a little, so that near misses are
as frequent as hits.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from grading.requests import Request, ResourceRequest, UrlRequest
from operations.rbac.identities import Identity, user_name
from operations.rbac.objects import Policy, Rule, Subject

NAMESPACES = ("team-a", "team-b", "team-c")
API_GROUPS = ("", "apps", "batch", "metrics.k8s.io", "example.com")
RESOURCES = ("pods", "deployments", "secrets", "nodes", "namespaces", "widgets")
SUBRESOURCES = ("", "log", "scale", "exec", "status")
# "pods/*" and "*/*" look like patterns and are none.
RULE_RESOURCES = (
    *RESOURCES,
    "pods/log",
    "pods/exec",
    "widgets/scale",
    "*/scale",
    "*/log",
    "pods/*",
    "*/*",
    "Pods",
    "*",
)
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "use", "impersonate", "GET")
NAMES = ("one", "two", "three", "*", "on*")
PATHS = ("/metrics", "/metrics/cadvisor", "/logs", "/logs/", "/logs/a/b", "/version", "/", "/a*b", "/aXb", "/x/*/y")
RULE_PATHS = ("/metrics", "/metrics/*", "/logs*", "/logs/**", "/version", "/a*b", "/x/*/y", "/x/*", "*", "/*")
USERS = ("alice", "bob", "Alice", "system:serviceaccount:team-a:robot", "system:kube-scheduler")
GROUPS = ("devs", "ops", "auditors", "system:serviceaccounts", "system:serviceaccounts:team-b", "system:monitoring")
ACCOUNTS = ("robot", "builder", "default")
_API = "rbac.authorization.k8s.io"
_LABELS = ("gather", "gather-more", "tier")
Object = dict[str, Any]


def dice(seed: int) -> Random:
    """A source of choices that can be repeated."""
    return Random(seed)  # noqa: S311  # nothing here is secret


def objects(random: Random, roles: int, bindings: int) -> list[Object]:
    """Manifests: of `roles` about a third Roles, the rest ClusterRoles, a seventh of these aggregated."""
    made = [_role(random, number) for number in range(roles)]
    return [*made, *(_binding(random, number, made) for number in range(bindings))]


def _metadata(name: str, namespace: str = "", labels: dict[str, str] | None = None) -> Object:
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, **({"labels": labels} if labels else {})}


def _role(random: Random, number: int) -> Object:
    if random.random() < 0.35:
        metadata = _metadata(f"role-{number}", random.choice(NAMESPACES))
        rules = [_resource_rule(random) for _ in range(random.randint(1, 3))]
        return {"apiVersion": f"{_API}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    labels = {key: random.choice(("a", "b")) for key in _LABELS if random.random() < 0.15}
    role: Object = {
        "apiVersion": f"{_API}/v1",
        "kind": "ClusterRole",
        "metadata": _metadata(f"role-{number}", labels=labels),
        "rules": [_any_rule(random) for _ in range(random.randint(1, 3))],
    }
    if random.random() < 0.12:
        selectors = [_selector(random) for _ in range(random.randint(1, 2))]
        role["aggregationRule"] = {"clusterRoleSelectors": selectors}
        # Rules of its own are dropped by the controller, but in a circle they would feed themselves.
        if labels:
            role["rules"] = []
    return role


def _selector(random: Random) -> Object:
    key, value = random.choice(_LABELS), random.choice(("a", "b"))
    operator = random.choice(("labels", "In", "NotIn", "DoesNotExist"))
    if operator == "labels":
        return {"matchLabels": {key: value}}
    # Without a second condition a negative selector would take the cluster's own roles too.
    expression: Object = {"key": key, "operator": operator}
    if operator != "DoesNotExist":
        expression["values"] = [value]
    other = random.choice([one for one in _LABELS if one != key])
    return {"matchExpressions": [expression, {"key": other, "operator": "Exists"}]}


def _some(random: Random, choices: Sequence[str], star: float = 0.04) -> list[str]:
    if random.random() < star:
        return ["*"]
    return random.sample(choices, random.randint(1, min(3, len(choices))))


def _any_rule(random: Random) -> Object:
    return _url_rule(random) if random.random() < 0.2 else _resource_rule(random)


def _url_rule(random: Random) -> Object:
    return {"verbs": _some(random, ("get", "post", "head")), "nonResourceURLs": _some(random, RULE_PATHS, 0)}


def _resource_rule(random: Random) -> Object:
    rule: Object = {
        "verbs": _some(random, VERBS),
        "apiGroups": _some(random, API_GROUPS),
        "resources": _some(random, RULE_RESOURCES),
    }
    if random.random() < 0.3:
        rule["resourceNames"] = _some(random, NAMES, 0)
    return rule


def _binding(random: Random, number: int, roles: Sequence[Object]) -> Object:
    namespace = "" if random.random() < 0.4 else random.choice(NAMESPACES)
    cluster_roles = [one["metadata"]["name"] for one in roles if one["kind"] == "ClusterRole"]
    own = [one["metadata"]["name"] for one in roles if one["metadata"].get("namespace") == namespace and namespace]
    kind = "Role" if own and random.random() < 0.5 else "ClusterRole"
    name = random.choice(own if kind == "Role" else cluster_roles)
    if random.random() < 0.05:
        name = "no-such-role"
    return {
        "apiVersion": f"{_API}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": _metadata(f"binding-{number}", namespace),
        "roleRef": {"apiGroup": _API, "kind": kind, "name": name},
        "subjects": [_subject(random, namespace) for _ in range(random.randint(0, 2))],
    }


def _subject(random: Random, namespace: str) -> Object:
    sort = random.random()
    if sort < 0.35:
        return {"apiGroup": _API, "kind": "User", "name": random.choice(USERS)}
    if sort < 0.6:
        return {"apiGroup": _API, "kind": "Group", "name": random.choice(GROUPS)}
    account = {"kind": "ServiceAccount", "name": random.choice(ACCOUNTS)}
    if namespace and random.random() < 0.3:
        return account
    return account | {"namespace": random.choice(NAMESPACES)}


def identities(random: Random, policy: Policy, count: int) -> list[Identity]:
    """Users with groups, service accounts with theirs, and a few that belong to nobody."""
    found = [Identity("root", ("system:masters",)), *(_identity(random) for _ in range(count))]
    bound = sorted({one for binding in policy.bindings for one in binding.subjects if user_name(one)})
    return [*found, *(Identity.of(one) for one in random.sample(bound, min(count // 3, len(bound))))]


def _identity(random: Random) -> Identity:
    if random.random() < 0.4:
        return Identity.of(Subject("ServiceAccount", random.choice(ACCOUNTS), random.choice(NAMESPACES)))
    groups = random.sample(GROUPS, random.randint(0, 2))
    user = random.choice((*USERS, "nobody", "system:anonymous", "system:serviceaccount:team-a:robot:extra"))
    return Identity.of(Subject("User", user), groups) if random.random() < 0.7 else Identity(user, tuple(groups))


def questions(random: Random, policy: Policy, who: Sequence[Identity], count: int) -> list[tuple[Identity, Request]]:
    """Pairs of an identity and a request."""
    by_identity = {one: _rules_of(one, policy) for one in dict.fromkeys(who)}
    return [_question(random, random.choice(who), by_identity) for _ in range(count)]


def _rules_of(identity: Identity, policy: Policy) -> list[tuple[str, Rule]]:
    """Rules by which it may be allowed something, with their namespace: only a hint, so names are compared alone."""
    roles = {(role.kind, role.namespace, role.name): role.rules for role in policy.roles}
    return [
        (binding.namespace, rule)
        for binding in policy.bindings
        if any(identity.is_one_of(subject) for subject in binding.subjects)
        for rule in roles.get(
            (binding.role_kind, binding.namespace if binding.role_kind == "Role" else "", binding.role_name), ()
        )
    ]


def _question(
    random: Random, identity: Identity, by_identity: dict[Identity, list[tuple[str, Rule]]]
) -> tuple[Identity, Request]:
    rules = by_identity[identity]
    if not rules or random.random() < 0.35:
        return identity, _request(random)
    namespace, rule = random.choice(rules)
    return identity, _bent(random, _from_rule(random, namespace, rule))


def _request(random: Random) -> Request:
    if random.random() < 0.15:
        return UrlRequest(random.choice(("get", "post", "head")), random.choice(PATHS))
    return ResourceRequest(
        random.choice(VERBS),
        random.choice(API_GROUPS),
        random.choice(RESOURCES),
        random.choice(SUBRESOURCES) if random.random() < 0.4 else "",
        random.choice(NAMES) if random.random() < 0.5 else "",
        random.choice((*NAMESPACES, "")),
    )


def _from_rule(random: Random, namespace: str, rule: Rule) -> Request:
    """A request that the rule allows, or nearly."""
    verb = random.choice(rule.verbs)
    verb = random.choice(VERBS) if verb == "*" else verb
    if rule.non_resource_urls:
        path = random.choice(rule.non_resource_urls)
        return UrlRequest(verb, path.rstrip("*") + random.choice(("", "more", "*")) if path.endswith("*") else path)
    group = random.choice(rule.api_groups)
    resource, _, subresource = random.choice(rule.resources).partition("/")
    if resource == "*":
        resource = random.choice(RESOURCES)
        subresource = subresource or random.choice(SUBRESOURCES)
    return ResourceRequest(
        verb,
        random.choice(API_GROUPS) if group == "*" else group,
        resource,
        random.choice(SUBRESOURCES) if subresource == "*" else subresource,
        random.choice(rule.resource_names) if rule.resource_names else random.choice(("", *NAMES)),
        namespace or random.choice((*NAMESPACES, "")),
    )


def _bent(random: Random, request: Request) -> Request:
    """The request with one part changed, or as it is."""
    if isinstance(request, UrlRequest):
        return random.choice((request, request, replace(request, path=random.choice(PATHS))))
    return random.choice(
        (
            request,
            request,
            request,
            replace(request, verb=random.choice(VERBS)),
            replace(request, group=random.choice(API_GROUPS)),
            replace(request, resource=random.choice(RESOURCES)),
            replace(request, subresource=random.choice(SUBRESOURCES)),
            replace(request, name=random.choice(("", *NAMES))),
            replace(request, namespace=random.choice(("", *NAMESPACES))),
        )
    )
