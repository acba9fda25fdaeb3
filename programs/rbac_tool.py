"""kubectl rbac-tool, as of github.com/alcideio/rbac-tool v1.20.0: lookup, policy-rules, who-can and whoami.

Computed from the roles and bindings. Other than the plug-in, who-can knows that a path may end with a star, and a
rule's names do not hide that it allows every object.
"""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from grading.requests import ResourceRequest, UrlRequest
from operations.rbac.api_resources import UnknownResource
from operations.rbac.cluster_reader import Self
from operations.rbac.evaluator import Evaluator, Grant
from operations.rbac.objects import Binding, Policy, Rule, Subject
from programs import text, whoami
from programs.cluster import Parser, Stopped, asking

LOOKUP: Final = ("SUBJECT", "SUBJECT TYPE", "SCOPE", "NAMESPACE", "ROLE", "BINDING")
RULES: Final = (
    "TYPE",
    "SUBJECT",
    "VERBS",
    "NAMESPACE",
    "API GROUP",
    "KIND",
    "NAMES",
    "NONRESOURCEURI",
    "ORIGINATED FROM",
)
WHO_CAN: Final = ("TYPE", "SUBJECT", "NAMESPACE")
_RBAC: Final = "rbac.authorization.k8s.io"
_NOT_PLAYED: Final = (
    "analysis",
    "auditgen",
    "bash-completion",
    "generate",
    "gen",
    "show",
    "version",
    "visualize",
    "viz",
)


def main(arguments: list[str]) -> None:
    """Run a sub-command."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    for names, command in _COMMANDS.items():
        if name in names:
            command(rest)
            return
    if name in _NOT_PLAYED:
        raise Stopped(f"kubectl rbac-tool {name} is not played here. lab whocan rules shows the rules of roles.")
    if name not in ("-h", "--help", "help"):
        raise Stopped(f"rbac-tool has no command {name}. It has lookup, policy-rules, who-can and whoami.")
    text.show(
        [
            "kubectl rbac-tool COMMAND",
            "  lookup [NAME] [-e REGEX] [-n]        roles of subjects",
            "  policy-rules [NAME] [-e REGEX] [-n]  rules of subjects; -o table, json or yaml",
            "  who-can VERB KIND[/NAME] or /PATH    subjects that may do this; -o table, json or yaml",
            "  whoami                               who the API server says you are",
        ]
    )


@dataclass(frozen=True)
class Allowed:
    """One verb on one resource, or on paths, of one subject."""

    subject: Subject
    verb: str
    namespace: str
    """`*` for the whole cluster."""
    api_group: str
    resource: str
    names: tuple[str, ...]
    paths: tuple[str, ...]
    binding: Binding

    def row(self) -> tuple[str, ...]:
        """The cells of policy-rules."""
        one = self.subject
        name = f"{one.namespace}/{one.name}" if one.kind == "ServiceAccount" else one.name
        role = self.binding.role_name
        origin = (
            f"ClusterRoles>>{role}" if self.binding.role_kind == "ClusterRole" else f"Roles>>{self.namespace}/{role}"
        )
        cells = (one.kind, name, self.verb, self.namespace, self.api_group, self.resource)
        return (*cells, ",".join(self.names), ",".join(self.paths), origin)

    def values(self) -> dict[str, Any]:
        """As the plug-in's JSON has it."""
        found: dict[str, Any] = {"namespace": self.namespace, "verb": self.verb}
        optional = {
            "apiGroup": self.api_group,
            "resource": self.resource,
            "resourceNames": list(self.names),
            "nonResourceURLs": list(self.paths),
        }
        origin = {"apiGroup": _RBAC, "kind": self.binding.role_kind, "name": self.binding.role_name}
        return found | {name: value for name, value in optional.items() if value} | {"originatedFrom": [origin]}


def lookup_rows(policy: Policy, fits: Callable[[str], bool]) -> list[tuple[str, ...]]:
    """Subjects with their roles; a binding into a namespace without any role is left out, as the plug-in does."""
    with_roles = {role.namespace for role in policy.roles}
    rows = [
        (
            subject.name,
            subject.kind,
            binding.role_kind,
            binding.namespace,
            binding.role_name,
            binding.name,
        )
        for binding in policy.bindings
        for subject in binding.subjects
        if fits(subject.name) and (binding.role_kind == "ClusterRole" or binding.namespace in with_roles)
    ]
    return sorted(rows, key=lambda row: (row[0], row[3], row[4], row[5]))


