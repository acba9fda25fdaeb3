"""The words and tables that all forms of `lab whocan` share, and the plain values that they print as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from operations.rbac.evaluator import Grant
from operations.rbac.iam_principals import Principal
from operations.rbac.identities import NODES, Identity, user_name
from operations.rbac.objects import Binding, Rule, Subject
from stacks.console import err
from stacks.tables import prose

_SYSTEM: Final = "kube-system"
_OWN: Final = ("system:", "eks:")
"""How names begin that Kubernetes and EKS keep for themselves."""


def in_order(grants: Iterable[Grant]) -> list[Grant]:
    """People and teams first, then what Kubernetes and EKS have for themselves, their controllers last."""

    def place(grant: Grant) -> tuple[int, bool, Subject]:
        subject = grant.subject
        return 2 if is_controller(grant) else int(is_systems(subject)), grant.binding is not None, subject

    return sorted(grants, key=place)


def is_systems(subject: Subject) -> bool:
    """Whether Kubernetes or EKS has it for itself, by its name or by where it is."""
    return subject.name.startswith(_OWN) or subject.namespace == _SYSTEM


def is_controller(grant: Grant) -> bool:
    """Whether it is a part of the control plane that has its rights from Kubernetes or EKS: nobody can become it."""
    binding, subject = grant.binding, grant.subject
    if binding is None or subject.kind == "Group" or not binding.name.startswith(_OWN):
        return False
    return subject.namespace == _SYSTEM if subject.kind == "ServiceAccount" else subject.name.startswith(_OWN)


def entering(grants: Iterable[Grant], principals: Iterable[Principal]) -> list[tuple[str, str, str, str, str]]:
    """A row of the table for each IAM principal that comes in as one of the grants' groups or users; nodes left out."""
    rows: dict[tuple[str, str, str, str, str], None] = {}
    for one in principals:
        if NODES in one.groups:
            continue
        for grant in in_order(grants):
            if one.may_be(
                Identity(user_name(grant.subject), () if user_name(grant.subject) else (grant.subject.name,))
            ):
                kind = "account" if one.whole_account else "IAM role" if ":role/" in one.arn else "IAM user"
                how = f"comes in as {grant.subject.kind} {grant.subject.name} ({one.source})"
                name = one.arn.split(":")[4] if one.whole_account else one.arn.rpartition("/")[2]
                rows[kind, name, "", how, scope(grant.namespace)] = None
    return list(rows)


def who(subject: Subject) -> tuple[str, str, str]:
    """Kind, name, namespace."""
    return subject.kind, subject.name, subject.namespace


def full(subject: Subject) -> str:
    """`ServiceAccount dev-team/dev-k8s`, `User alice`."""
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    return f"{subject.kind} {name}"


def introduced(identity: Identity) -> str:
    """`User alice, groups devs, system:authenticated`."""
    groups = f"groups {', '.join(identity.groups)}" if identity.groups else "no groups"
    return f"User {identity.user}, {groups}" if identity.user else groups.capitalize()


def via(binding: Binding | None) -> str:
    """`RoleBinding read-pods → Role pod-reader`."""
    if binding is None:
        return "built into the API server"
    return f"{binding.kind} {binding.name} → {binding.role_kind} {binding.role_name}"


def scope(namespace: str) -> str:
    """Where a binding holds."""
    return f"namespace {namespace}" if namespace else "cluster"


def names(grant: Grant) -> str:
    """The names of objects that its rules are limited to."""
    return ", ".join(dict.fromkeys(name for rule in grant.rules for name in rule.resource_names))


def rule_cells(rule: Rule) -> tuple[str, str, str]:
    """Verbs; resources with their groups, or paths; names of objects."""
    verbs = ", ".join(rule.verbs)
    if rule.non_resource_urls:
        return verbs, ", ".join(rule.non_resource_urls), ""
    what = [f"{one}.{group}" if group else one for group in rule.api_groups for one in rule.resources]
    return verbs, ", ".join(what), ", ".join(rule.resource_names)


def notes(told: Iterable[str]) -> None:
    """What stands beside an answer: on stderr, a line each."""
    for note in told:
        prose(f"Note: {note}", to=err)


def principals(head: str, found: Sequence[Principal]) -> None:
    """A line for each principal under a head; nothing when there are none."""
    if found:
        prose(head)
    for one in found:
        groups = f", groups {', '.join(one.groups)}" if one.groups else ""
        policies = f"; {', '.join(map(str, one.policies))}" if one.policies else ""
        whose = f"every user and role of account {one.arn.split(':')[4]}" if one.whole_account else one.arn
        username = "its own ARN" if one.whole_account else one.username or "without a name"
        source = "aws-auth, mapAccounts" if one.whole_account else one.source
        unused = f"; of no effect: {one.no_effect}" if one.no_effect else ""
        prose(f"  {whose}: user {username}{groups} ({source}){policies}{unused}")


def node_note(identity: Identity | None) -> None:
    """Say what RBAC does not show of a node's rights."""
    if identity and NODES in identity.groups:
        prose("Nodes may do more: the API server's Node authorizer allows it, which no object shows.")


def grant_values(grant: Grant) -> dict[str, Any]:
    """A grant without its rules, as plain values."""
    return asdict(grant.subject) | binding_values(grant.binding)


def binding_values(binding: Binding | None) -> dict[str, Any]:
    """A binding with its role and scope, as plain values; None is what is built in."""
    if binding is None:
        return {"binding": None, "role": None, "scope": "cluster"}
    return {
        "binding": {"kind": binding.kind, "name": binding.name, "namespace": binding.namespace},
        "role": {"kind": binding.role_kind, "name": binding.role_name},
        "scope": "namespace" if binding.namespace else "cluster",
    }
