"""The questions about tokens that no single request answers: what stands in Secrets, and what a token outlives.

A token itself is shown to the API server alone: no answer holds one.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, ClassVar, Final

from typing_extensions import override

from grading.account_probes import collection, token_of
from grading.kube_api import refused
from grading.outcomes import Broke, Done, HttpRefused, Outcome, Starting, Unanswered, facts
from grading.probes import Lab, OwnQuestion, Takes, whoami

TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105  # a type, no token
ACCOUNT: Final = "kubernetes.io/service-account.name"
"""Annotation of such a Secret: whose token it holds."""

INVALID_SINCE: Final = "kubernetes.io/legacy-token-invalid-since"
"""Label of such a Secret whose token is refused from then on (Kubernetes documentation, "Managing Service Accounts",
"Legacy ServiceAccount token cleaner", v1.36)."""

TEN_YEARS: Final = 87_600 * 3600
FORGETS: Final = 60.0
"""Seconds within which the API server has to refuse the token of a pod that is gone. It remembers for some seconds whom
it let in: 8 s were seen here on 1.36.3."""


@dataclass(frozen=True)
class TokensInSecrets(OwnQuestion):
    """Shows the API server every token of an account that stands in a Secret."""

    namespace: str
    account: str

    @property
    @override
    def brief(self) -> str:
        return "its tokens in Secrets, at the API server"

    @property
    @override
    def typed(self) -> str:
        mine = f'.items[] | select(.metadata.annotations["{ACCOUNT}"]=="{self.account}") | .data.token | @base64d'
        return (
            f"kubectl get secrets -n {self.namespace} -o json | jq -r '{mine}'"
            ' | while read -r T; do kubectl auth whoami --token "$T"; done'
        )

    @override
    def ask(self, lab: Lab) -> Outcome:
        there = token_of(lab, self.namespace, self.account)
        if not isinstance(there, str):
            return there
        found = refused(lab.api.request("GET", collection("secrets", self.namespace)), "The Secrets")
        if not isinstance(found, Done):
            return found
        mine = [each for each in found.value["items"] if _holds_token_of(each, self.account)]
        accepted = 0
        for secret in mine:
            outcome = self._shown(secret, lab)
            if isinstance(outcome, Unanswered | Starting):
                return outcome
            # 403 is said to somebody whom the API server knows.
            accepted += not (isinstance(outcome, HttpRefused) and outcome.status == 401)
        return facts({"Secrets": len(mine), "accepted": accepted})

    def _shown(self, secret: Mapping[str, Any], lab: Lab) -> Outcome:
        name, token = secret["metadata"]["name"], (secret.get("data") or {}).get("token")
        if not token:
            return Starting(f"The Secret {name} has no token yet.")
        outcome = _shown(lab, base64.b64decode(token).decode())
        if isinstance(outcome, Done) and INVALID_SINCE in (secret["metadata"].get("labels") or {}):
            return Starting(f"The API server still remembers the token of Secret {name}.")
        return outcome


def _holds_token_of(secret: Mapping[str, Any], account: str) -> bool:
    return secret.get("type") == TOKEN_TYPE and (secret["metadata"].get("annotations") or {}).get(ACCOUNT) == account


@dataclass(frozen=True)
class LongestToken(OwnQuestion):
    """Asks for a token of ten years, as the operator, and reads until when it is good."""

    namespace: str
    account: str

    @property
    @override
    def brief(self) -> str:
        return "a token for ten years"

    @property
    @override
    def typed(self) -> str:
        return (
            f"kubectl create token {self.account} -n {self.namespace} --duration 87600h"
            " | cut -d. -f2 | basenc --base64url -d 2>/dev/null | jq '(.exp - .iat) / 3600'"
        )

    @override
    def ask(self, lab: Lab) -> Outcome:
        from grading.tokens import claims  # with AWS's libraries, which take long to load

        made = _minted(lab, self.namespace, self.account, {"expirationSeconds": TEN_YEARS})
        if not isinstance(made, str):
            return made
        said = claims(made)
        return facts({"hours": (int(said["exp"]) - int(said["iat"])) // 3600})


@dataclass(frozen=True)
class TokenOfDeletedPod(OwnQuestion):
    """A token that is bound to a pod, shown once more after the pod is gone.

    The pod is made for the question and never runs: a scheduling gate keeps it from every node.
    """

    namespace: str
    account: str
    takes: ClassVar[Takes] = "a wait"

    within: float = FORGETS
    """Seconds after which a token that still works is the answer."""

    pause: float = 1.0
    """Seconds between two tries."""

    @property
    @override
    def brief(self) -> str:
        return "a token bound to a pod, after the pod"

    @property
    @override
    def typed(self) -> str:
        pod, where = "lab-check-token", f"-n {self.namespace}"
        spec = f'{{"spec":{{"serviceAccountName":"{self.account}","schedulingGates":[{{"name":"lab.myeks/never"}}]}}}}'
        bound = f"--bound-object-kind Pod --bound-object-name {pod}"
        return (
            f"kubectl run {pod} {where} --image=none --restart=Never --overrides='{spec}'"
            f'; T=$(kubectl create token {self.account} {where} {bound}); kubectl auth whoami --token "$T"'
            f'; kubectl delete pod {pod} {where}; sleep 15; kubectl auth whoami --token "$T"'
        )

    @override
    def ask(self, lab: Lab) -> Outcome:
        name = f"lab-check-token-{token_hex(4)}"
        pods = collection("pods", self.namespace)
        made = refused(lab.api.request("POST", pods, self._pod(name)), "A pod for the question")
        if not isinstance(made, Done):
            return made
        gone = False
        try:
            bound = {"kind": "Pod", "apiVersion": "v1", "name": name, "uid": made.value["metadata"]["uid"]}
            token = _minted(lab, self.namespace, self.account, {"expirationSeconds": 600, "boundObjectRef": bound})
            if not isinstance(token, str):
                return token
            before = _shown(lab, token)
            if not isinstance(before, Done):
                return Broke(f"The token was refused while its pod was there ({before.shown}).")
            gone = isinstance(lab.api.request("DELETE", f"{pods}/{name}"), Done)
            return self._until_refused(lab, token)
        finally:
            if not gone:
                lab.api.request("DELETE", f"{pods}/{name}")

    def _until_refused(self, lab: Lab, token: str) -> Outcome:
        until = time.monotonic() + self.within
        while True:
            outcome = _shown(lab, token)
            if not isinstance(outcome, Done) or time.monotonic() > until or lab.stop.wait(self.pause):
                return outcome

    def _pod(self, name: str) -> dict[str, Any]:
        spec = {
            "serviceAccountName": self.account,
            "schedulingGates": [{"name": "lab.myeks/never"}],
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "none"}],
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }


def _shown(lab: Lab, token: str) -> Outcome:
    request = whoami()
    return lab.api.request(request.method, request.path, request.body, token)


def _minted(lab: Lab, namespace: str, account: str, spec: Mapping[str, Any]) -> str | Outcome:
    """A token as the operator asks for it, by a TokenRequest's spec."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [], **spec}}
    path = f"{collection('serviceaccounts', namespace)}/{account}/token"
    made = refused(lab.api.request("POST", path, body), f"The service account {account}")
    return str(made.value["status"]["token"]) if isinstance(made, Done) else made
