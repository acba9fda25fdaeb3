"""The ClusterRoles view, edit and admin as Kubernetes makes them, in short, and with a right too many or too few."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from exercises.shared.user_facing_roles import NAMES
from grading.grade import Verdict
from grading.outcomes import http
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import FakeLab, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
Role = dict[str, Any]
RBAC: Final = "rbac.authorization.k8s.io"

_VIEW: Final[list[Role]] = [
    {
        "verbs": ["get", "list", "watch"],
        "apiGroups": [""],
        "resources": ["configmaps", "pods", "pods/log", "services", "namespaces"],
    },
    {"verbs": ["get", "list", "watch"], "apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"]},
    {"verbs": ["get", "list", "watch"], "apiGroups": ["batch"], "resources": ["jobs", "cronjobs"]},
]
_EDIT: Final[list[Role]] = [
    {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["secrets", "pods/exec"]},
    {"verbs": ["create", "delete", "patch", "update"], "apiGroups": [""], "resources": ["pods", "pods/exec"]},
    {"verbs": ["create", "delete", "patch"], "apiGroups": ["apps"], "resources": ["deployments"]},
    {"verbs": ["create", "delete", "patch"], "apiGroups": ["batch"], "resources": ["jobs"]},
]
_ADMIN: Final[list[Role]] = [
    {"verbs": ["create", "delete", "get"], "apiGroups": [RBAC], "resources": ["rolebindings", "roles"]},
]


def roles() -> dict[str, Role]:
    """Name → role, whole."""
    rules = {"view": _VIEW, "edit": [*_VIEW, *_EDIT], "admin": [*_VIEW, *_EDIT, *_ADMIN]}
    made = {
        name: {
            "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {f"{RBAC}/aggregate-to-{name}": "true"}}]},
            "rules": rules[name],
        }
        for name in NAMES
    }
    return json.loads(json.dumps(made))


def _rule(verb: str, group: str, resource: str) -> Role:
    return {"verbs": [verb], "apiGroups": [group], "resources": [resource]}


def _added(name: str, *rules: Role) -> Callable[[dict[str, Role]], object]:
    return lambda found: found[name]["rules"].extend(rules)


_CHANGES: Final[Mapping[str, tuple[Callable[[dict[str, Role]], object], Verdict]]] = {
    "right": (lambda _: None, PASSED),
    "an add-on gives more": (_added("view", _rule("get", "metrics.k8s.io", "pods")), PASSED),
    "nodes of another group": (_added("admin", _rule("get", "metrics.k8s.io", "nodes")), PASSED),
    "one Secret by its name": (_added("view", {**_rule("get", "", "secrets"), "resourceNames": ["ca"]}), PASSED),
    "everything named by a star": (
        lambda found: found["view"]["rules"].append(_rule("list", "*", "services")),
        PASSED,
    ),
    "view is empty": (lambda found: found["view"].update(rules=None), FAILED),
    "edit is empty": (lambda found: found["edit"].update(rules=[]), FAILED),
    "admin is empty": (lambda found: found["admin"].update(rules=[]), FAILED),
    "admin is what edit is": (lambda found: found["admin"].update(rules=[*_VIEW, *_EDIT]), FAILED),
    "edit lacks what view has": (lambda found: found["edit"].update(rules=_EDIT), FAILED),
    "view reads no logs": (lambda found: found["view"]["rules"][0]["resources"].remove("pods/log"), FAILED),
    "view watches nothing": (lambda found: found["view"]["rules"][0]["verbs"].remove("watch"), FAILED),
    "view reads one pod": (lambda found: found["view"]["rules"][0].update(resourceNames=["web"]), FAILED),
    "view reads Secrets": (_added("view", _rule("get", "", "secrets")), FAILED),
    "view may do everything": (_added("view", _rule("*", "*", "*")), FAILED),
    "view runs commands": (_added("view", _rule("create", "", "pods/exec")), FAILED),
    "edit binds roles": (_added("edit", _rule("create", RBAC, "rolebindings")), FAILED),
    "admin sees nodes": (_added("admin", _rule("get", "", "nodes")), FAILED),
    "edit sees nodes": (_added("edit", _rule("get", "", "nodes")), FAILED),
    **{f"{name} was deleted": (lambda found, name=name: found.pop(name), FAILED) for name in NAMES},
}


def cases() -> Iterator[Case]:
    """The right answer first."""
    for label, (change, verdict) in _CHANGES.items():
        found = roles()
        change(found)
        yield Case(label, _answered(found), verdict)
    yield Case("no right to read", lambda one: one.api.on("GET", "/clusterroles/", 403, status(403, "x", "no")), FAILED)
    busy = status(500, "InternalError", "later")
    yield Case("broken", lambda one: one.api.on("GET", "/clusterroles/", 500, busy), NOT_ASKED)


def _answered(found: Mapping[str, Role]) -> Program:
    def program(one: FakeLab) -> None:
        for name, role in found.items():
            body = http(200, role)
            one.api.answers.append(
                lambda _method, path, _body, _token, name=name, body=body: (
                    body if path.endswith(f"/clusterroles/{name}") else None
                )
            )

    return program
