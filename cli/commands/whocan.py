"""`lab whocan`: who may do what in the cluster, without a plug-in of kubectl.

Computed from the cluster's own roles and bindings. EKS's access policies are
not among them: they are listed below an answer that they could change.
"""

import re
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from cli import callers
from cli.views import whocan as views
from grading.requests import ResourceRequest, UrlRequest
from operations.rbac import iam_principals, streams
from operations.rbac.api_resources import SPECIAL_VERBS, URL_VERBS, Meant, UnknownResource
from operations.rbac.cluster_reader import NotAsked, Reader
from operations.rbac.evaluator import Evaluator, Grant
from operations.rbac.iam_principals import Principal
from operations.rbac.identities import Identity, NotASubject, parse_subject, user_name
from operations.rbac.matrix import matrix
from operations.rbac.objects import Subject
from stacks.console import Progress, progress
from stacks.errors import BadInput, CannotAsk
from stacks.stack import REHEARSAL, StackOption, load

DEFAULT_NAMESPACE: Final = "default"

JsonOption = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="In this namespace.")]
GroupOption = Annotated[
    list[str] | None, typer.Option("--group", "-g", metavar="GROUP", help="The subject is in this group too.")
]
OneSubject = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="user:NAME, group:NAME or sa:NAMESPACE/NAME.", show_default=False)
]


class _Forms(TyperGroup):
    """The word `ask` may be left out: what is no sub-command is a verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `ask` in front where it was left out."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["ask", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the command."""
    forms = typer.Typer(
        cls=_Forms,
        no_args_is_help=True,
        subcommand_metavar="VERB RESOURCE[/SUBRESOURCE] [NAME] | COMMAND [ARGS]...",
        rich_markup_mode=None,
    )
    forms.command(name="ask", help="Who may VERB RESOURCE (or VERB /path); the word ask may be left out.")(ask)
    forms.command(name="rules", help="Every rule that a subject has, and by which binding.")(rules)
    forms.command(name="matrix", help="Resources against verbs, for a subject or for yourself.")(access_matrix)
    forms.command(name="lookup", help="Subjects whose name matches PATTERN, with their roles.")(lookup)
    forms.command(name="me", help="Who the cluster says you are, and your IAM principal.")(me)
    app.add_typer(forms, name="whocan", help="Show who may do what in the cluster: lab whocan get pods -n default.")


@dataclass
class _Cluster:
    """The cluster of a stack, being asked."""

    reader: Reader
    shown: Progress
    _principals: Future[tuple[Principal, ...]]
    unread: str = ""
    """Why the access entries could not be asked for."""

    def evaluator(self) -> Evaluator:
        self.shown.waiting("reading roles and bindings")
        return Evaluator(self.reader.policy())

    def principals(self) -> tuple[Principal, ...]:
        """IAM principals; none, and `unread` says why, when EKS does not answer."""
        self.shown.waiting("reading access entries")
        try:
            return self._principals.result()
        except NotAsked as error:
            self.unread = str(error)
            return ()

    def identity(self, subject: Subject, groups: list[str] | None) -> Identity:
        """The subject with the groups that it was given, by the caller or by EKS."""
        given = iam_principals.groups_of(user_name(subject), self.principals())
        return Identity.of(subject, (*(groups or ()), *given))


@contextmanager
def _asking(stack: str) -> Generator[_Cluster]:
    """The cluster of a stack, asked as the caller; what goes wrong in the block ends in the documented exit codes."""
    with callers.asking(load(stack, as_caller=True)) as outputs, progress() as shown, ThreadPoolExecutor(1) as pool:
        try:
            shown.waiting("getting credentials for the cluster")
            reader = Reader(outputs["kubeconfig"])
            found = pool.submit(_principals, reader, outputs)
            yield _Cluster(reader, shown, found)
        except NotAsked as error:
            raise CannotAsk(str(error)) from error
        except UnknownResource as error:
            raise BadInput(str(error)) from error


def _principals(reader: Reader, outputs: Any) -> tuple[Principal, ...]:
    return iam_principals.of_cluster(outputs["clusterName"], outputs["region"], reader.aws_auth())


def _finish(answer: views.Answer, as_json: bool, unread: str) -> None:
    """Print the answer; raises CannotAsk when a part of it could not be asked for."""
    views.show(answer, as_json=as_json, unread=unread)
    if unread:
        raise CannotAsk(unread)


