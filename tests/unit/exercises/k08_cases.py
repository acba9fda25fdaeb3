"""For the rows of K08 whose question is a pod: how it ends, what it prints, and who refuses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exercises.k08.checks import USER
from exercises.k08.names import VALUE
from exercises.k08.pods import PODS
from exercises.k08.reading import DEPLOYMENT, READ, AnotherShop, AtAws, InPlain, KeptByAws, KeptFrom, StealsSecrets
from grading.check import Row
from grading.expectations import Says
from grading.grade import Verdict
from grading.outcomes import Outcome, Unanswered, http
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import FakeLab, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
Question = StealsSecrets | AnotherShop | AtAws | InPlain

FORBIDDEN: Final = (
    'pods is forbidden: User "{}" cannot create resource "pods" in API group "" in the namespace "owasp-k08"'
)
POLICY: Final = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"
DENIED: Final = (
    "An error occurred (AccessDeniedException) when calling the GetSecretValue operation: User: arn:aws:sts::1:"
    "assumed-role/a/b is not authorized to perform: secretsmanager:GetSecretValue on resource: payment"
)
TEMPLATE: Final = {
    "serviceAccountName": "shop",
    "containers": [{"name": "shop", "image": "aws", "env": [{"name": "PAYMENT_SECRET", "value": "payment"}]}],
}


def cases(row: Row, question: Question) -> Iterator[Case]:
    """The right answer first, then wrong ones, then none at all."""
    down = Unanswered("The API server did not answer: connection refused")
    match question:
        case InPlain():
            yield Case("nowhere", _listed([]), PASSED)
            yield Case("in a ConfigMap", _listed([{"data": {"a": VALUE}}]), FAILED)
            yield Case("no such namespace", lambda one: None, FAILED)
        case _ if isinstance(row.expected, KeptFrom):
            yield from _kept(question)
        case AtAws():
            assert isinstance(row.expected, KeptByAws)
            yield Case("denied", _pods(254, DENIED), PASSED)
            yield Case("nobody", _pods(253, "Unable to locate credentials. You can configure credentials."), PASSED)
            yield Case("given", _pods(0, "v1"), FAILED)
            yield Case("another error", _pods(254, DENIED.replace("AccessDenied", "ResourceNotFound")), FAILED)
        case _:
            assert row.expected == Says(READ)
            yield Case("the pod prints it", _pods(0, "a-key"), PASSED)
            yield Case("the pod prints nothing", _pods(0, ""), FAILED)
            yield Case("no key is configured", _pods(1, "no key is configured"), FAILED)
            yield Case("denied at AWS", _pods(254, DENIED), FAILED)
            yield Case("the pod is refused", _refused(403, FORBIDDEN.format(USER)), FAILED)
    if not isinstance(question, InPlain):
        yield Case("the shop was deleted", _pods(0, "a-key", template=None), FAILED)
        yield Case("the pod goes away", _pods(None, ""), NOT_ASKED)
    yield Case("down", lambda one: one.api.answers.append(lambda *_: down), NOT_ASKED)


def _kept(question: Question) -> Iterator[Case]:
    assert not isinstance(question, InPlain)
    yield Case("forbidden", _refused(403, FORBIDDEN.format(USER)), PASSED)
    yield Case("by a policy", _refused(422, POLICY), PASSED)
    yield Case("the pod finds nothing", _pods(0, ""), PASSED)
    yield Case("the pod prints it", _pods(0, "a-key"), FAILED)
    yield Case("another user", _refused(403, FORBIDDEN.format("system:anonymous")), FAILED)
    yield Case("the account was deleted", _pods(0, "", account=False), FAILED)
    for code, reason in ((404, "not found"), (409, "exists"), (400, "malformed"), (401, "Unauthorized")):
        yield Case(f"{code}", _refused(code, reason), FAILED)


def _listed(items: list[Mapping[str, Any]]) -> Program:
    return lambda one: one.api.on("GET", "/owasp-k08/", 200, {"items": items})


def _refused(code: int, message: str) -> Program:
    return _pods(0, "a-key", made=http(code, status(code, "Forbidden", message)))


def _pods(
    code: int | None,
    printed: str,
    *,
    template: Mapping[str, Any] | None = TEMPLATE,
    account: bool = True,
    made: Outcome | None = None,
) -> Program:
    """The shop is there; a pod is made, ends with this code, None: is gone at once, and has printed this."""

    def answer(method: str, path: str, _body: Any, _token: str | None) -> Outcome | None:
        if path == DEPLOYMENT:
            return http(200, {"spec": {"template": {"spec": template}}}) if template else None
        if path.endswith("/token"):
            return http(201, {"status": {"token": "a-token"}}) if account else None
        if path.endswith("/secrets"):
            return http(200, {"items": [{"metadata": {"name": "payment"}, "data": {"key": ""}}]})
        if path == PODS and method == "POST":
            return made or http(201, {})
        if "/log?" in path:
            return http(200, printed)
        if method == "GET" and path.startswith(PODS) and code is not None:
            return http(200, {"status": {"containerStatuses": [{"state": {"terminated": {"exitCode": code}}}]}})
        return None

    def program(one: FakeLab) -> None:
        one.api.answers.append(answer)

    return program
