"""From every stage of an exercise to every other: what stands afterwards is what a fresh `up` at that stage makes.

Five fresh labs, one a stage of identityMapping, are the references; the other exercises' stages are spread over
them. Then one lab walks through all ordered pairs of stages of identityMapping, each once, and the others' pairs on
the way. The exercises stand apart from each other, so each is compared with any reference that has its stage, and
what belongs to none with the one that has the same identityMapping.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from tests.rehearsal import lab_states
from tests.rehearsal.conftest import Lab
from tests.rehearsal.lab_states import BASE, Facts, differences

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

ALIKE = ("identityMapping", "unmapped")
"""The cluster is told of somebody whom nobody maps what it is told of somebody who does not exist."""


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
                known = references.setdefault((part, stages.of(part)), facts)
                assert not list(differences(facts, known)), (part, stages)
        finally:
            lab("down", "--force", code=None)
            assert lab.left_running() == []
    return references


def test_every_stage_is_reached_from_every_other(lab: Lab, fresh: dict[tuple[str, object], Facts]) -> None:
    for before, stages in zip([None, *WALK], WALK, strict=False):
        for part, facts in at(lab, stages).items():
            known = fresh[part, stages.of(part)]
            assert not list(differences(facts, known)), f"{part}: from {before} to {stages}"


def test_the_references_tell_the_stages_apart(fresh: dict[tuple[str, object], Facts]) -> None:
    """A comparison of nothing with nothing would pass."""
    for part in lab_states.PARTS:
        different = [facts for (of, stage), facts in fresh.items() if of == part and (of, stage) != ALIKE]
        for one, two in itertools.combinations(different, 2):
            assert one != two, part
    assert len(fresh[BASE, "off"]) > 200


def test_what_was_made_for_another_role_or_user_is_made_anew(lab: Lab, fresh: dict[tuple[str, object], Facts]) -> None:
    """Somebody deletes a role and the user by hand: the pod and the access entry that meant them are of no use."""
    stages = FRESH[-1]
    lab.set(exercises=asdict(stages))
    lab("up")
    iam, eks = lab_states.client(lab, "iam"), lab_states.client(lab, "eks")
    role, user = _role_and_user(lab)
    entry = {"clusterName": "myeks", "principalArn": user}
    made = eks.describe_access_entry(**entry)["accessEntry"]["createdAt"]
    pods = {pod: _uid(lab, pod) for pod in ("eks-iam-test2", "eks-iam-test3", "eks-iam-test4")}
    name = role.rpartition("/")[2]
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)
    for attached in iam.list_attached_user_policies(UserName="testuser")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="testuser", PolicyArn=attached["PolicyArn"])
    iam.delete_user(UserName="testuser")
    _refresh(lab)
    for part, facts in at(lab, stages).items():
        assert not list(differences(facts, fresh[part, stages.of(part)])), part
    assert _role_and_user(lab)[0] != role
    assert eks.describe_access_entry(**entry)["accessEntry"]["createdAt"] > made
    assert [pod for pod, uid in pods.items() if _uid(lab, pod) != uid] == ["eks-iam-test3"]


def test_what_the_study_note_does_by_hand_goes_with_the_next_stage(
    lab: Lab, fresh: dict[tuple[str, object], Facts]
) -> None:
    """It edits aws-auth and deletes the namespaces, of which the engine knows nothing."""
    lab.set(exercises=asdict(Stages("masters", "after", irsa=False, podIdentity=False, testuserBoundary=True)))
    lab("up")
    edited = lab.sh("kubectl get configmap aws-auth -n kube-system -o json").replace("masters", "authenticated")
    (lab.home / "aws-auth.json").write_text(edited)
    lab.sh(f"kubectl replace -f {lab.home}/aws-auth.json && kubectl delete namespace dev-team infra-team")
    stages = Stages("unmapped", "off", irsa=False, podIdentity=False, testuserBoundary=True)
    for part, facts in at(lab, stages).items():
        assert not list(differences(facts, fresh[part, stages.of(part)])), part


def test_from_the_last_stages_all_goes_down(lab: Lab) -> None:
    lab.set(exercises=asdict(FRESH[-1]))
    lab("up")
    lab("down")
    assert lab.left_running() == []


def _role_and_user(lab: Lab) -> tuple[str, str]:
    (stack,) = (one for one in lab.state()["resources"] if one["type"] == "pulumi:pulumi:Stack")
    return stack["outputs"]["exerciseRoleArns"]["irsa"], stack["outputs"]["testuserArn"]


def _uid(lab: Lab, pod: str) -> str:
    return lab.sh(f"kubectl get pod {pod} -o jsonpath='{{.metadata.uid}}'")


def _refresh(lab: Lab) -> None:
    """Read everything anew into the engine's state."""
    program = (
        "from stacks.rehearsal_backend import opening; from stacks.stack import load\n"
        "from rehearsal.toolchain import cache\n"
        "opening.stack_in(opening.running(), cache.ensure(print), load('rehearsal')).refresh()"
    )
    python = lab.checkout / ".venv" / "bin" / "python"
    subprocess.run([str(python), "-c", program], cwd=lab.checkout, env=lab.env, check=True, timeout=180)
