"""Questions that are put to the API server as a service account, or as the operator.

The account's token is made for the question by the operator, as `kubectl create token` does it: it is good for ten
minutes and kept nowhere.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from grading.kube_api import ApiServer, refused
from grading.outcomes import Broke, Done, HttpRefused, Outcome, facts
from grading.probes import Lab, OwnQuestion, Request

TOKEN_SECONDS = 600
"""Life of a service account's token that is made for a question; the API server makes none shorter."""

DRY_RUN = "dryRun=All"


@dataclass(frozen=True)
class AsAccount(OwnQuestion):
    """A request with a new token of a service account."""

    namespace: str
    account: str
    request: Request

    @property
    @override
    def brief(self) -> str:
        return self.request.short or self.request.line

    @property
    @override
    def typed(self) -> str:
        return f'{self.request.line} --token "$(kubectl create token {self.account} -n {self.namespace})"'

    @override
    def ask(self, lab: Lab) -> Outcome:
        token = token_of(lab, self.namespace, self.account)
        return asked(lab, self.request, token) if isinstance(token, str) else token


@dataclass(frozen=True)
class AsOperator(OwnQuestion):
    """A request as the operator of the lab, for what has to stay as it is."""

    request: Request

    @property
    @override
    def brief(self) -> str:
        return self.request.short or self.request.line

    @property
    @override
    def typed(self) -> str:
        return self.request.line

    @override
    def ask(self, lab: Lab) -> Outcome:
        return asked(lab, self.request, None)


@dataclass(frozen=True)
class ByStolenToken(OwnQuestion):
    """A service account makes a token of another one, and asks with that."""

    namespace: str
    account: str
    other: str
    """The account, in the same namespace, whose token is made."""

    request: Request

    @property
    @override
    def brief(self) -> str:
        return f"{self.request.short or self.request.line}, as {self.other}"

    @property
    @override
    def typed(self) -> str:
        mine = f"$(kubectl create token {self.account} -n {self.namespace})"
        stolen = f'kubectl create token {self.other} -n {self.namespace} --token "{mine}"'
        return f'T=$({stolen}) && {self.request.line} --token "$T"'

    @override
    def ask(self, lab: Lab) -> Outcome:
        token = token_of(lab, self.namespace, self.account)
        if not isinstance(token, str):
            return token
        stolen = minted(lab.api, self.namespace, self.other, token)
        return asked(lab, self.request, stolen) if isinstance(stolen, str) else stolen


def asked(lab: Lab, request: Request, token: str | None) -> Outcome:
    """A request with this token, and what it picks of the answer; None: as the operator."""
    outcome = lab.api.request(request.method, request.path, request.body, token)
    if not isinstance(outcome, Done) or not request.picks:
        return outcome
    status: Mapping[str, Any] = outcome.value.get("status") or {}
    if request.picks == "whoami":
        user = status.get("userInfo") or {}
        told = {"username": user.get("username"), "groups": sorted(user.get("groups") or [])}
        return facts(told, outcome.headers)
    word = "yes" if status.get("allowed") else "no"
    return Done(word, word, outcome.headers)


def token_of(lab: Lab, namespace: str, account: str) -> str | Outcome:
    """A token of an account that has to be there: without it nothing was refused to anybody."""
    made = minted(lab.api, namespace, account)
    if isinstance(made, HttpRefused) and made.status == 404:
        return Broke(f"The service account {account} is not there, and it belongs to the exercise.")
    return made if isinstance(made, str) else refused(made, f"The service account {account}")


def minted(api: ApiServer, namespace: str, account: str, token: str | None = None, audience: str = "") -> str | Outcome:
    """A new token of a service account, made by whoever has this one; None: by the operator."""
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [audience] if audience else [], "expirationSeconds": TOKEN_SECONDS},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    made = api.request("POST", path, body, token)
    return str(made.value["status"]["token"]) if isinstance(made, Done) else made


@dataclass(frozen=True)
class ObjectFacts(OwnQuestion):
    """Facts of an object, read as the operator: member → value by a path of keys."""

    line: str
    path: str
    members: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    @override
    def brief(self) -> str:
        return self.line

    @property
    @override
    def typed(self) -> str:
        return self.line

    @override
    def ask(self, lab: Lab) -> Outcome:
        found = lab.api.request("GET", self.path)
        if not isinstance(found, Done):
            return found
        return facts({name: _below(found.value, keys) for name, keys in self.members}, found.headers)


def _below(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def collection(resource: str, namespace: str = "", group: str = "", version: str = "v1") -> str:
    """The path of a resource's collection; without a namespace that of all namespaces, or of the cluster."""
    base = f"/apis/{group}/{version}" if group else f"/api/{version}"
    return f"{base}/namespaces/{namespace}/{resource}" if namespace else f"{base}/{resource}"


def listing_all(resource: str, group: str = "") -> Request:
    """`kubectl get` of a resource in all namespaces."""
    return Request(f"kubectl get {resource} -A", "GET", f"{collection(resource, group=group)}?limit=1")


def creating(manifest: Mapping[str, Any], resource: str, short: str = "") -> Request:
    """`kubectl create` of a manifest, without doing it: whether it is allowed is the same question.

    `resource` is the plural name. The line holds the manifest as JSON, so that it can be typed as it stands; `short` is
    for a table.
    """
    group, _, version = manifest["apiVersion"].rpartition("/")
    namespace = manifest["metadata"].get("namespace", "")
    where = f" -n {namespace}" if namespace else ""
    text = shlex.quote(json.dumps(manifest, separators=(",", ":")))
    line = f"echo {text} | kubectl create --dry-run=server -f -{where}"
    path = f"{collection(resource, namespace, group, version)}?{DRY_RUN}"
    told = short or f"kubectl create {manifest['kind'].lower()} {manifest['metadata']['name']}"
    return Request(line, "POST", path, dict(manifest), short=told)


def can_i(verb: str, resource: str, group: str = "", namespace: str = "") -> Request:
    """`kubectl auth can-i`; without a namespace in all of them. `resource` may have a subresource: pods/exec."""
    plain, _, sub = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": plain, "subresource": sub, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    named = f"{plain}.{group}" if group else plain
    asked = f"{named} --subresource={sub}" if sub else named
    return Request(
        f"kubectl auth can-i {verb} {asked} {f'-n {namespace}' if namespace else '-A'}",
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        review,
        picks="can-i",
    )