def ask(
    verb: Annotated[str, typer.Argument(metavar="VERB", help="get, list, create, ... or *.", show_default=False)],
    what: Annotated[
        str,
        typer.Argument(
            metavar="RESOURCE[/SUBRESOURCE]|/PATH", help="pods, deploy, pods/exec, /metrics", show_default=False
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of one object.", show_default=False)] = "",
    namespace: NamespaceOption = "",
    anywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="In any namespace.")] = False,
    everybody: Annotated[bool, typer.Option("--all", help="Also the control plane's controllers, one by one.")] = False,
    stack: StackOption = REHEARSAL,
    as_json: JsonOption = False,
) -> None:
    """Who may VERB RESOURCE (or VERB /path); the word ask may be left out."""
    if namespace and anywhere:
        raise BadInput("-n and -A exclude each other. Give one of them.")
    is_path = what.startswith("/")
    if is_path and (name or namespace or anywhere):
        raise BadInput(f"{what} is a path: it has no name and no namespace. Leave them out.")
    notes: list[str] = []
    with _asking(stack) as cluster:
        if is_path:
            if verb not in URL_VERBS:
                notes.append(f"{verb} is no verb of a path; those are {', '.join(sorted(URL_VERBS))}.")
            request: ResourceRequest | UrlRequest = UrlRequest(verb, what)
        else:
            meant = cluster.reader.catalogue().find(what)
            notes += _notes(verb, meant, name)
            is_namespace = meant.resource.full_name == "namespaces"
            if not meant.resource.namespaced and not is_namespace and (namespace or anywhere):
                notes.append(f"{meant.resource.full_name} are in no namespace: bindings of the whole cluster count.")
            anywhere = anywhere and meant.resource.namespaced
            # A request for one namespace is made in that namespace.
            where = name if is_namespace else (namespace or DEFAULT_NAMESPACE) if meant.resource.namespaced else ""
            _check_namespace(cluster.reader, namespace)
            request = ResourceRequest(
                verb, meant.resource.group, meant.resource.name, meant.subresource, name, "" if anywhere else where
            )
        other = None
        if streams.is_connection(request):
            version = cluster.reader.version()
            other = streams.also_enough(request, version)
            notes += [text] if (text := streams.note(request, version)) else []
        evaluator, known = cluster.evaluator(), cluster.principals()
    grants = evaluator.who_can(request, anywhere=anywhere)
    by_get = _added(evaluator.who_can(other, anywhere=anywhere), grants, anywhere) if other else ()
    named = ()
    if isinstance(request, ResourceRequest) and not name:
        named = evaluator.who_can_by_name(request, anywhere=anywhere)
    answer = views.WhoCan(
        request,
        anywhere,
        grants,
        by_get,
        named,
        iam_principals.behind((*grants, *by_get, *named), known),
        iam_principals.beyond(known, request, anywhere=anywhere),
        tuple(notes),
        everybody,
    )
    _finish(answer, as_json, cluster.unread)


def _added(others: tuple[Grant, ...], grants: tuple[Grant, ...], anywhere: bool) -> tuple[Grant, ...]:
    """Those of `others` whose subject has none of `grants` where they hold."""
    able = {(one.subject, one.namespace if anywhere else "") for one in grants}
    return tuple(
        one
        for one in others
        if (one.subject, "") not in able and (one.subject, one.namespace if anywhere else "") not in able
    )


def _notes(verb: str, meant: Meant, name: str) -> list[str]:
    notes: list[str] = []
    resource = meant.resource
    served = next((one.verbs for one in resource.subresources if one.name == meant.subresource), resource.verbs)
    if served and verb not in served and verb not in SPECIAL_VERBS:
        full = f"{resource.full_name}/{meant.subresource}" if meant.subresource else resource.full_name
        notes.append(f"The server has no {verb} for {full}: it has {', '.join(sorted(served))}.")
    if meant.others:
        others = ", ".join(one.full_name for one in meant.others)
        notes.append(f"{resource.full_name} is meant; the name is also that of {others}.")
    if verb == "create" and name and not meant.subresource:
        notes.append(
            "Only server-side apply creates by name: a plain create names no object, and rules for names fail."
        )
    return notes


def _check_namespace(reader: Reader, namespace: str) -> None:
    if namespace and not reader.namespace_exists(namespace):
        raise BadInput(f"There is no namespace {namespace}. See kubectl get namespaces.")


def _check_account(reader: Reader, subject: Subject, evaluator: Evaluator) -> tuple[str, ...]:
    """A note about a service account that is bound before it is there; raises BadInput for one that is neither."""
    namespace, name = subject.namespace, subject.name
    if subject.kind != "ServiceAccount" or reader.account_exists(namespace, name):
        return ()
    if any(bound == subject for bound, _ in evaluator.bound_subjects):
        return (f"There is no service account {name} in {namespace}. Whoever creates it has what is shown.",)
    _check_namespace(reader, namespace)
    raise BadInput(
        f"There is no service account {name} in {namespace}. See kubectl get serviceaccounts -n {namespace}."
    )


