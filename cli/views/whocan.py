"""What `lab whocan` prints: a table and a few lines for a person, the same facts as JSON for a script."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from cli.views import whocan_tables as words
from grading.requests import ResourceRequest, UrlRequest
from operations.rbac.api_resources import VERBS
from operations.rbac.cluster_reader import Self
from operations.rbac.evaluator import Grant
from operations.rbac.iam_principals import AccessPolicy, Principal
from operations.rbac.identities import Identity
from operations.rbac.matrix import Cell, Row
from operations.rbac.objects import Binding, Subject
from stacks import tables
from stacks.console import out

CELLS: Final[dict[Cell, str]] = {
    "yes": "yes",
    "some names": "names",
    "beyond RBAC": "other",
    "no": "-",
    "no such verb": "",
}


ENTERING: Final = "IAM principals that enter so, with their access policies, which are not RBAC:"


class Answer(Protocol):
    """What a form of `whocan` has found out."""

    def print(self) -> None:
        """To stdout, for a person."""
        ...

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        ...


def show(answer: Answer, *, as_json: bool, unread: str = "") -> None:
    """Print an answer; `unread` says why the access entries are missing from it."""
    if as_json:
        out.print_json(json.dumps(answer.as_json() | {"access_entries_unread": unread or None}))
    else:
        answer.print()


@dataclass(frozen=True)
class WhoCan:
    """Who may make a request."""

    request: ResourceRequest | UrlRequest
    anywhere: bool
    grants: tuple[Grant, ...]
    by_get: tuple[Grant, ...]
    """Those who may do the same with the verb get alone, at this version of Kubernetes."""
    named: tuple[Grant, ...]
    """Those who may for objects of certain names, when the request names none."""
    principals: tuple[Principal, ...]
    """IAM principals behind the users and groups."""
    beyond: tuple[tuple[Principal, AccessPolicy], ...]
    """Access policies that may allow it too."""
    notes: tuple[str, ...]
    everybody: bool = False
    """Whether the control plane's own parts are shown to a person one by one."""

    def print(self) -> None:
        """To stdout, people and teams first; notes to stderr."""
        words.notes(self.notes)
        tables.prose(f"Who may {self._asked()}:")
        heads = ("kind", "subject", "namespace", "binding → role", "scope")
        folded = [] if self.everybody else [one for one in self.grants if words.is_controller(one)]
        tables.show(
            heads,
            (
                *words.entering(self.grants, self.principals),
                *(
                    (*words.who(one.subject), words.via(one.binding), words.scope(one.namespace))
                    for one in words.in_order(self.grants)
                    if one not in folded
                ),
            ),
        )
        if folded:
            names = len({one.subject for one in folded})
            tables.prose(f"and {names} controller{'' if names == 1 else 's'} of the control plane: --all")
        if self.by_get:
            tables.prose("They may do the same at this version of Kubernetes, by get over a WebSocket:")
            tables.show(
                heads,
                (
                    (*words.who(one.subject), words.via(one.binding), words.scope(one.namespace))
                    for one in words.in_order(self.by_get)
                ),
            )
        if self.named:
            tables.prose("Only for objects of these names:")
            tables.show(
                ("kind", "subject", "namespace", "binding → role", "scope", "names"),
                (
                    (*words.who(one.subject), words.via(one.binding), words.scope(one.namespace), words.names(one))
                    for one in words.in_order(self.named)
                ),
            )
        words.principals("IAM principals among them:", self.principals)
        if self.beyond:
            tables.prose("Not RBAC: these access policies of EKS may allow it too.")
            for principal, policy in self.beyond:
                tables.prose(f"  {principal.arn}: {policy}")

    def _asked(self) -> str:
        if isinstance(self.request, UrlRequest):
            return f"{self.request.verb} {self.request.path}"
        one = self.request
        what = f"{one.resource}/{one.subresource}" if one.subresource else one.resource
        group = f".{one.group}" if one.group else ""
        where = "in any namespace" if self.anywhere else f"in namespace {one.namespace}" if one.namespace else ""
        return " ".join(part for part in (one.verb, f"{what}{group}", one.name, where) if part)

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "request": asdict(self.request) | {"any_namespace": self.anywhere},
            "who": [words.grant_values(one) for one in self.grants],
            "who_by_get": [words.grant_values(one) for one in self.by_get],
            "who_by_name": [
                words.grant_values(one) | {"rules": [asdict(rule) for rule in one.rules]} for one in self.named
            ],
            "principals": [asdict(one) for one in self.principals],
            "access_policies": [{"principal": one.arn, **asdict(policy)} for one, policy in self.beyond],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Rules:
    """The rules of one subject with its groups, or of every bound subject by itself."""

    subject: Subject | None
    identity: Identity | None
    grants: tuple[Grant, ...]
    principals: tuple[Principal, ...]
    notes: tuple[str, ...] = ()

    def print(self) -> None:
        """To stdout; notes to stderr."""
        words.notes(self.notes)
        if self.identity:
            tables.prose(words.introduced(self.identity))
        tables.show(
            ("subject", "scope", "verbs", "resources or paths", "names", "binding → role"),
            (
                (words.full(one.subject), words.scope(one.namespace), *words.rule_cells(rule), words.via(one.binding))
                for one in self.grants
                for rule in one.rules
            ),
            none="No rules.",
        )
        words.principals(ENTERING, self.principals)
        words.node_note(self.identity)

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "subject": asdict(self.subject) if self.subject else None,
            "groups": list(self.identity.groups) if self.identity else None,
            "grants": [
                words.grant_values(one) | {"rules": [asdict(rule) for rule in one.rules]} for one in self.grants
            ],
            "principals": [asdict(one) for one in self.principals],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Matrix:
    """Resources against verbs for one identity; subject None: the caller's own."""

    subject: Subject | None
    identity: Identity
    namespace: str
    rows: tuple[Row, ...]
    principals: tuple[Principal, ...]
    notes: tuple[str, ...] = ()

    def print(self) -> None:
        """To stdout; notes to stderr."""
        words.notes(self.notes)
        where = f"in namespace {self.namespace}" if self.namespace else "outside namespaces"
        tables.prose(f"{words.introduced(self.identity)}; resources {where}")
        tables.show(("resource", *VERBS), ((row.resource, *(CELLS[cell] for cell in row.cells)) for row in self.rows))
        used = {cell for row in self.rows for cell in row.cells}
        if "some names" in used:
            tables.prose("names: for objects of certain names.")
        if "beyond RBAC" in used:
            tables.prose("other: not by RBAC; on EKS by an access policy.")
        words.principals(ENTERING, self.principals)
        words.node_note(self.identity)

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "user": self.identity.user,
            "groups": list(self.identity.groups),
            "namespace": self.namespace,
            "matrix": {row.resource: dict(zip(VERBS, row.cells, strict=True)) for row in self.rows},
            "principals": [asdict(one) for one in self.principals],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Bound:
    """A subject that a binding names."""

    subject: Subject
    binding: Binding
    role_missing: bool


