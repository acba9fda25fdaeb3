"""What happened: the cluster's audit log as a timeline, for one exercise, one subject or one verdict.

The log is read as the exercises read it, from CloudWatch Logs in both worlds. Most of it are the cluster's own parts at
work. Those are left out where the log is filtered, unless they are wanted or were refused: what an attacker has a
controller do is refused to the controller.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import Final

from cli.page.audit_events import Asked, Verdict, asked, clean
from cli.page.look import EXPECTED, Problem, problem_of
from cli.page.runs import Run
from exercises.catalogue import EXERCISES
from exercises.made import USER, made
from grading.audit_log import Event, Kept, Newest, newest
from grading.aws_api import Aws, Boto
from grading.check import ExerciseName
from operations.rbac.identities import ACCOUNT_PREFIX
from stacks.outputs import outputs_of
from stacks.stack import load

MOST_EVENTS: Final = 10_000
"""Events that are read; an event may be a hundred kilobytes large, and a page is not waited for."""

MOST_ROWS: Final = 200
"""More than these nobody reads; a filter leads to the others."""

MINUTES: Final = (15, 60, 360)
"""How far back may be looked. The first is what a page begins with."""

VERDICTS: Final[tuple[Verdict, ...]] = ("refused", "allowed", "failed", "open")

SYSTEMS: Final = (
    "system:apiserver",
    "system:kube-*",
    "system:node:*",
    "system:serviceaccount:kube-system:*",
    "eks:*",
    "kubelet",
    "kwok",
)
"""The cluster's own users; the last two are those of the rehearsal, which keep its nodes alive."""

FOLDED: Final = "{{ ({}) || {} }}".format(
    " && ".join(f'$.user.username != "{each}"' for each in SYSTEMS),
    " || ".join(f"$.responseStatus.code = {code}" for code in (400, 401, 403, 422)),
)
"""Filter pattern: everything but what the cluster's own users were allowed."""


@dataclass(frozen=True)
class Happened:
    """What the log tells."""

    option: str
    events: tuple[Asked, ...] = ()
    """Each request once, the newest first."""

    whole: bool = True
    """Whether these are all of the time that was asked for."""

    problem: Problem | None = None


@dataclass(frozen=True)
class Filters:
    """What of it is wanted."""

    exercise: str = ""
    subject: str = ""
    """A part of a user's name, in any case; also sa:NAMESPACE/NAME."""

    verdict: str = ""
    own: bool = False
    """Show also what the cluster's own parts were allowed."""

    minutes: int = MINUTES[0]


@dataclass(frozen=True)
class Mark:
    """A row of the last check that made a request."""

    exercise: str
    row: str
    goal: str


@dataclass(frozen=True)
class Moment:
    """One request in the timeline, without keys and tokens."""

    asked: Asked
    time: str
    """On this machine's clock."""

    mark: Mark | None


@dataclass(frozen=True)
class Timeline:
    """The newest requests that the filters leave."""

    moments: tuple[Moment, ...]
    more: int
    """How many the filters leave beside those that are shown."""

    refused: int
    """How many of all that they leave were refused."""

    @property
    def count(self) -> int:
        """How many the filters leave."""
        return len(self.moments) + self.more


@dataclass(frozen=True)
class Places:
    """What belongs to an exercise."""

    namespaces: frozenset[str]
    objects: frozenset[tuple[str, str]]
    """Namespace (empty: none) and name."""

    users: frozenset[str]

    def has(self, event: Asked) -> bool:
        """Whether an event is about it, or by an account of it."""
        users = (event.user, event.impersonator)
        return (
            event.namespace in self.namespaces
            or (event.namespace, event.name) in self.objects
            or any(each in self.users or _account(each)[0] in self.namespaces for each in users if each)
        )


def read(name: str, minutes: int, *, own: bool) -> Happened:
    """The newest requests of a stack's cluster; the problem says why there are none."""
    found = events(name, "" if own else FOLDED, minutes * 60.0, MOST_EVENTS, keep=asked)
    if isinstance(found, Happened):
        return found
    option, newest_ones = found
    return Happened(option, each_once(newest_ones.events), newest_ones.whole)


def events(
    name: str, pattern: str, seconds: float, most: int, keep: Callable[[Event], Kept]
) -> tuple[str, Newest[Kept]] | Happened:
    """What names the stack at the end of a command, and the newest events of its log (audit_log.newest); if there are
    none to be had, the problem says why."""
    try:
        chosen = load(name)
    except EXPECTED as error:
        return Happened(f" -s {name}", problem=problem_of(error))
    try:
        with outputs_of(chosen) as (outputs, _):
            leads = tuple(sorted((key, value) for key, value in os.environ.items() if key.startswith("AWS_")))
            aws = _aws(str(outputs["region"]), leads)
            found = newest(aws, str(outputs["clusterName"]), pattern, seconds, most, keep)
    except EXPECTED as error:
        return Happened(chosen.option, problem=problem_of(error))
    if isinstance(found, Newest):
        return chosen.option, found
    _aws.cache_clear()
    return Happened(chosen.option, problem=Problem(found.shown))