def rules(
    subject: OneSubject = "",
    match: Annotated[
        str, typer.Option("--match", "-e", metavar="PATTERN", help="All bound subjects whose name matches.")
    ] = "",
    group: GroupOption = None,
    namespace: NamespaceOption = "",
    stack: StackOption = REHEARSAL,
    as_json: JsonOption = False,
) -> None:
    """Every rule that a subject has, and by which binding; without one, every bound subject's own."""
    if subject and match:
        raise BadInput("SUBJECT and --match exclude each other. Give one of them.")
    fits = _pattern(match)
    chosen = _subject(subject)
    with _asking(stack) as cluster:
        _check_namespace(cluster.reader, namespace)
        evaluator, known = cluster.evaluator(), cluster.principals()
        notes: tuple[str, ...] = ()
        if chosen:
            notes = _check_account(cluster.reader, chosen, evaluator)
            identity = cluster.identity(chosen, group)
            grants = evaluator.rules_of(identity)
            who = tuple(one for one in known if one.may_be(identity))
        else:
            identity = None
            grants = evaluator.rules_by_subject(lambda one: fits(one.name))
            who = ()
    if namespace:
        grants = tuple(grant for grant in grants if grant.namespace in ("", namespace))
    _finish(views.Rules(chosen, identity, grants, who, notes), as_json, cluster.unread)


def access_matrix(
    subject: OneSubject = "",
    namespace: NamespaceOption = "",
    group: GroupOption = None,
    subresources: Annotated[bool, typer.Option("--subresources", help="Rows for pods/exec and its like too.")] = False,
    stack: StackOption = REHEARSAL,
    as_json: JsonOption = False,
) -> None:
    """Resources against verbs: those of a namespace, without -n those in none; without SUBJECT for yourself."""
    chosen = _subject(subject)
    with _asking(stack) as cluster:
        reader = cluster.reader
        _check_namespace(reader, namespace)
        resources = reader.catalogue().scoped(namespaced=bool(namespace))
        notes: tuple[str, ...] = ()
        if chosen:
            evaluator, identity = cluster.evaluator(), cluster.identity(chosen, group)
            notes = _check_account(reader, chosen, evaluator)
            rows = matrix(evaluator, identity, resources, namespace, subresources=subresources)
        else:
            identity, evaluator = reader.myself().identity, cluster.evaluator()
            cluster.shown.waiting("asking the API server what RBAC does not allow you")
            rows = matrix(evaluator, identity, resources, namespace, subresources=subresources, ask=reader.may_i)
        who = tuple(one for one in cluster.principals() if one.may_be(identity))
    _finish(views.Matrix(chosen, identity, namespace, rows, who, notes), as_json, cluster.unread)


def lookup(
    pattern: Annotated[
        str, typer.Argument(metavar="PATTERN", help="A regular expression; all without it.", show_default=False)
    ] = "",
    stack: StackOption = REHEARSAL,
    as_json: JsonOption = False,
) -> None:
    """Subjects whose name matches PATTERN, with the bindings that name them and the roles they get."""
    fits = _pattern(pattern)
    with _asking(stack) as cluster:
        evaluator, known = cluster.evaluator(), cluster.principals()
    found = tuple(
        views.Bound(subject, binding, evaluator.role_of(binding) is None)
        for subject, binding in evaluator.bound_subjects
        if fits(subject.name)
    )
    # An account that is let in whole is everybody's business, whatever was looked for.
    who = tuple(
        one for one in known if one.whole_account or any(fits(text) for text in (one.arn, one.username, *one.groups))
    )
    _finish(views.Lookup(found, who), as_json, cluster.unread)


def me(stack: StackOption = REHEARSAL, as_json: JsonOption = False) -> None:
    """Who the cluster says you are (SelfSubjectReview), and the IAM principal that you use."""
    with _asking(stack) as cluster:
        seen = cluster.reader.myself()
        canonical = next(iter(seen.extra.get("canonicalArn", ())), "")
        # Who did not come by IAM has no credentials to ask EKS with.
        known = cluster.principals() if canonical else ()
    arn = next(iter(seen.extra.get("arn", ())), canonical)
    _finish(
        views.Me(seen, arn, iam_principals.of_caller(canonical, known) if canonical else None), as_json, cluster.unread
    )


def _subject(text: str) -> Subject | None:
    """The subject that was named, None when none was; raises BadInput."""
    try:
        return parse_subject(text) if text else None
    except NotASubject as error:
        raise BadInput(str(error)) from error


def _pattern(text: str) -> Callable[[str], bool]:
    """Whether a text has a match of the pattern; raises BadInput when it is no regular expression."""
    try:
        compiled = re.compile(text)
    except re.error as error:
        raise BadInput(f"{text} is no regular expression: {error}. Fix it, or escape its signs by \\.") from error
    return lambda tried: compiled.search(tried) is not None
