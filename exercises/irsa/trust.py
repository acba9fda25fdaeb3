"""What exercise irsa demands of the trust policy, whatever way it is written in: it lets no other account in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from grading.expectations import Expectation
from grading.outcomes import Done, Outcome
from grading.trust_policy import Asks, fitting, lets_in, values_of
from grading.variables import Names

_ACCOUNT: Final = re.compile(r"system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+")
"""A service account, as the claim sub names it."""

_NEXT: Final = "made-by-mallory"
"""Name of a namespace, and of an account, that an attacker makes."""

_TEXTS: Final = (
    _NEXT,
    f"{_NEXT}:{_NEXT}",
    f"system:serviceaccount:{_NEXT}",
    f"system:serviceaccount:{_NEXT}:{_NEXT}",
)
"""What a `*` in a pattern for sub may stand for."""


@dataclass(frozen=True)
class LetsOthersIn(Expectation):
    """Whom the role's trust policy lets in beside the account that it is for; against `grading.extract.trust`."""

    namespace: str
    account: str
    """Whom the role is for."""

    audience: str
    others: bool
    """Whether it has to let every account in, as at stage wide; else it must let in no other one."""

    @property
    @override
    def text(self) -> str:
        return "it lets every service account in" if self.others else f"it lets in {self.account} alone"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, Done):
            return "it has to be allowed"
        policy: Mapping[str, Any] = outcome.value["policy"]
        patterns = [*values_of(policy, f"{names['ISSUER_HOST']}:sub")]
        if not self.others:
            for sub in self._others(patterns):
                if self._lets_in(policy, sub, names):
                    return f"it must not let in {sub}"
        wanted = (self._own, f"system:serviceaccount:{_NEXT}:{_NEXT}") if self.others else (self._own,)
        kept_out = [sub for sub in wanted if not self._lets_in(policy, sub, names)]
        return f"it has to let in {kept_out[0]}" if kept_out else ""

    @property
    def _own(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.account}"

    def _lets_in(self, policy: Mapping[str, Any], sub: str, names: Names) -> bool:
        host = names["ISSUER_HOST"]
        provider = ("Federated", names["OIDC_PROVIDER_ARN"])
        keys = {f"{host}:aud": self.audience, f"{host}:sub": sub}
        return lets_in(policy, Asks(provider, ("sts:AssumeRoleWithWebIdentity",), keys))

    def _others(self, patterns: list[str]) -> Iterator[str]:
        """Accounts with other names, in the same namespace and elsewhere, and those that the policy itself may mean."""
        own = self._own
        for namespace in (_NEXT, self.namespace, f"{self.namespace}-{_NEXT}", f"{_NEXT}-{self.namespace}"):
            for account in (_NEXT, self.account, f"{self.account}-{_NEXT}", f"{_NEXT}-{self.account}"):
                if (sub := f"system:serviceaccount:{namespace}:{account}") != own:
                    yield sub
        yield from (sub for sub in fitting(patterns, _TEXTS) if _ACCOUNT.fullmatch(sub) and sub != own)
