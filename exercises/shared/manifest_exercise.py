"""An exercise that is made of Kubernetes objects alone: the manifests of its stage, as resources of the stack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    LimitRange,
    Namespace,
    Pod,
    ResourceQuota,
    Secret,
    Service,
    ServiceAccount,
)
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

from components.base import Component
from exercises.objects import Object, identity, rank
from exercises.shared.pods import FORCED, NO_PODS

KINDS: Final[Mapping[str, type[pulumi.CustomResource]]] = {
    each.__name__: each
    for each in (
        ClusterRole,
        ClusterRoleBinding,
        ConfigMap,
        Deployment,
        LimitRange,
        Namespace,
        NetworkPolicy,
        Pod,
        ResourceQuota,
        Role,
        RoleBinding,
        Secret,
        Service,
        ServiceAccount,
        ValidatingAdmissionPolicy,
        ValidatingAdmissionPolicyBinding,
    )
}
"""Kind → the class of its resources."""

WITH_PODS: Final = frozenset({"Deployment", "Pod"})


@dataclass(frozen=True)
class ManifestExerciseArgs:
    """What stands at the exercise's stage."""

    objects: Sequence[Object]
    """Manifests, each after those that it needs."""

    before_pods: Sequence[pulumi.Resource] = ()
    """What comes before whatever has pods. All else need not wait for it, and need not go before it."""


class ManifestExercise(Component):
    """The objects; needs the cluster's Kubernetes provider in `opts`."""

    def __init__(self, name: str, args: ManifestExerciseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ManifestExercise", name, opts)
        made: list[tuple[int, pulumi.Resource]] = []
        for each in args.objects:
            before = [resource for other, resource in made if other < rank(each)]
            if each["kind"] in WITH_PODS:
                before += args.before_pods
            made.append((rank(each), self._make(name, each, before)))
        self.register_outputs({})

    def _make(self, name: str, each: Object, before: Sequence[pulumi.Resource]) -> pulumi.Resource:
        kind, namespace, called = identity(each)
        meta = each["metadata"]
        metadata: Any = {**meta, "annotations": {**(meta.get("annotations") or {}), **provider_notes(each)}}
        logical = "-".join(part for part in (name, kind.lower(), namespace, called) if part)
        return KINDS[kind](logical, metadata=metadata, opts=self.child(before), **_arguments(each))


def provider_notes(each: Object) -> Mapping[str, str]:
    """What the provider is told about an object."""
    has_no_pods = each["kind"] == "Deployment" and each["spec"].get("replicas") == 0
    return {**FORCED, **NO_PODS} if has_no_pods else FORCED


def _arguments(each: Object) -> dict[str, Any]:
    """Top-level fields under the names that the SDK gives them; the SDK passes on all below as it is."""
    return {
        re.sub("([A-Z])", lambda found: f"_{found[0].lower()}", key): value
        for key, value in each.items()
        if key not in ("apiVersion", "kind", "metadata")
    }
