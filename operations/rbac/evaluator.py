"""Answers questions about access from a policy alone, as the API server's RBAC authorizer decides.

RBAC only ever allows: an answer is the bindings that allow something, and none
is a refusal. Nothing here asks a cluster; a property test holds the answers to
those of a real API server.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from grading.requests import Request, ResourceRequest
from operations.rbac.identities import MASTERS, Identity, user_name
from operations.rbac.objects import Binding, Policy, Role, Rule, Subject
from operations.rbac.rules import rule_allows, rule_allows_some_names


@dataclass(frozen=True, slots=True)
class Grant:
    """Rules that a subject has by a binding."""

    subject: Subject
    binding: Binding | None
    """None: built into the API server."""
    rules: tuple[Rule, ...]

    @property
    def namespace(self) -> str:
        """The one namespace in which it holds; empty when it holds everywhere."""
        return self.binding.namespace if self.binding else ""


BUILT_IN: Final = Grant(
    Subject("Group", MASTERS),
    None,
    (
        Rule(verbs=("*",), api_groups=("*",), resources=("*",)),
        Rule(verbs=("*",), non_resource_urls=("*",)),
    ),
)
"""What system:masters may do: everything, with no binding."""


class Evaluator:
    """A policy with its indexes; making one takes time linear in the policy's size, an answer takes less."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._roles = {(role.kind, role.namespace, role.name): role for role in policy.roles}

    def role_of(self, binding: Binding) -> Role | None:
        """The role that a binding refers to; None when it does not exist: such a binding gives nothing."""
        namespace = binding.namespace if binding.role_kind == "Role" else ""
        return self._roles.get((binding.role_kind, namespace, binding.role_name))

    def allowed_by(self, identity: Identity, request: Request) -> Grant | None:
        """The first grant by which an identity may do this; None when RBAC does not allow it."""
        if MASTERS in identity.groups:
            return BUILT_IN
        for binding, subject in self._bound(identity):
            if binding.namespace in ("", _namespace(request)):
                role = self.role_of(binding)
                for rule in role.rules if role else ():
                    if rule_allows(rule, request):
                        return Grant(subject, binding, (rule,))
        return None

    def who_can(self, request: Request, *, anywhere: bool = False) -> tuple[Grant, ...]:
        """Every subject that may do this, with the binding and the rules that allow it.

        `anywhere` takes the bindings of every namespace, whatever namespace the request names: each grant's
        own namespace then says where it holds.
        """
        return (BUILT_IN, *self._grants(request, anywhere, rule_allows))

    def who_can_by_name(self, request: Request, *, anywhere: bool = False) -> tuple[Grant, ...]:
        """Subjects that may do this for objects of certain names only, by rules that name them."""
        return tuple(self._grants(request, anywhere, rule_allows_some_names))

    def rules_of(self, identity: Identity) -> tuple[Grant, ...]:
        """Everything that an identity has in any namespace, a grant a binding: its own first, then its groups'."""
        built_in = (BUILT_IN,) if MASTERS in identity.groups else ()
        return (
            *built_in,
            *(
                Grant(subject, binding, role.rules)
                for binding, subject in self._bound(identity)
                if (role := self.role_of(binding))
            ),
        )

    def rules_by_subject(self, wanted: Callable[[Subject], bool]) -> tuple[Grant, ...]:
        """What each wanted subject has by bindings that name it, without what its groups give it."""
        built_in = (BUILT_IN,) if wanted(BUILT_IN.subject) else ()
        return (
            *built_in,
            *(
                Grant(subject, binding, role.rules)
                for subject, binding in self.bound_subjects
                if wanted(subject) and (role := self.role_of(binding))
            ),
        )

    @cached_property
    def bound_subjects(self) -> tuple[tuple[Subject, Binding], ...]:
        """Every subject with each binding that names it, by kind and name."""
        pairs = ((subject, binding) for binding in self.policy.bindings for subject in dict.fromkeys(binding.subjects))
        return tuple(sorted(pairs, key=lambda pair: (pair[0], pair[1].namespace, pair[1].name)))

    @cached_property
    def _by_subject(self) -> dict[tuple[bool, str], list[tuple[Binding, Subject]]]:
        """Bindings by whether a group is meant and by the name of the group or user."""
        found: dict[tuple[bool, str], list[tuple[Binding, Subject]]] = defaultdict(list)
        for binding in self.policy.bindings:
            for subject in dict.fromkeys(binding.subjects):
                is_group = subject.kind == "Group"
                found[is_group, subject.name if is_group else user_name(subject)].append((binding, subject))
        return found

    def _bound(self, identity: Identity) -> Iterator[tuple[Binding, Subject]]:
        if identity.user:
            yield from self._by_subject.get((False, identity.user), ())
        for group in identity.groups:
            yield from self._by_subject.get((True, group), ())

    def _grants(self, request: Request, anywhere: bool, allows: Callable[[Rule, Request], bool]) -> Iterator[Grant]:
        namespaces = ("", _namespace(request))
        # A URL is in no namespace, so no RoleBinding can be about one.
        anywhere = anywhere and isinstance(request, ResourceRequest)
        known: dict[int, tuple[Rule, ...]] = {}
        for binding in self.policy.bindings:
            if not anywhere and binding.namespace not in namespaces:
                continue
            role = self.role_of(binding)
            if role is None:
                continue
            if id(role) not in known:
                known[id(role)] = tuple(rule for rule in role.rules if allows(rule, request))
            if known[id(role)]:
                for subject in dict.fromkeys(binding.subjects):
                    if subject.kind == "Group" or user_name(subject):
                        yield Grant(subject, binding, known[id(role)])


def _namespace(request: Request) -> str:
    return request.namespace if isinstance(request, ResourceRequest) else ""
