"""Refusals as an exercise's goals demand them: any right way to say no, and nothing that only looks like one.

A learner may repair by RBAC, by Pod Security, by a policy of any name or by a webhook. What is missing (404), malformed
(400), there already (409) or unknown to the API server (401) has refused nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from grading.expectations import FORBIDDEN, Expectation
from grading.outcomes import Done, HttpRefused, Outcome
from grading.variables import Names

POD_SECURITY: Final = re.compile(r'violates PodSecurity "(?P<level>[^"]+)": (?P<what>.+)')
POLICY: Final = re.compile(
    r"ValidatingAdmissionPolicy '(?P<policy>[^']+)' with binding '(?P<binding>[^']+)' denied request: (?P<why>.*)"
)
WEBHOOK: Final = re.compile(r'admission webhook "(?P<webhook>[^"]+)" denied the request')
ESCALATION: Final = re.compile(r"is attempting to grant RBAC permissions not currently held")
WARNING: Final = re.compile(r'299 \S+ "(?P<text>(?:[^"\\]|\\.)*)"')
"""The header Warning as the API server writes it (RFC 7234, 5.5; k8s.io/apiserver, pkg/warning)."""


@dataclass(frozen=True)
class PodSecurityRefused(Expectation):
    """Pod Security says no: 403, naming its level."""

    about: str = ""
    """Words that its message has to hold; empty: any."""

    @property
    @override
    def text(self) -> str:
        return "403: Pod Security" + (f", {self.about}" if self.about else "")

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if isinstance(outcome, HttpRefused) and outcome.status == 403:
            said = POD_SECURITY.search(outcome.message)
            if said and self.about in said["what"]:
                return ""
        return f"Pod Security has to refuse it with 403{f' for {self.about}' if self.about else ''}"


@dataclass(frozen=True)
class PolicyRefused(Expectation):
    """A ValidatingAdmissionPolicy says no."""

    policy: str = ""
    """Its name; empty: any."""

    @property
    @override
    def text(self) -> str:
        return f"refused by ValidatingAdmissionPolicy {self.policy}".rstrip()

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        said = POLICY.search(outcome.message) if isinstance(outcome, HttpRefused) else None
        return "" if said and self.policy in ("", said["policy"]) else f"it has to be {self.text}"


@dataclass(frozen=True)
class AdmissionRefused(Expectation):
    """Admission says no: Pod Security, a policy or a webhook."""

    @property
    @override
    def text(self) -> str:
        return "refused by Pod Security, an admission policy or a webhook"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        return "" if _by_admission(outcome) else f"it has to be {self.text}"


@dataclass(frozen=True)
class AnyForbidden(Expectation):
    """The authorizer says no to this user, by 403, or admission does."""

    user: str = ""
    """User name as the API server writes it; empty: any."""

    @property
    @override
    def text(self) -> str:
        return f"403: {self.user or 'who asks'} may not"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if _by_admission(outcome):
            return ""
        if not isinstance(outcome, HttpRefused) or outcome.status != 403:
            return "it has to be refused with 403"
        said = FORBIDDEN.match(outcome.message) or _PATH.search(outcome.message)
        if said:
            wanted = names.fill(self.user)
            return "" if wanted in ("", said["user"]) else f"403 has to name user {wanted}"
        return "" if ESCALATION.search(outcome.message) else "403 has to name who cannot do what"

    @override
    def early(self, outcome: Outcome) -> bool:
        return isinstance(outcome, HttpRefused) and outcome.status == 401


@dataclass(frozen=True)
class Warned(Expectation):
    """It is allowed, with a warning."""

    words: str
    """What the warning has to hold."""

    @property
    @override
    def text(self) -> str:
        return f"allowed, with a warning: {self.words}"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, Done):
            return "it has to be allowed"
        said = [found["text"].replace('\\"', '"') for found in WARNING.finditer(outcome.headers.get("warning", ""))]
        return "" if any(self.words in each for each in said) else f"it has to be warned of: {self.words}"


_PATH: Final = re.compile(r'\bforbidden: User "(?P<user>[^"]*)" cannot (?P<verb>\S+) path "')
"""The API server's words for 403 about a path that is no resource."""


def _by_admission(outcome: Outcome) -> bool:
    return (
        isinstance(outcome, HttpRefused)
        and outcome.status in (403, 422, 400)
        and any(words.search(outcome.message) for words in (POD_SECURITY, POLICY, WEBHOOK))
    )
