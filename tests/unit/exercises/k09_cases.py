"""For the rows of K09 that need a node's name, or whose answer may come from behind the API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from exercises.k09.questions import NODES, LedThrough, MayScrapeEveryNode, OnEveryNode, OnPodsNode
from grading.check import Row
from grading.expectations import Allowed, Says
from grading.grade import Verdict
from grading.outcomes import Outcome, Unanswered, http
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import FakeLab, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
Question = OnEveryNode | OnPodsNode | MayScrapeEveryNode | LedThrough

NODE: Final = 'nodes "a" is forbidden: User "{}" cannot get resource "nodes/proxy" in API group "" at the cluster scope'
PATH: Final = 'forbidden: User "{}" cannot get path "/metrics"'
REACHED: Final = "error trying to reach service: dial tcp 192.168.1.66:9153: connect: connection refused"


def cases(row: Row, question: Question) -> Iterator[Case]:
    """The right answer first, then wrong ones, then none at all."""
    account = question.asked.account if isinstance(question, LedThrough) else question.account
    user = f"system:serviceaccount:owasp-k09:{account}"
    allowed, refused = http(200, {"kind": "PodList", "items": []}), _status(403, NODE.format(user))
    if isinstance(row.expected, Says):
        yield Case("yes for each node", _nodes(_may(True), _may(True)), PASSED)
        yield Case("no for one of them", _nodes(_may(True), _may(False)), FAILED)
    elif isinstance(row.expected, Allowed):
        yield Case("allowed", _nodes(allowed, allowed), PASSED)
        yield Case("refused", _nodes(refused, refused), FAILED)
        if isinstance(question, LedThrough):
            yield Case("nothing listens there", _nodes(http(503, status(503, "x", REACHED))), PASSED)
            yield Case("no such page", _nodes(http(404, "404 page not found")), PASSED if question.off else FAILED)
    else:
        yield Case("refused", _nodes(refused, refused), PASSED)
        yield Case("refused as a path", _nodes(*[_status(403, PATH.format(user))] * 2), PASSED)
        yield Case("another user", _nodes(*[_status(403, NODE.format("system:anonymous"))] * 2), FAILED)
        yield Case("allowed", _nodes(allowed, allowed), FAILED)
        if isinstance(question, OnEveryNode):
            yield Case("allowed on the last node", _nodes(refused, allowed), FAILED)
        for code in (400, 401, 409):
            yield Case(f"{code}", _nodes(*[_status(code, "no")] * 2), FAILED)
    yield Case("the account was deleted", _nodes(allowed, allowed, account=False), FAILED)
    down = Unanswered("The API server did not answer: connection refused")
    yield Case("down", lambda one: one.api.answers.append(lambda *_: down), NOT_ASKED)
    if isinstance(question, OnEveryNode | MayScrapeEveryNode):
        yield Case("there is no node", _nodes(), NOT_ASKED)
    if isinstance(question, OnPodsNode):
        yield Case("the pod is gone", _nodes(allowed, allowed, pod=False), NOT_ASKED)


def _may(allowed: bool) -> Outcome:
    return http(201, {"status": {"allowed": allowed}})


def _status(code: int, message: str) -> Outcome:
    return http(code, status(code, "Forbidden", message))


def _nodes(*answers: Outcome, account: bool = True, pod: bool = True) -> Program:
    """A cluster of nodes; the requests about them are answered in this order, the last one again and again."""
    told = list(answers)

    def answer(method: str, path: str, _body: Any, token: str | None) -> Outcome | None:
        if path.endswith("/token"):
            return http(201, {"status": {"token": "a-token"}}) if account else None
        if token is None and path == NODES:
            return http(200, {"items": [{"metadata": {"name": f"node-{number}"}} for number in range(len(answers))]})
        if token is None and method == "GET":
            return http(200, {"spec": {"nodeName": "node-0"}}) if pod else None
        return told.pop(0) if len(told) > 1 else told[0]

    def program(one: FakeLab) -> None:
        one.api.answers.append(answer)

    return program
