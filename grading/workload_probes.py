"""Questions about workloads: may this account make such a pod, itself or through a controller?

A Deployment of pods that are refused is often accepted all the same: its pods are made later, by a controller, with the
controller's own rights. Who asks only for the Deployment would then call an attack allowed that is not, and who asks
only for pods would miss a rule that looks at the user alone. So the pod of its template is asked for as well, by the
cluster's own controller.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from typing_extensions import override

from grading.account_probes import DRY_RUN, AsAccount, collection, token_of
from grading.outcomes import Done, HttpRefused, Outcome, Unanswered
from grading.probes import Lab, Request
from grading.refusals import POLICY

CONTROLLER_SECONDS: Final = 30.0
"""How long the controller may take to make a pod or to be refused; usually less than a second."""

NOWHERE: Final[Mapping[str, str]] = {"lab.myeks/node": "none"}
"""Node selector of a pod that is made to see whether it is refused: no node has this label, so that it never runs."""

_POLL: Final = 0.2
"""Seconds."""

Profile = Literal["restricted", "sysadmin"]
"""Of `kubectl debug`."""

_PROFILES: Final[Mapping[Profile, Mapping[str, Any]]] = {
    "restricted": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "sysadmin": {"privileged": True},
}
"""Profile → the container's securityContext (kubectl 1.36, as `-v9` shows it)."""


def debugging(pod: str, namespace: str, image: str, profile: Profile) -> Request:
    """`kubectl debug`, which has no dry run of its own: the patch that it sends is asked for as one.

    kubectl makes up the container's name. A pod keeps such containers and each needs its own name: here it is one that
    kubectl does not make up.
    """
    container = {"name": "lab-check", "image": image, "securityContext": dict(_PROFILES[profile])}
    return Request(
        f"kubectl debug {pod} -n {namespace} --image={image} --profile={profile}",
        "PATCH",
        f"{collection('pods', namespace)}/{pod}/ephemeralcontainers?{DRY_RUN}",
        {"spec": {"ephemeralContainers": [container]}},
        short=f"kubectl debug {pod} --profile={profile}",
    )


@dataclass(frozen=True)
class ThroughController(AsAccount):
    """A controller's object (a Deployment, a Job) as a service account, and the pod that comes of it.

    The request is a dry run. Where it is taken, the pod template that it leads to is given to a ReplicaSet, which the
    operator makes and deletes. The outcome is the request's own where it is refused or the pod is made, and else the
    refusal of the pod.
    """

    template: tuple[str, ...] = ("spec", "template")
    """Where the pod template is in the object that comes back."""

    @property
    @override
    def typed(self) -> str:
        make = self.request.line.replace(" --dry-run=server", "")
        token = f'--token "$(kubectl create token {self.account} -n {self.namespace})"'
        return f"{make} {token}; kubectl get events -n {self.namespace} --field-selector reason=FailedCreate"

    @override
    def ask(self, lab: Lab) -> Outcome:
        token = token_of(lab, self.namespace, self.account)
        if not isinstance(token, str):
            return token
        request = self.request
        taken = lab.api.request(request.method, request.path, request.body, token)
        if not isinstance(taken, Done):
            return taken
        template: Any = taken.value
        for key in self.template:
            template = template[key]
        refused = _made_by_controller(lab, self.namespace, template)
        return refused or Done(taken.value, f"{taken.shown}, and its pod is made", taken.headers)


def _made_by_controller(lab: Lab, namespace: str, template: Mapping[str, Any]) -> Outcome | None:
    """What refuses the pod of a template, or why nobody can tell; None: it is made."""
    path = collection("replicasets", namespace, "apps")
    made = lab.api.request("POST", path, _replica_set(template))
    if not isinstance(made, Done):
        return made
    own = f"{path}/{made.value['metadata']['name']}"
    try:
        until = time.monotonic() + CONTROLLER_SECONDS
        while time.monotonic() < until:
            found = lab.api.request("GET", own)
            if not isinstance(found, Done):
                return found
            status = found.value.get("status") or {}
            if status.get("replicas"):
                return None
            for condition in status.get("conditions") or ():
                if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
                    return _refusal(str(condition.get("message")))
            time.sleep(_POLL)
        return Unanswered("The ReplicaSet controller did not make a pod, and told no reason.")
    finally:
        lab.api.request("DELETE", own, {"propagationPolicy": "Background"})


def _replica_set(template: Mapping[str, Any]) -> dict[str, Any]:
    labels = {"lab.myeks/check": "pod-template"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"generateName": "check-"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    **template["spec"],
                    "restartPolicy": "Always",
                    "nodeSelector": dict(NOWHERE),
                    "terminationGracePeriodSeconds": 0,
                },
            },
        },
    }


def _refusal(message: str) -> HttpRefused:
    """The answer that the controller got; it keeps the words alone, which tell the status: 403, or a policy's 422."""
    return HttpRefused(422 if POLICY.search(message) else 403, message)