@lru_cache(maxsize=1)
def _aws(region: str, _leads: tuple[tuple[str, str], ...]) -> Aws:
    """For the environment of now: making its clients takes longer than what they are asked."""
    return Boto(region)


def each_once(events: Iterable[Asked]) -> tuple[Asked, ...]:
    """Each request by its last event, the newest first."""
    # Not by the ID alone: who sends one that was there already would hide behind it.
    last: dict[tuple[str, str], Asked] = {}
    for each in events:
        key = each.id, each.received
        if key not in last or each.stage >= last[key].stage:
            last[key] = each
    return tuple(sorted(last.values(), key=lambda each: each.received, reverse=True))


def marks(last: Mapping[tuple[str, str], Run]) -> dict[str, Mark]:
    """Audit-ID → the row of the last check of each exercise, as the page has run them, that made the request."""
    return {
        str(row["audit_id"]): Mark(str(row["exercise"]), str(row["name"]), str(row.get("goal") or ""))
        for (action, _), run in last.items()
        if action == "check"
        for row in run.told.get("rows", [])
        if row.get("audit_id")
    }


def timeline(happened: Happened, filters: Filters, marked: Mapping[str, Mark]) -> Timeline:
    """The newest requests that the filters leave."""
    left = [each for each in happened.events if _is_wanted(each, filters, marked.get(each.id))]
    shown = left[:MOST_ROWS]
    return Timeline(
        tuple(Moment(cleaned(each), clock(each.received), marked.get(each.id)) for each in shown),
        len(left) - len(shown),
        sum(each.verdict == "refused" for each in left),
    )


def clock(received: str) -> str:
    """A time of the log on this machine's clock; as it is, where it is none."""
    try:
        return datetime.fromisoformat(received).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return clean(received)


@cache
def places(exercise: ExerciseName) -> Places:
    """What belongs to an exercise: its namespaces, the objects that it makes elsewhere, its accounts."""
    own = [each for each in made() if each.exercise == exercise]
    namespaces = {each.name for each in own if each.kind == "Namespace"}
    accounts = {f"{ACCOUNT_PREFIX}{each.namespace}:{each.name}" for each in own if each.kind == "ServiceAccount"}
    return Places(
        frozenset({*namespaces, f"owasp-{exercise}"}),
        frozenset((each.namespace, each.name) for each in own),
        frozenset({*accounts, USER} if exercise == "identity-mapping" else accounts),
    )


def _is_wanted(event: Asked, filters: Filters, mark: Mark | None) -> bool:
    if filters.verdict and event.verdict != filters.verdict:
        return False
    if not filters.own and event.verdict != "refused" and _is_systems(event):
        return False
    if filters.exercise in EXERCISES and not (mark and mark.exercise == filters.exercise):
        # A namespace that an exercise makes while it is asked begins with the name of its own.
        of = places(filters.exercise)
        if not of.has(event) and not event.namespace.startswith(f"owasp-{filters.exercise}-"):
            return False
    wanted = filters.subject.strip().lower()
    return not wanted or any(wanted in each.lower() for each in _names(event))


def _is_systems(event: Asked) -> bool:
    who = event.impersonator or event.user
    return any(fnmatchcase(who, each) for each in SYSTEMS)


def _names(event: Asked) -> Iterable[str]:
    for each in (event.user, event.impersonator):
        namespace, name = _account(each)
        yield f"sa:{namespace}/{name}" if name else f"user:{each}"
        yield each


def _account(user: str) -> tuple[str, str]:
    """Namespace and name of a service account; empty for any other user."""
    namespace, _, name = user.removeprefix(ACCOUNT_PREFIX).partition(":")
    return (namespace, name) if user.startswith(ACCOUNT_PREFIX) else ("", "")


def cleaned(event: Asked) -> Asked:
    """The same without keys and tokens."""
    return replace(
        event,
        user=clean(event.user),
        impersonator=clean(event.impersonator),
        verb=clean(event.verb),
        resource=clean(event.resource),
        namespace=clean(event.namespace),
        name=clean(event.name),
        reason=clean(event.reason),
        authorizer=clean(event.authorizer),
        decision=clean(event.decision),
        what=clean(event.what),
        question=clean(event.question),
        id=event.id if event.has_id else "",
    )
