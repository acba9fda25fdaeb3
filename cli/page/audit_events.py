"""One request, as the cluster's audit log tells it: who asked what, how it ended, and who decided that.

An event may hold whole objects, and with them what is secret. So what is kept of it here are names, and what the API
server and its authorizers say about the request; whatever is shown goes through the report's mask besides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from grading.audit_log import DECISION, Event
from grading.refusals import ESCALATION, POD_SECURITY, POLICY, WEBHOOK
from operations.rbac.identities import MASTERS, NODES
from stacks.report.secrets import masked

REASON: Final = "authorization.k8s.io/reason"
"""Annotation of each event: why the authorizer said so."""

Verdict = Literal["allowed", "refused", "failed", "open"]
"""failed: nobody refused it, and it was not done (not found, there already, invalid). open: it has no answer yet."""

By = Literal["authentication", "authorization", "admission", "escalation", "other", ""]
"""Who refused it; escalation: the API server's own rule about granting rights; empty: nobody."""

_STAGES: Final = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
_TERMINATING: Final = "because it is being terminated"
_ID: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is kept of an event."""

    id: str
    """Audit-ID. Who asks may choose it, so two requests may have the same."""

    received: str
    """When it came: RFC 3339, in UTC."""

    stage: int
    """How far it had come when the event was written."""

    user: str
    """As whom it was judged; empty: the API server knew nobody."""

    impersonator: str
    """Who asked in that user's name; empty: nobody else."""

    verb: str
    resource: str
    """pods/exec, deployments.apps; the path for what is no resource."""

    namespace: str
    name: str
    code: int
    """HTTP's; 0: none yet."""

    decision: str
    """allow, forbid, or empty where no authorizer was asked."""

    reason: str
    """As the authorizer gave it."""

    authorizer: str
    """Who allowed it, as far as the event tells."""

    by: By
    what: str
    """Level, policy or webhook that refused it, where that was named."""

    question: str = ""
    """What is asked by kubectl auth can-i and its like: verb, resource, name and namespace."""

    answer: Literal["yes", "no", ""] = ""
    """What an authorizer answered to that."""

    @property
    def verdict(self) -> Verdict:
        """How it ended."""
        if self.by:
            return "refused"
        if not self.code:
            return "open"
        return "allowed" if self.code < 400 else "failed"

    @property
    def has_id(self) -> bool:
        """Whether its ID is one that the API server gives, or looks like one."""
        return is_id(self.id)


def is_id(text: str) -> bool:
    """Whether something can be an Audit-ID that is asked for."""
    return _ID.fullmatch(text) is not None


def asked(event: Event) -> Asked:
    """What is kept of an event; nothing that is missing or of another type than it should be is run into."""
    about, annotations = mapping(event, "objectRef"), mapping(event, "annotations")
    status = mapping(event, "responseStatus")
    own, other = mapping(event, "user"), mapping(event, "impersonatedUser")
    decision, code = str(annotations.get(DECISION) or ""), _number(status.get("code"))
    by, what = _refused(code, decision, str(status.get("message") or ""))
    stage = str(event.get("stage") or "")
    reason = str(annotations.get(REASON) or "")
    return Asked(
        str(event.get("auditID") or ""),
        str(event.get("requestReceivedTimestamp") or event.get("stageTimestamp") or ""),
        _STAGES.index(stage) if stage in _STAGES else 0,
        str((other or own).get("username") or ""),
        str(own.get("username") or "") if other else "",
        str(event.get("verb") or ""),
        _resource(about) or urlsplit(str(event.get("requestURI") or "")).path,
        str(about.get("namespace") or ""),
        str(about.get("name") or ""),
        code,
        decision,
        reason,
        _authorizer(decision, reason, (other or own).get("groups")),
        by,
        what,
        *_review(event, about),
    )


@lru_cache(maxsize=1 << 14)
def clean(text: str) -> str:
    """A text of the log without keys and tokens."""
    return str(masked(text))


def mapping(event: Event, name: str) -> Mapping[str, Any]:
    """A member of an event that is an object; empty where there is none."""
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _resource(about: Mapping[str, Any]) -> str:
    name = "/".join(str(part) for part in (about.get("resource"), about.get("subresource")) if part)
    return f"{name}.{about['apiGroup']}" if name and about.get("apiGroup") else name


def _review(event: Event, about: Mapping[str, Any]) -> tuple[str, Literal["yes", "no", ""]]:
    """What was asked whether it is allowed, and the answer. The request is allowed whatever the answer is."""
    if about.get("apiGroup") != "authorization.k8s.io":
        return "", ""
    of = mapping(mapping(mapping(event, "requestObject"), "spec"), "resourceAttributes")
    place = f"-n {of['namespace']}" if of.get("namespace") else ""
    parts = (of.get("verb"), _resource({**of, "apiGroup": of.get("group")}), of.get("name"), place)
    allowed = mapping(mapping(event, "responseObject"), "status").get("allowed")
    answer: Literal["yes", "no", ""] = "yes" if allowed is True else "no" if allowed is False else ""
    return " ".join(str(each) for each in parts if each), answer


def _refused(code: int, decision: str, message: str) -> tuple[By, str]:
    """Who refused it. Of the message only names are taken: the rest may quote an object."""
    if code == 401:
        return "authentication", ""
    if decision == "forbid":
        return "authorization", ""
    if code < 400 or code >= 500:
        return "", ""
    if found := POD_SECURITY.search(message):
        return "admission", f"Pod Security {found['level']}"
    if found := POLICY.search(message):
        return "admission", f"ValidatingAdmissionPolicy {found['policy']}, binding {found['binding']}"
    if found := WEBHOOK.search(message):
        return "admission", f"webhook {found['webhook']}"
    if ESCALATION.search(message):
        return "escalation", ""
    return ("other", "") if code == 403 and _TERMINATING not in message else ("", "")


def _authorizer(decision: str, reason: str, groups: object) -> str:
    if decision != "allow":
        return ""
    if reason:
        return reason.partition(":")[0]
    names = groups if isinstance(groups, list) else []
    if MASTERS in names:
        return MASTERS
    return "Node" if NODES in names else ""
