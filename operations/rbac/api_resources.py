"""The resources that an API server serves, and which one a person means by a name.

Names are read as kubectl reads them: plural, singular, short name or kind,
with the API group after a dot where it matters (deployments.apps, deploy,
Deployment). Where groups share a name, the first in the server's own order is
meant; the core group comes first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
"""The verbs of requests, in the order of the study note's table."""
SPECIAL_VERBS: Final = frozenset({"*", "use", "bind", "escalate", "impersonate", "approve", "sign", "attest"})
"""Verbs that no request has, but that the API server asks its authorizer about (Authorization reference, v1.36)."""
URL_VERBS: Final = frozenset({"*", "get", "head", "options", "post", "put", "patch", "delete"})
KUBELET: Final = ("log", "metrics", "proxy", "stats", "checkpoint", "configz", "healthz", "pods")
"""Subresources of nodes that a kubelet asks about (kubelet authentication/authorization, v1.36); discovery has none."""


class UnknownResource(ValueError):
    """The server has no such resource; the text says so and what to do."""


@dataclass(frozen=True, slots=True)
class Subresource:
    """A part of a resource with rights of its own, such as pods/exec."""

    name: str
    verbs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one API group."""

    name: str
    """Plural."""
    group: str = ""
    """The core group is the empty text."""
    namespaced: bool = True
    verbs: tuple[str, ...] = ()
    """What the server serves; none for what exists for its authorizer alone."""
    kind: str = ""
    singular: str = ""
    short_names: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()

    @property
    def full_name(self) -> str:
        """deployments.apps; pods."""
        return f"{self.name}.{self.group}" if self.group else self.name

    def is_called(self, name: str) -> bool:
        """Whether a name without a group, in lower case, is one of this resource's."""
        return bool(name) and name in (self.name, self.singular, self.kind.lower(), *self.short_names)


VIRTUAL: Final = (
    Resource("users", namespaced=False),
    Resource("groups", namespaced=False),
    Resource("uids", "authentication.k8s.io", namespaced=False),
    Resource("userextras", "authentication.k8s.io", namespaced=False),
    Resource("signers", "certificates.k8s.io", namespaced=False),
)
"""What only rules know: whom one may impersonate, and for which signer one may approve or sign."""


@dataclass(frozen=True)
class Meant:
    """What a person means by RESOURCE[/SUBRESOURCE]."""

    resource: Resource
    subresource: str = ""
    others: tuple[Resource, ...] = field(default=())
    """Resources of other groups that the same name could mean."""


@dataclass(frozen=True)
class Catalogue:
    """Every resource that a server serves, in the server's order."""

    resources: tuple[Resource, ...]

    @classmethod
    def of(cls, answers: Iterable[Mapping[str, Any]]) -> "Catalogue":
        """From aggregated discovery (apidiscovery.k8s.io/v2), that of /api and then that of /apis.

        Of a group's versions the first that has a resource tells about it, as kubectl prefers it.
        """
        found: dict[tuple[str, str], Resource] = {}
        for answer in answers:
            for group in answer.get("items") or ():
                name: str = group.get("metadata", {}).get("name", "")
                for version in group.get("versions") or ():
                    for item in version.get("resources") or ():
                        found.setdefault((name, item["resource"]), _resource(name, item))
        return cls(tuple(found.values()))

    def find(self, text: str) -> Meant:
        """The resource of RESOURCE[.GROUP][/SUBRESOURCE]; raises UnknownResource.

        "*" is any resource of any group, "*.GROUP" any of one group. "NAME." is one of the core group.
        """
        named, _, subresource = text.partition("/")
        name, dot, group = named.lower().partition(".")
        if name == "*":
            return Meant(Resource("*", group if dot else "*"), subresource)
        fitting = [
            one for one in (*self.resources, *VIRTUAL) if one.is_called(name) and (not dot or one.group == group)
        ]
        if not fitting:
            raise UnknownResource(
                f"The server has no resource {named}. See kubectl api-resources, and write NAME or NAME.GROUP."
            )
        chosen = fitting[0]
        known = (*(one.name for one in chosen.subresources), *(KUBELET if chosen.full_name == "nodes" else ()))
        if subresource not in ("", "*", *known) and chosen.verbs:
            has = f"It has {', '.join(known)}" if known else "It has none"
            raise UnknownResource(
                f"{chosen.full_name} has no subresource {subresource}. {has}; an object's name comes after a space."
            )
        return Meant(chosen, subresource, tuple(fitting[1:]))

    def scoped(self, *, namespaced: bool) -> tuple[Resource, ...]:
        """The resources that are in a namespace, or those that are not, by group and name."""
        return tuple(
            sorted(
                (one for one in self.resources if one.namespaced == namespaced), key=lambda one: (one.group, one.name)
            )
        )


def _resource(group: str, item: Mapping[str, Any]) -> Resource:
    return Resource(
        name=item["resource"],
        group=group,
        namespaced=item.get("scope") == "Namespaced",
        verbs=tuple(item.get("verbs") or ()),
        kind=(item.get("responseKind") or {}).get("kind", ""),
        singular=item.get("singularResource", ""),
        short_names=tuple(item.get("shortNames") or ()),
        subresources=tuple(
            Subresource(one["subresource"], tuple(one.get("verbs") or ())) for one in item.get("subresources") or ()
        ),
    )
