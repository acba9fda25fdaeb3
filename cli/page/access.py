"""Who may do what, as the page shows it: a table of subjects by resources, and for one subject where each right comes
from. It is computed from roles and bindings, as `lab whocan` does; the reading alone asks the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from cli.page.look import EXPECTED, Problem, problem_of
from cli.views import whocan_tables
from grading.requests import ResourceRequest
from operations.rbac import iam_principals
from operations.rbac.api_resources import VERBS, Resource
from operations.rbac.cluster_reader import NotAsked, Reader
from operations.rbac.evaluator import Evaluator, Grant
from operations.rbac.iam_principals import Principal
from operations.rbac.identities import AUTHENTICATED, Identity, user_name
from operations.rbac.objects import Policy, Subject
from operations.rbac.rules import rule_allows, rule_allows_some_names
from stacks.outputs import outputs_of
from stacks.stack import load

LETTERS: Final = dict(zip(VERBS, ("G", "L", "W", "C", "U", "P", "D", "DC"), strict=True))
"""Verb → the letter by which kubectl rbac-view, and so the study note, calls it."""

FIRST: Final = (
    "pods",
    "pods/exec",
    "secrets",
    "configmaps",
    "serviceaccounts",
    "serviceaccounts/token",
    "deployments.apps",
    "nodes",
    "nodes/proxy",
    "namespaces",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
)
"""Columns that are shown where no filter names others: what leads to other rights, and what people work with."""

MOST_ROWS: Final = 200
MOST_COLUMNS: Final = 30
"""More than these nobody reads; a filter leads to the others."""

_PREFIX: Final = {"User": "user", "Group": "group", "ServiceAccount": "sa"}


@dataclass(frozen=True)
class Access:
    """What the cluster and EKS tell."""

    option: str
    policy: Policy | None
    resources: tuple[Resource, ...] = ()
    principals: tuple[Principal, ...] = ()
    unread: str = ""
    """Why the IAM principals could not be asked for; empty: they were."""

    problem: Problem | None = None


@dataclass(frozen=True)
class Filters:
    """What of the table is wanted; every text is a part of a name, in any case."""

    subject: str = ""
    scope: str = ""
    """A namespace, or `cluster`."""

    resource: str = ""
    own: bool = False
    """Show also what Kubernetes and EKS have for themselves."""


Held = Literal["all", "some names"]


@dataclass(frozen=True)
class Letter:
    """One verb that is allowed."""

    verb: str
    letter: str
    held: Held
    """some names: for objects of certain names alone."""


@dataclass(frozen=True)
class Row:
    """What a subject has by the bindings of one scope that name it."""

    subject: Subject
    key: str
    scope: str
    cells: tuple[tuple[Letter, ...], ...]


@dataclass(frozen=True)
class Table:
    """Subjects by resources."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    more_rows: int
    """How many rows the filters leave beside those that are shown."""

    more_columns: int


@dataclass(frozen=True)
class Way:
    """A binding by which something is allowed."""

    letters: tuple[Letter, ...]
    grant: Grant

    @property
    def via(self) -> str:
        """`RoleBinding read-pods → Role pod-reader`."""
        return whocan_tables.via(self.grant.binding)

    @property
    def scope(self) -> str:
        """Where it holds."""
        return whocan_tables.scope(self.grant.namespace)

    @property
    def subject(self) -> str:
        """Whom the binding names: the subject, or a group of its."""
        return whocan_tables.full(self.grant.subject)

    @property
    def names(self) -> str:
        """Names of objects to which it is limited."""
        return whocan_tables.names(self.grant)


@dataclass(frozen=True)
class Right:
    """What a subject may do with one resource, and by which bindings."""

    resource: str
    letters: tuple[Letter, ...]
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Path:
    """How an IAM principal comes to its rights."""

    principal: Principal
    identity: Identity
    grants: tuple[Grant, ...]

    @property
    def bindings(self) -> list[tuple[str, str, str]]:
        """Whom a binding names, the binding with its role, and where it holds; without what everybody has."""
        return [
            (
                whocan_tables.full(each.subject),
                whocan_tables.via(each.binding),
                whocan_tables.scope(each.namespace),
            )
            for each in self.grants
            if not _is_everybodys(each)
        ]

    @property
    def everybodys(self) -> int:
        """How many bindings Kubernetes itself has for everybody who comes in."""
        return sum(map(_is_everybodys, self.grants))


def read(name: str) -> Access:
    """Roles, bindings, resources and principals of a stack's cluster; the problem says why there are none."""
    try:
        chosen = load(name)
    except EXPECTED as error:
        return Access(f" -s {name}", None, problem=problem_of(error))
    try:
        with outputs_of(chosen) as (outputs, _):
            reader = Reader(outputs["kubeconfig"])
            found = Access(chosen.option, reader.policy(), reader.catalogue().resources)
            try:
                entering = iam_principals.of_cluster(outputs["clusterName"], outputs["region"], reader.aws_auth())
                return replace(found, principals=entering)
            except NotAsked as error:
                return replace(found, unread=str(error))
    except NotAsked as error:
        return Access(chosen.option, None, problem=Problem(str(error)))
    except EXPECTED as error:
        return Access(chosen.option, None, problem=problem_of(error))


