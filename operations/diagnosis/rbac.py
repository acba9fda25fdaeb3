"""What RBAC's objects in the cluster say of a request: who gives a right that must not be, what lacks for one that
must be. The rights are computed as `lab whocan` computes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grading.finding import Finding, Remedies
from grading.kube_api import ApiServer
from grading.outcomes import Done
from grading.requests import Request, ResourceRequest
from operations.rbac.evaluator import Evaluator, Grant
from operations.rbac.identities import Identity
from operations.rbac.objects import Binding, BindingKind, Policy, RoleKind, Subject
from operations.rbac.rules import rule_allows

_BASE: Final = "/apis/rbac.authorization.k8s.io/v1"
_KINDS: Final = ("ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding")
_ENGINE: Final = "pulumi-kubernetes-"
"""How the field manager of the engine's Kubernetes provider begins."""

_SYSTEM: Final = ("kube-apiserver", "eks", "kube-controller-manager", "helm")
"""Field managers that are no person."""


@dataclass(frozen=True)
class Wanted:
    """The binding by which an exercise gives a right."""

    kind: BindingKind
    name: str
    namespace: str
    role_kind: RoleKind
    role_name: str
    subject: Subject


class Rbac:
    """RBAC's objects as they stand, and who made them."""

    def __init__(self, api: ApiServer) -> None:
        """Raises LookupError, whose text says why, when they cannot be read."""
        objects: list[dict[str, Any]] = []
        for kind in _KINDS:
            answer = api.request("GET", f"{_BASE}/{kind.lower()}s")
            if not isinstance(answer, Done):
                raise LookupError(f"{kind}s cannot be read: {answer.shown}")
            objects.extend({**item, "kind": kind} for item in answer.value.get("items") or ())
        self._metadata = {
            (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one["metadata"]
            for one in objects
        }
        self._evaluator = Evaluator(Policy.of(objects))

    def granting(self, identity: Identity, request: Request, remedies: Remedies) -> Iterator[Finding]:
        """Why this is allowed."""
        for grant in self._evaluator.who_can(request):
            if identity.is_one_of(grant.subject) and grant.binding is not None:
                yield self._gives(grant, grant.binding, remedies)

    def lacking(self, wanted: Wanted, request: Request, remedies: Remedies) -> Iterator[Finding]:
        """Why this is not allowed by the binding that is to give it."""
        where = _where(wanted.namespace)
        name = f"{wanted.kind} {wanted.name}"
        bindings = self._evaluator.policy.bindings
        found = [one for one in bindings if (one.kind, one.namespace, one.name) == _key(wanted)]
        remedy = remedies.put_back if not wanted.name.startswith("system:") else _by_hand(wanted)
        if not found:
            yield Finding(f"{name} is missing{where}", remedy)
            return
        (binding,) = found
        if wanted.subject not in binding.subjects:
            named = ", ".join(_subject(one) for one in binding.subjects) or "nobody"
            yield Finding(f"{name}{where} names {named}, not {_subject(wanted.subject)}", remedy)
        role = self._evaluator.role_of(binding)
        given = f"{binding.role_kind} {binding.role_name}"
        if (binding.role_kind, binding.role_name) != (wanted.role_kind, wanted.role_name):
            yield Finding(f"{name}{where} refers to {given}, not to {wanted.role_kind} {wanted.role_name}", remedy)
        elif role is None:
            yield Finding(f"{given} is missing{where}", remedy)
        elif not any(rule_allows(rule, request) for rule in role.rules):
            yield Finding(f"{given}{where} does not allow to {_words(request)}", remedy)

    def _gives(self, grant: Grant, binding: Binding, remedies: Remedies) -> Finding:
        manager = self._maker(binding)
        name = f"{binding.kind} {binding.name}{_where(binding.namespace)}"
        role = f"{binding.role_kind} {binding.role_name}"
        to = "" if grant.subject.kind != "Group" else f" to {_subject(grant.subject)}"
        if manager == "hand":
            where = f" -n {binding.namespace}" if binding.namespace else ""
            delete = f"kubectl delete {binding.kind.lower()} {binding.name}{where}"
            return Finding(f"{name}, made by hand, gives it{to} ({role})", delete)
        if manager == "lab":
            return Finding(f"{name} gives it{to} ({role}), which the lab did not make so", remedies.put_back)
        edit = f"kubectl edit {binding.kind.lower()} {binding.name}"
        return Finding(f"{name}, which belongs to Kubernetes, gives it{to} ({role})", f"{edit}, and undo the change")

    def _maker(self, binding: Binding) -> str:
        """lab, system or hand."""
        metadata = self._metadata.get(_key(binding), {})
        managers = [str(each.get("manager", "")) for each in metadata.get("managedFields") or ()]
        if any(each.startswith(_ENGINE) for each in managers):
            return "lab"
        labels = metadata.get("labels") or {}
        known = any(each in _SYSTEM for each in managers) or "kubernetes.io/bootstrapping" in labels
        return "system" if known else "hand"


def _key(one: Binding | Wanted) -> tuple[str, str, str]:
    return one.kind, one.namespace, one.name


def _by_hand(wanted: Wanted) -> str:
    """What Kubernetes itself has made is none of the engine's to put back."""
    name = wanted.name.removeprefix("system:")
    return (
        f"kubectl create clusterrolebinding {name} --clusterrole={wanted.role_name} --group={wanted.subject.name} "
        "gives it again"
    )


def _where(namespace: str) -> str:
    return f" in {namespace}" if namespace else ""


def _subject(subject: Subject) -> str:
    return f"{subject.kind} {subject.name}"


def _words(request: Request) -> str:
    if not isinstance(request, ResourceRequest):
        return f"{request.verb} {request.path}"
    return "do everything" if request.verb == "*" else f"{request.verb} {request.resource}"
