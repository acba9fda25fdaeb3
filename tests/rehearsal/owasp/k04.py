"""Exercise K04, broken and repaired in other ways than the lab's own."""

from __future__ import annotations

from typing import Final

from tests.rehearsal.owasp.case import Case

_TENANTS: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: owasp-k04-tenant }
rules:
  - { apiGroups: [""], resources: [pods], verbs: [get, list, watch, create, delete] }
  - { apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, create, update, patch, delete] }
  - { apiGroups: [""], resources: [namespaces], verbs: [get] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: owasp-k04-policies }
rules:
  - apiGroups: [admissionregistration.k8s.io]
    resources: [validatingadmissionpolicies, validatingadmissionpolicybindings]
    verbs: [get, list]
"""
"""Tenants look at policies and at their namespace, and change neither."""

_BINDING: Final = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{ name: owasp-k04-pods }}
spec:
  policyName: owasp-k04-pods
  validationActions: [{action}]
  matchResources: {{ namespaceSelector: {selector} }}
"""
_EXERCISE: Final = "{ matchLabels: { lab.myeks/exercise: k04 } }"

_RULES: Final = """
    resourceRules:
      - { apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods] }
"""

_ALL_CONTAINERS: Final = "(object.spec.containers + object.spec.?initContainers.orValue([]))"
_VALIDATIONS: Final = f"""
    - expression: "{_ALL_CONTAINERS}.all(c, !c.?securityContext.?privileged.orValue(false))"
    - expression: "!(object.spec.?hostNetwork.orValue(false) || object.spec.?hostPID.orValue(false))"
    - expression: "!object.spec.?volumes.orValue([]).exists(v, has(v.hostPath))"
"""

BROKEN: Final = (
    Case("the binding only warns", apply=_BINDING.format(action="Warn", selector=_EXERCISE), hurts="attack"),
    Case(
        "the binding names the tenants of today",
        apply=_BINDING.format(
            action="Deny",
            selector="{ matchExpressions: [{ key: kubernetes.io/metadata.name, operator: In,"
            " values: [owasp-k04-a, owasp-k04-b, owasp-k04-c] }] }",
        ),
        hurts="attack",
    ),
    Case(
        "init containers are not looked at",
        apply=f"""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{ name: owasp-k04-pods }}
spec:
  failurePolicy: Fail
  matchConstraints: {_RULES}
  validations:
    {_VALIDATIONS.replace(_ALL_CONTAINERS, "object.spec.containers")}
""",
        hurts="attack",
    ),
    Case(
        "tenants may still delete bindings",
        apply="""
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: owasp-k04-policies }
rules:
  - { apiGroups: [admissionregistration.k8s.io], resources: [validatingadmissionpolicies], verbs: [get, list] }
  - { apiGroups: [admissionregistration.k8s.io], resources: [validatingadmissionpolicybindings], verbs: [get, delete] }
""",
        hurts="attack",
    ),
    Case(
        "one more role for a tenant",
        apply="""
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: labels, namespace: owasp-k04-a }
rules: [{ apiGroups: [""], resources: [namespaces], verbs: [patch] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: labels, namespace: owasp-k04-a }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: labels }
subjects: [{ kind: ServiceAccount, name: team-a, namespace: owasp-k04-a }]
""",
        hurts="attack",
    ),
    Case("the binding has no selector", apply=_BINDING.format(action="Deny", selector="{}"), hurts="intact"),
    Case(
        "the policy of the label owner is gone",
        delete=("ValidatingAdmissionPolicyBinding//owasp-k04-owner",),
        hurts="intact",
    ),
    Case(
        "no pod at all",
        apply=f"""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{ name: owasp-k04-pods }}
spec:
  failurePolicy: Fail
  matchConstraints: {_RULES}
  validations: [{{ expression: "false" }}]
""",
        hurts="use",
    ),
    Case("tenants cannot read policies", delete=("ClusterRoleBinding//owasp-k04-policies",), hurts="use"),
)

REPAIRS: Final = (
    Case(
        "the policy that stands gets three more rules",
        apply=f"""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{ name: owasp-k04-owner }}
spec:
  failurePolicy: Fail
  matchConstraints: {_RULES}
  validations:
    - expression: "has(object.metadata.labels) && 'owner' in object.metadata.labels"
    {_VALIDATIONS}
---
{_TENANTS}""",
    ),
    Case(
        "a policy by the namespace's name, bound everywhere",
        apply=f"""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{ name: owasp-k04-by-name }}
spec:
  matchConstraints: {_RULES}
  matchConditions:
    - {{ name: tenants, expression: "request.namespace.startsWith('owasp-k04-')" }}
  validations:
    {_VALIDATIONS}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{ name: owasp-k04-by-name }}
spec:
  policyName: owasp-k04-by-name
  validationActions: [Deny]
---
{_TENANTS}""",
    ),
    Case(
        "Pod Security on every namespace of a tenant, demanded by a policy",
        apply=f"""
apiVersion: v1
kind: Namespace
metadata:
  name: owasp-k04-b
  labels: {{ lab.myeks/exercise: k04, pod-security.kubernetes.io/enforce: baseline }}
---
apiVersion: v1
kind: Namespace
metadata:
  name: owasp-k04-c
  labels: {{ lab.myeks/exercise: k04, pod-security.kubernetes.io/enforce: baseline }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{ name: owasp-k04-labels }}
spec:
  matchConstraints:
    resourceRules:
      - {{ apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [namespaces] }}
  validations:
    - expression: >-
        object.metadata.labels[?'pod-security.kubernetes.io/enforce'].orValue('') in ['baseline', 'restricted']
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{ name: owasp-k04-labels }}
spec:
  policyName: owasp-k04-labels
  validationActions: [Deny]
  matchResources: {{ namespaceSelector: {_EXERCISE} }}
---
{_TENANTS}""",
    ),
)
