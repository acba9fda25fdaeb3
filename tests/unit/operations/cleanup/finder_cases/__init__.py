"""Each kind's question and answer, in the documented form of its API."""

from tests.unit.operations.cleanup.finder_cases import account, compute, load_balancers, network

CASES = [*compute.CASES, *load_balancers.CASES, *network.CASES, *account.CASES]
