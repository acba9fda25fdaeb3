"""The words and tables that all forms of `lab whocan` share, and the plain values that they print as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from cli.console import err
from cli.tables import line
from exercises.access.evaluate import Grant
from exercises.access.identities import NODES, Identity
from exercises.access.objects import Binding, Rule, Subject
from exercises.access.principals import Principal


def in_order(grants: Iterable[Grant]) -> list[Grant]:
    """What is built in first, what Kubernetes binds for its own parts last."""

    def place(grant: Grant) -> tuple[bool, bool, Subject]:
        binding = grant.binding
        return binding is not None, binding is not None and binding.name.startswith("system:"), grant.subject

    return sorted(grants, key=place)


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
        err.print(f"Note: {note}", markup=False)


def principals(head: str, found: Sequence[Principal]) -> None:
    """A line for each principal under a head; nothing when there are none."""
    if found:
        line(head)
    for one in found:
        groups = f", groups {', '.join(one.groups)}" if one.groups else ""
        policies = f"; {', '.join(map(str, one.policies))}" if one.policies else ""
        line(f"  {one.arn}: user {one.username}{groups} ({one.source}){policies}")


def node_note(identity: Identity | None) -> None:
    """Say what RBAC does not show of a node's rights."""
    if identity and NODES in identity.groups:
        line("Nodes may do more: the API server's Node authorizer allows it, which no object shows.")


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
