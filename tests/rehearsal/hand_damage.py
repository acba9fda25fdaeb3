"""What a learner may do by hand to exercise rbac and around it, as requests to the API server: a table.

The damages of a group are done one after the other to the same lab, so that few updates are needed. What refuses
everything comes last: nothing could be done by hand after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

Object = dict[str, Any]
Request = tuple[str, str, Object | None]
"""Method (PATCH: a JSON merge patch), path and body."""

DEV: Final = "/api/v1/namespaces/dev-team"
INFRA: Final = "/api/v1/namespaces/infra-team"
DEFAULT: Final = "/api/v1/namespaces/default"
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"
APIS: Final = "/apis/apiregistration.k8s.io/v1/apiservices"
NOW: Final = "?gracePeriodSeconds=0"
HELD: Final = {"metadata": {"finalizers": ["example.com/kept"]}}


@dataclass(frozen=True)
class Damage:
    """One thing that is done by hand."""

    name: str
    does: tuple[Request, ...]
    stays: tuple[str, ...] = ()
    """Paths of what must not be there after a reset, where the lab's own objects do not tell."""


def _made(collection: str, kind: str, name: str, version: str = "v1", **fields: Any) -> Request:
    return "POST", collection, {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def _added(name: str, collection: str, kind: str, version: str = "v1", **fields: Any) -> Damage:
    """One more object, which no namespace of the exercise takes along."""
    return Damage(name, (_made(collection, kind, "mine", version, **fields),), (f"{collection}/mine",))


_OF_RBAC: Final = "rbac.authorization.k8s.io/v1"
_ATTACKER: Final = [{"kind": "ServiceAccount", "name": "dev-k8s", "namespace": "dev-team"}]
_ALL: Final = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


def _ref(name: str, kind: str = "ClusterRole") -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


_NOT_THE_SYSTEMS: Final = {
    "matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "kube-node-lease"]}
    ]
}


def _rule(resources: list[str], operations: list[str]) -> Object:
    return {"apiGroups": ["*"], "apiVersions": ["*"], "operations": operations, "resources": resources}


_EVERYTHING: Final = _rule(["*"], ["CREATE", "UPDATE", "DELETE"])


def _webhooks(name: str, kind: str) -> Damage:
    hook = {
        "name": "hook.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 2,
        "rules": [_EVERYTHING],
        "namespaceSelector": _NOT_THE_SYSTEMS,
    }
    return _added(name, f"{ADMISSION}/{kind.lower()}s", kind, "admissionregistration.k8s.io/v1", webhooks=[hook])


def _policy(name: str, kind: str, plural: str, spec: Object, binding: Object) -> Damage:
    version, bindings = "admissionregistration.k8s.io/v1", f"{ADMISSION}/{kind.lower()}bindings"
    return Damage(
        name,
        (
            _made(f"{ADMISSION}/{plural}", kind, "mine", version, spec=spec),
            _made(bindings, f"{kind}Binding", "mine", version, spec={"policyName": "mine", **binding}),
        ),
        (f"{ADMISSION}/{plural}/mine", f"{bindings}/mine"),
    )


BESIDE: Final = (
    Damage(
        "a role and a binding in its namespace",
        (
            _made(f"{RBAC}/namespaces/dev-team/roles", "Role", "mine", _OF_RBAC, rules=_ALL),
            _made(
                f"{RBAC}/namespaces/dev-team/rolebindings",
                *("RoleBinding", "mine", _OF_RBAC),
                roleRef=_ref("mine", "Role"),
                subjects=_ATTACKER,
            ),
        ),
        (f"{RBAC}/namespaces/dev-team/roles/mine", f"{RBAC}/namespaces/dev-team/rolebindings/mine"),
    ),
    _added("a cluster role", f"{RBAC}/clusterroles", "ClusterRole", _OF_RBAC, rules=_ALL),
    _added(
        "the rights of administrators for an attacker",
        f"{RBAC}/clusterrolebindings",
        "ClusterRoleBinding",
        _OF_RBAC,
        roleRef=_ref("cluster-admin"),
        subjects=_ATTACKER,
    ),
    _added(
        "a binding in another namespace",
        f"{RBAC}/namespaces/kube-system/rolebindings",
        "RoleBinding",
        _OF_RBAC,
        roleRef=_ref("view"),
        subjects=_ATTACKER,
    ),
    Damage(
        "a binding that a finalizer holds",
        (
            _made(
                f"{RBAC}/namespaces/default/rolebindings",
                *("RoleBinding", "held", _OF_RBAC),
                roleRef=_ref("view"),
                subjects=_ATTACKER,
            ),
            ("PATCH", f"{RBAC}/namespaces/default/rolebindings/held", HELD),
        ),
        (f"{RBAC}/namespaces/default/rolebindings/held",),
    ),
    _added("a quota without room", f"{INFRA}/resourcequotas", "ResourceQuota", spec={"hard": {"pods": "0"}}),
    _added(
        "a quota in a namespace that is not its own",
        f"{DEFAULT}/resourcequotas",
        "ResourceQuota",
        spec={"hard": {"pods": "0"}},
    ),
    _added(
        "a range of limits that no pod fits",
        f"{DEV}/limitranges",
        "LimitRange",
        spec={"limits": [{"type": "Container", "max": {"cpu": "1m"}}]},
    ),
    _added(
        "a network policy",
        "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
        "NetworkPolicy",
        "networking.k8s.io/v1",
        spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    ),
    _added(
        "a budget for disruptions",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        "PodDisruptionBudget",
        "policy/v1",
        spec={"minAvailable": 1, "selector": {}},
    ),
    _added(
        "a priority for all pods",
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        "PriorityClass",
        "scheduling.k8s.io/v1",
        value=-10,
        globalDefault=True,
    ),
    _added(
        "a flow schema",
        "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
        "FlowSchema",
        "flowcontrol.apiserver.k8s.io/v1",
        spec={"priorityLevelConfiguration": {"name": "catch-all"}, "matchingPrecedence": 9000},
    ),
)
"""What is added."""

