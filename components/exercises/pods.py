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


def pod(logical_name: str, shape: PodShape, opts: pulumi.ResourceOptions) -> Pod:
    """Make the pod."""
    return Pod(
        logical_name,
        metadata=ObjectMetaArgs(
            name=shape.name, namespace=shape.namespace, annotations=dict(UNAWAITED) if shape.ends else None
        ),
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
