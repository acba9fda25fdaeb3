"""AWS managed policies that an EKS stack attaches and ministack does not bring.

Only their actions matter here. Source: AWS Managed Policy Reference Guide,
the page of each name, seen 2026-11.
"""

import json
from typing import Any, Final, NamedTuple


class ManagedPolicy(NamedTuple):
    """One policy; its ARN is arn:aws:iam::aws:policy/ and the name."""

    name: str
    document: str
    """JSON."""
    description: str


def _policy(name: str, description: str, *statements: dict[str, Any]) -> ManagedPolicy:
    full = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
    return ManagedPolicy(name, json.dumps({"Version": "2012-10-17", "Statement": full}), description)


_PULL = [
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
]

_READ = [
    "ecr:GetRepositoryPolicy",
    "ecr:DescribeRepositories",
    "ecr:ListImages",
    "ecr:DescribeImages",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:ListTagsForResource",
    "ecr:DescribeImageScanFindings",
]

_VOLUMES = "arn:aws:ec2:*:*:volume/*"
_SNAPSHOTS = "arn:aws:ec2:*:*:snapshot/*"


def _tagged(kind: str, tag: str, value: str) -> dict[str, Any]:
    return {"Condition": {"StringLike": {f"aws:{kind}Tag/{tag}": value}}}


_CSI_TAGS = (("ebs.csi.aws.com/cluster", "true"), ("CSIVolumeName", "*"))

MANAGED_POLICIES: Final = (
    _policy(
        "AmazonEC2ContainerRegistryPullOnly",
        "Pulls container images.",
        {"Action": [*_PULL, "ecr:BatchImportUpstreamImage"]},
    ),
    _policy("AmazonEC2ContainerRegistryReadOnly", "Reads container image repositories.", {"Action": [*_PULL, *_READ]}),
    _policy(
        "AmazonEKSVPCResourceController",
        "Lets EKS manage network interfaces and addresses of nodes.",
        {
            "Action": "ec2:CreateNetworkInterfacePermission",
            "Condition": {"ForAnyValue:StringEquals": {"ec2:ResourceTag/eks:eni:owner": "eks-vpc-resource-controller"}},
        },
        {
            "Action": [
                "ec2:CreateNetworkInterface",
                "ec2:DetachNetworkInterface",
                "ec2:ModifyNetworkInterfaceAttribute",
                "ec2:DeleteNetworkInterface",
                "ec2:AttachNetworkInterface",
                "ec2:UnassignPrivateIpAddresses",
                "ec2:AssignPrivateIpAddresses",
            ]
        },
    ),
    _policy(
        "service-role/AmazonEBSCSIDriverPolicy",
        "Lets the EBS CSI driver make, attach and delete volumes and snapshots.",
        {
            "Action": [
                "ec2:CreateSnapshot",
                "ec2:AttachVolume",
                "ec2:DetachVolume",
                "ec2:ModifyVolume",
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeInstances",
                "ec2:DescribeSnapshots",
                "ec2:DescribeTags",
                "ec2:DescribeVolumes",
                "ec2:DescribeVolumesModifications",
                "ec2:DescribeVolumeStatus",
                "ec2:EnableFastSnapshotRestores",
            ]
        },
        {
            "Action": "ec2:CreateTags",
            "Resource": [_VOLUMES, _SNAPSHOTS],
            "Condition": {"StringEquals": {"ec2:CreateAction": ["CreateVolume", "CreateSnapshot"]}},
        },
        {"Action": "ec2:DeleteTags", "Resource": [_VOLUMES, _SNAPSHOTS]},
        *({"Action": "ec2:CreateVolume", **_tagged("Request", *tag)} for tag in _CSI_TAGS),
        {"Action": "ec2:CreateVolume", "Resource": _SNAPSHOTS},
        *(
            {"Action": "ec2:DeleteVolume", "Condition": {"StringLike": {f"ec2:ResourceTag/{tag}": value}}}
            for tag, value in (*_CSI_TAGS, ("kubernetes.io/created-for/pvc/name", "*"))
        ),
        *(
            {"Action": "ec2:DeleteSnapshot", "Condition": {"StringLike": {f"ec2:ResourceTag/{tag}": value}}}
            for tag, value in (("CSIVolumeSnapshotName", "*"), ("ebs.csi.aws.com/cluster", "true"))
        ),
    ),
)