def allowed(evaluator: Evaluator, fits: Callable[[str], bool]) -> list[Allowed]:
    """Every rule of the subjects that bindings name, a verb and a resource each."""
    return [
        one
        for subject, binding in evaluator.bound_subjects
        if fits(subject.name) and (role := evaluator.role_of(binding))
        for rule in role.rules
        for one in _flat(subject, binding, rule)
    ]


def _flat(subject: Subject, binding: Binding, rule: Rule) -> list[Allowed]:
    place, names, paths = (
        binding.namespace or "*",
        tuple(sorted(rule.resource_names)),
        tuple(sorted(rule.non_resource_urls)),
    )
    if paths:
        return [Allowed(subject, verb, place, "", "", names, paths, binding) for verb in sorted(rule.verbs)]
    return [
        Allowed(subject, verb, place, group, resource, names, paths, binding)
        for verb in sorted(rule.verbs)
        for group in sorted(one or "core" for one in rule.api_groups)
        for resource in sorted(rule.resources)
    ]


def by_subject(found: Sequence[Allowed]) -> list[dict[str, Any]]:
    """What -o json and -o yaml show: a subject, and what it is allowed to."""
    subjects: dict[Subject, list[Allowed]] = {}
    for one in found:
        subjects.setdefault(one.subject, []).append(one)
    return [_values(subject) | {"allowedTo": [one.values() for one in own]} for subject, own in subjects.items()]


def who_can_subjects(evaluator: Evaluator, request: ResourceRequest | UrlRequest) -> list[Subject]:
    """Subjects that some binding allows this, in whatever namespace; without a name also those of some names."""
    grants: list[Grant] = list(evaluator.who_can(request, anywhere=True))
    if isinstance(request, ResourceRequest) and not request.name:
        grants += evaluator.who_can_by_name(request, anywhere=True)
    return sorted({one.subject for one in grants if one.binding}, key=lambda one: (one.kind, one.name, one.namespace))


def user_info(seen: Self, *, whole: bool) -> str:
    """A UserInfo as the plug-in prints it; without `whole` the name alone is known."""
    values: dict[str, Any] = {"Username": seen.identity.user, "UID": "", "Groups": [], "Extra": {}}
    if whole:
        extra = {name: list(found) for name, found in seen.extra.items()}
        values |= {"UID": seen.uid, "Groups": list(seen.identity.groups), "Extra": extra}
    return _pretty(values, "", ordered=True)


def _pretty(value: Any, indent: str, *, ordered: bool = False) -> str:
    """A value as kylelemons/godebug v1.1.0 writes it: first and last line share a line with the bracket."""
    inner = f"{indent} "
    if isinstance(value, list):
        return "[" + f",\n{inner}".join(_pretty(one, inner) for one in value) + "]"
    if isinstance(value, dict):
        width = max(map(len, value), default=0)
        below = inner + " " * (width + 2)
        lines = [
            f"{name}: {' ' * (width - len(name))}{_pretty(value[name], below)}"
            for name in (value if ordered else sorted(value))
        ]
        return "{" + f",\n{inner}".join(lines) + "}"
    return json.dumps(value, ensure_ascii=False)


def _lookup(arguments: list[str]) -> None:
    given = _searching("lookup", arguments)
    fits = _filter(given, lambda name: f"^{name}$")
    with asking(_options(given)) as reader:
        rows = lookup_rows(reader.policy(), fits)
    text.show(text.bars(LOOKUP, rows))
    text.hint(f"whocan lookup{_pattern_words(given)}")


def _policy_rules(arguments: list[str]) -> None:
    given = _searching("policy-rules", arguments, output=True)
    fits = _filter(given, lambda name: f"(?mi){name}")
    with asking(_options(given)) as reader:
        found = allowed(Evaluator(reader.policy()), fits)
    if given.output == "table":
        text.show(text.bars(RULES, sorted((one.row() for one in found), key=lambda row: row[:6])))
    else:
        _print(by_subject(found), given.output)
    pattern = given.regex or (given.name[0] if given.name else "")
    text.hint(f"whocan rules{f' -e {_quoted(pattern)}' if pattern else ''}")


