"""The rules of aggregated ClusterRoles, for manifests that no controller has seen yet.

In a cluster the controller manager writes the rules into the object, and the
authorizer reads them there; so nothing here is needed for what is read from an
API server. Rules: Kubernetes documentation, "Using RBAC Authorization",
Aggregated ClusterRoles (v1.36).
"""

from dataclasses import replace

from operations.rbac.objects import Policy, Role, Rule


def aggregated(policy: Policy) -> Policy:
    """The policy with the rules of its aggregated ClusterRoles filled in, as the controller ends up writing them.

    Rules that a manifest gives an aggregated ClusterRole itself are dropped, as the controller drops them. One
    that aggregates another one gets the other's aggregated rules; a circle adds nothing.
    """
    cluster_roles = sorted((role for role in policy.roles if role.kind == "ClusterRole"), key=lambda role: role.name)
    sources = {role.name: _selected(role, cluster_roles) for role in cluster_roles if role.aggregates is not None}
    rules = {role.name: () if role.name in sources else role.rules for role in cluster_roles}
    # A rule needs at most one pass for each role on its way; in a circle the order could change for ever.
    for _ in sources:
        before = dict(rules)
        for name, selected in sources.items():
            rules[name] = _collected([rules[one] for one in selected])
        if rules == before:
            break
    return Policy(
        tuple(
            replace(role, rules=rules[role.name]) if role.kind == "ClusterRole" and role.name in sources else role
            for role in policy.roles
        ),
        policy.bindings,
    )


def _selected(role: Role, cluster_roles: list[Role]) -> list[str]:
    """Names of the other ClusterRoles that a selector takes, selector by selector, each by name."""
    return [
        other.name
        for selector in role.aggregates or ()
        for other in cluster_roles
        if other.name != role.name and all(one.holds(dict(other.labels)) for one in selector)
    ]


def _collected(rule_lists: list[tuple[Rule, ...]]) -> tuple[Rule, ...]:
    return tuple(dict.fromkeys(rule for rules in rule_lists for rule in rules))
