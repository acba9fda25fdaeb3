"""EKS's access policies: what each allows, and whether a request is allowed by those of an access entry.

On EKS an authorizer of its own answers this beside RBAC, so no object in the
cluster shows it. Decisions are pure; the webhook only brings the request.

Rules: Amazon EKS User Guide, "Review access policy permissions", seen 2026-11.
Policies that are there for AWS's own controllers are not played.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

ARN_PREFIX: Final = "arn:aws:eks::aws:cluster-access-policy/"


class Rule(NamedTuple):
    """Resources of one API group and what may be done with them; "*" is any."""

    group: str
    resources: frozenset[str]
    verbs: frozenset[str]


class Policy(NamedTuple):
    """One access policy."""

    rules: tuple[Rule, ...]
    any_url: bool = False
    """Whether paths that are no resource are allowed too, each with every verb."""


_READ: Final = frozenset({"get", "list", "watch"})
_WRITE: Final = frozenset({"create", "delete", "deletecollection", "patch", "update"})
_ANY: Final = frozenset({"*"})


def _rules(verbs: frozenset[str], **resources: str) -> tuple[Rule, ...]:
    """Rules from "group=resources"; `core` is the group without a name, `__` stands for a dot."""
    return tuple(
        Rule("" if group == "core" else group.replace("__", "."), frozenset(names.split()), verbs)
        for group, names in resources.items()
    )


_VIEW: Final = _rules(
    _READ,
    apps=(
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets "
        "replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status"
    ),
    autoscaling="horizontalpodautoscalers horizontalpodautoscalers/status",
    batch="cronjobs cronjobs/status jobs jobs/status",
    discovery__k8s__io="endpointslices",
    extensions=(
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status "
        "networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale"
    ),
    networking__k8s__io="ingresses ingresses/status networkpolicies",
    policy="poddisruptionbudgets poddisruptionbudgets/status",
    core=(
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
        "replicationcontrollers/scale serviceaccounts services services/status bindings events limitranges namespaces "
        "namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status"
    ),
)

_EDIT: Final = (
    *_VIEW,
    *_rules(
        _WRITE,
        apps=(
            "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets "
            "statefulsets/scale"
        ),
        autoscaling="horizontalpodautoscalers",
        batch="cronjobs jobs",
        extensions=(
            "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets "
            "replicasets/scale replicationcontrollers/scale"
        ),
        networking__k8s__io="ingresses networkpolicies",
        policy="poddisruptionbudgets",
        core=(
            "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
            "serviceaccounts services services/proxy pods pods/attach pods/exec pods/portforward pods/proxy"
        ),
    ),
    *_rules(_READ, core="pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    *_rules(frozenset({"impersonate"}), core="serviceaccounts"),
)

_ADMIN: Final = (
    *_EDIT,
    *_rules(frozenset({"create"}), authorization__k8s__io="localsubjectaccessreviews"),
    *_rules(_READ | _WRITE, rbac__authorization__k8s__io="rolebindings roles"),
)

POLICIES: Final[Mapping[str, Policy]] = {
    "AmazonEKSClusterAdminPolicy": Policy((Rule("*", _ANY, _ANY),), any_url=True),
    "AmazonEKSAdminPolicy": Policy(_ADMIN),
    "AmazonEKSAdminViewPolicy": Policy((Rule("*", _ANY, _READ),)),
    "AmazonEKSEditPolicy": Policy(_EDIT),
    "AmazonEKSViewPolicy": Policy(_VIEW),
    "AmazonEKSSecretReaderPolicy": Policy(_rules(_READ, core="secrets")),
}
"""Every policy that the rehearsal plays, by name."""


def policy_name(arn: str) -> str | None:
    """The name of a policy that is played; None for any other ARN."""
    name = arn.removeprefix(ARN_PREFIX)
    return name if arn.startswith(ARN_PREFIX) and name in POLICIES else None


@dataclass(frozen=True)
class Request:
    """What somebody wants of the API server: a resource, or a path."""

    verb: str
    group: str = ""
    resource: str = ""
    """With its subresource: "pods/log"."""
    namespace: str = ""
    """Empty for all namespaces and for what is in none."""
    path: str = ""
    """Set when it is no resource."""

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "Request":
        """From a SubjectAccessReview's spec."""
        attributes = spec.get("resourceAttributes")
        if not attributes:
            url = spec.get("nonResourceAttributes") or {}
            return cls(verb=url.get("verb", ""), path=url.get("path", ""))
        subresource = attributes.get("subresource", "")
        return cls(
            verb=attributes.get("verb", ""),
            group=attributes.get("group", ""),
            resource=attributes.get("resource", "") + (f"/{subresource}" if subresource else ""),
            namespace=attributes.get("namespace", ""),
        )


def allowing(request: Request, associations: Iterable[Mapping[str, Any]]) -> str | None:
    """Name of a policy that allows the request, None when none does; never a denial.

    `associations` are an access entry's, in EKS's shape: policyArn, accessScope {type, namespaces}.
    """
    for association in associations:
        name = policy_name(association["policyArn"])
        if name and _in_scope(request, association["accessScope"]) and _allows(POLICIES[name], request):
            return name
    return None


def _in_scope(request: Request, scope: Mapping[str, Any]) -> bool:
    if scope["type"] == "cluster":
        return True
    # EKS takes "*" in a namespace's name (User Guide, "Associate access policies").
    return bool(request.namespace) and any(
        fnmatchcase(request.namespace, wanted.replace("[", "[[]")) for wanted in scope.get("namespaces", [])
    )


def _allows(policy: Policy, request: Request) -> bool:
    if not request.resource:
        return policy.any_url and bool(request.path)
    return any(
        _has(rule.verbs, request.verb) and rule.group in ("*", request.group) and _has(rule.resources, request.resource)
        for rule in policy.rules
    )


def _has(names: frozenset[str], wanted: str) -> bool:
    return "*" in names or wanted in names
