"""kubectl rolesum, as of github.com/Ladicle/kubectl-rolesum v1.5.6: the roles of one subject, with their verbs.

Like the plug-in it shows what bindings name the subject itself: those of one namespace and those of the cluster.
Other than the plug-in it shows every rule, also where two of a role are for the same resource with other names.
"""

from collections.abc import Sequence
from typing import Any, Final

from operations.rbac.api_resources import VERBS
from operations.rbac.cluster_reader import NotAsked
from operations.rbac.evaluator import Evaluator
from operations.rbac.objects import Binding, Role, Rule, Subject
from programs import text
from programs.cluster import Parser, Stopped, add_options, asking, namespace_of, options_of

KINDS: Final = ("ServiceAccount", "User", "Group")
_HEADS: Final = ("Resource", "Name", "Exclude", "Verbs", "G L W C U P D DC")


def main(arguments: list[str]) -> None:
    """Print what a subject is bound to."""
    parser = Parser("kubectl rolesum", "Summarize the RBAC roles of a subject.")
    parser.add_argument("name", metavar="SUBJECT", nargs="?", default="")
    parser.add_argument("-k", "--subject-kind", default=KINDS[0], metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("-c", "--cluster-only", action="store_true", help="leave out the namespace's RoleBindings")
    add_options(parser)
    given = parser.parse_args(arguments)
    if not given.name:
        raise Stopped("<SubjectName> is required. See kubectl rolesum --help.")
    if given.subject_kind not in KINDS:
        raise Stopped(f'"{given.subject_kind}" is no kind of subject. Name one of: {", ".join(KINDS)}.')
    namespace = "" if given.cluster_only else namespace_of(given)
    is_account = given.subject_kind == "ServiceAccount"
    subject = Subject(given.subject_kind, given.name, namespace if is_account else "")
    secrets: list[str] = []
    with asking(options_of(given)) as reader:
        if is_account:
            try:
                account = reader.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{given.name}")
            except NotAsked as error:
                if error.status != 404:
                    raise
                raise Stopped(
                    f'ServiceAccount "{namespace}/{given.name}" not found. See kubectl get serviceaccounts -A.'
                ) from error
            secrets = _secrets(account)
        evaluator = Evaluator(reader.policy())
    text.show(lines(evaluator, subject, namespace, secrets, cluster_only=given.cluster_only))
    shown = f"sa:{namespace}/{given.name}" if is_account else f"{given.subject_kind.lower()}:{given.name}"
    text.hint(f"whocan rules {shown}")


def lines(
    evaluator: Evaluator, subject: Subject, namespace: str, secrets: Sequence[str] = (), *, cluster_only: bool = False
) -> list[str]:
    """The whole answer; `namespace` is that of the RoleBindings, `secrets` are a service account's own."""
    name = f"{subject.namespace}/{subject.name}" if subject.kind == "ServiceAccount" else subject.name
    found = [f"{text.painted(subject.kind, 'yellow')}: {name}"]
    if subject.kind == "ServiceAccount":
        found += [_head("Secrets"), *(f"{_bullet()} */{one}" for one in secrets)]
    found += ["", _head("Policies")]
    bound = [binding for one, binding in evaluator.bound_subjects if one == subject]
    if not cluster_only:
        own = [one for one in bound if one.namespace == namespace and one.namespace]
        found += [*_bindings(evaluator, own), ""]
    return found + _bindings(evaluator, [one for one in bound if not one.namespace])


def _bindings(evaluator: Evaluator, bindings: Sequence[Binding]) -> list[str]:
    found: list[str] = []
    for binding in bindings:
        role = evaluator.role_of(binding)
        if role is None:
            raise Stopped(
                f'{binding.role_kind} "{binding.role_name}" not found. {binding.kind} {binding.name} refers to it, '
                "and gives nothing: see lab whocan lookup."
            )
        if found:
            found.append("")
        kind = "RB" if binding.kind == "RoleBinding" else "CRB"
        role_kind = "R" if role.kind == "Role" else "CR"
        found.append(
            f"{_bullet()} [{text.painted(kind, 'cyan')}] {binding.namespace or '*'}/{binding.name} "
            f"{text.painted('⟶', 'cyan')}  [{text.painted(role_kind, 'cyan')}] {role.namespace or '*'}/{role.name}"
        )
        found += _table(role)
    return found


def _table(role: Role) -> list[str]:
    """A row a resource, by name; rules for it are put together where they have the same names."""
    merged: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for rule in role.rules:
        for resource in rule.resources:
            merged.setdefault((_resource(resource, rule), rule.resource_names), []).extend(rule.verbs)
    if not merged:
        return []
    rows = [tuple(text.painted(head, "yellow") for head in _HEADS)]
    for (resource, names), verbs in sorted(merged.items()):
        others = dict.fromkeys(verb for verb in verbs if verb not in (*VERBS, "*"))
        rows.append((resource, _listed(names, "*"), "[-]", _listed(tuple(others), "-"), _marks(verbs)))
    return text.centred(rows)


def _resource(resource: str, rule: Rule) -> str:
    """`pods/exec` of the core group, `deployments.apps/scale`, `events.[,events.k8s.io]` of two groups."""
    name, slash, part = resource.partition("/")
    if len(rule.api_groups) == 1:
        group = f".{rule.api_groups[0]}" if rule.api_groups[0] else ""
    else:
        group = f".[{','.join(rule.api_groups)}]"
    return f"{name}{group}{slash}{part}"


def _listed(words: Sequence[str], none: str) -> str:
    return f"[{', '.join(words) or none}]"


def _marks(verbs: Sequence[str]) -> str:
    return " ".join(
        text.painted("✔", "green") if "*" in verbs or one in verbs else text.painted("✖", "red") for one in VERBS
    )


def _secrets(account: dict[str, Any]) -> list[str]:
    return [one["name"] for one in account.get("secrets") or ()]


def _head(word: str) -> str:
    return text.painted(f"{word}:", "cyan")


def _bullet() -> str:
    return text.painted("•", "magenta")
