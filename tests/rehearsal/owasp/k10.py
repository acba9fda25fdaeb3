"""K10 repaired by hand at Kubernetes 1.34: viewers who still get in or no longer see enough, and right repairs."""

from __future__ import annotations

from typing import Final

from tests.rehearsal.owasp.case import Case

_ROLE: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {name}, namespace: owasp-k10}}
rules: [{{apiGroups: [""], resources: [{resources}], verbs: [{verbs}]}}]
"""
_BINDING: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {name}, namespace: owasp-k10}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {name}}}
subjects: [{{kind: ServiceAccount, name: viewer, namespace: owasp-k10}}]
"""


def _left_over(name: str, resources: str, verbs: str) -> str:
    return _ROLE.format(name=name, resources=resources, verbs=verbs) + "---" + _BINDING.format(name=name, kind="Role")


BROKEN: Final = (
    Case("still-execs", apply=_left_over("more", "pods/exec", "get"), hurts="attack"),
    Case("still-attaches", apply=_left_over("more", "pods/attach", "get"), hurts="attack"),
    Case("may-create", apply=_left_over("more", "pods/exec", "create"), hurts="intact"),
    Case("reads-no-logs", apply=_ROLE.format(name="viewer", resources="pods", verbs="get, list"), hurts="use"),
    Case("viewer-gone", delete=("ServiceAccount/owasp-k10/viewer",), hurts="use"),
    Case("on-call-locked-out", delete=("RoleBinding/owasp-k10/on-call",), hurts="use"),
)
REPAIRS: Final = (
    Case("by-resource", apply=_ROLE.format(name="viewer", resources="pods, pods/log", verbs="get, list")),
    Case(
        "the-clusters-own-role",
        apply=_BINDING.format(name="view", kind="ClusterRole"),
        delete=("RoleBinding/owasp-k10/viewer",),
    ),
    Case(
        "a-policy-on-connections",
        apply="""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: owasp-k10-mine}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CONNECT], resources: [pods/exec, pods/attach]}
  validations:
    - {expression: "request.userInfo.username != 'system:serviceaccount:owasp-k10:viewer'", message: "A viewer looks."}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: owasp-k10-mine}
spec:
  policyName: owasp-k10-mine
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {lab.myeks/exercise: k10}}}
""",
    ),
)
