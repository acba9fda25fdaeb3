"""The managed node group, with a launch template of our own.

A launch template cannot be combined with EKS's `remote_access`, which would make the SSH security group by
itself; so the group `<prefix>-remoteAccess` is made here. And because the template names security groups, EKS
adds none: the cluster's own must be among them or the nodes never join.

EKS makes the node role's access entry by itself for a managed node group, and maps the role in the ConfigMap
aws-auth. There the cluster's component has it too (see there), so the role is made before the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_eks
from pulumi_aws import ec2, eks, iam, vpc

from components.base import Component, Tags, named
from components.node_user_data import node_user_data
from components.policies import managed_policy, service_trust
from components.ssh_rules import ssh_rules

NODE_POLICIES = {
    "worker": "AmazonEKSWorkerNodePolicy",
    "registry": "AmazonEC2ContainerRegistryReadOnly",
}
"""Short name → AWS managed policy of the node role. vpc-cni's is not among them: it has a role of its own."""

SESSION_MANAGER_POLICY = {"session-manager": "AmazonSSMManagedInstanceCore"}
"""What Session Manager needs. It allows ssm:GetParameter and ssm:GetParameters on every parameter of the account
(AWS Managed Policy Reference, 2026-11), and a pod reaches the node role's rights; so no node has it unasked."""

ROOT_DEVICE = "/dev/xvda"
ROOT_IOPS = 3000
ROOT_THROUGHPUT_MIBS = 125
"""gp3's base figures, which cost nothing extra."""


class NodeRole(Component):
    """The IAM role that nodes have."""

    arn: pulumi.Output[str]
    rights: Sequence[pulumi.Resource]
    """What a node needs of its role before it joins."""

    def __init__(
        self,
        name: str,
        description: str,
        partition: pulumi.Input[str],
        *,
        session_manager: bool = False,
        tags: Tags | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`session_manager`: whether Session Manager reaches the nodes. Every pod then has the rights of
        `SESSION_MANAGER_POLICY` too."""
        super().__init__("NodeRole", name, opts)
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=service_trust("ec2.amazonaws.com"),
            description=description,
            tags=tags,
            opts=self.child(once_of="NodeGroup"),
        )
        self.rights = [
            iam.RolePolicyAttachment(
                f"{name}-{short}",
                role=role.name,
                policy_arn=managed_policy(partition, policy),
                opts=self.child(once_of="NodeGroup"),
            )
            for short, policy in (NODE_POLICIES | (SESSION_MANAGER_POLICY if session_manager else {})).items()
        ]
        self.arn = role.arn
        self.register_outputs({"arn": self.arn})


@dataclass(frozen=True)
class NodeGroupArgs:
    """Size, machines, and who may reach them."""

    group_name: str
    """Name of the node group in the cluster, such as `ng1`."""

    cluster: pulumi_eks.Cluster
    cluster_name: str
    kubernetes_version: str
    role: NodeRole
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """One in each zone: EKS spreads the nodes over them evenly."""

    cluster_security_group_id: pulumi.Input[str]
    instance_types: Sequence[str]
    min_size: int
    desired_size: int
    max_size: int
    disk_size_gib: int = 120
    max_pods: int = 100
    capacity_type: str = "ON_DEMAND"
    """Or `SPOT`."""

    operator_cidrs: Sequence[str] = ()
    """Ranges that may use SSH; empty: nobody may."""

    trusted_addresses: Sequence[str] = ()
    """Single IPv4 addresses that may reach every port: the ops servers."""

    hop_limit: int = 2
    """How many hops the answer of the instance metadata service (IMDS) to a request for a token may go. 2: pods reach
    it, and with it the node's credentials, as exercise 4.1 wants: AWS is to refuse what the node's role may not, and
    the pod is not to find no credentials. 1: only the node itself and pods on its network do."""

    taints: Sequence[eks.NodeGroupTaintArgs] = ()
    """Keep away the pods that do not tolerate them."""

    key_name: str | None = None
    tags: Tags = field(default_factory=dict[str, str])


class NodeGroup(Component):
    """Security group, launch template and node group; depend on the component to come after ready nodes."""

    cluster_name: pulumi.Output[str]
    """Of the nodes' cluster: what takes it from here goes before nodes that are replaced."""

    def __init__(self, name: str, args: NodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("NodeGroup", name, opts)
        self._name, self._args = name, args
        self._prefix = f"{args.cluster_name}-{args.group_name}"
        remote_access, rules = self._remote_access()
        template = self._launch_template(remote_access)
        group = pulumi_eks.ManagedNodeGroup(
            name,
            cluster=args.cluster,
            node_group_name=args.group_name,
            node_role_arn=args.role.arn,
            subnet_ids=args.subnet_ids,
            # With a template that names no image, EKS takes the newest of this type for the version.
            ami_type="AL2023_x86_64_STANDARD",
            version=args.kubernetes_version,
            capacity_type=args.capacity_type,
            instance_types=args.instance_types,
            scaling_config=eks.NodeGroupScalingConfigArgs(
                min_size=args.min_size, desired_size=args.desired_size, max_size=args.max_size
            ),
            launch_template=eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
            taints=list(args.taints) or None,
            tags=args.tags,
            # A node that joins before its role has all its rights, or its neighbours may reach it, is
            # NotReady.
            opts=self.child([args.cluster, *args.role.rights, *rules]),
        )
        self.cluster_name = group.node_group.apply(lambda made: made.cluster_name)
        self.register_outputs({})

    def _remote_access(self) -> tuple[ec2.SecurityGroup, list[pulumi.Resource]]:
        name, args = self._name, self._args
        # No outbound rule: the nodes' other group, the cluster's, has it.
        group = ec2.SecurityGroup(
            f"{name}-remote-access",
            name=f"{self._prefix}-remoteAccess",
            description="Nodes: SSH from the operator, everything from the ops servers",
            vpc_id=args.vpc_id,
            tags=named(args.tags, f"{self._prefix}-remoteAccess"),
            opts=self.child(),
        )
        rules = ssh_rules(name, group, args.operator_cidrs, args.tags, self.child())
        rules += [
            vpc.SecurityGroupIngressRule(
                f"{name}-ops-{address}",
                security_group_id=group.id,
                description="Everything from an ops server",
                ip_protocol="-1",
                cidr_ipv4=f"{address}/32",
                tags=args.tags,
                opts=self.child(),
            )
            for address in args.trusted_addresses
        ]
        return group, rules

    def _launch_template(self, remote_access: ec2.SecurityGroup) -> ec2.LaunchTemplate:
        args = self._args
        tags = named(args.tags, f"{self._prefix}-Node")
        return ec2.LaunchTemplate(
            f"{self._name}-template",
            description=f"Nodes of {self._prefix}",
            update_default_version=True,
            key_name=args.key_name,
            vpc_security_group_ids=[args.cluster_security_group_id, remote_access.id],
            block_device_mappings=[
                ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name=ROOT_DEVICE,
                    ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_type="gp3",
                        volume_size=args.disk_size_gib,
                        iops=ROOT_IOPS,
                        throughput=ROOT_THROUGHPUT_MIBS,
                        encrypted="true",
                        delete_on_termination="true",
                    ),
                )
            ],
            metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=args.hop_limit
            ),
            tag_specifications=[
                ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
                for kind in ("instance", "volume", "network-interface")
            ],
            user_data=node_user_data(args.max_pods),
            tags=named(args.tags, self._prefix),
            opts=self.child(),
        )
