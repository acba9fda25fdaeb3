"""For rows that ask as a service account or as the operator: the right answer, wrong ones, and none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from exercises.k01.limits import Limited, Unlimited
from grading.account_probes import AsAccount, ByStolenToken, ObjectFacts
from grading.check import Row
from grading.expectations import Allowed, Between, Expectation, Forbidden, Holds, Says
from grading.grade import Verdict
from grading.outcomes import Outcome, Unanswered, http
from grading.refusals import AdmissionRefused, AnyForbidden, PodSecurityRefused, PolicyRefused, Warned
from grading.variables import Names
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import FakeLab, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
TOKEN = "the-token-of-an-account"
POD_SECURITY = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": {}'
POLICY = "ValidatingAdmissionPolicy '{}' with binding 'b' denied request: no"
WEBHOOK = 'admission webhook "validate.example" denied the request: no'
ESCALATION = 'user "u" (groups=[]) is attempting to grant RBAC permissions not currently held:'
TEMPLATE: Mapping[str, Any] = {"spec": {"containers": [{"name": "app"}]}}
POD: Mapping[str, Any] = {
    "kind": "Pod",
    "spec": {**TEMPLATE["spec"], "template": TEMPLATE, "jobTemplate": {"spec": {"template": TEMPLATE}}},
}
"""Also what is read of a Deployment and of a CronJob."""
NO_REFUSALS: Mapping[int, str] = {
    404: "not found",
    409: "exists",
    400: "malformed",
    401: "Unauthorized",
    422: "invalid",
}


def cases(row: Row, names: Names) -> Iterator[Case]:
    """The right answer first, then wrong ones, then none at all."""
    question, expected = row.question, row.expected
    if isinstance(question, ObjectFacts):
        yield from _facts(question, expected)
    else:
        yield from _put(question, expected, names)
    yield Case("broken", _answered(http(500, status(500, "InternalError", "later"))), NOT_ASKED)
    down = Unanswered("The API server did not answer: connection refused")
    yield Case("down", lambda one: one.api.answers.append(lambda *_: down), NOT_ASKED)
    if isinstance(question, AsAccount | ByStolenToken):
        yield Case("the account was deleted", lambda one: None, FAILED)


def _put(question: object, expected: Expectation, names: Names) -> Iterator[Case]:
    right, wrong = _answers(expected, names, f"system:serviceaccount:{_account(question)}")
    yield Case("right", _answered(right), PASSED)
    for label, outcome in wrong:
        yield Case(label, _answered(outcome), FAILED)
    for label, outcome in _also_right(expected):
        yield Case(label, _answered(outcome), PASSED)
    if isinstance(question, ByStolenToken):
        refused = http(403, status(403, "Forbidden", _forbidden(f"system:serviceaccount:{_account(question)}")))
        verdict = PASSED if isinstance(expected, AnyForbidden) else FAILED
        yield Case("the other's token is not given", _answered(right, stolen=refused), verdict)


def _also_right(expected: Expectation) -> Iterator[tuple[str, Outcome]]:
    """Other right ways to refuse, for a demand that takes any."""
    if isinstance(expected, AnyForbidden):
        yield "as an escalation", _refused(403, ESCALATION)
    if isinstance(expected, AnyForbidden | AdmissionRefused):
        yield "by Pod Security", _refused(403, POD_SECURITY.format("privileged"))
        yield "by a policy", _refused(422, POLICY.format("any"))
        yield "by a webhook", _refused(403, WEBHOOK)


def _account(question: object) -> str:
    return f"{question.namespace}:{question.account}" if isinstance(question, AsAccount | ByStolenToken) else "x:y"


def _answered(outcome: Outcome, stolen: Outcome | None = None) -> Program:
    """Tokens are given to whoever asks (`stolen`: what another account is told), and this comes back for the rest."""

    def answer(method: str, path: str, _body: Any, token: str | None) -> Outcome | None:
        if path.endswith("/token"):
            return stolen if stolen and token else http(201, {"status": {"token": TOKEN}})
        if "/replicasets" in path:
            return http(200, {"metadata": {"name": "check-1"}, "status": {"replicas": 1}})
        return outcome

    def program(one: FakeLab) -> None:
        one.api.answers.append(answer)

    return program


def _forbidden(user: str) -> str:
    return f'pods "x" is forbidden: User "{user}" cannot get resource "pods" in API group "" at the cluster scope'


def _refused(code: int, message: str) -> Outcome:
    return http(code, status(code, "Invalid" if code == 422 else "Forbidden", message))


def _answers(expected: Expectation, names: Names, user: str) -> tuple[Outcome, list[tuple[str, Outcome]]]:
    no_refusals = [(f"{code}: {text}", _refused(code, text)) for code, text in NO_REFUSALS.items()]
    allowed = http(201, POD)
    match expected:
        case Says(pattern=pattern):
            other = http(201, {"status": {"allowed": pattern != "yes"}})
            return http(201, {"status": {"allowed": pattern == "yes"}}), [("the other answer", other), *no_refusals]
        case Forbidden():
            from tests.unit.exercises.pod_cases import forbidden

            other = _refused(403, forbidden(expected, names, user="system:anonymous"))
            right = _refused(403, forbidden(expected, names))
            return right, [("another user", other), ("allowed", allowed), *no_refusals]
        case AnyForbidden(user=wanted):
            other = [("another user", _refused(403, _forbidden("system:anonymous")))] if wanted else []
            return _refused(403, _forbidden(wanted or user)), [*other, ("allowed", allowed), *no_refusals]
        case PodSecurityRefused(about=about):
            right = _refused(403, POD_SECURITY.format(about or "privileged"))
            policy = ("by a policy", _refused(422, POLICY.format("p")))
            return right, [policy, ("allowed", allowed), *no_refusals]
        case PolicyRefused(policy=policy):
            other = [("by another policy", _refused(422, POLICY.format("other")))] if policy else []
            security = ("by Pod Security", _refused(403, POD_SECURITY.format("privileged")))
            return _refused(422, POLICY.format(policy or "p")), [*other, security, ("allowed", allowed), *no_refusals]
        case AdmissionRefused():
            rbac = ("by RBAC", _refused(403, _forbidden(user)))
            return _refused(422, POLICY.format("p")), [rbac, ("allowed", allowed), *no_refusals]
        case Warned(words=words):
            said = json.dumps(words)
            warned = http(201, POD, {"warning": f"299 - {said}"})
            other = ("another warning", http(201, POD, {"warning": '299 - "deprecated"'}))
            return warned, [other, ("without a warning", allowed), *no_refusals]
        case Allowed():
            return allowed, [("forbidden", _refused(403, _forbidden(user))), *no_refusals]
        case Limited():
            limited = http(201, {"spec": {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}})
            return limited, [("by RBAC", _refused(403, _forbidden(user))), ("unlimited", allowed), *no_refusals]
        case Unlimited():
            return allowed, [("forbidden", _refused(403, _forbidden(user))), *no_refusals]
        case _:
            raise AssertionError(f"there are no cases for {expected}")


def _facts(question: ObjectFacts, expected: Expectation) -> Iterator[Case]:
    assert isinstance(expected, Holds)

    def shaped(values: Mapping[str, Any]) -> Any:
        found: dict[str, Any] = {}
        for name, keys in question.members:
            below = found
            for key in keys[:-1]:
                below = below.setdefault(key, {})
            below[keys[-1]] = _plain(values[name])
        return found

    right = dict(expected.facts)
    yield Case("right", _answered(http(200, shaped(right))), PASSED)
    for name in right:
        yield Case(f"{name} is another", _answered(http(200, shaped({**right, name: "another"}))), FAILED)
    yield Case("not there", _answered(_refused(404, "not found")), FAILED)


def _plain(value: Any) -> Any:
    if isinstance(value, Between):
        return value.least
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
