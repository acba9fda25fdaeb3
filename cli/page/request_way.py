"""A request's way through the API server, from one event of the audit log: who it was taken for, who allowed it, what
admission did, and whether it came to etcd.

An event tells each of these in part only. What it does not tell is left open here and said on the page; roles and
bindings are those of now, which may be others than they were.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

from cli.page import access, timeline
from cli.page.access import Access, Way
from cli.page.audit_events import Asked, asked, clean, mapping
from cli.page.look import Problem
from grading.audit_log import Event, Newest
from grading.requests import Request, ResourceRequest, UrlRequest
from operations.rbac.evaluator import Evaluator
from operations.rbac.iam_principals import Principal
from operations.rbac.identities import ACCOUNT_PREFIX, ANONYMOUS, Identity

OLDEST: Final = 24 * 3600.0
"""Seconds that are looked back for an event at most."""

AROUND: Final = 60.0
MOST_STAGES: Final = 100
"""Events of one ID that are read: a request has three at most, and whoever asks may use an ID again."""

How = Literal["nobody", "anonymous", "iam", "certificate", "account", "legacy-account", "token", "untold"]
"""By what the user was known; nobody: by nothing; untold: the event does not say."""

State = Literal["passed", "refused", "not-reached", "not-asked", "untold"]

Stored = Literal["written", "not-written", "read", "no-object", "dry-run", "not-reached", "untold"]
"""no-object: what it asks for is no object that is kept."""

_READS: Final = frozenset({"get", "list", "watch"})
_CONNECTS: Final = frozenset({"exec", "attach", "portforward", "proxy"})
"""Subresources that lead on to a kubelet, a pod or a service."""

_ANSWERS: Final = ("authorization.k8s.io", "authentication.k8s.io")
"""API groups whose objects are questions: they are answered, and not kept."""

_ENFORCED: Final = "pod-security.kubernetes.io/enforce-policy"
_EXEMPT: Final = "pod-security.kubernetes.io/exempt"
_WOULD_VIOLATE: Final = "pod-security.kubernetes.io/audit-violations"
_WEBHOOK: Final = "mutation.webhook.admission.k8s.io/"
_PATCH: Final = "patch.webhook.admission.k8s.io/"
_FAILED_OPEN: Final = "failed-open."
_POLICY: Final = "validation.policy.admission.k8s.io/validation_failure"
_ETCD: Final = "apiserver.latency.k8s.io/etcd"
_LEGACY: Final = "authentication.k8s.io/legacy-token"


@dataclass(frozen=True)
class Authentication:
    """Who the caller was taken for."""

    state: State
    how: How
    user: str
    groups: tuple[str, ...]
    arn: str = ""
    """Of the IAM principal; STS's, with the session of a role."""

    session: str = ""
    pod: str = ""
    """To which the service account's token is bound."""

    node: str = ""
    principals: tuple[Principal, ...] = ()
    """By which entry or mapping that ARN comes in, now."""


@dataclass(frozen=True)
class Authorization:
    """Whether it was allowed."""

    state: State
    known: bool
    """Whether the roles and bindings of now could be read."""

    now: Way | None
    """By which binding RBAC allows it now."""


@dataclass(frozen=True)
class Admission:
    """What looked at the object, changed it, or refused it."""

    state: State
    level: str = ""
    """Of Pod Security, that was enforced."""

    exempt: str = ""
    would_violate: bool = False
    """Whether Pod Security's level for the audit log was violated."""

    webhooks: tuple[tuple[str, str, bool], ...] = ()
    """Configuration, webhook, and whether it changed the object."""

    patched: tuple[str, ...] = ()
    """Paths that webhooks changed."""

    unanswered: tuple[str, ...] = ()
    """Webhooks that did not answer, and were passed over."""

    policies: tuple[tuple[str, str, str], ...] = ()
    """Policy, binding and actions of a ValidatingAdmissionPolicy that was violated and let it through."""

    @property
    def is_silent(self) -> bool:
        """Whether the event names nothing."""
        return not any((self.level, self.exempt, self.would_violate, self.webhooks, self.unanswered, self.policies))


