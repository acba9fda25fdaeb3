"""What exercise pod-identity demands when it is played, whatever way the role is repaired in: the trust policy asks
whose pod it is, and a pod of another service account gets no session of the role."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from typing_extensions import override

from exercises.shared.aws_checks import denied_as_node
from grading.expectations import Expectation
from grading.outcomes import Broke, Done, Outcome
from grading.trust_policy import Asks, fitting, lets_in, values_of
from grading.variables import Names

SERVICE: Final = ("Service", "pods.eks.amazonaws.com")
ACTIONS: Final = ("sts:AssumeRole", "sts:TagSession")
"""What EKS asks for when it takes a role for a pod."""

_TAG: Final = "aws:RequestTag/kubernetes-"
_NEXT: Final = "made-by-mallory"
"""Name of a namespace, and of an account, for which an attacker makes an association."""

_NO_CREDENTIALS: Final = re.compile(
    r"container metadata: .*\((?:AccessDeniedException|ResourceNotFoundException)\)|Unable to locate credentials"
)
"""The AWS CLI's words where the agent has got an error of EKS Auth instead of credentials: the trust policy refuses, or
the association is gone since the pod was made (eks-pod-identity-agent, pkg/errors; botocore's ContainerMetadataFetcher;
seen 2026-11). And where no association names the account, and the node's role is out of the pod's reach."""


@dataclass(frozen=True)
class LetsOtherPodsIn(Expectation):
    """Whose pods the role's trust policy lets in, as soon as there is an association, beside those of its own account;
    against `grading.extract.trust`."""

    namespace: str
    account: str
    """Whom the role is for."""

    others: bool
    """Whether it has to let every pod in, as at stage wide; else it must let in no pod of another account."""

    @property
    @override
    def text(self) -> str:
        own = f"pods of {self.namespace}/{self.account}"
        return "it lets pods of every account in" if self.others else f"it lets in {own} alone"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, Done):
            return "it has to be allowed"
        policy: Mapping[str, Any] = outcome.value["policy"]
        if not self.others:
            for whom, tags in self._others(policy):
                if lets_in(policy, Asks(SERVICE, ACTIONS, tags)):
                    return f"it must not let in {whom}"
        own = (self.namespace, self.account)
        for whose in (own, (_NEXT, _NEXT)) if self.others else (own,):
            if not lets_in(policy, Asks(SERVICE, ACTIONS, _tags(*whose))):
                return f"it has to let in a pod of {'/'.join(whose)}"
        return ""

    def _others(self, policy: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str | None]]]:
        """Other pods, and the tags that EKS gives to the request for them."""
        own = self.namespace, self.account
        fits = [self._fitting(policy, tag, mine) for tag, mine in (("namespace", own[0]), ("service-account", own[1]))]
        for found in product(*fits):
            if found != own:
                yield f"a pod of {'/'.join(found)}", _tags(*found)
        # An association can do without tags (EKS API, CreatePodIdentityAssociation, disableSessionTags).
        yield "a pod whose association has no session tags", _tags(None, None)

    def _fitting(self, policy: Mapping[str, Any], tag: str, own: str) -> list[str]:
        """Names that differ from one's own, one's own, and those that the policy itself may mean."""
        meant = fitting([*values_of(policy, f"{_TAG}{tag}")], (_NEXT,))
        return list(dict.fromkeys((_NEXT, f"{own}-{_NEXT}", f"{_NEXT}-{own}", own, *meant)))


def _tags(namespace: str | None, account: str | None) -> Mapping[str, str | None]:
    return {f"{_TAG}namespace": namespace, f"{_TAG}service-account": account}


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
