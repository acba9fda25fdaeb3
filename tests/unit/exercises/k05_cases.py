"""For the rows of K05: what the audit log has of a call, and what the learner's rules say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from exercises.k05.watching import ALARM, Ordinary, RulesRead, Seen
from grading.check import Row
from grading.expectations import Holds
from grading.grade import Verdict
from grading.outcomes import AwsRefused, Done, Outcome, Unanswered, http
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import FakeLab

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
Question = Seen | Ordinary | RulesRead

ID: Final = "0b7c9a52-1111-4222-8333-444455556666"
FIRES: Final = (
    "{title: all, logsource: {product: kubernetes}, detection: {s: {auditID|startswith: 0b7c}, condition: s}}"
)
SILENT: Final = "{title: none, logsource: {product: kubernetes}, detection: {s: {verb: none}, condition: s}}"


def event(**told: Any) -> dict[str, Any]:
    """An event of an honest call's end, with what is told otherwise."""
    resource, _, subresource = str(told.get("resource", "pods")).partition("/")
    return {
        "kind": "Event",
        "auditID": ID,
        "stage": told.get("stage", "ResponseComplete"),
        "verb": told.get("verb", "list"),
        "user": {"username": told.get("user", "operator")},
        "objectRef": {"resource": resource, "namespace": "owasp-k05"}
        | ({"subresource": subresource} if subresource else {}),
        "responseStatus": {"metadata": {}, "code": told.get("code", 200)},
        "annotations": {"authorization.k8s.io/decision": told.get("decision", "allow")},
    }


def cases(row: Row, question: Question) -> Iterator[Case]:
    """The right answer first, then wrong ones, then none at all."""
    assert isinstance(row.expected, Holds)
    facts = dict(row.expected.facts)
    match question:
        case RulesRead():
            yield Case("a rule", _program(), PASSED)
            yield Case("no rules", _program(rules={}), FAILED)
        case Ordinary():
            of_platform = {**event(), "objectRef": {"resource": "pods", "namespace": "kube-system"}}
            yield Case("no rule fires", _program(events=[of_platform]), PASSED)
            yield Case("a rule fires", _program(FIRES, events=[of_platform]), FAILED)
            yield Case("the log has other events alone", _program(events=[event()]), NOT_ASKED)
            yield Case("the log is off", _program(events=[of_platform], on=False), FAILED)
        case Seen():
            yield from _seen(facts, question)
    yield Case("the rules are gone", _program(rules=None, events=[event(**facts)]), FAILED)
    yield Case("a rule is none", _program("title: [", events=[event(**facts)]), FAILED)
    down = Unanswered("The API server did not answer: connection refused")
    yield Case("down", lambda one: one.api.answers.append(lambda *_: down), NOT_ASKED)


def _seen(facts: Mapping[str, Any], question: Seen) -> Iterator[Case]:
    alarm, code = facts[ALARM] == "yes", facts["code"]
    right, other = (FIRES, SILENT) if alarm else (SILENT, FIRES)
    found = [event(**facts)]
    yield Case("right", _program(right, code=code, events=found), PASSED)
    yield Case("the rules say otherwise", _program(other, code=code, events=found), FAILED)
    started = event(**{**facts, "code": None}, stage="RequestReceived")
    yield Case("among several events", _program(right, code=code, events=[started, *found]), PASSED)
    for name, value in {"verb": "delete", "resource": "nodes", "user": "x", "code": 403, "decision": "forbid"}.items():
        if name in facts:
            wrong = [event(**{**facts, name: value})]
            yield Case(f"{name} is another", _program(right, code=code, events=wrong), FAILED)
    yield Case("the log is off", _program(right, code=code, events=found, on=False), FAILED)
    yield Case("its end is not in the log", _program(right, code=code, events=[started]), NOT_ASKED)
    yield Case("not in the log", _program(right, code=code), NOT_ASKED)
    yield Case("no group", _program(right, code=code, log="ResourceNotFoundException"), NOT_ASKED)
    yield Case("the log may not be read", _program(right, code=code, log="AccessDeniedException"), NOT_ASKED)
    yield Case("no Audit-ID", _program(right, code=code, events=found, audit_id=""), NOT_ASKED)
    if getattr(question.call, "account", ""):
        yield Case("the account was deleted", _program(right, code=code, events=found, account=False), FAILED)


def _program(
    *texts: str,
    rules: Mapping[str, str] | None = {"one.yaml": SILENT},  # it is only read
    events: list[dict[str, Any]] | None = None,
    code: int = 200,
    audit_id: str = ID,
    account: bool = True,
    on: bool = True,
    log: str = "",
) -> Program:
    """The rules are there, calls are answered, the log holds these events."""
    data = {f"{number}.yaml": text for number, text in enumerate(texts)} or rules

    def answer(method: str, path: str, _body: Any, token: str | None) -> Outcome | None:
        if path.endswith("/configmaps/detections"):
            return http(200, {"data": data}) if data is not None else None
        headers = {"audit-id": audit_id} if audit_id else {}
        if path.endswith("/token"):
            return http(201, {"status": {"token": "a-token"}}, headers) if account else None
        # 101, with which streams begin, is told as an outcome by who asks for them.
        return Done("", "101", headers) if code == 101 and "/exec?" in path else http(code, {}, headers)

    def program(one: FakeLab) -> None:
        one.api.answers.append(answer)
        logging = {"clusterLogging": [{"types": ["api", "audit"], "enabled": on}]}
        one.aws.answers["describe_cluster"] = Done({"cluster": {"logging": logging}}, "")
        lines = [{"message": json.dumps(each)} for each in events or ()]
        page = Done({"events": [{"message": "no JSON"}, *lines]}, "")
        one.aws.answers["filter_log_events"] = AwsRefused(log, "FilterLogEvents", "no") if log else page
        # Nobody waits for more of them.
        one.session.stop.set()

    return program
