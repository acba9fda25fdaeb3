"""Which Ingresses share a load balancer, and which finalizer each of them gets for it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

Object = Mapping[str, Any]
"""An object of Kubernetes' API."""

PREFIX: Final = "alb.ingress.kubernetes.io/"
PLAYED: Final = frozenset(
    {
        "certificate-arn",
        "group.name",
        "group.order",
        "inbound-cidrs",
        "listen-ports",
        "load-balancer-name",
        "scheme",
        "ssl-redirect",
        "success-codes",
        "target-type",
    }
)
"""Annotations that are understood here, without their prefix."""
CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
CONTROLLER: Final = "ingress.k8s.aws/alb"
"""`spec.controller` of the IngressClasses that are ours."""
IMPLICIT: Final = "ingress.k8s.aws/resources"
EXPLICIT: Final = "group.ingress.k8s.aws/"
NAME: Final = re.compile(r"([a-z0-9][-a-z0-9.]*)?[a-z0-9]")
LONGEST: Final = 63
ORDERS: Final = range(-1000, 1001)


class Refused(Exception):
    """No load balancer can be made of these Ingresses; the text says why."""


@dataclass(frozen=True, order=True)
class GroupId:
    """A group of Ingresses: named by an annotation, or one Ingress by itself."""

    namespace: str
    """Empty for a named group."""
    name: str

    @property
    def explicit(self) -> bool:
        """Whether an annotation names it."""
        return not self.namespace

    def __str__(self) -> str:
        return self.name if self.explicit else f"{self.namespace}/{self.name}"

    @property
    def finalizer(self) -> str:
        """What its Ingresses hold until its load balancer is gone."""
        return f"{EXPLICIT}{self.name}" if self.explicit else IMPLICIT

    @property
    def labels(self) -> dict[str, str]:
        """On the TargetGroupBindings that belong to it."""
        if self.explicit:
            return {"ingress.k8s.aws/stack": self.name}
        return {"ingress.k8s.aws/stack-namespace": self.namespace, "ingress.k8s.aws/stack-name": self.name}


class Group(NamedTuple):
    """A group, and who is in it."""

    id: GroupId
    members: list[Object]
    """In the order of their rules."""
    leaving: list[Object]
    """Hold the finalizer and are no members any more, most of them because they are being deleted."""


def key(ingress: Object) -> str:
    """`namespace/name`."""
    return f"{ingress['metadata']['namespace']}/{ingress['metadata']['name']}"


def annotations(ingress: Object) -> dict[str, str]:
    """An Ingress's annotations for this controller, without their prefix."""
    found: Mapping[str, str] = ingress["metadata"].get("annotations") or {}
    return {name.removeprefix(PREFIX): value for name, value in found.items() if name.startswith(PREFIX)}


def is_ours(ingress: Object, classes: Mapping[str, Object], ingress_class: str) -> bool:
    """Whether an Ingress is of a class of this controller; `classes` are the IngressClasses by name.

    Raises Refused for a class that is not there, or whose parameters would change what is made.
    """
    annotated = (ingress["metadata"].get("annotations") or {}).get(CLASS_ANNOTATION)
    if annotated is not None:
        return annotated == ingress_class
    name = ingress["spec"].get("ingressClassName")
    if name is None:
        return False
    found = classes.get(name)
    if found is None:
        raise Refused(f'invalid ingress class: IngressClass "{name}" not found')
    if found["spec"].get("controller") != CONTROLLER:
        return False
    if found["spec"].get("parameters"):
        raise Refused(f"the parameters of IngressClass {name} are not played here")
    return True


def group_of(ingress: Object) -> GroupId | None:
    """The group that an Ingress of ours asks for; None when its name is none, which means to leave every group."""
    metadata = ingress["metadata"]
    name = annotations(ingress).get("group.name")
    if name is None:
        return GroupId(metadata["namespace"], metadata["name"])
    return GroupId("", name) if NAME.fullmatch(name) and len(name) <= LONGEST else None


def held(ingress: Object) -> list[GroupId]:
    """The groups whose finalizers an Ingress holds."""
    metadata = ingress["metadata"]
    found: list[GroupId] = []
    for finalizer in metadata.get("finalizers") or []:
        if finalizer == IMPLICIT:
            found.append(GroupId(metadata["namespace"], metadata["name"]))
        elif finalizer.startswith(EXPLICIT):
            found.append(GroupId("", finalizer.removeprefix(EXPLICIT)))
    return found


def groups(ingresses: Iterable[Object], classes: Mapping[str, Object], ingress_class: str) -> list[Group]:
    """Every group that there is something to do for.

    An Ingress whose class is not known stays where it is: it may have been changed by mistake.
    """
    members: dict[GroupId, list[Object]] = {}
    leaving: dict[GroupId, list[Object]] = {}
    for ingress in ingresses:
        own = None
        if not ingress["metadata"].get("deletionTimestamp"):
            try:
                own = group_of(ingress) if is_ours(ingress, classes, ingress_class) else None
            except Refused:
                continue
        if own:
            members.setdefault(own, []).append(ingress)
        for each in held(ingress):
            if each != own:
                leaving.setdefault(each, []).append(ingress)
    every = sorted({*members, *leaving})
    return [Group(each, sorted(members.get(each, []), key=_place), leaving.get(each, [])) for each in every]


def _place(ingress: Object) -> tuple[int, str]:
    try:
        order = int(annotations(ingress).get("group.order", "0"))
    except ValueError:
        # Refused when the model is built.
        order = 0
    return order, key(ingress)
