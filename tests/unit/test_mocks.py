"""A mocked program starts with nothing of the one that ran before it."""

import pulumi

from tests.unit.mocks import run


def test_a_program_has_its_own_outputs_alone():
    assert run(lambda: pulumi.export("one", 1)).outputs.keys() == {"one"}
    assert run(lambda: pulumi.export("two", 2)).outputs.keys() == {"two"}
