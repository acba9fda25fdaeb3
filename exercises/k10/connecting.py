"""Questions and demands of K10: a connection to a container, and the right that the version of Kubernetes asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from uuid import uuid4

from typing_extensions import override

from grading.account_probes import collection, token_of
from grading.expectations import Expectation, Forbidden
from grading.outcomes import Done, HttpRefused, Outcome
from grading.probes import Lab, OwnQuestion
from grading.variables import Names

OLD: Final = "1.34"
"""The last version at which the right to get is enough. Since 1.35 the API server also asks for create: feature gate
AuthorizePodWebsocketUpgradeCreatePermission (Kubernetes issue 133515, seen 2026-11)."""


@dataclass(frozen=True)
class Connects(OwnQuestion):
    """A service account connects to a pod's container as kubectl 1.31 and later do: by a WebSocket and, where that is
    refused, by SPDY (Kubernetes blog, "Streaming Transitions from SPDY to WebSockets", 2024-08-20)."""

    namespace: str
    account: str
    pod: str
    by: Literal["exec", "attach"]

    @property
    @override
    def brief(self) -> str:
        return f"kubectl {self.by} {self.pod}{self._command}"

    @property
    @override
    def typed(self) -> str:
        token = f'--token "$(kubectl create token {self.account} -n {self.namespace})"'
        return f"kubectl {self.by} {self.pod} -n {self.namespace} {token}{self._command}"

    @property
    def _command(self) -> str:
        return " -- id" if self.by == "exec" else ""

    @override
    def ask(self, lab: Lab) -> Outcome:
        token = token_of(lab, self.namespace, self.account)
        if not isinstance(token, str):
            return token
        query = ("command=id&" if self.by == "exec" else "") + "stdout=true"
        path = f"{collection('pods', self.namespace)}/{self.pod}/{self.by}?{query}"
        answer = lab.api.begin_streams("GET", path, token, str(uuid4()))
        # Of want of the right to create the API server tells nothing here; SPDY's answer names it.
        return lab.api.begin_streams("POST", path, token, str(uuid4())) if isinstance(answer, HttpRefused) else answer


@dataclass(frozen=True)
class OpenOnlyAtOld(Expectation):
    """Allowed at OLD; at a newer version refused for want of the right to create."""

    since: Forbidden

    @property
    @override
    def text(self) -> str:
        return f"allowed at Kubernetes {OLD}; since then {self.since.text}"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if isinstance(outcome, Done) or not self.since.against(outcome, names):
            return ""
        return f"it has to be {self.text}"

    @override
    def early(self, outcome: Outcome) -> bool:
        return self.since.early(outcome)
