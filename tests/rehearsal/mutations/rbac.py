"""Exercise RBAC: what breaks it, and the rows that have to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.rehearsal.lab_changes import RBAC, Object
from tests.rehearsal.mutations.mutation import NODES, Apply, Mutation, runs_as


def mutations() -> Iterator[Mutation]:
    """Every stage's."""
    for team in ("dev", "infra"):
        yield from _before(team)
        yield from _after(team)
        yield from _least(team)


def _account(team: str) -> Object:
    return {"kind": "ServiceAccount", "name": f"{team}-k8s", "namespace": f"{team}-team"}


def _pods(*verbs: str) -> list[Object]:
    return [{"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}]


def _team_rows(stage: str, team: str) -> Callable[..., frozenset[str]]:
    return lambda *names: frozenset(f"rbac-{stage}-{team}-{name}" for name in names)


def _elsewhere(stage: str, team: str) -> Iterator[Mutation]:
    """What must be forbidden at both stages, granted."""
    rows, who = _team_rows(stage, team), _account(team)
    other = {"dev": "infra-team", "infra": "dev-team"}[team]

    def grants(name: str, rules: list[Object], namespace: str, *failed: str) -> Mutation:
        return Mutation("rbac", stage, f"{team} {name}", lambda lab: lab.granted(who, rules, namespace), rows(*failed))

    yield grants("may list the other team's pods", _pods("list"), other, "list-pods-other-team")
    yield grants("may get the other team's pods", _pods("get"), other, "can-i-other-team")
    yield grants("may list the system's pods", _pods("list"), "kube-system", "list-pods-kube-system")
    yield grants("may list nodes", NODES, "", "list-nodes")


def _before(team: str) -> Iterator[Mutation]:
    rows, who, own = _team_rows("before", team), _account(team), f"{team}-team"

    def mutation(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("rbac", "before", f"{team} {name}", apply, rows(*failed))

    yield mutation("may list pods", lambda lab: lab.granted(who, _pods("list"), own), "list-pods")
    yield mutation("may create pods", lambda lab: lab.granted(who, _pods("create"), own), "create-pod")
    yield mutation("may get pods", lambda lab: lab.granted(who, _pods("get"), own), "can-i")
    yield mutation(
        "has its role already",
        lambda lab: lab.granted(who, [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}], own),
        *("list-pods", "create-pod", "can-i"),
    )
    yield mutation(
        "may look everywhere",
        lambda lab: lab.bound(who, "ClusterRole", "view"),
        *("list-pods", "can-i", "list-pods-other-team", "can-i-other-team", "list-pods-kube-system"),
    )
    yield mutation(
        "runs as the default account",
        lambda lab: lab.recreated(own, f"{team}-kubectl", runs_as("default")),
        *("list-pods", "create-pod", "list-pods-other-team", "list-pods-kube-system", "list-nodes"),
    )
    yield from _elsewhere("before", team)


def _after(team: str) -> Iterator[Mutation]:
    rows, who, own = _team_rows("after", team), _account(team), f"{team}-team"
    role = f"{RBAC}/namespaces/{own}/roles/role-{own}"
    binding = f"{RBAC}/namespaces/{own}/rolebindings/roleB-{own}"
    everything = ("list-pods", "create-pod", "delete-pod", "can-i", "can-i-everything")

    def mutation(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("rbac", "after", f"{team} {name}", apply, rows(*failed))

    def narrowed(*verbs: str) -> Apply:
        return lambda lab: lab.changed(role, lambda found: found.update(rules=_pods(*verbs)))

    yield mutation("has no RoleBinding", lambda lab: lab.deleted(binding), *everything)
    yield mutation("has no Role", lambda lab: lab.deleted(role), *everything)
    yield mutation(
        "is not whom the RoleBinding names",
        lambda lab: lab.changed(binding, lambda found: found["subjects"][0].update(name="default")),
        *everything,
    )
    yield mutation("may not list", narrowed("get", "create", "delete"), "list-pods", "can-i-everything")
    yield mutation("may not create", narrowed("get", "list", "delete"), "create-pod", "can-i-everything")
    yield mutation("may not delete", narrowed("get", "list", "create"), "delete-pod", "can-i-everything")
    yield mutation("may not get", narrowed("list", "create", "delete"), "can-i", "can-i-everything")
    yield mutation("has a role for pods alone", narrowed("*"), "can-i-everything")
    yield mutation(
        "is an administrator",
        lambda lab: lab.bound(who, "ClusterRole", "cluster-admin"),
        *("list-pods-other-team", "can-i-other-team", "list-pods-kube-system", "list-nodes"),
    )
    missing = frozenset(
        f"rbac-after-{team}-{name}"
        for name in (*everything, "list-pods-other-team", "can-i-other-team", "list-pods-kube-system", "list-nodes")
    )
    pod = f"{team}-kubectl"
    yield Mutation("rbac", "after", f"{team} has no pod", lambda lab: lab.without_pod(own, pod), frozenset(), missing)
    yield from _elsewhere("after", team)


def _least(team: str) -> Iterator[Mutation]:
    rows, who, own = _team_rows("least", team), _account(team), f"{team}-team"
    role = f"{RBAC}/namespaces/{own}/roles/role-{own}"
    group = "rbac.authorization.k8s.io"
    binds: list[Object] = [
        {"apiGroups": [group], "resources": ["rolebindings"], "verbs": ["create"]},
        {"apiGroups": [group], "resources": ["clusterroles"], "verbs": ["bind"]},
    ]
    secrets: list[Object] = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]
    wide: list[Object] = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]

    def mutation(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("rbac", "least", f"{team} {name}", apply, rows(*failed))

    yield mutation("may list Secrets", lambda lab: lab.granted(who, secrets, own), "list-secrets")
    yield mutation("may bind roles", lambda lab: lab.granted(who, binds, own), "create-binding")
    yield mutation(
        "has the role with everything",
        lambda lab: lab.changed(role, lambda found: found.update(rules=wide)),
        *("list-secrets", "create-binding", "can-i-everything"),
    )
    yield mutation("has no Role", lambda lab: lab.deleted(role), "list-pods", "create-pod", "delete-pod")
    yield from _elsewhere("least", team)
