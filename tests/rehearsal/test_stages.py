"""From every stage of an exercise to every other: what stands afterwards is what a fresh `up` at that stage makes.

Five fresh labs, one a stage of identityMapping, are the references; the other exercises' stages are spread over
them. Then one lab walks through all ordered pairs of stages of identityMapping, each once, and the others' pairs on
the way. The exercises stand apart from each other, so each is compared with any reference that has its stage, and
what belongs to none with the one that has the same identityMapping.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from tests.rehearsal import lab_states
from tests.rehearsal.conftest import Lab
from tests.rehearsal.lab_states import BASE, Facts

RBAC = ("off", "before", "after")
MAPPING = ("off", "masters", "authenticated", "unmapped", "entry")
SWITCH = (False, True)


@dataclass(frozen=True)
class Stages:
    """A stage of each exercise, by the names of the settings."""

    identityMapping: str  # noqa: N815  # the setting's own name
    rbac: str
    irsa: bool
    podIdentity: bool  # noqa: N815
    testuserBoundary: bool  # noqa: N815

    def of(self, part: str) -> object:
        """What the part of the lab depends on."""
        if part == "testuser":
            return "off" if self.identityMapping == "off" else self.testuserBoundary
        return getattr(self, "identityMapping" if part == BASE else part)


FRESH = (
    Stages("off", "off", irsa=False, podIdentity=False, testuserBoundary=True),
    Stages("masters", "before", irsa=True, podIdentity=False, testuserBoundary=True),
    Stages("authenticated", "after", irsa=False, podIdentity=True, testuserBoundary=False),
    Stages("unmapped", "before", irsa=True, podIdentity=True, testuserBoundary=False),
    Stages("entry", "after", irsa=True, podIdentity=True, testuserBoundary=True),
)


def every_pair(stages: Sequence[Any]) -> list[Any]:
    """A round walk that goes from each stage to each other exactly once (Hierholzer's algorithm)."""
    left = {one: [other for other in reversed(stages) if other != one] for one in stages}
    path, walk = [stages[0]], list[Any]()
    while path:
        if left[path[-1]]:
            path.append(left[path[-1]].pop())
        else:
            walk.append(path.pop())
    return walk[::-1]


def walk() -> list[Stages]:
    """The stages of each `up`, the first of them of the fresh lab that is walked on."""
    mapping = every_pair(MAPPING)
    rbac = itertools.islice(itertools.cycle(every_pair(RBAC)[:-1]), len(mapping))
    # Both switches turn at different steps, and the boundary only while there is a testuser.
    irsa = itertools.cycle((False, True, True, False))
    pod_identity = itertools.cycle((False, False, True, True, False, True))
    boundary = itertools.cycle((True, True, False, False))
    return [Stages(*stages) for stages in zip(mapping, rbac, irsa, pod_identity, boundary, strict=False)]


WALK = walk()


def test_the_walk_covers_every_ordered_pair() -> None:
    steps = list(itertools.pairwise(WALK))
    assert len(steps) == 20
    for name, stages in (("identityMapping", MAPPING), ("rbac", RBAC), ("irsa", SWITCH), ("podIdentity", SWITCH)):
        gone = {(getattr(one, name), getattr(two, name)) for one, two in steps}
        assert gone >= set(itertools.permutations(stages, 2)), name
    user = {
        (one.testuserBoundary, two.testuserBoundary)
        for one, two in steps
        if "off" not in (one.identityMapping, two.identityMapping)
    }
    assert user == set(itertools.product(SWITCH, SWITCH))


def at(lab: Lab, stages: Stages) -> dict[str, Facts]:
    """What stands after an `up` at these stages, by part of the lab."""
    lab.set(exercises=asdict(stages))
    lab("up")
    return lab_states.parts(lab_states.facts(lab))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, object], Facts]:
    """Part of the lab and its stage → what a fresh `up` makes of it."""
    references: dict[tuple[str, object], Facts] = {}
    for stages in FRESH:
        lab = Lab(tmp_path_factory.mktemp("fresh"))
        try:
            for part, facts in at(lab, stages).items():
                # Two fresh labs that have a part at the same stage have the same.
                assert references.setdefault((part, stages.of(part)), facts) == facts, (part, stages)
        finally:
            lab("down", "--force", code=None)
            assert lab.processes() == []
    return references


def test_every_stage_is_reached_from_every_other(lab: Lab, fresh: dict[tuple[str, object], Facts]) -> None:
    for before, stages in zip([None, *WALK], WALK, strict=False):
        for part, facts in at(lab, stages).items():
            assert facts == fresh[part, stages.of(part)], f"{part}: from {before} to {stages}"


def test_the_references_tell_the_stages_apart(fresh: dict[tuple[str, object], Facts]) -> None:
    """A comparison of nothing with nothing would pass."""
    for part in lab_states.PARTS:
        different = [facts for (of, _), facts in fresh.items() if of == part]
        for one, two in itertools.combinations(different, 2):
            assert one != two, part
    assert len(fresh[BASE, "off"]) > 200


def test_the_last_step_is_a_whole_down(lab: Lab) -> None:
    lab.set(exercises=asdict(FRESH[-1]))
    lab("up")
    lab("down")
    assert lab.processes() == []