@dataclass(frozen=True)
class RequestWay:
    """The whole way of one request, without keys and tokens."""

    asked: Asked
    time: str
    address: str
    """Of the caller, as the API server sees it."""

    program: str
    """As the caller names it."""

    level: str
    """How much of the request the audit policy had logged."""

    authentication: Authentication
    authorization: Authorization
    admission: Admission
    stored: Stored
    etcd_took: str
    """What etcd took of a slow request; empty: not told."""


@dataclass(frozen=True)
class Found:
    """A request's way, or why it is not to be had."""

    option: str
    way: RequestWay | None = None
    unread: str = ""
    """Why roles, bindings or principals could not be read; empty: they were."""

    problem: Problem | None = None


def read(name: str, audit_id: str, received: str) -> Found:
    """The way of one request of a stack's cluster; neither way nor problem: the log has no such request.

    Args:
        name: the stack's.
        audit_id: one that `is_id`.
        received: when the request came, as its event tells it.
    """
    found = timeline.events(name, f'"{audit_id}"', _seconds_since(received), MOST_STAGES, keep=lambda event: event)
    if isinstance(found, timeline.Happened):
        return Found(found.option, problem=found.problem)
    option, newest = found
    event = _last(newest, audit_id, received)
    if event is None:
        return Found(option)
    policy = access.read(name)
    unread = policy.problem.text if policy.problem else policy.unread
    return Found(option, way(event, policy), clean(unread))


def way(event: Event, found: Access) -> RequestWay:
    """A request's way, from its last event and what the cluster has now."""
    one, annotations = asked(event), mapping(event, "annotations")
    addresses = event.get("sourceIPs")
    return RequestWay(
        timeline.cleaned(one),
        timeline.clock(one.received),
        clean(", ".join(map(str, addresses)) if isinstance(addresses, list) else ""),
        clean(str(event.get("userAgent") or "")),
        clean(str(event.get("level") or "")),
        _authentication(event, one, annotations, found),
        _authorization(event, one, found),
        _admission(event, one, annotations),
        _stored(event, one),
        clean(str(annotations.get(_ETCD) or "")),
    )


def _last(newest: Newest[Event], audit_id: str, received: str) -> Event | None:
    """The event of a request's end, or the last that there is."""
    of = [each for each in newest.events if each.get("auditID") == audit_id]
    of = [each for each in of if not received or asked(each).received == received]
    return max(of, key=lambda each: (asked(each).received, asked(each).stage), default=None)


def _seconds_since(received: str) -> float:
    try:
        since = time.time() - datetime.fromisoformat(received).timestamp()
    except ValueError:
        return OLDEST
    return min(max(since, 0.0) + AROUND, OLDEST)


def _authentication(event: Event, one: Asked, annotations: Mapping[str, Any], found: Access) -> Authentication:
    user = mapping(event, "user")
    extra = mapping(user, "extra")
    name, arn = str(user.get("username") or ""), _first(extra, "arn")
    canonical = _first(extra, "canonicalArn") or arn
    how = _how(name, arn, _first(extra, "authentication.kubernetes.io/credential-id"), annotations)
    return Authentication(
        "refused" if one.by == "authentication" else "untold" if not name else "passed",
        how,
        clean(name),
        tuple(map(clean, _texts(user.get("groups")))),
        clean(arn),
        clean(_first(extra, "sessionName")),
        clean(_first(extra, "authentication.kubernetes.io/pod-name")),
        clean(_first(extra, "authentication.kubernetes.io/node-name")),
        tuple(each for each in found.principals if canonical and each.arn == canonical),
    )


def _how(user: str, arn: str, credential: str, annotations: Mapping[str, Any]) -> How:
    if not user:
        return "nobody"
    if user == ANONYMOUS:
        return "anonymous"
    if arn:
        return "iam"
    if credential.startswith("X509SHA256="):
        return "certificate"
    if user.startswith(ACCOUNT_PREFIX):
        return "legacy-account" if _LEGACY in annotations else "account"
    return "token" if credential.startswith("JTI=") else "untold"


