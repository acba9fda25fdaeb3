"""K08 broken and repaired by hand: half ways, repairs that go too far, and right repairs other than the lab's."""

from __future__ import annotations

from typing import Final

from tests.rehearsal.owasp.case import Case

_BINDING: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {name}, namespace: owasp-k08}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {role}}}
subjects: [{{kind: ServiceAccount, name: builder, namespace: owasp-k08}}]
"""
_ROLE: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: builder, namespace: {namespace}}}
rules:
  - {{apiGroups: [""], resources: [pods], verbs: [{verbs}]}}
  - {{apiGroups: [""], resources: [pods/log], verbs: [get]}}
"""
_ALL: Final = "get, list, watch, create, delete"
_SECRET: Final = """
apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: owasp-k08}}
stringData: {{key: not-a-real-secret-of-the-shop}}
"""
_DEPLOYMENT: Final = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop, namespace: owasp-k08}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: shop}}}}
  template:
    metadata: {{labels: {{app: shop}}}}
    spec:
      serviceAccountName: shop
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 0
      volumes: [{volumes}]
      containers:
        - name: shop
          image: public.ecr.aws/aws-cli/aws-cli:2.31.0
          command: [sh, -c, exec sleep 36000]
          env: [{env}]
          volumeMounts: [{mounts}]
"""
_POLICY: Final = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: owasp-k08-builder}}
spec:
  matchConstraints:
    resourceRules:
      - {{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods]}}
  matchConditions:
    - name: builder
      expression: request.userInfo.username == 'system:serviceaccount:owasp-k08:builder'
  variables:
    - {{name: all, expression: "object.spec.containers + object.spec.?initContainers.orValue([])"}}
  validations:
{rules}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: owasp-k08-builder}}
spec:
  policyName: owasp-k08-builder
  validationActions: [{action}]
"""

_OTHER_ACCOUNT: Final = "object.spec.?serviceAccountName.orValue('default') != 'shop'"
_NO_VOLUME: Final = "object.spec.?volumes.orValue([]).all(v, !has(v.secret))"
_NO_PROJECTION: Final = (
    "object.spec.?volumes.orValue([]).all(v, !has(v.projected) || v.projected.sources.all(s, !has(s.secret)))"
)
_NO_VARIABLE: Final = (
    "variables.all.all(c, c.?env.orValue([]).all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef)))"
)
_NO_VARIABLES: Final = "variables.all.all(c, c.?envFrom.orValue([]).all(e, !has(e.secretRef)))"


def _policy(*rules: str, action: str = "Deny") -> str:
    return _POLICY.format(rules="\n".join(f'    - expression: "{rule}"' for rule in rules), action=action)


def _both(*manifests: str) -> str:
    return "---".join(manifests)


def _shop(replicas: int = 1, volumes: str = "", env: str = "", mounts: str = "") -> str:
    return _DEPLOYMENT.format(replicas=replicas, volumes=volumes, env=env, mounts=mounts)


_CREATES_PODS: Final = _both(
    _ROLE.format(namespace="owasp-k08", verbs=_ALL), _BINDING.format(name="builder", kind="Role", role="builder")
)
_COMPLETE: Final = (_OTHER_ACCOUNT, _NO_VOLUME, _NO_PROJECTION, _NO_VARIABLE, _NO_VARIABLES)
_FROM_SECRET: Final = "{name: payment, secret: {secretName: payment}}"
_MOUNTED: Final = "{name: payment, mountPath: /run/payment}"

BROKEN: Final = (
    Case("creates-pods-again", apply=_CREATES_PODS, hurts="attack"),
    Case(
        "another-name",
        apply=_both(_CREATES_PODS, _SECRET.format(name="hidden"), _policy(_OTHER_ACCOUNT)),
        hurts="attack",
    ),
    Case(
        "policy-looks-at-volumes",
        apply=_both(_CREATES_PODS, _SECRET.format(name="payment"), _policy(_OTHER_ACCOUNT, _NO_VOLUME)),
        hurts="attack",
    ),
    Case(
        "policy-forgets-the-account",
        apply=_both(_CREATES_PODS, _SECRET.format(name="payment"), _policy(*_COMPLETE[1:])),
        hurts="attack",
    ),
    Case(
        "policy-only-warns",
        apply=_both(_CREATES_PODS, _SECRET.format(name="payment"), _policy(*_COMPLETE, action="Warn")),
        hurts="attack",
    ),
    Case("builder-gone", delete=("ServiceAccount/owasp-k08/builder",), hurts="attack"),
    Case("no-key", apply=_shop(), hurts="use"),
    Case("secret-gone", apply=_shop(volumes=_FROM_SECRET, mounts=_MOUNTED), hurts="use"),
    Case("shop-stopped", apply=_shop(replicas=0, env="{name: PAYMENT_KEY, value: a}"), hurts="use"),
    Case("shop-gone", delete=("Deployment/owasp-k08/shop",), hurts="use"),
    Case("key-in-plain", apply=_shop(env="{name: PAYMENT_KEY, value: not-a-real-secret-of-the-shop}"), hurts="intact"),
    Case("builder-edits", apply=_BINDING.format(name="edits", kind="ClusterRole", role="edit"), hurts="intact"),
)

REPAIRS: Final = (
    Case("no-binding", delete=("RoleBinding/owasp-k08/builder",)),
    Case("only-looks", apply=_ROLE.format(namespace="owasp-k08", verbs="get, list, watch")),
    Case("policy-for-builder", apply=_policy(*_COMPLETE)),
)
