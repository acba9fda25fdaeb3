"""Exercise K06, broken and repaired in other ways than the lab's own."""

from __future__ import annotations

from typing import Final

from tests.rehearsal.owasp.case import Case

_SECRET: Final = """
apiVersion: v1
kind: Secret
metadata:
  name: {name}
  namespace: owasp-k06
  annotations: {{ kubernetes.io/service-account.name: {account} }}
  labels: {labels}
type: kubernetes.io/service-account-token
"""

_CI: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{ name: ci, namespace: owasp-k06 }}
rules:
  - {{ apiGroups: [""], resources: [configmaps], verbs: [get, list, create, update, patch] }}
  {more}
"""

_DEPLOYMENT: Final = """
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: robot, namespace: owasp-k06 }}
spec:
  replicas: 0
  selector: {{ matchLabels: {{ app: robot }} }}
  template:
    metadata: {{ labels: {{ app: robot }} }}
    spec:
      serviceAccountName: {account}
      automountServiceAccountToken: {automount}
      containers: [{{ name: robot, image: busybox }}]
      volumes: {volumes}
"""
_MOUNTED: Final = "[{ name: token, secret: { secretName: robot-token } }]"

_NO_TOKEN_SECRETS: Final = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: owasp-k06-secrets }
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - { apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [secrets] }
  validations:
    - { expression: "object.type != 'kubernetes.io/service-account-token'" }
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: owasp-k06-secrets }
spec:
  policyName: owasp-k06-secrets
  validationActions: [Deny]
  matchResources: { namespaceSelector: { matchLabels: { lab.myeks/exercise: k06 } } }
"""

_INVALID: Final = '{ kubernetes.io/legacy-token-invalid-since: "2026-11-29" }'

BROKEN: Final = (
    Case(
        "the robot has a token in a Secret of another name",
        apply=_SECRET.format(name="old", account="robot", labels="{}"),
        hurts="attack",
    ),
    Case(
        "ci has a token in a Secret", apply=_SECRET.format(name="ci-token", account="ci", labels="{}"), hurts="attack"
    ),
    Case(
        "ci may create Secrets",
        apply=_CI.format(more='- { apiGroups: [""], resources: [secrets], verbs: [create] }'),
        hurts="attack",
    ),
    Case(
        "ci may make tokens",
        apply=_CI.format(more='- { apiGroups: [""], resources: ["*"], verbs: [create] }'),
        hurts="attack",
    ),
    Case(
        "a right for who has not logged in",
        apply="""
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: everybody, namespace: owasp-k06 }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:anonymous" }]
""",
        hurts="attack",
    ),
    Case(
        "the Deployment still names its Secret",
        apply=_DEPLOYMENT.format(account="robot", automount="true", volumes=_MOUNTED),
        hurts="use",
    ),
    Case(
        "the robot's pods have no token",
        apply=_DEPLOYMENT.format(account="robot", automount="false", volumes="[]"),
        hurts="use",
    ),
    Case(
        "the robot's pods run as somebody else",
        apply=_DEPLOYMENT.format(account="ci", automount="true", volumes="[]"),
        hurts="use",
    ),
    Case("the robot has lost its role", delete=("RoleBinding/owasp-k06/robot",), hurts="use"),
    Case("ci has lost its role", delete=("Role/owasp-k06/ci",), hurts="use"),
)

REPAIRS: Final = (
    Case(
        "the token that Kubernetes mounts by itself",
        apply="---".join((_CI.format(more=""), _DEPLOYMENT.format(account="robot", automount="true", volumes="[]"))),
        delete=("Secret/owasp-k06/robot-token", "Secret/owasp-k06/ci-token", "RoleBinding/owasp-k06/everybody"),
    ),
    Case(
        "a policy against Secrets with tokens, and the old ones marked as invalid",
        apply="---".join(
            (
                _SECRET.format(name="robot-token", account="robot", labels=_INVALID),
                _SECRET.format(name="ci-token", account="ci", labels=_INVALID),
                _NO_TOKEN_SECRETS,
                _CI.format(more='- { apiGroups: [""], resources: [secrets], verbs: [get, list, create] }'),
                _DEPLOYMENT.format(account="robot", automount="true", volumes="[]"),
            )
        ),
        delete=("RoleBinding/owasp-k06/everybody",),
    ),
)
