"""What exercise pod-identity demands when it is played, whatever way the role is repaired in: the trust policy asks
whose pod it is, and a pod of another service account gets no session of the role."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from exercises.shared.aws_checks import denied_as_node
from grading.expectations import Expectation
from grading.outcomes import Broke, Done, Outcome
from grading.variables import Names

SERVICE: Final = "Service: pods.eks.amazonaws.com"
_EQUAL: Final = ("StringEquals", "StringLike", "ForAnyValue:StringEquals", "ForAnyValue:StringLike")
"""Operators that a request without the tag does not meet."""

_NO_CREDENTIALS: Final = re.compile(
    r"container metadata: .*\((?:AccessDeniedException|ResourceNotFoundException)\)|Unable to locate credentials"
)
"""The AWS CLI's words where the agent has got an error of EKS Auth instead of credentials: the trust policy refuses, or
the association is gone since the pod was made (eks-pod-identity-agent, pkg/errors; botocore's ContainerMetadataFetcher;
seen 2026-11). And where no association names the account, and the node's role is out of the pod's reach."""


@dataclass(frozen=True)
class AsksWhosePod(Expectation):
    """Each statement of the trust policy for Pod Identity looks at namespace and service account, which EKS tells as
    tags of the request; against `grading.extract.trust`."""

    namespace: str
    service_account: str
    asked: bool = True
    """Whether it has to. False: no statement looks at either, as at stage wide."""

    @property
    @override
    def text(self) -> str:
        of = f"kubernetes-namespace ({self.namespace}) and kubernetes-service-account ({self.service_account})"
        return f"conditions on the request's tags {of}" if self.asked else "no condition on the request's tags"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, Done):
            return "it has to be allowed"
        value: Any = outcome.value
        conditions: Sequence[str] = value.get("conditions") or ()
        if not self.asked:
            found = [each for each in conditions if "aws:RequestTag/kubernetes-" in each]
            return f"it has to be so: {self.text}" if found else ""
        # One condition or more for each statement: a statement without them lets every association in.
        statements = [each for each in value.get("principals") or () if each == SERVICE]
        for tag, wanted in (("namespace", self.namespace), ("service-account", self.service_account)):
            right = [f"{operator} aws:RequestTag/kubernetes-{tag}: {wanted}" for operator in _EQUAL]
            asked = [each for each in conditions if f" aws:RequestTag/kubernetes-{tag}: " in each]
            if not asked or len(asked) < len(statements) or any(each not in right for each in asked):
                return f"each statement has to ask for kubernetes-{tag} {wanted}, and nothing else"
        return ""


@dataclass(frozen=True)
class TakesNoRole(Expectation):
    """The pod is the node to AWS, or gets no credentials at all."""

    @property
    @override
    def text(self) -> str:
        return f"{denied_as_node().text}, or no credentials"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if isinstance(outcome, Broke) and _NO_CREDENTIALS.search(outcome.message):
            return ""
        return "" if not denied_as_node().against(outcome, names) else f"it has to be {self.text}"