_DECIDED: Final[Mapping[str, State]] = {"allow": "passed", "forbid": "refused"}


def _authorization(event: Event, one: Asked, found: Access) -> Authorization:
    if one.by == "authentication":
        return Authorization("not-reached", known=False, now=None)
    state: State = _DECIDED.get(one.decision, "untold")
    if found.policy is None or state == "untold":
        return Authorization(state, known=False, now=None)
    judged = mapping(event, "impersonatedUser") or mapping(event, "user")
    grant = Evaluator(found.policy).allowed_by(
        Identity(str(judged.get("username") or ""), tuple(_texts(judged.get("groups")))), _request(event, one)
    )
    return Authorization(state, known=True, now=Way((), grant) if grant else None)


def _request(event: Event, one: Asked) -> Request:
    about = mapping(event, "objectRef")
    if not about.get("resource"):
        return UrlRequest(one.verb, one.resource)
    part = str(about.get("subresource") or "")
    # The name of what is created is in its body, and no authorizer reads that.
    name = "" if one.verb == "create" and not part else one.name
    return ResourceRequest(
        one.verb, str(about.get("apiGroup") or ""), str(about["resource"]), part, name, one.namespace
    )


def _admission(event: Event, one: Asked, annotations: Mapping[str, Any]) -> Admission:
    if one.by in ("authentication", "authorization"):
        return Admission("not-reached")
    if not _is_admitted(event, one):
        return Admission("not-asked")
    webhooks = [_parsed(value) for key, value in annotations.items() if key.startswith(_WEBHOOK)]
    patches = [_parsed(value) for key, value in annotations.items() if key.startswith(_PATCH)]
    violated = _parsed(annotations.get(_POLICY))
    state: State = "refused" if one.by == "admission" else "passed" if one.verdict == "allowed" else "untold"
    return Admission(
        state,
        clean(str(annotations.get(_ENFORCED) or "")),
        clean(str(annotations.get(_EXEMPT) or "")),
        _WOULD_VIOLATE in annotations,
        tuple(
            (clean(str(each.get("configuration"))), clean(str(each.get("webhook"))), each.get("mutated") is True)
            for each in webhooks
            if isinstance(each, dict)
        ),
        tuple(dict.fromkeys(clean(path) for each in patches for path in _paths(each))),
        tuple(clean(str(value)) for key, value in annotations.items() if key.startswith(_FAILED_OPEN)),
        tuple(
            (
                clean(str(each.get("policy"))),
                clean(str(each.get("binding"))),
                ", ".join(_texts(each.get("validationActions"))),
            )
            for each in (violated if isinstance(violated, list) else [])
            if isinstance(each, dict)
        ),
    )


def _is_admitted(event: Event, one: Asked) -> bool:
    """Whether admission is asked: about what changes something, and about ways to a kubelet, a pod or a service."""
    about = mapping(event, "objectRef")
    return bool(about.get("resource")) and (one.verb not in _READS or about.get("subresource") in _CONNECTS)


def _stored(event: Event, one: Asked) -> Stored:
    about = mapping(event, "objectRef")
    group, part = about.get("apiGroup"), about.get("subresource")
    if one.verdict == "refused":
        return "not-reached"
    if one.verdict == "open" or one.code >= 500:
        return "untold"
    if not about.get("resource") or part in _CONNECTS or group in _ANSWERS or (part == "token"):
        return "no-object"
    if one.verb in _READS:
        return "read"
    if one.verdict == "failed":
        return "not-written"
    query = parse_qs(urlsplit(str(event.get("requestURI") or "")).query)
    return "dry-run" if query.get("dryRun") else "written"


def _paths(patch: Any) -> Iterable[str]:
    """Where a patch of JSON changes something; not what it writes there."""
    steps = patch.get("patch") if isinstance(patch, dict) else None
    return [
        str(each["path"])
        for each in (steps if isinstance(steps, list) else [])
        if isinstance(each, dict) and "path" in each
    ]


def _parsed(value: object) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _first(extra: Mapping[str, Any], name: str) -> str:
    return next(iter(_texts(extra.get(name))), "")