CHANGED: Final = (
    Damage("an account is gone", (("DELETE", f"{DEV}/serviceaccounts/dev-k8s", None),)),
    Damage(
        "an account is another one",
        (
            ("DELETE", f"{INFRA}/serviceaccounts/infra-k8s", None),
            _made(f"{INFRA}/serviceaccounts", "ServiceAccount", "infra-k8s"),
        ),
    ),
    Damage(
        "fields belong to somebody else",
        (
            (
                "PATCH",
                f"{INFRA}/serviceaccounts/infra-k8s?fieldManager=mine",
                {"metadata": {"labels": {"mine": "yes"}}, "automountServiceAccountToken": False},
            ),
        ),
    ),
    Damage("a finalizer on an object of the lab", (("PATCH", f"{INFRA}/serviceaccounts/infra-k8s", HELD),)),
    Damage("a pod is gone", (("DELETE", f"{DEV}/pods/dev-kubectl{NOW}", None),)),
    Damage(
        "a pod that a finalizer holds is being deleted",
        (
            ("PATCH", f"{INFRA}/pods/infra-kubectl", HELD),
            ("DELETE", f"{INFRA}/pods/infra-kubectl{NOW}", None),
        ),
    ),
    Damage(
        "a namespace refuses its own pods",
        (("PATCH", INFRA, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}),),
    ),
)
"""What is changed and deleted."""

ENDING: Final = (
    Damage(
        "an object that nobody lets go",
        (
            (
                "POST",
                f"{DEV}/configmaps",
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", **HELD["metadata"]}},
            ),
        ),
    ),
    Damage("a namespace that a finalizer holds", (("PATCH", DEV, HELD),)),
    Damage(
        "an API that does not answer",
        (
            _made(
                APIS,
                *("APIService", "v1.dead.example.com", "apiregistration.k8s.io/v1"),
                spec={
                    "group": "dead.example.com",
                    "version": "v1",
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                    "insecureSkipTLSVerify": True,
                    "service": {"name": "nobody", "namespace": "kube-system"},
                },
            ),
        ),
        (f"{APIS}/v1.dead.example.com",),
    ),
    Damage("a namespace cannot end", (("DELETE", DEV, None),)),
    Damage("a namespace is gone", (("DELETE", INFRA, None),)),
)
"""What is begun and does not end."""

REFUSING: Final = (
    _policy(
        "a policy that changes pods",
        "MutatingAdmissionPolicy",
        "mutatingadmissionpolicies",
        {
            "matchConstraints": {
                "namespaceSelector": _NOT_THE_SYSTEMS,
                "resourceRules": [_rule(["pods"], ["CREATE"])],
            },
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [
                {
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": {"expression": "Object{spec: Object.spec{hostNetwork: true}}"},
                }
            ],
        },
        {},
    ),
    _webhooks("a webhook that does not answer", "ValidatingWebhookConfiguration"),
    _webhooks("a webhook that changes and does not answer", "MutatingWebhookConfiguration"),
    _policy(
        "a policy that refuses everything",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        {
            "matchConstraints": {"namespaceSelector": _NOT_THE_SYSTEMS, "resourceRules": [_EVERYTHING]},
            "validations": [{"expression": "false"}],
        },
        {"validationActions": ["Deny"]},
    ),
)
"""What makes the API server refuse what would put it right; nothing can be done by hand after the last."""

TABLE: Final = (*BESIDE, *CHANGED, *ENDING, *REFUSING)
