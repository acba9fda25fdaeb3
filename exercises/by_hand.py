"""What stands of the exercises beyond what the stack's outputs tell: what somebody made by hand, as the note does it.

An exercise is graded by what stands. By hand it can only come further than the settings have it: a stage that the
settings name and that lacks something is that stage, and fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from exercises.catalogue import OFF, standing
from exercises.made import (
    IRSA_ACCOUNT,
    IRSA_PODS,
    NAMESPACE,
    POD_IDENTITY_ACCOUNT,
    POD_IDENTITY_POD,
    TEAMS,
    USER,
    Made,
    binding,
    team_pod,
)
from grading.aws_api import Aws
from grading.check import ExerciseName
from grading.kube_api import ApiServer
from grading.outcomes import Done

ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
_COLLECTIONS: Final = {"Pod": "pods", "RoleBinding": "rolebindings", "ServiceAccount": "serviceaccounts"}
_GROUPS: Final = {"system:masters": "masters", "system:authenticated": "authenticated"}
"""Group to which aws-auth maps the user → stage."""


@dataclass(frozen=True)
class Standing:
    """Where the exercises stand."""

    stages: Mapping[ExerciseName, str]
    by_hand: frozenset[ExerciseName]
    """Those that stand further than the stack's outputs tell."""

    outputs: Mapping[str, Any]
    """The stack's outputs, with the role and the user that were made by hand."""


def look(outputs: Mapping[str, Any], api: ApiServer, aws: Aws) -> Standing:
    """Where the exercises of the lab with these outputs stand. What cannot be asked counts as not there."""
    return _Look(outputs, api, aws).standing()


class _Look:
    def __init__(self, outputs: Mapping[str, Any], api: ApiServer, aws: Aws) -> None:
        self._outputs, self._api, self._aws = outputs, api, aws
        self._cluster = str(outputs.get("clusterName") or "")
        self._roles: dict[str, str] = {}
        self._user: dict[str, Any] = {}

    def standing(self) -> Standing:
        told = standing(self._outputs)
        found: dict[ExerciseName, str] = {
            **told,
            "rbac": self._rbac(told["rbac"]),
            "identity-mapping": self._mapping() if told["identity-mapping"] == OFF else told["identity-mapping"],
            "irsa": self._irsa(told["irsa"]),
            "pod-identity": self._pod_identity() if told["pod-identity"] == OFF else told["pod-identity"],
        }
        by_hand: frozenset[ExerciseName] = frozenset(name for name, stage in found.items() if stage != told[name])
        outputs = dict(self._outputs)
        outputs["exerciseRoleArns"] = {**(outputs.get("exerciseRoleArns") or {}), **self._roles}
        if self._user:
            outputs["testuserArn"] = self._user["Arn"]
            bounded = "PermissionsBoundary" in self._user
            outputs["exercises"] = {**(outputs.get("exercises") or {}), "testuserBoundary": bounded}
        return Standing(found, by_hand, outputs)

    def _rbac(self, told: str) -> str:
        """The next stage as soon as one team has it: what the other lacks is then told by its rows."""
        if told in ("after", "least"):
            return told
        if told == OFF and not any(self._object(team_pod(team)) for team in TEAMS):
            return OFF
        return "after" if any(self._object(binding(team)) for team in TEAMS) else "before"

    def _mapping(self) -> str:
        answer = self._aws.call("iam", "get_user", UserName=USER)
        if not isinstance(answer, Done):
            return OFF
        user: dict[str, Any] = answer.value["User"]
        self._user = user
        entry = self._aws.call("eks", "describe_access_entry", clusterName=self._cluster, principalArn=user["Arn"])
        if isinstance(entry, Done):
            return "entry"
        return _mapped(self._get("/api/v1/namespaces/kube-system/configmaps/aws-auth"), user["Arn"])

    def _irsa(self, told: str) -> str:
        if told in ("on", "wide"):
            return told
        if told == OFF:
            account = self._object(Made("irsa", ("account",), "v1", "ServiceAccount", IRSA_ACCOUNT, NAMESPACE)) or {}
            role = (account.get("metadata", {}).get("annotations") or {}).get(ROLE_ANNOTATION)
            if not role:
                return OFF
            self._roles["irsa"] = role
        pods = [Made("irsa", ("on",), "v1", "Pod", pod, NAMESPACE) for pod in IRSA_PODS]
        return "on" if all(self._object(pod) for pod in pods) else "account"

    def _pod_identity(self) -> str:
        answer = self._aws.call(
            "eks",
            "list_pod_identity_associations",
            clusterName=self._cluster,
            namespace=NAMESPACE,
            serviceAccount=POD_IDENTITY_ACCOUNT,
        )
        if not isinstance(answer, Done) or not answer.value["associations"]:
            return OFF
        number = answer.value["associations"][0]["associationId"]
        told = self._aws.call(
            "eks", "describe_pod_identity_association", clusterName=self._cluster, associationId=number
        )
        pod = Made("pod-identity", ("on",), "v1", "Pod", POD_IDENTITY_POD, NAMESPACE)
        if not isinstance(told, Done) or not self._object(pod):
            return OFF
        self._roles["podIdentity"] = told.value["association"]["roleArn"]
        return "on"

    def _object(self, made: Made) -> Any:
        """The object; None where there is none."""
        base = f"/apis/{made.api_version}" if "/" in made.api_version else f"/api/{made.api_version}"
        return self._get(f"{base}/namespaces/{made.namespace}/{_COLLECTIONS[made.kind]}/{made.name}")

    def _get(self, path: str) -> Any:
        outcome = self._api.request("GET", path)
        return outcome.value if isinstance(outcome, Done) else None


def _mapped(aws_auth: Any, arn: str) -> str:
    """The stage that aws-auth is at for a user; unmapped where it does not name them, or names another group."""
    try:
        lines: Any = yaml.safe_load(((aws_auth or {}).get("data") or {}).get("mapUsers") or "[]")
        groups = [group for line in lines if line.get("userarn") == arn for group in line.get("groups") or []]
    except (yaml.YAMLError, AttributeError, TypeError):
        return "unmapped"
    return next((_GROUPS[group] for group in groups if group in _GROUPS), "unmapped")
