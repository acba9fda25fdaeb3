"""For the rows of K10: what the API server answers to a connection, by its version and the role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exercises.k10.checks import NAMESPACE, USER
from exercises.k10.connecting import Connects, OpenOnlyAtOld
from grading.check import Row
from grading.expectations import Allowed
from grading.grade import Verdict
from grading.outcomes import Done, Outcome, Unanswered, http
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import FakeLab, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
TOKEN = "/token"


def _answered(outcome: Outcome, by_spdy: Outcome | None = None) -> Program:
    """The answer to a WebSocket, and to SPDY where it is another one."""

    def answer(method: str, path: str, _body: Any, token: str | None) -> Outcome | None:
        if path.endswith(TOKEN):
            return http(201, {"status": {"token": "a.b.c"}})
        return (by_spdy or outcome if method == "POST" else outcome) if token else None

    def program(one: FakeLab) -> None:
        one.api.answers.append(answer)

    return program


def _forbidden(verb: str, by: str, user: str = USER) -> Outcome:
    resource = f'resource "pods/{by}" in API group "" in the namespace "{NAMESPACE}"'
    message = f'pods "web" is forbidden: User "{user}" cannot {verb} {resource}'
    return http(403, status(403, "Forbidden", message))


def cases(row: Row) -> Iterator[Case]:
    """The right answer first, then wrong ones, then none at all."""
    question = row.question
    assert isinstance(question, Connects)
    by, other = question.by, {"exec": "attach", "attach": "exec"}[question.by]
    unnamed = http(403, status(403, "Forbidden", 'pods "web" is forbidden: '))
    through, create, get = Done("", "101"), _forbidden("create", by), _forbidden("get", by)
    at_open, allowed = isinstance(row.expected, OpenOnlyAtOld), isinstance(row.expected, Allowed)
    answers = [
        Case("through", _answered(through), PASSED if at_open or allowed else FAILED),
        Case("since 1.35: create is asked for", _answered(unnamed, create), FAILED if allowed else PASSED),
    ]
    yield from sorted(answers, key=lambda case: case.verdict is not PASSED)
    yield Case("SPDY goes through", _answered(create, through), PASSED if at_open or allowed else FAILED)
    yield Case("no refusal is named", _answered(unnamed), FAILED)
    yield Case("the role has not even get", _answered(get), FAILED if allowed or at_open else PASSED)
    if at_open:
        yield Case("about another connection", _answered(_forbidden("create", other)), FAILED)
    yield Case("another user", _answered(_forbidden("create", by, "system:anonymous")), FAILED)
    yield Case("not known", _answered(http(401, status(401, "Unauthorized", "Unauthorized"))), FAILED)
    yield Case("no pod", _answered(http(404, status(404, "NotFound", 'pods "web" not found'))), FAILED)
    yield Case("no WebSocket", _answered(http(400, status(400, "BadRequest", "Upgrade request required"))), FAILED)
    yield Case("down", _answered(Unanswered("connection refused")), NOT_ASKED)
    yield Case("no account", lambda one: None, FAILED)
