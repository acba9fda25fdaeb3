"""The StorageClass `gp3`, the cluster's only default.

EKS's own class `gp2` is left as it is: since Kubernetes 1.30 EKS no longer marks it as default (Amazon EKS
User Guide, "Kubernetes versions", 1.30), and every version that the lab supports is newer.
"""

from __future__ import annotations

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.storage.v1 import StorageClass

from components.base import Component


class DefaultStorage(Component):
    """The default class; make it after the EBS CSI driver, so that a volume can be made as soon as it is
    asked for."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("DefaultStorage", name, opts)
        StorageClass(
            f"{name}-gp3",
            metadata=ObjectMetaArgs(name="gp3", annotations={"storageclass.kubernetes.io/is-default-class": "true"}),
            provisioner="ebs.csi.aws.com",
            allow_volume_expansion=True,
            # The volume is made in the zone of the pod that uses it.
            volume_binding_mode="WaitForFirstConsumer",
            parameters={
                "type": "gp3",
                "allowAutoIOPSPerGBIncrease": "true",
                "encrypted": "true",
                "fsType": "xfs",
            },
            opts=self.child(),
        )
        self.register_outputs({})