@dataclass(frozen=True)
class Lookup:
    """Subjects with their bindings and roles."""

    found: tuple[Bound, ...]
    principals: tuple[Principal, ...]

    def print(self) -> None:
        """To stdout."""
        tables.show(
            ("kind", "subject", "namespace", "binding → role", "scope"),
            (
                (
                    *words.who(one.subject),
                    words.via(one.binding) + (" (there is no such role)" if one.role_missing else ""),
                    words.scope(one.binding.namespace),
                )
                for one in self.found
            ),
            none="No binding names such a subject.",
        )
        words.principals("IAM principals:", self.principals)

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "found": [
                asdict(one.subject) | words.binding_values(one.binding) | {"role_missing": one.role_missing}
                for one in self.found
            ],
            "principals": [asdict(one) for one in self.principals],
        }


@dataclass(frozen=True)
class Me:
    """Who the caller is, to the cluster and to AWS."""

    seen: Self
    arn: str
    """Empty when the caller did not come by IAM."""
    principal: Principal | None
    """What lets that ARN in; None also when it is not known."""

    def print(self) -> None:
        """To stdout."""
        rows = [("user", self.seen.identity.user)]
        rows += [("group", group) for group in self.seen.identity.groups]
        rows += [("AWS principal", self.arn or "none: you did not come by IAM")]
        if self.principal:
            rows.append(("comes in by", self.principal.source))
            rows += [("access policy", str(policy)) for policy in self.principal.policies]
        rows += [
            (name, ", ".join(values))
            for name, values in sorted(self.seen.extra.items())
            if any(values) and name != "arn"
        ]
        tables.show(("", ""), rows)

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "user": self.seen.identity.user,
            "uid": self.seen.uid,
            "groups": list(self.seen.identity.groups),
            "extra": {name: list(values) for name, values in self.seen.extra.items()},
            "aws_principal": self.arn or None,
            "principal": asdict(self.principal) if self.principal else None,
        }
