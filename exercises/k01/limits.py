"""What counts as a limited container: it has limits that a shared node can bear, or its pod is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from typing_extensions import override

from grading.expectations import Expectation
from grading.outcomes import Done, HttpRefused, Outcome
from grading.refusals import AdmissionRefused
from grading.variables import Names

MOST: Final[Mapping[str, Decimal]] = {"cpu": Decimal(8), "memory": Decimal(16 * 2**30)}
"""Resource → the largest limit of a container that still counts as one, in CPUs and in bytes."""

_REFUSED: Final = re.compile(r"(maximum|minimum) (cpu|memory) |exceeded quota: |failed quota: .* must specify")
"""The words of LimitRange and ResourceQuota in a 403 (kubernetes, plugin/pkg/admission/limitranger and
k8s.io/apiserver, pkg/admission/plugin/resourcequota)."""


@dataclass(frozen=True)
class Limited(Expectation):
    """The pod comes back with limits for each container, or is refused for having none or too high ones."""

    @property
    @override
    def text(self) -> str:
        return "refused, or every container gets a limit for CPU and memory"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if isinstance(outcome, Done):
            return "" if _limited(outcome.value) else "it has to be refused, or to get limits for CPU and memory"
        if isinstance(outcome, HttpRefused) and outcome.status == 403 and _REFUSED.search(outcome.message):
            return ""
        wrong = AdmissionRefused().against(outcome, names)
        return "it has to be refused by a limit, a quota or an admission policy" if wrong else ""


@dataclass(frozen=True)
class Unlimited(Expectation):
    """The pod is allowed, and a container of it has no limits, or such as are none."""

    @property
    @override
    def text(self) -> str:
        return "allowed, without a limit that counts"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, Done):
            return "it has to be allowed"
        return "it has to be without limits" if _limited(outcome.value) else ""


def _limited(pod: Any) -> bool:
    containers = pod["spec"]["containers"]
    return all(_within((each.get("resources") or {}).get("limits") or {}) for each in containers)


def _within(limits: Mapping[str, str]) -> bool:
    # Imported late: the client takes a part of a second, and rows are also read to be shown.
    from kubernetes.utils.quantity import parse_quantity

    return all(name in limits and parse_quantity(limits[name]) <= most for name, most in MOST.items())
