"""K01: what is a limit, what only looks like one, and which refusal is about limits."""

from __future__ import annotations

from typing import Any

import pytest

from exercises.k01.limits import Limited, Unlimited
from exercises.k01.pods import DANGEROUS, good
from grading.outcomes import Done, HttpRefused, Outcome
from grading.variables import names_of
from tests.unit.grading.fake_lab import NODE_ROLE, OUTPUTS

NAMES = names_of(OUTPUTS, lambda: NODE_ROLE)


def pod(*limits: dict[str, str]) -> Outcome:
    containers: list[dict[str, Any]] = [{"name": "app", "resources": {"limits": each}} for each in limits]
    return Done({"spec": {"containers": containers}}, "201")


BOUNDED = {"cpu": "100m", "memory": "64Mi"}
NONE = [
    {},
    {"cpu": "100m"},
    {"memory": "64Mi"},
    {"cpu": "64", "memory": "64Mi"},
    {"cpu": "1", "memory": "256Gi"},
]


@pytest.mark.parametrize("limits", [BOUNDED, {"cpu": "8", "memory": "16Gi"}])
def test_limits_that_a_node_can_bear(limits: dict[str, str]) -> None:
    assert not Limited().against(pod(limits), NAMES)
    assert Unlimited().against(pod(limits), NAMES)


@pytest.mark.parametrize("limits", NONE)
def test_what_is_no_limit(limits: dict[str, str]) -> None:
    assert Limited().against(pod(limits), NAMES)
    assert Limited().against(pod(BOUNDED, limits), NAMES)
    assert not Unlimited().against(pod(limits), NAMES)


def test_a_container_without_resources_has_no_limits() -> None:
    assert Limited().against(Done({"spec": {"containers": [{"name": "app"}]}}, "201"), NAMES)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, 'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 64'),
        (403, 'pods "x" is forbidden: exceeded quota: q, requested: limits.cpu=64, used: limits.cpu=0, limited: 4'),
        (403, 'pods "x" is forbidden: failed quota: q: must specify limits.cpu for: app; limits.memory for: app'),
        (422, "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: limits"),
    ],
)
def test_refusals_that_count(status: int, message: str) -> None:
    assert not Limited().against(HttpRefused(status, message), NAMES)
    assert Unlimited().against(HttpRefused(status, message), NAMES)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, 'pods is forbidden: User "u" cannot create resource "pods" in API group "" in the namespace "n"'),
        (404, 'namespaces "owasp-k01" not found'),
        (409, "exceeded quota: not of this status"),
    ],
)
def test_refusals_that_do_not_count(status: int, message: str) -> None:
    assert Limited().against(HttpRefused(status, message), NAMES)


def test_every_dangerous_pod_differs_from_the_good_one() -> None:
    assert all(spec != good() for spec in DANGEROUS.values())
    assert len({repr(spec) for spec in DANGEROUS.values()}) == len(DANGEROUS)
