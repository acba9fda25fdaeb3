"""For K04's question in a new namespace: the right answer, wrong ones, and none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grading.expectations import Expectation
from grading.grade import Verdict
from grading.outcomes import Outcome, http
from grading.refusals import AdmissionRefused, Warned
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
DENIED = "ValidatingAdmissionPolicy 'owasp-k04-pods' with binding 'owasp-k04-pods' denied request: no"
MADE = http(201, {"kind": "Namespace"})
BUSY = http(500, status(500, "InternalError", "later"))


def cases(expected: Expectation) -> Iterator[Case]:
    """The right answer first."""
    made, refused = http(201, {"kind": "Pod"}), http(422, status(422, "Invalid", DENIED))
    forbidden = http(403, status(403, "Forbidden", "error looking up service account"))
    match expected:
        case AdmissionRefused():
            yield Case("the pod is refused", answering(pod=refused), PASSED)
            yield Case("the namespace is refused", answering(namespace=refused), PASSED)
            yield Case("the pod is made", answering(pod=made), FAILED)
        case Warned(words=words):
            warned = http(201, {"kind": "Pod"}, {"warning": f'299 - "Validation failed for {words}"'})
            yield Case("the pod is made with a warning", answering(pod=warned), PASSED)
            yield Case("the pod is made without a warning", answering(pod=made), FAILED)
            yield Case("the pod is refused", answering(pod=refused), FAILED)
        case _:
            yield Case("the pod is made", answering(pod=made), PASSED)
            yield Case("the pod is refused", answering(pod=refused), FAILED)
    yield Case("the pod is refused for another reason", answering(pod=forbidden), FAILED)
    yield Case("no answer about the namespace", answering(namespace=BUSY), NOT_ASKED)
    yield Case("no answer about the account", answering(account=BUSY), NOT_ASKED)
    yield Case("no answer about the pod", answering(pod=BUSY), NOT_ASKED)


def answering(namespace: Outcome = MADE, account: Outcome = MADE, pod: Outcome = MADE) -> Program:
    """An API server that answers so to a POST of each of the three."""

    def answer(method: str, path: str, _body: Any, _token: str | None) -> Outcome | None:
        if method != "POST":
            return http(200, {"items": []})
        return pod if "/pods" in path else account if path.endswith("/serviceaccounts") else namespace

    return lambda one: one.api.answers.append(answer)
