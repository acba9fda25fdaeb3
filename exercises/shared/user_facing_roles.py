"""What the ClusterRoles view, edit and admin give: Kubernetes calls them user-facing, and people are bound to them.

Their rules come from other ClusterRoles by labels, add-ons add some, and no two versions of Kubernetes have the same.
So not all rules are compared, but those that people rely on, and those that must never come in (Kubernetes
documentation, "Using RBAC Authorization", user-facing roles, v1.36).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from grading.expectations import Holds
from grading.outcomes import Done, HttpRefused, Outcome, facts
from grading.probes import Lab, OwnQuestion

ROLES: Final = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
NAMES: Final = ("view", "edit", "admin")
AS_MADE: Final = "as Kubernetes makes it"
GONE: Final = "is not there"

Right = tuple[str, str, str]
"""Verb, API group, and resource."""

_RBAC: Final = "rbac.authorization.k8s.io"
_GIVES: Final[Mapping[str, tuple[Right, ...]]] = {
    "view": (
        *((verb, "", "pods") for verb in ("get", "list", "watch")),
        ("get", "", "pods/log"),
        ("list", "", "configmaps"),
        ("list", "", "services"),
        ("list", "apps", "deployments"),
        ("list", "batch", "jobs"),
    ),
    "edit": (
        *((verb, "", "pods") for verb in ("create", "delete")),
        ("create", "", "pods/exec"),
        ("get", "", "secrets"),
        ("patch", "apps", "deployments"),
        ("create", "batch", "jobs"),
    ),
    "admin": (("create", _RBAC, "roles"), ("create", _RBAC, "rolebindings")),
}
"""Role → what it gives beside what those before it give."""

_KEEPS_BACK: Final[Mapping[str, tuple[Right, ...]]] = {
    "view": (("get", "", "secrets"), ("create", "", "pods"), ("create", "", "pods/exec")),
    "edit": (("create", _RBAC, "rolebindings"),),
    "admin": (("get", "", "nodes"), ("create", _RBAC, "clusterrolebindings")),
}
"""Role → what it does not give, beside what those after it do not give."""

WHOLE: Final = Holds(tuple((name, AS_MADE) for name in NAMES), "view, edit and admin give what Kubernetes gives them")


@dataclass(frozen=True)
class UserFacingRoles(OwnQuestion):
    """Of each: whether it gives what it has to, and nothing that it must not. Read as the operator."""

    @property
    @override
    def brief(self) -> str:
        return f"kubectl get clusterrole {' '.join(NAMES)}"

    @property
    @override
    def typed(self) -> str:
        return f"kubectl describe clusterrole {' '.join(NAMES)}"

    @override
    def ask(self, lab: Lab) -> Outcome:
        found: dict[str, str] = {}
        for name in NAMES:
            answer = lab.api.request("GET", f"{ROLES}/{name}")
            if isinstance(answer, HttpRefused) and answer.status == 404:
                found[name] = GONE
            elif isinstance(answer, Done):
                found[name] = difference(name, answer.value)
            else:
                return answer
        return facts(found)


def difference(name: str, role: Mapping[str, Any]) -> str:
    """What is wrong with one of the roles; AS_MADE where nothing is."""
    at = NAMES.index(name)
    rules = role.get("rules") or []
    for each in NAMES[: at + 1]:
        for right in _GIVES[each]:
            if not _given(right, rules):
                return f"does not give {_words(right)}"
    for each in NAMES[at:]:
        for right in _KEEPS_BACK[each]:
            if _given(right, rules):
                return f"gives {_words(right)}"
    return AS_MADE


def _given(right: Right, rules: list[Mapping[str, Any]]) -> bool:
    verb, group, resource = right
    asked = (("verbs", verb), ("apiGroups", group), ("resources", resource))
    return any(
        not rule.get("resourceNames") and all({value, "*"} & {*(rule.get(member) or ())} for member, value in asked)
        for rule in rules
    )


def _words(right: Right) -> str:
    verb, group, resource = right
    return f"{verb} {resource}" + (f".{group}" if group else "")
