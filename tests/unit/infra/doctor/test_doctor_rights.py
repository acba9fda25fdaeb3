"""The list of rights: complete for what the program registers, and of actions that exist."""

import pytest
from parliament import iam_definition
from sights import lab

from infra.doctor.rights import OPTIONAL, RIGHTS, by_action
from tests.unit.conftest import stack
from tests.unit.mocks import Graph

PLATFORM = ("kubernetes:", "pulumi:")


def registered(graph: Graph) -> set[str]:
    return {node.type for node in graph.nodes if (node.custom or node.remote) and not node.type.startswith(PLATFORM)}


def test_every_type_that_the_program_registers_is_in_the_list(full: Graph, nat: Graph, default: Graph):
    found = registered(full) | registered(nat) | registered(stack({"expires": "2999-01-31T09:05Z"}))
    assert found == set(RIGHTS)
    assert registered(default) <= set(RIGHTS)


@pytest.mark.parametrize(
    ("values", "present"),
    [
        ({}, {"opsServers"}),
        ({"opsServers": {"enabled": False}}, set[str]()),
        ({"natGateway": True}, {"opsServers", "natGateway"}),
        ({"exercises": {"identityMapping": "entry"}}, {"opsServers", "identityMapping"}),
    ],
)
def test_what_a_setting_leaves_out_needs_no_rights(values: dict[str, object], present: set[str]):
    """Asked of the program itself: what it registers with these settings is what rights are asked for."""
    needed = {kind for kinds in by_action(lab(**values)).values() for kind in kinds}
    assert registered(stack(values)) <= needed
    assert {OPTIONAL[kind] for kind in needed if kind in OPTIONAL} == present


@pytest.mark.parametrize("kind", RIGHTS)
def test_every_action_exists(kind: str):
    known = {
        f"{service['prefix']}:{privilege['privilege']}"
        for service in iam_definition
        for privilege in service["privileges"]
    }
    assert set(RIGHTS[kind]) <= known