def key(subject: Subject) -> str:
    """As `lab whocan` reads it: user:NAME, group:NAME or sa:NAMESPACE/NAME."""
    place = f"{subject.namespace}/" if subject.kind == "ServiceAccount" else ""
    return f"{_PREFIX[subject.kind]}:{place}{subject.name}"


def table(access: Access, filters: Filters) -> Table:
    """Subjects by resources, people and teams first; without what no filter leaves."""
    policy = access.policy or Policy((), ())
    evaluator = Evaluator(policy)
    grants = whocan_tables.in_order(evaluator.rules_by_subject(lambda one: _is_wanted(one, filters)))
    by_row: dict[tuple[Subject, str], list[Grant]] = {}
    for grant in grants:
        scope = grant.namespace or "cluster"
        if _in(filters.scope, scope) and (filters.own or not whocan_tables.is_systems(grant.subject)):
            by_row.setdefault((grant.subject, scope), []).append(grant)
    columns = [each for each in _requests(access.resources) if _is_column(each, filters)]
    shown = columns[:MOST_COLUMNS]
    rows = [
        Row(subject, key(subject), scope, tuple(letters(of, column) for column in shown))
        for (subject, scope), of in list(by_row.items())[:MOST_ROWS]
    ]
    return Table(
        tuple(map(name_of, shown)),
        tuple(rows),
        len(by_row) - len(rows),
        len(columns) - len(shown),
    )


def identity_of(access: Access, subject: Subject) -> Identity:
    """The subject with the groups that Kubernetes and EKS give it."""
    return Identity.of(subject, iam_principals.groups_of(user_name(subject), access.principals))


def rights(access: Access, identity: Identity) -> tuple[Right, ...]:
    """Everything that an identity may do with resources, by its own bindings and its groups'."""
    grants = Evaluator(access.policy or Policy((), ())).rules_of(identity)
    found = ((each, [(letters([grant], each), grant) for grant in grants]) for each in _requests(access.resources))
    return tuple(
        Right(name_of(each), _together(told for told, _ in of), tuple(Way(told, grant) for told, grant in of if told))
        for each, of in found
        if any(told for told, _ in of)
    )


def paths(access: Access, identity: Identity | None = None) -> tuple[Path, ...]:
    """How each IAM principal comes to its rights; with an identity, those that come in as that."""
    evaluator = Evaluator(access.policy or Policy((), ()))
    entering = [each for each in access.principals if identity is None or each.may_be(identity)]
    return tuple(Path(each, as_one := _entered(each), evaluator.rules_of(as_one)) for each in entering)


def letters(grants: Sequence[Grant], asked: ResourceRequest) -> tuple[Letter, ...]:
    """The verbs that these grants allow for a resource, where they hold."""
    rules = [rule for grant in grants for rule in grant.rules]
    found: list[Letter] = []
    for verb, letter in LETTERS.items():
        request = replace(asked, verb=verb)
        if any(rule_allows(rule, request) for rule in rules):
            found.append(Letter(verb, letter, "all"))
        elif any(rule_allows_some_names(rule, request) for rule in rules):
            found.append(Letter(verb, letter, "some names"))
    return tuple(found)


def name_of(request: ResourceRequest) -> str:
    """pods/exec, deployments.apps."""
    part = f"/{request.subresource}" if request.subresource else ""
    return f"{request.resource}{part}.{request.group}" if request.group else f"{request.resource}{part}"


def _requests(resources: Iterable[Resource]) -> list[ResourceRequest]:
    """Each resource that can be asked for and each of its parts, in the order of FIRST, then by name."""
    found = [ResourceRequest("", one.group, one.name, part) for one in resources if one.verbs for part in _parts(one)]
    order = {name: number for number, name in enumerate(FIRST)}
    return sorted(found, key=lambda each: (order.get(name_of(each), len(FIRST)), each.group, name_of(each)))


def _parts(resource: Resource) -> list[str]:
    more = ["proxy"] if resource.full_name == "nodes" else []
    return list(dict.fromkeys(["", *(each.name for each in resource.subresources), *more]))


def _is_column(request: ResourceRequest, filters: Filters) -> bool:
    name = name_of(request)
    return _in(filters.resource, name) if filters.resource else name in FIRST


def _is_wanted(subject: Subject, filters: Filters) -> bool:
    return _in(filters.subject, key(subject))


def _in(part: str, text: str) -> bool:
    return part.strip().lower() in text.lower()


def _is_everybodys(grant: Grant) -> bool:
    """Whether Kubernetes gives it to every user; a binding to that group that somebody made is none of these."""
    binding = grant.binding
    return grant.subject.name == AUTHENTICATED and binding is not None and binding.name.startswith("system:")


def _entered(principal: Principal) -> Identity:
    if principal.no_effect:
        return Identity()
    return Identity.of(Subject("User", principal.username), principal.groups)


def _together(several: Iterable[tuple[Letter, ...]]) -> tuple[Letter, ...]:
    held: dict[str, Letter] = {}
    for each in (letter for of in several for letter in of):
        if each.verb not in held or each.held == "all":
            held[each.verb] = each
    return tuple(held[verb] for verb in LETTERS if verb in held)
