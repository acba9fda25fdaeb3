"""What was done by hand since an exercise stands, and what no update takes back: objects that were added beside, and
what the lab does not keep in its state and its pods need.

Policies and webhooks come first: while one refuses everything, nothing else can be put right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from exercises.made import made
from stacks.cluster_facts import Ask
from stacks.cluster_objects import Kind, Objects
from stacks.errors import CannotAsk
from stacks.exercise_state import Held, key
from stacks.pending_operations import Json

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    # No policy and no webhook is asked about a policy; about a webhook, policies are.
    "admissionregistration.k8s.io": (
        *("validatingadmissionpolicybindings", "validatingadmissionpolicies"),
        *("mutatingadmissionpolicybindings", "mutatingadmissionpolicies"),
        *("validatingwebhookconfigurations", "mutatingwebhookconfigurations"),
    ),
    "apiregistration.k8s.io": ("apiservices",),
    "flowcontrol.apiserver.k8s.io": ("flowschemas", "prioritylevelconfigurations"),
    "scheduling.k8s.io": ("priorityclasses",),
    "rbac.authorization.k8s.io": ("clusterrolebindings", "rolebindings", "clusterroles", "roles"),
    "": ("resourcequotas", "limitranges"),
    "networking.k8s.io": ("networkpolicies",),
    "policy": ("poddisruptionbudgets",),
}
"""API group → its kinds that make rules for others, in the order in which they go."""

_IN_THE_WAY: Final = ("admissionregistration.k8s.io", "apiregistration.k8s.io")

PREFIX: Final = "owasp-"
"""How the names of the exercises about OWASP's list begin; the exercise's own name follows."""

EXERCISE_LABEL: Final = "lab.myeks/exercise"
_SYSTEM: Final = ("system:", "eks:", "eks-")
_MACHINES: Final = ("eks", "kube-", "kubelet", "helm", "pulumi-kubernetes-", "api-priority-and-fairness")
"""Beginnings of the field managers of those who make objects by themselves."""

_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_OF_THE_SERVER: Final = ("kubernetes.io/bootstrapping", "kube-aggregator.kubernetes.io/automanaged")
_POD_SECURITY: Final = "pod-security.kubernetes.io/"
_NODES: Final = "/api/v1/nodes"
_WHOAMI: Final = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
_ROUNDED: Final = timedelta(seconds=2)
"""Moments of the API server and of the engine's state have no fractions."""


@dataclass(frozen=True)
class Trace:
    """Something that was done by hand."""

    about: str
    """For the user: what it is."""

    undo: Callable[[], object]
    """Takes it back. Raises CannotAsk and Failure."""


def in_cluster(objects: Objects, held: Held, exercise: str, since: datetime) -> Iterator[Trace]:
    """What was done in the cluster, in the order in which it is to be taken back. Raises CannotAsk.

    Args:
        objects: the cluster's.
        held: what the engine's state has of the exercise.
        exercise: its name.
        since: nothing that is older, by the API server's clock, was done by hand in it.
    """
    for kind in _rule_kinds(objects, GROUPS):
        for found in (objects.get(kind.path()) or {}).get("items") or []:
            if _is_by_hand(found, kind, held, exercise, since):
                yield _deletion(objects, kind, found)
    yield from _namespaces(objects, held, exercise)
    yield from _not_the_labs(objects, held, exercise)
    for name in sorted(held.namespaces - held.own_namespaces):
        yield from _shared_namespace(objects, name)
    for node in (objects.get(_NODES) or {}).get("items") or []:
        yield from _node(objects, node)


def is_changed(found: Json) -> bool:
    """Whether somebody who makes no objects by themselves has changed an object, or is deleting it."""
    meta: Mapping[str, Any] = found["metadata"]
    managers = (str(each.get("manager")) for each in meta.get("managedFields") or [] if not each.get("subresource"))
    return "deletionTimestamp" in meta or any(not each.startswith(_MACHINES) for each in managers)


def by_the_servers_clock(ask: Ask, moment: datetime) -> datetime:
    """A moment of this machine's clock as the API server had it; as it is where that does not tell its own."""
    try:
        told = ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", _WHOAMI)
        there = datetime.fromisoformat(told["metadata"]["creationTimestamp"].replace("Z", "+00:00"))
    except (CannotAsk, KeyError, TypeError, ValueError, AttributeError):
        return moment - _ROUNDED
    return moment + (there - datetime.now(UTC)) - _ROUNDED


def in_the_way(objects: Objects, held: Held, since: datetime) -> Iterator[Trace]:
    """Policies, webhooks and APIs that may keep others from being deleted. Raises CannotAsk; arguments as above."""
    for kind in _rule_kinds(objects, _IN_THE_WAY):
        for found in (objects.get(kind.path()) or {}).get("items") or []:
            if _is_by_hand(found, kind, held, "", since):
                yield _deletion(objects, kind, found)


def _rule_kinds(objects: Objects, groups: Iterable[str]) -> Iterator[Kind]:
    for group in groups:
        plurals = GROUPS[group]
        mine = {each.plural: each for each in objects.kinds if _group_of(each) == group}
        yield from (mine[each] for each in plurals if each in mine)


def _group_of(kind: Kind) -> str:
    return "" if kind.base == "/api/v1" else kind.base.split("/")[2]


