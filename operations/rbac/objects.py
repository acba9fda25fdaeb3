"""Roles, bindings and subjects as frozen values, so that answers can be computed and tested without a cluster.

Fields and their meaning: Kubernetes API reference, group rbac.authorization.k8s.io/v1
(v1.36). Objects come as the API server's JSON, or from manifests of the same form.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

SubjectKind = Literal["User", "Group", "ServiceAccount"]
RoleKind = Literal["Role", "ClusterRole"]
BindingKind = Literal["RoleBinding", "ClusterRoleBinding"]
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy rule; either about resources or about URLs that are none."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    """The core group is the empty text."""
    resources: tuple[str, ...] = ()
    """Plural names, "pods/log" with a subresource, "*/scale" for a subresource of anything."""
    resource_names: tuple[str, ...] = ()
    """None: objects of every name."""
    non_resource_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition of a label selector; operator in Kubernetes' words: In, NotIn, Exists, DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet it."""
        there, value = self.key in labels, labels.get(self.key, "")
        match self.operator:
            case "In":
                return there and value in self.values
            case "NotIn":
                return not there or value not in self.values
            case "Exists":
                return there
            case "DoesNotExist":
                return not there
            case _:
                return False


Selector = tuple[Requirement, ...]
"""A label selector: all of its conditions; an empty one selects everything."""


@dataclass(frozen=True, slots=True)
class Role:
    """A Role or a ClusterRole."""

    kind: RoleKind
    name: str
    namespace: str = ""
    """Empty for a ClusterRole."""
    rules: tuple[Rule, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    aggregates: tuple[Selector, ...] | None = None
    """A ClusterRole's aggregationRule: it has the rules of what one of these selects. None: it has its own."""


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Whom a binding names; `namespace` is a service account's."""

    kind: SubjectKind
    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """A RoleBinding or a ClusterRoleBinding, with the role that it refers to."""

    kind: BindingKind
    name: str
    namespace: str
    """Empty for a ClusterRoleBinding."""
    role_kind: RoleKind
    role_name: str
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True)
class Policy:
    """Everything that RBAC decides by."""

    roles: tuple[Role, ...] = ()
    bindings: tuple[Binding, ...] = ()

    @classmethod
    def of(cls, objects: Iterable[Object]) -> "Policy":
        """From objects with a `kind`, in any order; what is not RBAC's is left out."""
        roles: list[Role] = []
        bindings: list[Binding] = []
        for item in objects:
            kind = item.get("kind")
            if kind in ("Role", "ClusterRole"):
                roles.append(role(kind, item))
            elif kind in ("RoleBinding", "ClusterRoleBinding"):
                bindings.append(binding(kind, item))
        return cls(tuple(roles), tuple(bindings))


def role(kind: RoleKind, item: Object) -> Role:
    """A Role or ClusterRole from its JSON."""
    metadata: Object = item["metadata"]
    aggregation = item.get("aggregationRule")
    return Role(
        kind=kind,
        name=metadata["name"],
        namespace=metadata.get("namespace", "") if kind == "Role" else "",
        rules=tuple(_rule(one) for one in item.get("rules") or ()),
        labels=tuple(sorted((metadata.get("labels") or {}).items())),
        aggregates=None
        if aggregation is None
        else tuple(_selector(one) for one in aggregation.get("clusterRoleSelectors") or ()),
    )


def binding(kind: BindingKind, item: Object) -> Binding:
    """A RoleBinding or ClusterRoleBinding from its JSON.

    A service account without a namespace is one of the RoleBinding's own.
    """
    metadata: Object = item["metadata"]
    namespace: str = metadata.get("namespace", "") if kind == "RoleBinding" else ""
    reference: Object = item["roleRef"]
    return Binding(
        kind=kind,
        name=metadata["name"],
        namespace=namespace,
        role_kind=reference["kind"],
        role_name=reference["name"],
        subjects=tuple(_subject(one, namespace) for one in item.get("subjects") or ()),
    )


def _subject(item: Object, binding_namespace: str) -> Subject:
    kind = cast("SubjectKind", item["kind"])
    namespace = (item.get("namespace") or binding_namespace) if kind == "ServiceAccount" else ""
    return Subject(kind, item["name"], namespace)


def _rule(item: Object) -> Rule:
    return Rule(
        verbs=tuple(item.get("verbs") or ()),
        api_groups=tuple(item.get("apiGroups") or ()),
        resources=tuple(item.get("resources") or ()),
        resource_names=tuple(item.get("resourceNames") or ()),
        non_resource_urls=tuple(item.get("nonResourceURLs") or ()),
    )


def _selector(item: Object) -> Selector:
    labels: Mapping[str, str] = item.get("matchLabels") or {}
    return (
        *(Requirement(key, "In", (value,)) for key, value in sorted(labels.items())),
        *(
            Requirement(one["key"], one["operator"], tuple(one.get("values") or ()))
            for one in item.get("matchExpressions") or ()
        ),
    )
