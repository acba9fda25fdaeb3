"""kubectl access-matrix, as of github.com/corneliusweig/rakkess v0.5.1: resources against verbs, or subjects.

The matrix of resources is the API server's own word, a SelfSubjectAccessReview a cell, as the plug-in asks. The
matrix of subjects (`for`, `resource`) is computed from the roles and bindings; other than the plug-in it tells
resources of one name in two groups apart.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from grading.requests import ResourceRequest
from operations.rbac.api_resources import Resource, UnknownResource
from operations.rbac.cluster_reader import Reader
from operations.rbac.evaluator import Evaluator
from operations.rbac.objects import Subject
from programs import text
from programs.cluster import Parser, Stopped, add_options, asking, options_of

VERBS: Final = ("create", "get", "list", "watch", "update", "patch", "delete", "deletecollection")
DEFAULT_VERBS: Final = "list,create,update,delete"
FORMATS: Final = ("icon-table", "ascii-table")
FOR: Final = ("for", "resource", "r")

Cell = Literal["yes", "no", ""]
"""Empty: there is no such verb for the resource, or nothing to say."""
Matrix = Mapping[str, Sequence[Cell]]


def main(arguments: list[str]) -> None:
    """Print a matrix."""
    if arguments and arguments[0] in FOR:
        _subjects(arguments[1:])
        return
    parser = _parser("kubectl access-matrix", "Show an access matrix for all resources of the server.")
    parser.add_argument("--sa", metavar="NAMESPACE:NAME", default="", help="as this service account")
    parser.add_argument("--diff-with", metavar="FLAG=VALUE", action="append", default=[], help="what would differ")
    given = parser.parse_args(arguments)
    verbs = _verbs(given.verbs)
    matrix = _matrix(given, verbs)
    if given.diff_with:
        changed = parser.parse_args([*arguments, *_overrides(given.diff_with)])
        matrix = differences(matrix, _matrix(changed, verbs))
    text.show(lines(matrix, verbs, given.output))
    if not given.namespace:
        text.show(["No namespace given, this implies cluster scope (try -n if this is not intended)"])
    user = _user(given)
    subject = f" {_subject(user)}" if user else ""
    text.hint(f"whocan matrix{subject}{f' -n {given.namespace}' if given.namespace else ''}")


def lines(matrix: Matrix, verbs: Sequence[str], output: str) -> list[str]:
    """The table: a row a resource, by name."""
    heads = ("NAME", *(verb.upper() for verb in verbs))
    return text.columns(heads, ((name, *_signs(matrix[name], output)) for name in sorted(matrix)))


def differences(left: Matrix, right: Matrix) -> Matrix:
    """Cells that are others on the right, as they are there; rows without any are left out."""
    found: dict[str, Sequence[Cell]] = {}
    for name in left:
        nothing: list[Cell] = [""] * len(left[name])
        pairs = zip(left[name], right.get(name, nothing), strict=True)
        row: list[Cell] = [_changed(before, after) for before, after in pairs]
        if any(row):
            found[name] = row
    return found


def _changed(before: Cell, after: Cell) -> Cell:
    if before == after:
        return ""
    if after == "yes":
        return "yes"
    return "no" if before == "yes" else ""


def asked(reader: Reader, resources: Sequence[Resource], verbs: Sequence[str], namespace: str) -> Matrix:
    """What the API server says to the caller for each resource and verb."""
    requests = [
        ResourceRequest(verb, one.group, one.name, namespace=namespace if one.namespaced else "")
        for one in resources
        for verb in verbs
        if verb in one.verbs
    ]
    allowed = dict(zip(requests, reader.may_i(requests), strict=True))
    words: dict[bool | None, Cell] = {True: "yes", False: "no", None: ""}
    return {
        one.full_name: [
            words[
                allowed.get(ResourceRequest(verb, one.group, one.name, namespace=namespace if one.namespaced else ""))
            ]
            for verb in verbs
        ]
        for one in resources
    }


def _matrix(given: argparse.Namespace, verbs: Sequence[str]) -> Matrix:
    setattr(given, "as", _user(given))
    with asking(options_of(given)) as reader:
        resources = [
            one for one in reader.catalogue().resources if one.verbs and (one.namespaced or not given.namespace)
        ]
        return asked(reader, resources, verbs, given.namespace)


def _subjects(arguments: list[str]) -> None:
    parser = _parser("kubectl access-matrix for", "Show all subjects with access to a resource.")
    parser.add_argument("resource", metavar="RESOURCE")
    parser.add_argument("name", metavar="NAME", nargs="?", default="")
    given = parser.parse_args(arguments)
    verbs = _verbs(given.verbs)
    with asking(options_of(given)) as reader:
        try:
            resource = reader.catalogue().find(given.resource).resource
        except UnknownResource as error:
            raise Stopped(str(error)) from error
        evaluator = Evaluator(reader.policy())
    found = subjects(evaluator, resource, given.name, given.namespace, verbs)
    if not found:
        text.tell("No subject with access was found.")
        return
    text.show(subject_lines(found, verbs, given.output))
    if not given.namespace:
        text.show(["Only ClusterRoleBindings are considered, because no namespace is given."])
    where = f" -n {given.namespace}" if given.namespace else " -A"
    text.hint(f"whocan {verbs[0]} {resource.full_name}{f' {given.name}' if given.name else ''}{where}")


def subjects(
    evaluator: Evaluator, resource: Resource, name: str, namespace: str, verbs: Sequence[str]
) -> dict[Subject, set[str]]:
    """The verbs that each subject has by a binding: one of the cluster, or of the namespace if one is given."""
    found: dict[Subject, set[str]] = {}
    for verb in verbs:
        request = ResourceRequest(verb, resource.group, resource.name, name=name, namespace=namespace)
        for grant in evaluator.who_can(request):
            if grant.binding:
                found.setdefault(grant.subject, set()).add(verb)
    return found


def subject_lines(found: Mapping[Subject, set[str]], verbs: Sequence[str], output: str) -> list[str]:
    """The table: a row a subject, by name and kind."""
    heads = ("NAME", "KIND", "SA-NAMESPACE", *(verb.upper() for verb in verbs))
    rows = [
        (one.name, one.kind, one.namespace, *_signs(["yes" if verb in found[one] else "no" for verb in verbs], output))
        for one in sorted(found, key=lambda one: (one.name, one.kind, one.namespace))
    ]
    return text.columns(heads, rows)


def _signs(cells: Sequence[Cell], output: str) -> list[str]:
    if output == "ascii-table":
        return [cell or "n/a" for cell in cells]
    signs = {"yes": text.painted("✔", "green"), "no": text.painted("✖", "red"), "": ""}
    return [signs[cell] for cell in cells]


def _parser(prog: str, description: str) -> Parser:
    parser = Parser(prog, description)
    parser.add_argument("--verbs", metavar="VERBS", default=DEFAULT_VERBS, help=f"out of {', '.join(VERBS)}; or all")
    parser.add_argument("-o", "--output", metavar="FORMAT", default=FORMATS[0], choices=FORMATS)
    add_options(parser)
    return parser


def _verbs(given: str) -> tuple[str, ...]:
    verbs = tuple(given.split(","))
    if {"*", "all"} & set(verbs):
        return VERBS
    if unknown := [verb for verb in verbs if verb not in VERBS]:
        raise Stopped(f"unexpected verbs: {', '.join(unknown)}. Name some of: {', '.join(VERBS)}.")
    return verbs


def _user(given: argparse.Namespace) -> str:
    """Whom to impersonate; empty for nobody."""
    if not given.sa:
        return getattr(given, "as")
    if ":" not in given.sa and not given.namespace:
        raise Stopped(f"A service account is in a namespace. Write --sa NAMESPACE:{given.sa}, or add --namespace.")
    return f"system:serviceaccount:{given.sa if ':' in given.sa else f'{given.namespace}:{given.sa}'}"


def _subject(user: str) -> str:
    prefix = "system:serviceaccount:"
    return f"sa:{user.removeprefix(prefix).replace(':', '/', 1)}" if user.startswith(prefix) else f"user:{user}"


def _overrides(given: Sequence[str]) -> list[str]:
    found: list[str] = []
    for one in given:
        name, sign, _ = one.partition("=")
        if not sign or not name:
            raise Stopped(f"--diff-with is FLAG=VALUE, not {one}. Write for example --diff-with sa=default:default.")
        found.append(f"--{one}" if len(name) > 1 else f"-{name}{one[2:]}")
    return found
