"""Questions about parts of the cluster that the API server leads to: kubelets, Services, pods, its own debug pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from typing_extensions import override

from grading.account_probes import AsAccount
from grading.kube_api import refused
from grading.outcomes import Done, HttpRefused, Outcome, Unanswered
from grading.probes import Lab, OwnQuestion, Request

NODES: Final = "/api/v1/nodes"
_NODE: Final = "$NODE"
"""Stands for a node's name, in a request's line and path."""

_NO_ANSWER: Final = re.compile(
    r"The API server answered 50[234]: (?P<why>error trying to reach service.*|no endpoints available for service.*)"
)
"""How the API server tells that it tried to lead somebody through (k8s.io/apimachinery, pkg/util/proxy; Kubernetes,
pkg/registry/core/service)."""


@dataclass(frozen=True)
class OnEveryNode(OwnQuestion):
    """A request about a node, as a service account. The answer is the first one that lets it through."""

    namespace: str
    account: str
    request: Request
    """With `$NODE` for the node's name."""

    @property
    @override
    def brief(self) -> str:
        return self.request.line

    @property
    @override
    def typed(self) -> str:
        asked = AsAccount(self.namespace, self.account, self.request).typed
        return f"for NODE in $(kubectl get nodes -o jsonpath='{{.items[*].metadata.name}}'); do {asked}; done"

    @override
    def ask(self, lab: Lab) -> Outcome:
        nodes = _nodes(lab)
        if not isinstance(nodes, list):
            return nodes
        outcome: Outcome = Unanswered("The cluster has no node.")
        for node in nodes:
            outcome = AsAccount(self.namespace, self.account, _of(self.request, node)).ask(lab)
            if isinstance(outcome, Done):
                break
        return outcome


@dataclass(frozen=True)
class OnPodsNode(OwnQuestion):
    """A request about the node of a pod, as a service account."""

    namespace: str
    account: str
    pod: str
    """As NAMESPACE/NAME."""

    request: Request
    """With `$NODE` for the node's name."""

    @property
    @override
    def brief(self) -> str:
        return self.request.line

    @property
    @override
    def typed(self) -> str:
        namespace, _, name = self.pod.partition("/")
        asked = AsAccount(self.namespace, self.account, self.request).typed
        return f"NODE=$(kubectl get pod {name} -n {namespace} -o jsonpath='{{.spec.nodeName}}'); {asked}"

    @override
    def ask(self, lab: Lab) -> Outcome:
        namespace, _, name = self.pod.partition("/")
        found = refused(lab.api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}"), f"The pod {name}")
        if not isinstance(found, Done):
            return found
        node = found.value["spec"].get("nodeName")
        if not node:
            return Unanswered(f"The pod {name} is on no node yet.")
        return AsAccount(self.namespace, self.account, _of(self.request, str(node))).ask(lab)


@dataclass(frozen=True)
class MayScrapeEveryNode(OwnQuestion):
    """What a kubelet asks the API server before it gives its metrics to a service account (EKS User Guide and
    Kubernetes, "Kubelet authentication/authorization"): `yes` when it is so for each node."""

    namespace: str
    account: str
    subresource: str = "metrics"

    @property
    @override
    def brief(self) -> str:
        return f"may get nodes/{self.subresource}"

    @property
    @override
    def typed(self) -> str:
        return OnEveryNode(self.namespace, self.account, self._review(_NODE)).typed

    @override
    def ask(self, lab: Lab) -> Outcome:
        nodes = _nodes(lab)
        if not isinstance(nodes, list):
            return nodes
        outcome: Outcome = Unanswered("The cluster has no node.")
        for node in nodes:
            outcome = AsAccount(self.namespace, self.account, self._review(node)).ask(lab)
            if not isinstance(outcome, Done) or outcome.value != "yes":
                break
        return outcome

    def _review(self, node: str) -> Request:
        attributes = {"verb": "get", "resource": "nodes", "subresource": self.subresource, "name": node}
        return Request(
            f"kubectl auth can-i get nodes/{node} --subresource={self.subresource}",
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            },
            picks="can-i",
        )


@dataclass(frozen=True)
class LedThrough(OwnQuestion):
    """A request that the API server answers only after it has decided that it may be made.

    What lies behind need not answer: nothing may listen there, and a debug page may be switched off. The API server
    says so to nobody whom it refuses, so such an answer tells that the way is open.
    """

    asked: AsAccount
    off: tuple[int, ...] = ()
    """HTTP statuses with which the API server itself tells that a page is not there, or not in this format."""

    @property
    @override
    def brief(self) -> str:
        return self.asked.brief

    @property
    @override
    def typed(self) -> str:
        return self.asked.typed

    @override
    def ask(self, lab: Lab) -> Outcome:
        outcome = self.asked.ask(lab)
        if isinstance(outcome, Unanswered) and (found := _NO_ANSWER.match(outcome.reason)):
            return Done(found["why"], f"let through: {found['why']}")
        if isinstance(outcome, HttpRefused) and outcome.status in self.off:
            return Done(outcome.message, f"let through: {outcome.shown}", outcome.headers)
        return outcome


def _of(request: Request, node: str) -> Request:
    return Request(request.line, request.method, request.path.replace(_NODE, quote(node)), request.body, request.picks)


def _nodes(lab: Lab) -> list[str] | Outcome:
    found = refused(lab.api.request("GET", NODES), "The nodes")
    return [each["metadata"]["name"] for each in found.value["items"]] if isinstance(found, Done) else found
