"""The EKS add-ons beside those that come with the cluster, in the two groups that their order asks for.

Before the nodes: the Pod Identity agent and the role of vpc-cni, because the first pod of a node is aws-node,
and a pod gets its credentials at creation. After the nodes: coredns, metrics-server and the EBS CSI driver,
whose Deployments would be DEGRADED without a node to run on.

Versions are the ones that EKS holds as default for the cluster's minor version, looked up by name: EKS
withdraws old versions, so a pinned one would some day stop the lab from being built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import eks

from components.base import Component, Tags
from components.controller_tags import controller_tags
from components.pod_identity_role import PodIdentityRole, PodIdentityRoleArgs
from components.policies import managed_policy

POD_IDENTITY_AGENT = "eks-pod-identity-agent"
COREDNS = "coredns"
METRICS_SERVER = "metrics-server"
EBS_CSI_DRIVER = "aws-ebs-csi-driver"


def default_version(addon: str, kubernetes_version: str) -> pulumi.Output[str]:
    """The version of an add-on that EKS holds as default for a Kubernetes minor version."""
    return eks.get_addon_version_output(
        addon_name=addon, kubernetes_version=kubernetes_version, most_recent=False
    ).version


@dataclass(frozen=True)
class AddonsArgs:
    """The cluster and the versions of its add-ons."""

    cluster_name: pulumi.Input[str]
    partition: pulumi.Input[str]
    versions: Mapping[str, pulumi.Input[str]]
    """Name of the add-on → version; every add-on of the component must be there."""

    tags: Tags = field(default_factory=dict[str, str])


class _Addons(Component):
    """A group of add-ons of one cluster."""

    def __init__(self, kind: str, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(kind, name, opts)
        self._name, self._args = name, args

    def _addon(
        self,
        addon: str,
        *needs: pulumi.Resource,
        settings: Mapping[str, object] | None = None,
        cluster_name: pulumi.Input[str] | None = None,
    ) -> eks.Addon:
        return eks.Addon(
            f"{self._name}-{addon}",
            cluster_name=cluster_name or self._args.cluster_name,
            addon_name=addon,
            addon_version=self._args.versions[addon],
            configuration_values=json.dumps(settings, sort_keys=True) if settings else None,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self._args.tags,
            opts=self.child(needs),
        )

    def _role(self, short: str, service_account: str, policy: str) -> PodIdentityRole:
        return PodIdentityRole(
            f"{self._name}-{short}",
            PodIdentityRoleArgs(
                cluster_name=self._args.cluster_name,
                namespace="kube-system",
                service_account=service_account,
                policies={short: managed_policy(self._args.partition, policy)},
                tags=self._args.tags,
            ),
            opts=self.child(),
        )


class NodeAddons(_Addons):
    """What must be there before the first node joins; nodes come after it and go before it."""

    def __init__(self, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("NodeAddons", name, args, opts)
        self._addon(POD_IDENTITY_AGENT)
        # With a role of its own for vpc-cni, the node's role needs no right over network interfaces, and no
        # pod that reaches the node's credentials has one.
        self._role("vpc-cni", "aws-node", "AmazonEKS_CNI_Policy")
        self.register_outputs({})


class WorkloadAddons(_Addons):
    """Add-ons that run on nodes; they come after them and go before them."""

    coredns: eks.Addon
    metrics_server: eks.Addon
    ebs_csi_driver: eks.Addon

    def __init__(
        self,
        name: str,
        args: AddonsArgs,
        nodes_cluster_name: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`nodes_cluster_name` is the cluster's name as an output of its nodes."""
        super().__init__("WorkloadAddons", name, args, opts)
        self.coredns = self._addon(COREDNS)
        # Nodes that are replaced go before the new ones come, and then the group of the API that it serves would not
        # answer, which keeps every namespace from being deleted. The engine deletes first what has a property of them.
        self.metrics_server = self._addon(METRICS_SERVER, cluster_name=nodes_cluster_name)
        identity = self._role("ebs-csi", "ebs-csi-controller-sa", "service-role/AmazonEBSCSIDriverPolicy")
        made_by_it = {"controller": {"extraVolumeTags": controller_tags(args.tags)}}
        self.ebs_csi_driver = self._addon(EBS_CSI_DRIVER, identity, settings=made_by_it)
        self.register_outputs({})
