"""K09 broken and repaired by hand: half ways, repairs that go too far, and right repairs other than the lab's."""

from __future__ import annotations

from typing import Final

from tests.rehearsal.owasp.case import Case

_ROLE: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: owasp-k09-{name}}}
rules:
{rules}
"""
_BINDING: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: owasp-k09-{name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "{role}"}}
subjects: [{subject}]
"""
_POLICY: Final = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: owasp-k09-no-proxy}}
spec:
  matchConstraints:
    resourceRules:
      - {{apiGroups: [""], apiVersions: [v1], operations: [CONNECT], resources: [{resources}]}}
  matchConditions:
    - name: accounts
      expression: request.userInfo.username.startsWith('system:serviceaccount:owasp-k09:')
  validations: [{{expression: "false", message: not by this way}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: owasp-k09-no-proxy}}
spec:
  policyName: owasp-k09-no-proxy
  validationActions: [Deny]
"""

_NODES: Final = '  - {apiGroups: [""], resources: [nodes], verbs: [get, list, watch]}'
_NODE_METRICS: Final = '  - {apiGroups: [""], resources: [nodes/metrics], verbs: [get]}'
_API_METRICS: Final = "  - {nonResourceURLs: [/metrics], verbs: [get]}"
_NODE_PROXY: Final = '  - {{apiGroups: [""], resources: [nodes/proxy], verbs: [{verbs}]}}'
_LED: Final = '  - {apiGroups: [""], resources: [services/proxy, pods/proxy], verbs: [get]}'
_SCRAPER: Final = "{kind: ServiceAccount, name: scraper, namespace: owasp-k09}"
_EVERYBODY: Final = '{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:authenticated"}'
_OPEN_BINDING: Final = "ClusterRoleBinding//owasp-k09-dashboards"


def _scraper(*rules: str) -> str:
    return _ROLE.format(name="scraper", rules="\n".join(rules))


def _everybody(*rules: str, subject: str = _EVERYBODY) -> str:
    role = _ROLE.format(name="dashboards", rules="\n".join(rules))
    return "---".join((role, _BINDING.format(name="dashboards", role="owasp-k09-dashboards", subject=subject)))


_JOB: Final = (_NODES, _NODE_METRICS, _API_METRICS)

BROKEN: Final = (
    Case("proxy-to-look", apply=_scraper(*_JOB, _NODE_PROXY.format(verbs="get")), hurts="attack"),
    Case("proxy-to-command", apply=_scraper(*_JOB, _NODE_PROXY.format(verbs="create")), hurts="attack"),
    Case(
        "every-proxy",
        apply=_scraper(
            '  - {apiGroups: [""], resources: [nodes, nodes/metrics, "*/proxy"], verbs: [get, list, watch]}',
            _API_METRICS,
        ),
        hurts="attack",
    ),
    Case(
        "all-service-accounts",
        apply=_everybody(_LED, subject=_EVERYBODY.replace("authenticated", "serviceaccounts")),
        hurts="attack",
    ),
    Case("scraper-is-led", apply=_everybody(_LED, subject=_SCRAPER), hurts="attack"),
    Case("everybody-reads-metrics", apply=_everybody(_API_METRICS), hurts="attack"),
    Case("everybody-reads-flags", apply=_everybody("  - {nonResourceURLs: [/flagz], verbs: [get]}"), hurts="attack"),
    Case(
        "guest-edits",
        apply=_BINDING.format(name="guest", role="edit", subject=_SCRAPER.replace("scraper", "guest")),
        hurts="attack",
    ),
    Case("guest-gone", delete=("ServiceAccount/owasp-k09/guest",), hurts="attack"),
    Case("no-node-metrics", apply=_scraper(_NODES, _API_METRICS), hurts="use"),
    Case("no-api-metrics", apply=_scraper(_NODES, _NODE_METRICS), hurts="use"),
    Case("no-nodes", apply=_scraper(_NODE_METRICS, _API_METRICS), hurts="use"),
    Case("ledger-gone", delete=("Pod/owasp-k09-shop/ledger",), hurts="intact"),
)

REPAIRS: Final = (
    Case(
        "metrics-by-the-system-s-role",
        apply="---".join(
            (
                _scraper(_NODES, '  - {apiGroups: [""], resources: [nodes/metrics, nodes/stats], verbs: [get]}'),
                _BINDING.format(name="metrics", role="system:monitoring", subject=_SCRAPER),
            )
        ),
        delete=(_OPEN_BINDING,),
    ),
    Case(
        "dashboards-for-metrics-alone",
        apply="---".join(
            (_everybody(_API_METRICS, subject=_SCRAPER), _scraper(_NODES, _NODE_METRICS)),
        ),
    ),
    Case(
        "policy-against-proxies",
        apply="---".join(
            (
                _POLICY.format(resources="nodes/proxy, services/proxy, pods/proxy"),
                _everybody(_LED, _API_METRICS, subject=_SCRAPER),
            )
        ),
    ),
)
