"""Whether the cluster that the state holds is gone, by what EKS answers."""

from typing import Any

import pytest

from stacks.aws_lab import LabSession, cluster_is_gone, identity
from stacks.console import Progress
from stacks.stack import Stack
from stacks.state import StackState
from tests.unit.stacks.eks_answers import ANOTHER, Eks
from tests.unit.stacks.sweep_world import STACK, STANDING

ACTIVE = {"status": "ACTIVE", "endpoint": "https://one"}


@pytest.mark.parametrize(
    ("held", "answers", "gone"),
    [
        (STANDING, [ACTIVE], False),
        (STANDING, ["ResourceNotFoundException"], True),
        (STANDING, ["AccessDeniedException"], False),
        (STANDING, [{"status": "FAILED"}], False),
        (STANDING, [{**ACTIVE, "status": "DELETING"}, "ResourceNotFoundException"], True),
        (STANDING, [{**ACTIVE, "status": "DELETING"}, ACTIVE], False),
        (StackState(), ["ResourceNotFoundException"], False),
    ],
)
def test_a_cluster_is_gone_only_when_eks_says_so(held: StackState, answers: list[Any], gone: bool) -> None:
    eks = Eks(*answers)
    lab = LabSession(STACK, identity(STACK, StackState()), lambda _: eks, held)
    assert cluster_is_gone(lab, Progress()) is gone


def test_in_the_rehearsal_another_cluster_of_that_name_is_nobodys() -> None:
    stack = Stack("rehearsal", STACK.file, STACK.config)
    assert cluster_is_gone(
        LabSession(stack, identity(stack, StackState()), lambda _: Eks(ANOTHER), STANDING), Progress()
    )
