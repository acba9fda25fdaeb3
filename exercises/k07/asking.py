"""Commands in a running pod of a Deployment: who it is to AWS, with its own credentials or with those of its node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from typing_extensions import override

from grading.expectations import Expectation
from grading.kube_api import refused
from grading.outcomes import Broke, Done, HttpRefused, Outcome, Starting, Unanswered, aws_cli
from grading.probes import Lab, OwnQuestion, Takes
from grading.roles import quoted
from grading.variables import Names

_OWN: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
)
"""Variables by which the AWS CLI finds credentials of a pod's own before it asks the node, or does not ask it. Whoever
is in the pod can unset them."""

_IDENTITY: Final = (
    "aws",
    "sts",
    "get-caller-identity",
    "--region",
    "$AWS_REGION",
    "--query",
    "Arn",
    "--output",
    "text",
)
AS_NODE: Final = ("env", *(part for name in _OWN for part in ("-u", name)), *_IDENTITY)
"""Asks AWS who it is by nothing but what the node's metadata service gives."""

AS_ITSELF: Final = _IDENTITY
BUCKETS: Final = ("aws", "s3api", "list-buckets", "--query", "length(Buckets)")


@dataclass(frozen=True)
class InDeployment(OwnQuestion):
    """An AWS CLI command in a running pod of a Deployment, whose pods have the label app with its name."""

    takes: ClassVar[Takes] = "a pod"

    namespace: str
    deployment: str
    argv: tuple[str, ...]
    """May hold `variables.Names`."""

    @property
    @override
    def brief(self) -> str:
        start = self.argv.index("aws")
        command = " ".join(self.argv[start : start + 3])
        return f"{command}, without credentials of its own" if self.argv == AS_NODE else command

    @property
    @override
    def typed(self) -> str:
        return f"kubectl exec -n {self.namespace} deploy/{self.deployment} -- {quoted(self.argv)}"

    @override
    def ask(self, lab: Lab) -> Outcome:
        name = self.deployment
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}"
        found = lab.api.request("GET", path)
        if isinstance(found, HttpRefused) and found.status == 404:
            return Broke(f"The Deployment {name} is not there, and it belongs to the exercise.")
        if not isinstance(found, Done):
            return refused(found, f"The Deployment {name}")
        if found.value["spec"].get("replicas") == 0:
            return Broke(f"The Deployment {name} has no pods: its replicas are 0.")
        pods = lab.api.request("GET", f"/api/v1/namespaces/{self.namespace}/pods?labelSelector=app%3D{name}")
        if not isinstance(pods, Done):
            return refused(pods, f"The pods of {name}")
        running = next((each["metadata"]["name"] for each in pods.value["items"] if _runs(each)), "")
        if not running:
            return Starting(f"No pod of the Deployment {name} runs.")
        ran = lab.api.run(self.namespace, running, tuple(lab.names.fill(part) for part in self.argv))
        return ran if isinstance(ran, Unanswered) else aws_cli(ran)


@dataclass(frozen=True)
class NoCredentials(Expectation):
    """The AWS CLI finds nobody who gives it credentials."""

    @property
    @override
    def text(self) -> str:
        return "no credentials"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        nobody = isinstance(outcome, Broke) and "Unable to locate credentials" in outcome.message
        return "" if nobody else "the node must not give credentials"


def _runs(pod: Mapping[str, Any]) -> bool:
    return pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
