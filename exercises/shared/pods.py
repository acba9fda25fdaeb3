"""The pod that all exercises share: one container that waits to be asked by `kubectl exec`.

A pod cannot be changed once it runs, so a changed one takes the old one's place, under the same name. It ends
at once: nothing in it is worth a grace period.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ContainerArgs, Pod, PodSpecArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

UNAWAITED = {
    "pulumi.com/skipAwait": "true",
    # The provider then does not wait for the pod's end either. Deleted in the foreground, it could still be there
    # when the one that takes its place is created.
    "pulumi.com/deletionPropagationPolicy": "background",
}
"""Annotations of a pod that never becomes ready."""

NO_PODS = {"pulumi.com/skipAwait": "true"}
"""Annotations of a Deployment that has no replicas on purpose. The provider would look for its pods, and warn that
there are none."""

FORCED = {"pulumi.com/patchForce": "true"}
"""Annotations of an object that changes from stage to stage: the stack takes back a field that a learner has changed by
hand. Without it the API server refuses the update, because another manager owns the field (pulumi-kubernetes,
"Server-Side Apply", seen 2026-11)."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation in which `kubectl apply` keeps what it was given: it compares the next text with this one."""


@dataclass(frozen=True)
class PodShape:
    """A pod of one container."""

    name: str
    namespace: pulumi.Input[str]
    container: str
    image: str
    command: Sequence[str] | None = None
    """None: the image's own entrypoint."""

    args: Sequence[str] | None = None
    service_account: pulumi.Input[str] | None = None
    """None: the namespace's `default`."""

    restart_policy: str | None = None
    """None: Kubernetes' default, Always."""

    mount_token: bool | None = None
    """Whether the service account's token is in the pod; None: Kubernetes' default, yes."""

    ends: bool = False
    """Whether the container ends by itself; the stack then does not wait until the pod is ready."""

    as_applied: bool = False
    """Whether the pod has what `kubectl apply` would have left on it, so that applying the same text changes
    nothing."""


def pod(logical_name: str, shape: PodShape, opts: pulumi.ResourceOptions) -> Pod:
    """Make the pod."""
    annotations: dict[str, pulumi.Input[str]] = dict(UNAWAITED) if shape.ends else {}
    if shape.as_applied:
        annotations[LAST_APPLIED] = _applied(shape)
    return Pod(
        logical_name,
        metadata=ObjectMetaArgs(name=shape.name, namespace=shape.namespace, annotations=annotations or None),
        spec=PodSpecArgs(
            containers=[
                ContainerArgs(
                    name=shape.container,
                    image=shape.image,
                    command=list(shape.command) if shape.command else None,
                    args=list(shape.args) if shape.args else None,
                )
            ],
            service_account_name=shape.service_account,
            automount_service_account_token=shape.mount_token,
            restart_policy=shape.restart_policy,
            termination_grace_period_seconds=0,
        ),
        opts=opts,
    )


def _applied(shape: PodShape) -> pulumi.Output[str]:
    """The annotation's value: the manifest as kubectl writes it, which sorts its keys and ends the line."""
    container = {
        "name": shape.container,
        "image": shape.image,
        "command": list(shape.command or ()),
        "args": list(shape.args or ()),
    }
    spec = {
        "containers": [{key: value for key, value in container.items() if value}],
        "serviceAccountName": shape.service_account,
        "automountServiceAccountToken": shape.mount_token,
        "restartPolicy": shape.restart_policy,
        "terminationGracePeriodSeconds": 0,
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"annotations": {}, "name": shape.name, "namespace": shape.namespace},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }
    text = pulumi.Output.json_dumps(manifest, separators=(",", ":"), sort_keys=True)
    return text.apply(lambda line: f"{line}\n")
