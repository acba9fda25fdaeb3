"""Two bastions from which the study note's commands are typed.

They are cattle: everything on them comes from their user data, which runs once, at the first boot. A change
of it therefore replaces a server (its private address is fixed, so the old one goes first); its public
address stays. A newer AMI alone changes nothing: a running lab is not rebuilt because Amazon published an
image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import ec2, iam, ssm, vpc

from components.base import Component, Tags, named
from components.ops_user_data import OpsEnvironment, OpsTools, ops_user_data
from components.policies import Scope, Statement, document, managed_policy, service_trust
from components.ssh_rules import ssh_rules

AMI_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
"""SSM parameter that holds the newest AL2023 image (AL2023 User Guide, "Launching AL2023 using SSM")."""

ROOT_VOLUME_GIB = 30

PRIVATE_IPS = ("172.20.1.100", "172.20.1.200")
"""The servers' addresses; the nodes' security group lets exactly these in."""


@dataclass(frozen=True)
class OpsServersArgs:
    """Where the servers stand, who may reach them, what they know."""

    prefix: str
    """Beginning of every name: server `<prefix>-ops-1`."""

    scope: Scope
    vpc_id: pulumi.Input[str]
    subnet_id: pulumi.Input[str]
    environment: OpsEnvironment
    tools: OpsTools
    instance_type: str = "t3.small"
    """EC2 instance type, x86_64."""

    operator_cidrs: Sequence[str] = ()
    """Ranges that may use SSH; empty: nobody may. SSM Session Manager needs none."""

    key_name: str | None = None
    private_ips: Sequence[str] = PRIVATE_IPS
    tags: Tags = field(default_factory=dict[str, str])


class OpsServers(Component):
    """The servers, their role, their security group and their public addresses."""

    role_arn: pulumi.Output[str]
    instance_ids: list[pulumi.Output[str]]
    public_ips: list[pulumi.Output[str]]
    address_ids: list[pulumi.Output[str]]
    """Allocation ids of the public addresses."""

    private_ips: list[str]

    def __init__(self, name: str, args: OpsServersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("OpsServers", name, opts)
        self._name, self._args = name, args
        self._group, rules = self._security_group()
        role, rights = self._role()
        self._profile = iam.InstanceProfile(f"{name}-profile", role=role.name, tags=args.tags, opts=self.child())
        self._image = ssm.get_parameter_output(name=AMI_PARAMETER, opts=pulumi.InvokeOutputOptions(parent=self)).value
        instances = [
            self._server(number, address, [*rights, *rules]) for number, address in enumerate(args.private_ips, start=1)
        ]
        self.role_arn = role.arn
        self.instance_ids = [instance.id for instance, _ in instances]
        self.public_ips = [address.public_ip for _, address in instances]
        self.address_ids = [address.id for _, address in instances]
        self.private_ips = list(args.private_ips)
        self.register_outputs({"roleArn": self.role_arn})

    def _security_group(self) -> tuple[ec2.SecurityGroup, list[pulumi.Resource]]:
        name, args = self._name, self._args
        group = ec2.SecurityGroup(
            f"{name}-sg",
            name=f"{args.prefix}-ops",
            description="Ops servers: SSH from the operator",
            vpc_id=args.vpc_id,
            tags=named(args.tags, f"{args.prefix}-ops"),
            opts=self.child(),
        )
        rules: list[pulumi.Resource] = [
            vpc.SecurityGroupEgressRule(
                f"{name}-out",
                security_group_id=group.id,
                description="Tools, AWS APIs, the cluster and its nodes",
                ip_protocol="-1",
                cidr_ipv4="0.0.0.0/0",
                tags=args.tags,
                opts=self.child(),
            )
        ]
        rules += ssh_rules(name, group, args.operator_cidrs, args.tags, self.child())
        return group, rules

    def _role(self) -> tuple[iam.Role, list[pulumi.Resource]]:
        name, args = self._name, self._args
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=service_trust("ec2.amazonaws.com"),
            description="Ops servers: Session Manager, and the way into the cluster",
            tags=args.tags,
            opts=self.child(),
        )
        # What `aws eks update-kubeconfig` asks. What the servers may do in the cluster is an access entry's
        # matter.
        describe = Statement(
            sid="DescribeOwnCluster",
            actions=["eks:DescribeCluster"],
            resources=[args.scope.arn("eks", f"cluster/{args.environment.cluster_name}")],
        )
        own = iam.RolePolicy(
            f"{name}-describe-cluster",
            role=role.id,
            policy=document([describe], args.scope),
            opts=self.child(),
        )
        session_manager = iam.RolePolicyAttachment(
            f"{name}-session-manager",
            role=role.name,
            policy_arn=managed_policy(args.scope.partition, "AmazonSSMManagedInstanceCore"),
            opts=self.child(),
        )
        return role, [own, session_manager]

    def _server(self, number: int, private_ip: str, needs: Sequence[pulumi.Resource]) -> tuple[ec2.Instance, ec2.Eip]:
        name, args = self._name, self._args
        full_name = f"{args.prefix}-ops-{number}"
        tags = named(args.tags, full_name)
        instance = ec2.Instance(
            f"{name}-{number}",
            ami=self._image,
            instance_type=args.instance_type,
            subnet_id=args.subnet_id,
            private_ip=private_ip,
            vpc_security_group_ids=[self._group.id],
            iam_instance_profile=self._profile.name,
            key_name=args.key_name,
            metadata_options=ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            root_block_device=ec2.InstanceRootBlockDeviceArgs(
                volume_type="gp3", volume_size=ROOT_VOLUME_GIB, encrypted=True, tags=tags
            ),
            user_data=ops_user_data(full_name, args.environment, args.tools),
            user_data_replace_on_change=True,
            tags=tags,
            opts=pulumi.ResourceOptions.merge(
                self.child(needs, delete_before_replace=True), pulumi.ResourceOptions(ignore_changes=["ami"])
            ),
        )
        address = ec2.Eip(f"{name}-{number}-ip", domain="vpc", instance=instance.id, tags=tags, opts=self.child())
        return instance, address
