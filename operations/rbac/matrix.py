"""The access matrix: every resource against every verb, for one identity.

RBAC is computed. What else may allow something (EKS's access policies, the Node
authorizer) only the API server knows; `ask` brings its word for the cells that
RBAC leaves empty, when the identity is the caller's own.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from grading.requests import ResourceRequest
from operations.rbac.api_resources import VERBS, Resource
from operations.rbac.evaluator import Evaluator, Grant
from operations.rbac.identities import Identity
from operations.rbac.rules import rule_allows, rule_allows_some_names

Cell = Literal["yes", "some names", "beyond RBAC", "no", "no such verb"]
"""yes: RBAC allows it; some names: RBAC allows it for objects of certain names; beyond RBAC: something else does."""


@dataclass(frozen=True)
class Row:
    """One resource, or one subresource, with a cell for each of `resources.VERBS`."""

    resource: str
    """deployments.apps, or pods/exec."""
    cells: tuple[Cell, ...]


def matrix(
    evaluator: Evaluator,
    identity: Identity,
    resources: Iterable[Resource],
    namespace: str = "",
    *,
    subresources: bool = False,
    ask: Callable[[Sequence[ResourceRequest]], Sequence[bool]] | None = None,
) -> tuple[Row, ...]:
    """Rows for these resources in a namespace, or for those in none; `ask` as the module's text says."""
    grants = tuple(grant for grant in evaluator.rules_of(identity) if grant.namespace in ("", namespace))
    lines = [(name, served) for one in resources for name, served in _lines(one, subresources)]
    cells: dict[ResourceRequest, Cell] = {}
    for request, served in lines:
        for verb in VERBS:
            asked = _with(request, verb, namespace)
            cells[asked] = _cell(grants, asked) if verb in served else "no such verb"
    if ask:
        unsure = [request for request, cell in cells.items() if cell in ("no", "some names")]
        for request, allowed in zip(unsure, ask(unsure), strict=True):
            if allowed:
                cells[request] = "beyond RBAC"
    return tuple(
        Row(_name(request), tuple(cells[_with(request, verb, namespace)] for verb in VERBS)) for request, _ in lines
    )


def _lines(resource: Resource, subresources: bool) -> Iterable[tuple[ResourceRequest, tuple[str, ...]]]:
    yield ResourceRequest("", resource.group, resource.name), resource.verbs
    if subresources:
        for one in resource.subresources:
            yield ResourceRequest("", resource.group, resource.name, one.name), one.verbs


def _with(request: ResourceRequest, verb: str, namespace: str) -> ResourceRequest:
    return ResourceRequest(verb, request.group, request.resource, request.subresource, namespace=namespace)


def _name(request: ResourceRequest) -> str:
    part = f"/{request.subresource}" if request.subresource else ""
    return f"{request.resource}{part}.{request.group}" if request.group else f"{request.resource}{part}"


def _cell(grants: Sequence[Grant], request: ResourceRequest) -> Cell:
    rules = [rule for grant in grants for rule in grant.rules]
    if any(rule_allows(rule, request) for rule in rules):
        return "yes"
    return "some names" if any(rule_allows_some_names(rule, request) for rule in rules) else "no"
