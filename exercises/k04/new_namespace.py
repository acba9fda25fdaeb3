"""The question that labels by hand cannot answer: what holds in a namespace that does not exist yet?

A dry run makes no namespace, and without one admission decides nothing about a pod in it. So the namespace is made for
the question, and deleted.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from typing_extensions import override

from grading.account_probes import collection, creating
from grading.outcomes import Done, Outcome
from grading.probes import Lab, OwnQuestion

CHECK_LABEL: Final = "lab.myeks/check"
"""Label of the namespaces that are made for the question."""

FORGOTTEN: Final = timedelta(minutes=10)
"""Age from which such a namespace belongs to no check that still runs."""


@dataclass(frozen=True)
class InNewNamespace(OwnQuestion):
    """Makes a namespace as the operator, and asks there for a pod by dry run."""

    name: str
    """Of the namespace; a random end keeps two checks apart."""

    exercise: str
    """Value of the label `lab.myeks/exercise`, which every tenant's namespace has."""

    pod: Mapping[str, Any] = field(hash=False)
    """Manifest of the pod, without a namespace."""

    @property
    @override
    def brief(self) -> str:
        return "a pod in a new namespace"

    @property
    @override
    def typed(self) -> str:
        namespace = shlex.quote(json.dumps(self._namespace(self.name), separators=(",", ":")))
        return (
            f"echo {namespace} | kubectl create -f - && kubectl create serviceaccount tenant -n {self.name}"
            f" && {creating(self._pod(self.name), 'pods').line}; kubectl delete namespace {self.name} --wait=false"
        )

    @override
    def ask(self, lab: Lab) -> Outcome:
        self._delete_forgotten(lab)
        name = f"{self.name}-{token_hex(4)}"
        made = lab.api.request("POST", collection("namespaces"), self._namespace(name))
        if not isinstance(made, Done):
            return made
        try:
            return self._ask_in(name, lab)
        finally:
            lab.api.request("DELETE", f"{collection('namespaces')}/{name}")

    def _ask_in(self, name: str, lab: Lab) -> Outcome:
        # The namespace's own account `default` comes a moment later, and without an account every pod is refused.
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant", "namespace": name}}
        made = lab.api.request("POST", collection("serviceaccounts", name), account)
        if not isinstance(made, Done):
            return made
        request = creating(self._pod(name), "pods")
        return lab.api.request(request.method, request.path, request.body)

    def _delete_forgotten(self, lab: Lab) -> None:
        """Namespaces of checks that somebody killed."""
        found = lab.api.request("GET", f"{collection('namespaces')}?labelSelector={CHECK_LABEL}%3D{self.exercise}")
        for each in found.value["items"] if isinstance(found, Done) else []:
            meta = each["metadata"]
            if datetime.now(UTC) - datetime.fromisoformat(meta["creationTimestamp"]) > FORGOTTEN:
                lab.api.request("DELETE", f"{collection('namespaces')}/{meta['name']}")

    def _namespace(self, name: str) -> dict[str, Any]:
        labels = {"lab.myeks/exercise": self.exercise, CHECK_LABEL: self.exercise}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}

    def _pod(self, name: str) -> dict[str, Any]:
        spec = {**self.pod["spec"], "serviceAccountName": "tenant"}
        return {**self.pod, "metadata": {**self.pod["metadata"], "namespace": name}, "spec": spec}
