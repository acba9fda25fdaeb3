"""Questions of K05: a call that is made now, found again in the audit log, and given to the learner's rules."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal
from uuid import uuid4

from typing_extensions import override

from exercises.k05.rules import BadRule, Rule, compiled, firing
from grading.account_probes import AsAccount, AsOperator, collection, token_of
from grading.audit_log import GROUP, STREAMS, Event, events_of, last, recent, told
from grading.kube_api import refused
from grading.outcomes import Broke, Done, HttpRefused, Outcome, Unanswered, facts
from grading.probes import Lab, OwnQuestion, Takes

NAMESPACE: Final = "owasp-k05"
DETECTIONS: Final = "detections"
"""The ConfigMap with the rules: each key is one."""

ORDINARY_SECONDS: Final = 300.0
PLATFORM: Final = (
    '{ $.user.username = "system:kube-*" || $.user.username = "system:serviceaccount:kube-system:*"'
    ' || $.user.username = "system:node:*" || $.user.username = "system:apiserver" }'
)
"""The cluster's own users."""

ALARM: Final = "alarm"
NONE: Final = "none"


def rules_of(lab: Lab) -> tuple[Rule, ...] | Outcome:
    """The learner's rules as they are now."""
    found = lab.api.request("GET", f"{collection('configmaps', NAMESPACE)}/{DETECTIONS}")
    if isinstance(found, HttpRefused) and found.status == 404:
        return Broke(f"The ConfigMap {DETECTIONS} is not there, and it belongs to the exercise.")
    if not isinstance(found, Done):
        return refused(found, f"The ConfigMap {DETECTIONS}")
    try:
        return compiled(found.value.get("data") or {})
    except BadRule as error:
        return Broke(str(error))


def alarms(rules: tuple[Rule, ...], events: tuple[Event, ...]) -> dict[str, str] | Outcome:
    """Whether a rule fits one of the events, and which."""
    try:
        fit = firing(rules, events)
    except BadRule as error:
        return Broke(str(error))
    return {ALARM: "yes" if fit else "no", "by": ", ".join(fit) or NONE}


@dataclass(frozen=True)
class Streams(OwnQuestion):
    """An exec by a service account, as kubectl does it now (a WebSocket) or did it until 1.30 (SPDY)."""

    namespace: str
    account: str
    pod: str
    by: Literal["websocket", "spdy"]

    @property
    @override
    def brief(self) -> str:
        return f"kubectl exec {self.pod} -- true ({self.by})"

    @property
    @override
    def typed(self) -> str:
        old = "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false " if self.by == "spdy" else ""
        token = f'--token "$(kubectl create token {self.account} -n {self.namespace})"'
        return f"{old}kubectl exec {self.pod} -n {self.namespace} {token} -- true"

    @override
    def ask(self, lab: Lab) -> Outcome:
        token = token_of(lab, self.namespace, self.account)
        if not isinstance(token, str):
            return token
        path = f"{collection('pods', self.namespace)}/{self.pod}/exec?command=true&stdout=true&stderr=true"
        return lab.api.begin_streams("GET" if self.by == "websocket" else "POST", path, token, str(uuid4()))


@dataclass(frozen=True)
class Seen(OwnQuestion):
    """A call, its events in the audit log, and which rules fit them."""

    takes: ClassVar[Takes] = "a wait"

    call: AsAccount | AsOperator | Streams

    @property
    @override
    def brief(self) -> str:
        return self.call.brief

    @property
    @override
    def typed(self) -> str:
        if isinstance(self.call, AsOperator):
            return self.call.typed
        user = f"system:serviceaccount:{self.call.namespace}:{self.call.account}"
        pattern = shlex.quote(f'{{ $.user.username = "{user}" }}')
        found = f'aws logs filter-log-events --log-group-name "{GROUP}" --log-stream-name-prefix {STREAMS}'
        return f"{self.call.typed}; {found} --filter-pattern {pattern}"

    @override
    def ask(self, lab: Lab) -> Outcome:
        rules = rules_of(lab)
        if not isinstance(rules, tuple):
            return rules
        since = time.time()
        called = self.call.ask(lab)
        if not isinstance(called, Done | HttpRefused):
            return called
        audit_id = called.headers.get("audit-id", "")
        if not audit_id:
            return Unanswered("The API server's answer has no header Audit-ID, so the call cannot be found again.")
        events = events_of(lab, audit_id, since)
        if not isinstance(events, tuple):
            return events
        fit = alarms(rules, events)
        return facts(told(last(events)) | fit) if isinstance(fit, dict) else fit


@dataclass(frozen=True)
class Ordinary(OwnQuestion):
    """What the cluster's own parts did in the last minutes, outside of the exercises, and which rules fit it."""

    @property
    @override
    def brief(self) -> str:
        return "what the cluster's own parts did in the last minutes"

    @property
    @override
    def typed(self) -> str:
        found = f'aws logs filter-log-events --log-group-name "{GROUP}" --log-stream-name-prefix {STREAMS}'
        start = f"--start-time $(date -d '-{ORDINARY_SECONDS:.0f} seconds' +%s000)"
        return f"{found} {start} --filter-pattern {shlex.quote(PLATFORM)}"

    @override
    def ask(self, lab: Lab) -> Outcome:
        rules = rules_of(lab)
        if not isinstance(rules, tuple):
            return rules
        found = recent(lab, PLATFORM, ORDINARY_SECONDS)
        if not isinstance(found, tuple):
            return found
        events = tuple(each for each in found if not _of_exercise(each))
        if not events:
            return Unanswered("The audit log has nothing of the cluster's own parts yet. Ask again in a minute.")
        fit = alarms(rules, events)
        return facts({"events": len(events), **fit}) if isinstance(fit, dict) else fit


def _of_exercise(event: Event) -> bool:
    """Other exercises have bad pods of their own, which controllers make."""
    about: dict[str, Any] = event.get("objectRef") or {}
    return str(about.get("namespace") or "").startswith("owasp-")


@dataclass(frozen=True)
class RulesRead(OwnQuestion):
    """Whether every key of the ConfigMap is a rule."""

    @property
    @override
    def brief(self) -> str:
        return f"kubectl get configmap {DETECTIONS}"

    @property
    @override
    def typed(self) -> str:
        return f"kubectl get configmap {DETECTIONS} -n {NAMESPACE} -o yaml"

    @override
    def ask(self, lab: Lab) -> Outcome:
        rules = rules_of(lab)
        return facts({"rules": len(rules)}) if isinstance(rules, tuple) else rules
