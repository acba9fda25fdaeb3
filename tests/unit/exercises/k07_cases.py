"""For the rows of K07 whose question is a command in a pod: what the AWS CLI says there, and whether there is a pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exercises.k07.asking import NoCredentials
from grading.check import Row
from grading.expectations import Says
from grading.grade import Verdict
from grading.outcomes import Outcome, Ran, Unanswered, http
from grading.variables import Names
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import NODE_SESSION, FakeLab, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
RUNS: Final[Mapping[str, Any]] = {"metadata": {"name": "pod-1"}, "status": {"phase": "Running"}}
ENDS: Final[Mapping[str, Any]] = {**RUNS, "metadata": {"name": "pod-0", "deletionTimestamp": "2026-11-29T00:00:00Z"}}
NOBODY: Final = Ran(253, "", "\nUnable to locate credentials. You can configure credentials by running...\n")
NODE: Final = Ran(0, f"{NODE_SESSION}\n", "")
POD: Final = Ran(0, "arn:aws:sts::111122223333:assumed-role/orders/eks-myeks-orders-1\n", "")
DENIED: Final = "An error occurred (AccessDenied) when calling the {} operation: User: x is not authorized"


def cases(row: Row, names: Names) -> Iterator[Case]:
    """The right answer first, then wrong ones, then none at all."""
    if isinstance(row.expected, NoCredentials):
        right = NOBODY
        yield Case("nobody", _ran(NOBODY), PASSED)
        yield Case("the node", _ran(NODE), FAILED)
        yield Case("a role of its own", _ran(POD), FAILED)
        yield Case("another error", _ran(Ran(252, "", "aws: error: unknown options")), FAILED)
        yield Case("denied", _ran(Ran(254, "", DENIED.format("GetCallerIdentity"))), FAILED)
    elif isinstance(row.expected, Says):
        right = NODE
        assert names.fill(row.expected.pattern).rpartition("/")[0] == NODE_SESSION.rpartition("/")[0]
        yield Case("the node", _ran(NODE), PASSED)
        yield Case("the node, beside a pod that ends", _ran(NODE, [ENDS, RUNS]), PASSED)
        yield Case("nobody", _ran(NOBODY), FAILED)
        yield Case("another role", _ran(POD), FAILED)
    else:
        right = Ran(0, "1\n", "")
        yield Case("allowed", _ran(right), PASSED)
        yield Case("nobody", _ran(NOBODY), FAILED)
        yield Case("denied", _ran(Ran(254, "", DENIED.format("ListBuckets"))), FAILED)
    yield Case("the Deployment was deleted", lambda one: None, FAILED)
    yield Case("it has no pods", _ran(right, replicas=0), FAILED)
    yield Case("no aws in the pod", _ran(Ran(127, "", "aws: not found")), NOT_ASKED)
    yield Case("AWS is out of reach", _ran(Ran(255, "", "Could not connect to the endpoint URL: x")), NOT_ASKED)
    yield Case("the pod goes away", _ran(Unanswered("The pod is not there.")), NOT_ASKED)
    yield Case("no pod runs yet, and nobody waits", _ran(right, [ENDS], waits=False), NOT_ASKED)
    down = Unanswered("The API server did not answer: connection refused")
    yield Case("down", lambda one: one.api.answers.append(lambda *_: down), NOT_ASKED)
    forbidden = http(403, status(403, "Forbidden", "no"))
    yield Case("no right to look", lambda one: one.api.answers.append(lambda *_: forbidden), NOT_ASKED)


def _ran(
    ran: Ran | Unanswered, pods: list[Mapping[str, Any]] | None = None, replicas: int = 1, *, waits: bool = True
) -> Program:
    """The Deployment is there, with these pods, and a command in the running one ends so."""

    def answer(method: str, path: str, _body: Any, _token: str | None) -> Outcome | None:
        if method != "GET":
            return None
        if "/deployments/" in path:
            return http(200, {"spec": {"replicas": replicas}})
        return http(200, {"items": pods or [RUNS]}) if "/pods?labelSelector=app%3D" in path else None

    def program(one: FakeLab) -> None:
        one.api.answers.append(answer)
        one.api.ran = ran
        if not waits:
            one.session.stop.set()

    return program
