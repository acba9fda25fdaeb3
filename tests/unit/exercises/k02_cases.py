"""For K02's signed list: the list as it was signed, lists that nobody signed, and none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from exercises.k02.images import ELSEWHERE, LIST, RELEASE, listed
from exercises.k02.signed_list import SignedList
from grading.account_probes import collection
from grading.grade import Verdict
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import FakeLab, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
PATH: Final = f"{collection('configmaps', RELEASE)}/{LIST}"


def cases(question: SignedList) -> Iterator[Case]:
    """The right answer first."""
    yield Case("as it was signed", standing(listed()), PASSED)
    if not question.changed:
        for name, data in unsigned().items():
            yield Case(name, standing(data), FAILED)
    yield Case("the list was deleted", lambda one: one.api.on("GET", PATH, 404, status(404, "NotFound", "")), FAILED)
    yield Case("no answer", lambda one: one.api.on("GET", PATH, 500, status(500, "InternalError", "later")), NOT_ASKED)


def unsigned() -> dict[str, Mapping[str, str]]:
    """What was done to it → `data` of a list that the release team has not signed."""
    right = listed()
    return {
        "one more registry": {**right, "registries": f"{right['registries']}{ELSEWHERE}\n"},
        "one digest less": {**right, "digests": right["digests"].partition("\n")[2]},
        "one byte": {**right, "digests": right["digests"].replace("66b6", "66b7")},
        "no signature": {key: value for key, value in right.items() if key != "signature"},
        "what is no signature": {**right, "signature": "yes"},
        "another signature": {**right, "signature": f"{right['signature'][:-4]}AAAA"},
        "nothing": {},
    }


def standing(data: Mapping[str, str]) -> Program:
    """A cluster with this list."""

    def program(one: FakeLab) -> None:
        one.api.on("GET", PATH, 200, {"data": dict(data)})

    return program
