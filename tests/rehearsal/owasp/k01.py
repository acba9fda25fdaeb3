"""K01 broken and repaired by hand: half ways, repairs that go too far, and right repairs other than the lab's."""

from __future__ import annotations

from typing import Final

from tests.rehearsal.owasp.case import Case

_NAMESPACE: Final = """
apiVersion: v1
kind: Namespace
metadata:
  name: owasp-k01
  labels: {{lab.myeks/exercise: k01, pod-security.kubernetes.io/enforce: {level}}}
"""

_BINDING: Final = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {name}
spec:
  policyName: {policy}
  validationActions: [{action}]
  matchResources:
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: owasp-k01}}}}
"""

_LIMITS: Final = """
apiVersion: v1
kind: LimitRange
metadata:
  name: containers
  namespace: owasp-k01
spec:
  limits:
    - type: Container
      default: {{cpu: {cpu}, memory: 64Mi}}
      {more}
"""

_POLICY: Final = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: owasp-k01-{name}
spec:
  matchConstraints:
    resourceRules:
      - {{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [{resources}]}}
  matchConditions: [{conditions}]
  variables:
    - name: lasting
      expression: object.spec.containers + object.spec.?initContainers.orValue([])
    - name: every
      expression: variables.lasting + object.spec.?ephemeralContainers.orValue([])
  validations:
{rules}
"""

_READ_ONLY: Final = "variables.lasting.all(c, c.?securityContext.?readOnlyRootFilesystem.orValue(false))"
_RESTRICTED: Final = (
    "!object.spec.?hostPID.orValue(false) && !object.spec.?hostIPC.orValue(false)"
    " && !object.spec.?hostNetwork.orValue(false)",
    "object.spec.?volumes.orValue([]).all(v, !has(v.hostPath))",
    "object.spec.?securityContext.?runAsNonRoot.orValue(false) == true",
    "object.spec.?securityContext.?seccompProfile.?type.orValue('') == 'RuntimeDefault'",
    "variables.every.all(c, !c.?securityContext.?privileged.orValue(false))",
    "variables.every.all(c, !c.?securityContext.?allowPrivilegeEscalation.orValue(true))",
    "variables.every.all(c, c.?securityContext.?capabilities.?add.orValue([]).size() == 0)",
)
_BOUNDED: Final = (
    "variables.lasting.all(c, c.?resources.?limits.?memory.hasValue() && c.?resources.?limits.?cpu.hasValue())",
    "variables.lasting.all(c, quantity(c.resources.limits.memory).compareTo(quantity('1Gi')) <= 0)",
)


def _policy(name: str, *rules: str, resources: str = "pods", conditions: str = "") -> str:
    lines = "\n".join(f'    - expression: "{rule}"' for rule in rules)
    policy = _POLICY.format(name=name, resources=resources, conditions=conditions, rules=lines)
    return "---".join((policy, _BINDING.format(name=f"owasp-k01-{name}", policy=f"owasp-k01-{name}", action="Deny")))


_BY_BUILDER: Final = (
    "{name: builder, expression: \"request.userInfo.username == 'system:serviceaccount:owasp-k01:builder'\"}"
)
_OWN_BINDING: Final = "ValidatingAdmissionPolicyBinding//owasp-k01-read-only-root"
_ENFORCED_NOTHING: Final = _NAMESPACE.format(level="privileged")

BROKEN: Final = (
    Case("level-baseline", apply=_NAMESPACE.format(level="baseline"), hurts="attack"),
    Case("only-warned", apply=_ENFORCED_NOTHING, hurts="attack"),
    Case("policy-gone", delete=(_OWN_BINDING,), hurts="attack"),
    Case(
        "policy-only-audits",
        apply=_BINDING.format(name="owasp-k01-audits", policy="owasp-k01-read-only-root", action="Audit"),
        delete=(_OWN_BINDING,),
        hurts="attack",
    ),
    Case("no-limits", delete=("LimitRange/owasp-k01/containers",), hurts="attack"),
    Case("no-maximum", apply=_LIMITS.format(cpu="100m", more="defaultRequest: {cpu: 10m}"), hurts="attack"),
    Case(
        "policy-for-builder-alone",
        apply=_ENFORCED_NOTHING
        + "---"
        + _policy("mine", *_RESTRICTED, resources="pods, pods/ephemeralcontainers", conditions=_BY_BUILDER),
        hurts="attack",
    ),
    Case("policy-forgets-debug", apply=_ENFORCED_NOTHING + "---" + _policy("mine", *_RESTRICTED), hurts="attack"),
    Case("maximum-too-low", apply=_LIMITS.format(cpu="50m", more="max: {cpu: 50m}"), hurts="use"),
    Case("no-pod-at-all", apply=_policy("none", "false"), hurts="use"),
    Case(
        "no-debug-container",
        apply=_policy(
            "debug", "variables.every.size() == variables.lasting.size()", resources="pods/ephemeralcontainers"
        ),
        hurts="use",
    ),
    Case("web-gone", delete=("Pod/owasp-k01/web",), hurts="use"),
    Case(
        "policy-everywhere",
        apply="""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: owasp-k01-everywhere
spec:
  policyName: owasp-k01-read-only-root
  validationActions: [Deny]
""",
        hurts="intact",
    ),
    Case(
        "builder-administers",
        apply="""
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: builder-administers
  namespace: owasp-k01
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: builder, namespace: owasp-k01}]
""",
        hurts="intact",
    ),
)

_QUOTA: Final = """
apiVersion: v1
kind: ResourceQuota
metadata:
  name: all-pods
  namespace: owasp-k01
spec:
  hard: {limits.cpu: "4", limits.memory: 4Gi}
"""

REPAIRS: Final = (
    # As the last hint has it.
    Case(
        "label-policy-and-limits",
        apply="---".join(
            (
                _NAMESPACE.format(level="restricted"),
                _policy(
                    "read-only",
                    "object.spec.containers.all(c, c.?securityContext.?readOnlyRootFilesystem.orValue(false))",
                ),
                _LIMITS.format(cpu="100m", more='max: {cpu: "1", memory: 512Mi}'),
            )
        ),
    ),
    Case(
        "label-policy-and-quota",
        apply="---".join((_NAMESPACE.format(level="restricted"), _policy("read-only", _READ_ONLY), _QUOTA)),
    ),
    Case(
        "one-policy-for-all",
        apply=_policy("all", *_RESTRICTED, _READ_ONLY, *_BOUNDED, resources="pods, pods/ephemeralcontainers"),
    ),
)
