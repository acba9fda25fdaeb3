"""K02 broken and repaired by hand: half ways, repairs that go too far, and right repairs other than the lab's."""

from __future__ import annotations

from typing import Final

import yaml

from exercises.k02.images import ELSEWHERE, NEXT_WEB, TOOLS, WEB, listed
from tests.rehearsal.owasp.case import Case

_POLICY: Final = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: owasp-k02-{name}
spec:
  paramKind: {{apiVersion: v1, kind: ConfigMap}}
  matchConstraints:
    resourceRules:
      - {{apiGroups: ["", apps], apiVersions: [v1], operations: [{operations}], resources: [{resources}]}}
  variables:
    - name: images
      expression: "({containers}).map(c, c.image)"
  validations:
    - expression: "variables.images.all(i, {rule})"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: owasp-k02-{name}
spec:
  policyName: owasp-k02-{name}
  validationActions: [{action}]
  paramRef: {{name: allowed-images, namespace: owasp-k02-release, parameterNotFoundAction: Deny}}
  matchResources:
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: owasp-k02}}}}
"""

_REGISTRY: Final = "params.data.registries.split('\\\\n').exists(r, r != '' && i.startsWith(r + '/'))"
_DIGEST: Final = "params.data.digests.split('\\\\n').exists(d, d != '' && i.endsWith('@' + d))"
_TEXT_OF_DIGEST: Final = "params.data.digests.split('\\\\n').exists(d, d != '' && i.endsWith(d))"
_LASTING: Final = "object.spec.containers + object.spec.?initContainers.orValue([])"
_EVERY: Final = f"{_LASTING} + object.spec.?ephemeralContainers.orValue([])"
_WAYS: Final = "pods, pods/ephemeralcontainers"


def _policy(
    rule: str,
    *,
    name: str = "mine",
    operations: str = "CREATE, UPDATE",
    resources: str = _WAYS,
    containers: str = _EVERY,
    action: str = "Deny",
) -> str:
    return _POLICY.format(
        name=name,
        operations=operations,
        resources=resources,
        containers=containers,
        rule=rule,
        action=action,
    )


_OWN: Final = ("ValidatingAdmissionPolicyBinding//owasp-k02-images",)
_LIST: Final = "ConfigMap/owasp-k02-release/allowed-images"
_BOTH: Final = f"{_REGISTRY} && {_DIGEST}"


def _changed() -> str:
    data = {**listed(), "registries": f"{listed()['registries']}{ELSEWHERE}\n"}
    meta = {"name": "allowed-images", "namespace": "owasp-k02-release"}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})


_CHANGED: Final = _changed()


def _instead(name: str, policy: str) -> Case:
    """A policy of the learner's that is too weak, in the place of the lab's."""
    return Case(name, apply=policy, delete=_OWN, hurts="attack")


BROKEN: Final = (
    _instead("registry-alone", _policy(_REGISTRY)),
    _instead("any-digest", _policy("i.contains('@sha256:')")),
    _instead("text-of-digest", _policy(_TEXT_OF_DIGEST)),
    _instead("first-container-alone", _policy(_BOTH, containers="[object.spec.containers[0]]")),
    _instead("no-init-containers", _policy(_BOTH, containers="object.spec.containers")),
    _instead("no-debug-containers", _policy(_BOTH, resources="pods", containers=_LASTING)),
    _instead("create-alone", _policy(_BOTH, operations="CREATE")),
    _instead(
        "deployments-alone",
        _policy(_BOTH, resources="deployments", containers="object.spec.template.spec.containers"),
    ),
    _instead("only-warns", _policy(_BOTH, action="Warn")),
    Case("list-gone", delete=(_LIST,), hurts="use"),
    Case(
        "one-image-alone",
        apply=_policy(f"i == '{WEB}'"),
        hurts="use",
    ),
    Case("manager-locked-out", delete=("RoleBinding/owasp-k02-release/release-images",), hurts="use"),
    Case(
        "policy-everywhere",
        apply="""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: owasp-k02-everywhere
spec:
  policyName: owasp-k02-images
  validationActions: [Deny]
  paramRef: {name: allowed-images, namespace: owasp-k02-release, parameterNotFoundAction: Deny}
""",
        hurts="intact",
    ),
    # Whoever may write the ConfigMap can add an image, and cannot sign it.
    Case("list-changed", apply=_CHANGED, hurts="intact"),
    Case(
        "deployer-edits-list",
        apply="""
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: deployer-edits
  namespace: owasp-k02-release
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: deployer, namespace: owasp-k02}]
""",
        hurts="intact",
    ),
)

REPAIRS: Final = (
    # The Deployment with the bad image is accepted then, and its pod is refused.
    Case("pods-alone", apply=_policy(_BOTH)),
    # An allowed digest is the same image in every registry.
    Case("digests-alone", apply=_policy(_DIGEST)),
    Case("images-in-the-policy", apply=_policy(f"i in ['{WEB}', '{NEXT_WEB}', '{TOOLS}']")),
)
