"""Ways to break the exercises, and the rows of `lab check` that each has to turn: a table.

A mutation breaks one thing in a lab that is up. The rows that it names have to fail, and no others. Rows that no change
of the lab can turn (a token that is refused for what it is) have mutations of the question, at the end.
"""

from collections.abc import Iterator

from tests.rehearsal.mutations import identity_mapping, irsa, pod_identity, rbac
from tests.rehearsal.mutations.mutation import Mutation


def mutations() -> Iterator[Mutation]:
    """The whole table, stage by stage."""
    for each in (rbac, identity_mapping, irsa, pod_identity):
        yield from each.mutations()
