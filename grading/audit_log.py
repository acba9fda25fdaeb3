"""The cluster's audit log, as the operator finds it in CloudWatch Logs.

Each answer of the API server has a header Audit-ID, and the events of that request have the same ID. So a call that was
made a moment ago can be found again: who made it, what was asked, how it ended. EKS writes the log to the group
/aws/eks/CLUSTER/cluster, in streams that begin with kube-apiserver-audit, while the log type `audit` is on (EKS User
Guide, "Send control plane logs to CloudWatch Logs", seen 2026-11).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from grading.aws_api import Aws
from grading.outcomes import AwsRefused, Broke, Done, Outcome, Unanswered
from grading.probes import Lab

Event = Mapping[str, Any]
"""An event of audit.k8s.io/v1, parsed."""

Kept = TypeVar("Kept")

GROUP: Final = "/aws/eks/$CLUSTER_NAME/cluster"
STREAMS: Final = "kube-apiserver-audit"
DECISION: Final = "authorization.k8s.io/decision"
"""Annotation of each event: what the authorizer said."""

ARRIVES_WITHIN: Final = 180.0
"""Seconds until an event can be found. In the rehearsal it is a second or two; on AWS usually less than a minute."""

CLOCKS: Final = 60.0
"""Seconds by which the clocks of this machine and of AWS may differ."""

_COMPLETE: Final = "ResponseComplete"
_PAGES: Final = 50
_FIRST, _LONGEST = 0.3, 5.0
"""Seconds between two looks: FilterLogEvents may be called a few times a second in an account."""

_SLICE: Final = 120.0
"""Seconds of the log that are read first, where the newest events are wanted; then twice as many, and so on."""


@dataclass(frozen=True)
class Newest(Generic[Kept]):
    """The newest events of the log, the oldest of them first."""

    events: tuple[Kept, ...]
    whole: bool
    """Whether these are all of the time that was asked for; if not, older ones are left out."""


def events_of(lab: Lab, audit_id: str, since: float) -> tuple[Event, ...] | Outcome:
    """All events of one request, once its end is among them.

    Args:
        lab: whose log is read.
        audit_id: from the answer's header.
        since: when the request was made (time.time).

    Returns:
        The events, in the order of the log; Broke where the log is off; Unanswered where nothing came in time.
    """
    cluster = lab.names["CLUSTER_NAME"]
    off = _off(lab.aws, cluster)
    if off:
        return off
    until, pause = time.monotonic() + ARRIVES_WITHIN, _FIRST
    while True:
        # A word is found faster than a member of JSON; an ID is in its own events, and rarely in another's text.
        found = _filtered(lab.aws, cluster, f'"{audit_id}"', since)
        if isinstance(found, AwsRefused):
            return _unread(found)
        if isinstance(found, tuple):
            found = tuple(each for each in found if each.get("auditID") == audit_id)
            if any(each.get("stage") == _COMPLETE for each in found):
                return found
        if time.monotonic() >= until or lab.stop.wait(pause):
            late = Unanswered(f"The call with Audit-ID {audit_id} is not in the audit log yet. Ask again in a minute.")
            return late if isinstance(found, tuple) else _unread(found)
        pause = min(pause * 1.5, _LONGEST)


def recent(lab: Lab, pattern: str, seconds: float) -> tuple[Event, ...] | Outcome:
    """The events of the last seconds that fit a filter pattern; Broke where the log is off."""
    cluster = lab.names["CLUSTER_NAME"]
    off = _off(lab.aws, cluster)
    if off:
        return off
    found = _filtered(lab.aws, cluster, pattern, time.time() - seconds)
    return found if isinstance(found, tuple) else _unread(found)


def newest(
    aws: Aws, cluster: str, pattern: str, seconds: float, most: int, keep: Callable[[Event], Kept]
) -> Newest[Kept] | Outcome:
    """The newest events of the last seconds, at most `most`. CloudWatch Logs tells the oldest first, so the log is read
    in slices, the last one first.

    Args:
        aws: asked as the operator.
        cluster: its name.
        pattern: a filter pattern; empty: all events.
        seconds: how far back.
        most: how many at most.
        keep: what is kept of an event, which may be a hundred kilobytes large.

    Returns:
        What was kept; Broke where the log is off; Unanswered where it cannot be read.
    """
    if off := _off(aws, cluster):
        return off
    upper, span, kept = time.time() + CLOCKS, _SLICE, list[Kept]()
    since = upper - CLOCKS - seconds
    while upper > since:
        lower = max(since, upper - span)
        found = _read(aws, cluster, pattern, int(lower * 1000), int(upper * 1000) - 1, keep)
        if not isinstance(found, _Read):
            return _unread(found)
        # A slice of which not all was read has its newest events missing.
        kept = [*found.events, *kept] if found.whole or not kept else kept
        if len(kept) > most or not found.whole:
            return Newest(tuple(kept[-most:]), whole=False)
        upper, span = lower, span * 2
    return Newest(tuple(kept), whole=True)


def _unread(outcome: Outcome) -> Unanswered:
    return Unanswered(f"The audit log cannot be read: {outcome.shown}")


def _off(aws: Aws, cluster: str) -> Outcome | None:
    """Why nothing can be found; None: the log is on."""
    answer = aws.call("eks", "describe_cluster", name=cluster)
    if not isinstance(answer, Done):
        return Unanswered(f"EKS does not tell whether the audit log is on: {answer.shown}")
    logging: Mapping[str, Any] = answer.value["cluster"].get("logging") or {}
    for each in logging.get("clusterLogging") or ():
        if each.get("enabled") and "audit" in (each.get("types") or ()):
            return None
    return Broke("The cluster's audit log is off, so nothing is found. Turn it on: aws eks update-cluster-config.")


def _filtered(aws: Aws, cluster: str, pattern: str, since: float) -> tuple[Event, ...] | Outcome:
    """The events that fit, or why AWS does not tell them."""
    found = _read(aws, cluster, pattern, int((since - CLOCKS) * 1000), None, lambda event: event)
    return tuple(found.events) if isinstance(found, _Read) else found


@dataclass(frozen=True)
class _Read(Generic[Kept]):
    events: list[Kept]
    whole: bool


def _read(
    aws: Aws, cluster: str, pattern: str, start: int, end: int | None, keep: Callable[[Event], Kept]
) -> _Read[Kept] | Outcome:
    """The events that fit, page by page, or why AWS does not tell them. Times are milliseconds since 1970."""
    params: dict[str, Any] = {
        "logGroupName": GROUP.replace("$CLUSTER_NAME", cluster),
        "logStreamNamePrefix": STREAMS,
        "startTime": start,
        **({"filterPattern": pattern} if pattern else {}),
        **({} if end is None else {"endTime": end}),
    }
    found: list[Kept] = []
    for _ in range(_PAGES):
        answer = aws.call("logs", "filter_log_events", **params)
        if isinstance(answer, AwsRefused) and answer.code == "ResourceNotFoundException":
            return _Read(found, whole=True)  # EKS makes the group, or the stream, when it first writes to it.
        if not isinstance(answer, Done):
            return answer
        found += map(keep, _parsed(answer.value.get("events") or ()))
        if not answer.value.get("nextToken"):
            return _Read(found, whole=True)
        params["nextToken"] = answer.value["nextToken"]
    return _Read(found, whole=False)


def _parsed(events: Sequence[Mapping[str, Any]]) -> Iterator[Event]:
    for each in events:
        try:
            event: Any = json.loads(each["message"])
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def told(event: Event) -> dict[str, Any]:
    """What an event says of its request: verb, resource (with its subresource), user, code, and the decision."""
    about: Mapping[str, Any] = event.get("objectRef") or {}
    resource = "/".join(part for part in (about.get("resource"), about.get("subresource")) if part)
    return {
        "verb": event.get("verb"),
        "resource": resource,
        "user": (event.get("user") or {}).get("username"),
        "code": (event.get("responseStatus") or {}).get("code"),
        "decision": (event.get("annotations") or {}).get(DECISION),
    }


def last(events: Sequence[Event]) -> Event:
    """The event of a request's end."""
    return next(each for each in reversed(events) if each.get("stage") == _COMPLETE)
