"""K03 repaired by hand: robots that can still do too much or no longer enough, and right repairs."""

from __future__ import annotations

from typing import Final

from tests.rehearsal.owasp.case import Case

_ROLE: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {name}, namespace: owasp-k03}}
rules: [{rules}]
"""
_BINDING: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {name}, namespace: owasp-k03}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {role}}}
subjects: [{{kind: ServiceAccount, name: ci-bot, namespace: owasp-k03}}]
"""
_JOB: Final = "{apiGroups: [apps], resources: [deployments], verbs: [get, patch]}"
_WIDE: Final = "ClusterRoleBinding//owasp-k03-ci-bot"
_CORE: Final = '{{apiGroups: [""], resources: [{resources}], verbs: [{verbs}]}}'


def _left_over(name: str, resources: str, verbs: str) -> Case:
    """One right that is left over."""
    rule = _CORE.format(resources=resources, verbs=verbs)
    role = _ROLE.format(name=name, rules=rule) + "---" + _BINDING.format(name=name, kind="Role", role=name)
    return Case(name, apply=role, hurts="attack")


BROKEN: Final = (
    _left_over("still-reads-secrets", "secrets", "get"),
    _left_over("still-makes-tokens", "serviceaccounts/token", "create"),
    _left_over("still-makes-pods", "pods", "create"),
    _left_over("watches-secrets", "secrets", "watch"),
    Case(
        "makes-jobs",
        apply=_ROLE.format(name="jobs", rules="{apiGroups: [batch], resources: [jobs], verbs: [create]}")
        + "---"
        + _BINDING.format(name="jobs", kind="Role", role="jobs"),
        hurts="attack",
    ),
    Case(
        "deploys-everywhere",
        apply="""
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: owasp-k03-ci-bot}
rules: [{apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, update, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: owasp-k03-ci-bot}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: owasp-k03-ci-bot}
subjects: [{kind: ServiceAccount, name: ci-bot, namespace: owasp-k03}]
""",
        hurts="attack",
    ),
    Case(
        "edit-in-its-namespace",
        apply=_BINDING.format(name="edit", kind="ClusterRole", role="edit"),
        hurts="attack",
    ),
    Case("looks-only", apply=_ROLE.format(name="deploy-shop", rules=_JOB.replace(", patch", "")), hurts="use"),
    Case("no-binding", delete=("RoleBinding/owasp-k03/deploy-shop",), hurts="use"),
    Case("robot-gone", delete=("ServiceAccount/owasp-k03/ci-bot",), hurts="use"),
    Case("admin-locked-out", delete=("ClusterRoleBinding//owasp-k03-platform-admin",), hurts="intact"),
)
REPAIRS: Final = (
    Case(
        "a-role-of-another-name",
        apply=_ROLE.format(name="mine", rules=_JOB) + "---" + _BINDING.format(name="mine", kind="Role", role="mine"),
        delete=(_WIDE,),
    ),
    Case(
        "the-cluster-role-made-small",
        apply="""
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: owasp-k03-ci-bot}
rules: [{apiGroups: [apps], resources: [deployments], resourceNames: [shop], verbs: [get, update, patch]}]
""",
    ),
    Case(
        "the-cluster-role-bound-in-the-namespace",
        apply="""
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: owasp-k03-ci-bot}
rules: [{apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, update, patch]}]
---
"""
        + _BINDING.format(name="mine", kind="ClusterRole", role="owasp-k03-ci-bot"),
        delete=(_WIDE,),
    ),
)
