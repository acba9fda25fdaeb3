"""In which order questions are put, and how many at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Barrier
from typing import ClassVar

from typing_extensions import override

from exercises.registry import ROWS
from grading.check import Row
from grading.expectations import Allowed
from grading.grade import THREADS, Verdict, ask_all, effort
from grading.outcomes import Outcome, Unanswered, done_text
from grading.pod_probes import InPod
from grading.probes import AsTestuser, Lab, OwnQuestion, Question, Takes, listing
from tests.unit.grading.fake_lab import lab


@dataclass(frozen=True)
class Together(OwnQuestion):
    """Is answered when as many questions are put at once as the barrier wants."""

    barrier: Barrier = field(hash=False)

    @property
    @override
    def brief(self) -> str:
        return "together"

    @property
    @override
    def typed(self) -> str:
        return "together"

    @override
    def ask(self, lab: Lab) -> Outcome:
        try:
            self.barrier.wait()
        except RuntimeError:
            return Unanswered("Nobody else was asked meanwhile.")
        return done_text("together")


class Waiting(Together):
    """The same, as one that waits."""

    takes: ClassVar[Takes] = "a wait"


def row(name: str, question: Question) -> Row:
    return Row("rbac", "before", name, "x", question, Allowed(), "why.")


def test_who_only_waits_keeps_nobody_from_being_asked():
    barrier = Barrier(2 * THREADS, timeout=3)
    rows = [row(f"asks-{number}", Together(barrier)) for number in range(THREADS)]
    rows += [row(f"waits-{number}", Waiting(barrier)) for number in range(THREADS)]
    assert {each.verdict for each in ask_all(rows, lab().session)} == {Verdict.PASSED}


def test_not_more_are_asked_at_once():
    barrier = Barrier(THREADS + 1, timeout=0.3)
    rows = [row(f"asks-{number}", Together(barrier)) for number in range(THREADS + 1)]
    assert Verdict.NOT_ASKED in {each.verdict for each in ask_all(rows, lab().session)}


def test_what_takes_longest_begins_first():
    questions = {each.name: each.question for each in ROWS}
    in_order = [
        [Waiting(Barrier(1)), questions["k06-closed-deleted-pod"], questions["crypto-open-client-certificate"]],
        [questions["pod-identity-foreign-account"], questions["k08-open-volume"], questions["k07-open-node-agent"]],
        [InPod("a", "b", ("aws",), "aws")],
        [InPod("a", "b", ("kubectl",), "kubectl")],
        [AsTestuser(listing("pods", "default"))],
    ]
    for number, alike in enumerate(in_order):
        assert [effort(row("x", each)) for each in alike] == [number] * len(alike)
