"""The rights that standing the lab up takes, listed by what registers them.

IAM's simulator is asked about all of them before the first resource. Create, read, change and delete, because a lab
that can be made and not deleted is the worst of all, and a stage of an exercise is a change. Which calls a resource
takes: terraform-provider-aws, which pulumi-aws is made of; action names: Service Authorization Reference; both 2026-11.

A right that is asked for with a service in view is written with it: "iam:PassRole eks.amazonaws.com".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from exercises.catalogue import EXERCISES, OFF
from infra.config.loading import LabConfig

_EC2_TAGS: Final = ("ec2:CreateTags", "ec2:DeleteTags")
"""Whoever makes a thing with tags on it must be allowed to make tags."""

RIGHTS: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:cloudwatch/logGroup:LogGroup": (
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:DescribeLogGroups",
        "logs:ListTagsForResource",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
        "logs:UntagResource",
    ),
    "aws:ec2/eip:Eip": (
        *_EC2_TAGS,
        "ec2:AllocateAddress",
        "ec2:AssociateAddress",
        "ec2:DescribeAddresses",
        "ec2:DescribeAddressesAttribute",
        "ec2:DisassociateAddress",
        "ec2:ReleaseAddress",
    ),
    "aws:ec2/instance:Instance": (
        *_EC2_TAGS,
        "ec2:DescribeImages",
        "ec2:DescribeInstanceAttribute",
        "ec2:DescribeInstanceCreditSpecifications",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeInstances",
        "ec2:DescribeTags",
        "ec2:DescribeVolumes",
        "ec2:ModifyInstanceAttribute",
        "ec2:RunInstances",
        "ec2:StartInstances",
        "ec2:StopInstances",
        "ec2:TerminateInstances",
        "iam:PassRole ec2.amazonaws.com",
        "ssm:GetParameter",
    ),
    "aws:ec2/internetGateway:InternetGateway": (
        *_EC2_TAGS,
        "ec2:AttachInternetGateway",
        "ec2:CreateInternetGateway",
        "ec2:DeleteInternetGateway",
        "ec2:DescribeInternetGateways",
        "ec2:DetachInternetGateway",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        *_EC2_TAGS,
        "ec2:CreateLaunchTemplate",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:DeleteLaunchTemplate",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeLaunchTemplates",
        "ec2:ModifyLaunchTemplate",
    ),
    "aws:ec2/natGateway:NatGateway": (
        *_EC2_TAGS,
        "ec2:CreateNatGateway",
        "ec2:DeleteNatGateway",
        "ec2:DescribeNatGateways",
    ),
    "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions": ("ec2:ModifyVpcPeeringConnectionOptions",),
    "aws:ec2/route:Route": ("ec2:CreateRoute", "ec2:DeleteRoute", "ec2:DescribeRouteTables"),
    "aws:ec2/routeTable:RouteTable": (
        *_EC2_TAGS,
        "ec2:CreateRouteTable",
        "ec2:DeleteRouteTable",
        "ec2:DescribeRouteTables",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("ec2:AssociateRouteTable", "ec2:DisassociateRouteTable"),
    "aws:ec2/securityGroup:SecurityGroup": (
        *_EC2_TAGS,
        "ec2:CreateSecurityGroup",
        "ec2:DeleteSecurityGroup",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupEgress",
    ),
    "aws:ec2/subnet:Subnet": (
        *_EC2_TAGS,
        "ec2:CreateSubnet",
        "ec2:DeleteSubnet",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:ModifySubnetAttribute",
    ),
    "aws:ec2/vpc:Vpc": (
        *_EC2_TAGS,
        "ec2:CreateVpc",
        "ec2:DeleteVpc",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcs",
        "ec2:ModifyVpcAttribute",
    ),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": (
        *_EC2_TAGS,
        "ec2:AcceptVpcPeeringConnection",
        "ec2:CreateVpcPeeringConnection",
        "ec2:DeleteVpcPeeringConnection",
        "ec2:DescribeVpcPeeringConnections",
    ),
    "aws:eks/accessEntry:AccessEntry": (
        "eks:CreateAccessEntry",
        "eks:DeleteAccessEntry",
        "eks:DescribeAccessEntry",
        "eks:TagResource",
        "eks:UntagResource",
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": (
        "eks:AssociateAccessPolicy",
        "eks:DisassociateAccessPolicy",
        "eks:ListAssociatedAccessPolicies",
    ),
    "aws:eks/addon:Addon": (
        "eks:CreateAddon",
        "eks:DeleteAddon",
        "eks:DescribeAddon",
        "eks:DescribeAddonVersions",
        "eks:DescribeUpdate",
        "eks:TagResource",
        "eks:UntagResource",
        "eks:UpdateAddon",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        "eks:CreatePodIdentityAssociation",
        "eks:DeletePodIdentityAssociation",
        "eks:DescribePodIdentityAssociation",
        "eks:TagResource",
        "eks:UntagResource",
        "eks:UpdatePodIdentityAssociation",
        "iam:GetRole",
        "iam:PassRole pods.eks.amazonaws.com",
    ),
    "aws:iam/instanceProfile:InstanceProfile": (
        "iam:AddRoleToInstanceProfile",
        "iam:CreateInstanceProfile",
        "iam:DeleteInstanceProfile",
        "iam:GetInstanceProfile",
        "iam:PassRole ec2.amazonaws.com",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagInstanceProfile",
        "iam:UntagInstanceProfile",
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (
        "iam:CreateOpenIDConnectProvider",
        "iam:DeleteOpenIDConnectProvider",
        "iam:GetOpenIDConnectProvider",
        "iam:TagOpenIDConnectProvider",
        "iam:UntagOpenIDConnectProvider",
    ),
    "aws:iam/policy:Policy": (
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListPolicyVersions",
        "iam:TagPolicy",
        "iam:UntagPolicy",
    ),
    "aws:iam/role:Role": (
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRoleDescription",
    ),
    "aws:iam/rolePolicy:RolePolicy": ("iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:PutRolePolicy"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
        "iam:ListAttachedRolePolicies",
    ),
    "aws:iam/user:User": (
        "iam:CreateUser",
        "iam:DeleteAccessKey",
        "iam:DeleteLoginProfile",
        "iam:DeleteUser",
        "iam:DeleteUserPermissionsBoundary",
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:ListGroupsForUser",
        "iam:ListMFADevices",
        "iam:ListSSHPublicKeys",
        "iam:ListServiceSpecificCredentials",
        "iam:ListSigningCertificates",
        "iam:ListVirtualMFADevices",
        "iam:PutUserPermissionsBoundary",
        "iam:TagUser",
        "iam:UntagUser",
    ),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": (
        "iam:AttachUserPolicy",
        "iam:DetachUserPolicy",
        "iam:ListAttachedUserPolicies",
    ),
    "aws:kms/alias:Alias": ("kms:CreateAlias", "kms:DeleteAlias", "kms:ListAliases"),
    "aws:kms/key:Key": (
        "kms:CreateKey",
        "kms:DescribeKey",
        "kms:DisableKey",
        "kms:EnableKeyRotation",
        "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:ListResourceTags",
        "kms:ScheduleKeyDeletion",
        "kms:TagResource",
        "kms:UntagResource",
    ),
    "aws:scheduler/schedule:Schedule": (
        "iam:PassRole scheduler.amazonaws.com",
        "scheduler:CreateSchedule",
        "scheduler:DeleteSchedule",
        "scheduler:GetSchedule",
        "scheduler:UpdateSchedule",
    ),
    "aws:secretsmanager/secret:Secret": (
        "secretsmanager:CreateSecret",
        "secretsmanager:DeleteSecret",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy",
        "secretsmanager:TagResource",
        "secretsmanager:UntagResource",
        "secretsmanager:UpdateSecret",
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": (
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (
        *_EC2_TAGS,
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:DescribeSecurityGroupRules",
        "ec2:RevokeSecurityGroupEgress",
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        *_EC2_TAGS,
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:DescribeSecurityGroupRules",
        "ec2:RevokeSecurityGroupIngress",
    ),
    "eks:index:Cluster": (
        "eks:CreateCluster",
        "eks:DeleteCluster",
        "eks:DescribeCluster",
        "eks:DescribeUpdate",
        "eks:TagResource",
        "eks:UntagResource",
        "eks:UpdateClusterConfig",
        "eks:UpdateClusterVersion",
        "iam:CreateServiceLinkedRole eks.amazonaws.com",
        "iam:PassRole eks.amazonaws.com",
        "kms:CreateGrant",
    ),
    "eks:index:ManagedNodeGroup": (
        "ec2:CreateTags",
        "ec2:RunInstances",
        "eks:CreateNodegroup",
        "eks:DeleteNodegroup",
        "eks:DescribeNodegroup",
        "eks:DescribeUpdate",
        "eks:TagResource",
        "eks:UntagResource",
        "eks:UpdateNodegroupConfig",
        "eks:UpdateNodegroupVersion",
        "iam:CreateServiceLinkedRole eks-nodegroup.amazonaws.com",
        "iam:PassRole eks.amazonaws.com",
    ),
}
"""Type of a resource that the program registers → what making, reading, changing and deleting it takes."""

OPTIONAL: Final[Mapping[str, str]] = {
    "aws:ec2/instance:Instance": "opsServers",
    "aws:iam/instanceProfile:InstanceProfile": "opsServers",
    "aws:ec2/natGateway:NatGateway": "natGateway",
    "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions": "opsServers",
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": "opsServers",
    "aws:scheduler/schedule:Schedule": "expires",
    **{kind: each.key for each in EXERCISES.values() for kind in each.aws_types},
}
"""Type → the setting, or the exercise's, without which the stack has none of it."""


def by_right(config: LabConfig) -> dict[str, tuple[str, ...]]:
    """Right → the types that need it, of what this configuration registers."""
    present = {
        "natGateway": config.nat_gateway,
        "opsServers": config.ops_servers.enabled,
        "expires": config.expires is not None,
        **{EXERCISES[name].key: stage != OFF for name, stage in config.exercises.stages().items()},
    }
    found: dict[str, list[str]] = {}
    for kind, rights in RIGHTS.items():
        setting = OPTIONAL.get(kind)
        if setting is None or present[setting]:
            for right in rights:
                found.setdefault(right, []).append(kind)
    return {right: tuple(kinds) for right, kinds in sorted(found.items())}