def _who_can(arguments: list[str]) -> None:
    parser = _parser("who-can", output=True)
    parser.add_argument("verb", metavar="VERB")
    parser.add_argument("what", metavar="KIND[/NAME]|/PATH")
    given = parser.parse_args(arguments)
    with asking(_options(given)) as reader:
        if given.what.startswith("/"):
            request: ResourceRequest | UrlRequest = UrlRequest(given.verb, given.what)
            words = given.what
        else:
            kind, _, name = given.what.partition("/")
            try:
                resource = reader.catalogue().find(kind).resource
            except UnknownResource as error:
                raise Stopped(str(error)) from error
            if resource.verbs and given.verb not in (*resource.verbs, "bind", "escalate", "impersonate"):
                raise Stopped(f"The verb '{given.verb}' is not supported by {resource.full_name}.")
            request = ResourceRequest(given.verb, resource.group, resource.name, name=name)
            words = f"{resource.full_name}{f' {name}' if name else ''} -A"
        evaluator = Evaluator(reader.policy())
    found = who_can_subjects(evaluator, request)
    if given.output == "table":
        text.show(text.bars(WHO_CAN, [(one.kind, one.name, one.namespace) for one in found]))
    else:
        every = allowed(evaluator, lambda _: True)
        _print(by_subject([one for one in every if one.subject in set(found)]), given.output)
    text.hint(f"whocan {given.verb} {words}")


def _whoami(arguments: list[str]) -> None:
    given = _parser("whoami", short_context=True).parse_args(arguments)
    with asking(_options(given)) as reader:
        seen, whole = whoami.seen_by(reader)
    text.show([user_info(seen, whole=whole)])
    if not whole:
        text.tell("Only the name is known: the rest needs the right to create tokenreviews.")
    text.hint("whocan me")


_COMMANDS: Final = {
    ("lookup", "look"): _lookup,
    ("policy-rules", "rules", "rule", "policy", "pr"): _policy_rules,
    ("who-can", "who", "whocan"): _who_can,
    ("whoami", "who-am-i"): _whoami,
}


def _parser(name: str, *, output: bool = False, short_context: bool = False) -> Parser:
    parser = Parser(f"kubectl rbac-tool {name}", "See github.com/alcideio/rbac-tool.")
    parser.add_argument(*(["-c"] if short_context else []), "--cluster-context", metavar="TEXT", default="")
    if output:
        parser.add_argument("-o", "--output", default="table", choices=("table", "json", "yaml"))
    return parser


def _searching(name: str, arguments: list[str], *, output: bool = False) -> argparse.Namespace:
    parser = _parser(name, output=output)
    parser.add_argument("name", metavar="NAME", nargs="*")
    parser.add_argument("-e", "--regex", metavar="REGEX", default="")
    parser.add_argument("-n", "--not", dest="inverse", action="store_true", help="those that do not match")
    return parser.parse_args(arguments)


def _options(given: argparse.Namespace) -> list[str]:
    return [f"--context={given.cluster_context}"] if given.cluster_context else []


def _filter(given: argparse.Namespace, exact: Callable[[str], str]) -> Callable[[str], bool]:
    pattern = given.regex or (exact(given.name[0]) if len(given.name) == 1 else "")
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise Stopped(f"{pattern} is no regular expression: {error}. Quote it, or correct it.") from error
    return lambda name: bool(found.search(name)) is not given.inverse


def _pattern_words(given: argparse.Namespace) -> str:
    pattern = given.regex or (given.name[0] if len(given.name) == 1 else "")
    return f" {_quoted(pattern)}" if pattern else ""


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w:./-]+", word) else f"'{word}'"


def _values(subject: Subject) -> dict[str, str]:
    found = {"kind": subject.kind, "name": subject.name}
    if subject.kind == "ServiceAccount":
        return found | {"namespace": subject.namespace}
    return found | {"apiGroup": _RBAC}


def _print(values: list[dict[str, Any]], output: str) -> None:
    text.show([json.dumps(values) if output == "json" else yaml.safe_dump(values)])