def _is_by_hand(found: Json, kind: Kind, held: Held, exercise: str, since: datetime) -> bool:
    meta: Mapping[str, Any] = found["metadata"]
    labels: Mapping[str, str] = meta.get("labels") or {}
    name, namespace = str(meta["name"]), str(meta.get("namespace") or "")
    return not (
        (kind.kind, namespace, name) in held.keys
        or namespace in held.foreign_namespaces
        or _is_another_exercises(namespace or name, exercise)
        or name.startswith(_SYSTEM)
        or labels.get(_MANAGED_BY) in ("Helm", "EKS")
        or any(each in labels for each in _OF_THE_SERVER)
        or meta.get("ownerReferences")
        or _maker(meta).startswith(_MACHINES)
        or datetime.fromisoformat(meta["creationTimestamp"].replace("Z", "+00:00")) < since
    )


def _is_another_exercises(name: str, exercise: str) -> bool:
    """Whether the name begins as another exercise's do; no exercise is no other."""
    mine = f"{PREFIX}{exercise}"
    return bool(exercise) and name.startswith(PREFIX) and name != mine and not name.startswith(f"{mine}-")


def _maker(meta: Mapping[str, Any]) -> str:
    """The field manager that made an object; empty where the object names none."""
    entries = [each for each in meta.get("managedFields") or [] if not each.get("subresource")]
    first = min(entries, key=lambda each: each.get("time") or "", default={})
    return str(first.get("manager") or "")


def _deletion(objects: Objects, kind: Kind, found: Json) -> Trace:
    meta = found["metadata"]
    namespace = meta.get("namespace") or ""
    path = kind.path(namespace, meta["name"])
    where = f" in namespace {namespace}" if namespace else ""
    return Trace(f"{kind.kind} {meta['name']}{where}", lambda: objects.remove(path))


def _namespaces(objects: Objects, held: Held, exercise: str) -> Iterator[Trace]:
    """Namespaces beside the exercise's own that bear its name or its label."""
    for each in (objects.get("/api/v1/namespaces") or {}).get("items") or []:
        name, labels = each["metadata"]["name"], each["metadata"].get("labels") or {}
        mine = f"{PREFIX}{exercise}"
        bears = name == mine or name.startswith(f"{mine}-") or labels.get(EXERCISE_LABEL) == exercise
        if bears and ("Namespace", "", name) not in held.keys and not name.startswith("kube-") and name != "default":
            yield Trace(f"Namespace {name}", lambda name=name: objects.remove_namespaces([name]))


def _not_the_labs(objects: Objects, held: Held, exercise: str) -> Iterator[Trace]:
    """What the exercise makes at any of its stages, and what stands under that name and the lab did not make."""
    mine = [each for each in made() if each.exercise == exercise and key(each.manifest) not in held.keys]
    going = held.own_namespaces | {each.name for each in mine if each.kind == "Namespace"}
    for each in mine:
        path = objects.path_of(each.manifest)
        if not path or each.namespace in going or not objects.get(path):
            continue
        if each.kind != "Namespace":
            yield Trace(f"{each.kind} {each.id}", lambda path=path: objects.remove(path))
        elif not each.name.startswith(PREFIX):
            yield Trace(f"Namespace {each.name}", lambda name=each.name: objects.remove_namespaces([name]))


def _shared_namespace(objects: Objects, name: str) -> Iterator[Trace]:
    """What pods of the exercise get from a namespace that is not its own."""
    path = f"/api/v1/namespaces/{name}"
    labels: Mapping[str, str] = (objects.get(path) or {"metadata": {}})["metadata"].get("labels") or {}
    if added := {each: None for each in labels if each.startswith(_POD_SECURITY)}:
        change = {"metadata": {"labels": added}}
        yield Trace(f"labels of namespace {name}: {', '.join(added)}", lambda: objects.patch(path, change))
    account = f"{path}/serviceaccounts/default"
    found = objects.get(account)
    if found and (found["metadata"].get("annotations") or found.keys() - {"metadata", "apiVersion", "kind"}):
        # A controller makes it again at once, as it was.
        yield Trace(f"ServiceAccount {name}/default", lambda: _made_again(objects, account))


def _made_again(objects: Objects, account: str) -> None:
    change = {"metadata": {"annotations": None}, "automountServiceAccountToken": None, "imagePullSecrets": None}
    objects.patch(account, {**change, "secrets": None})


def _node(objects: Objects, node: Json) -> Iterator[Trace]:
    """A node that takes no pods any more."""
    name, spec = node["metadata"]["name"], node.get("spec") or {}
    taints: list[Mapping[str, Any]] = spec.get("taints") or []
    by_hand = [each for each in taints if not str(each["key"]).partition("/")[0].endswith(_TAINT_OWNERS)]
    if spec.get("unschedulable") or by_hand:
        kept = [each for each in taints if each not in by_hand and each["key"] != _UNSCHEDULABLE]
        change = {"spec": {"unschedulable": None, "taints": kept or None}}
        yield Trace(f"Node {name} takes no pods", lambda: objects.patch(f"{_NODES}/{name}", change))


_TAINT_OWNERS: Final = ("kubernetes.io", "k8s.io", "amazonaws.com", "lab.myeks")
"""Ends of the prefixes of taints that nobody makes by hand: the last one is that of an exercise's own node."""

_UNSCHEDULABLE: Final = "node.kubernetes.io/unschedulable"
