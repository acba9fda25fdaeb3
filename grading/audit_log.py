"""The cluster's audit log, as the operator finds it in CloudWatch Logs.

Each answer of the API server has a header Audit-ID, and the events of that request have the same ID. So a call that was
made a moment ago can be found again: who made it, what was asked, how it ended. EKS writes the log to the group
/aws/eks/CLUSTER/cluster, in streams that begin with kube-apiserver-audit, while the log type `audit` is on (EKS User
Guide, "Send control plane logs to CloudWatch Logs", seen 2026-11).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from grading.outcomes import AwsRefused, Broke, Done, Outcome, Unanswered
from grading.probes import Lab

Event = Mapping[str, Any]
"""An event of audit.k8s.io/v1, parsed."""

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


def events_of(lab: Lab, audit_id: str, since: float) -> tuple[Event, ...] | Outcome:
    """All events of one request, once its end is among them.

    Args:
        lab: whose log is read.
        audit_id: from the answer's header.
        since: when the request was made (time.time).

    Returns:
        The events, in the order of the log; Broke where the log is off; Unanswered where nothing came in time.
    """
    off = _off(lab)
    if off:
        return off
    until, pause = time.monotonic() + ARRIVES_WITHIN, _FIRST
    while True:
        # A word is found faster than a member of JSON; an ID is in its own events, and rarely in another's text.
        found = _filtered(lab, f'"{audit_id}"', since)
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
    off = _off(lab)
    if off:
        return off
    found = _filtered(lab, pattern, time.time() - seconds)
    return found if isinstance(found, tuple) else _unread(found)


def _unread(outcome: Outcome) -> Unanswered:
    return Unanswered(f"The audit log cannot be read: {outcome.shown}")


def _off(lab: Lab) -> Outcome | None:
    """Why nothing can be found; None: the log is on."""
    answer = lab.aws.call("eks", "describe_cluster", name=lab.names["CLUSTER_NAME"])
    if not isinstance(answer, Done):
        return Unanswered(f"EKS does not tell whether the audit log is on: {answer.shown}")
    logging: Mapping[str, Any] = answer.value["cluster"].get("logging") or {}
    for each in logging.get("clusterLogging") or ():
        if each.get("enabled") and "audit" in (each.get("types") or ()):
            return None
    return Broke("The cluster's audit log is off, so nothing is found. Turn it on: aws eks update-cluster-config.")


def _filtered(lab: Lab, pattern: str, since: float) -> tuple[Event, ...] | Outcome:
    """The events that fit, page by page, or why AWS does not tell them."""
    params: dict[str, Any] = {
        "logGroupName": lab.names.fill(GROUP),
        "logStreamNamePrefix": STREAMS,
        "filterPattern": pattern,
        "startTime": int((since - CLOCKS) * 1000),
    }
    found: list[Event] = []
    for _ in range(_PAGES):
        answer = lab.aws.call("logs", "filter_log_events", **params)
        if isinstance(answer, AwsRefused) and answer.code == "ResourceNotFoundException":
            break  # EKS makes the group, or the stream, when it first writes to it.
        if not isinstance(answer, Done):
            return answer
        found += _parsed(answer.value.get("events") or ())
        if not answer.value.get("nextToken"):
            break
        params["nextToken"] = answer.value["nextToken"]
    return tuple(found)


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
