"""The `aws.eks.Cluster` of the component: what EKS itself is asked for, as pulumi-eks 4.4.0 asks."""

from __future__ import annotations

from typing import Any

import pulumi

from rehearsal.providers.eks import security_groups
from rehearsal.providers.eks.children import Child, CustomReference, Inputs, given, without_none
from rehearsal.providers.eks.roles import ServiceRole, role_arn
from rehearsal.providers.protocol import ProviderError


def create(
    name: str,
    args: Inputs,
    role: ServiceRole | None,
    group: Child | CustomReference | None,
    subnet_ids: Any,
    parent: pulumi.Resource,
) -> Child:
    """The cluster, once its role can be assumed and has its policies. `role` None: `args` bring one."""
    bootstrap, mode = args.get("bootstrapSelfManagedAddons"), args.get("authenticationMode")
    vpc = {
        "securityGroupIds": [group.id] if group else None,
        "subnetIds": subnet_ids,
        "endpointPrivateAccess": args.get("endpointPrivateAccess"),
        "endpointPublicAccess": args.get("endpointPublicAccess"),
        "publicAccessCidrs": _public_access_cidrs(args),
    }
    access = {"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": True}
    return Child(
        "aws:eks/cluster:Cluster",
        f"{name}-eksCluster",
        {
            "name": args.get("name"),
            "roleArn": role.role.get("arn") if role else role_arn(args["serviceRole"]),
            "kubernetesNetworkConfig": _network(args),
            "bootstrapSelfManagedAddons": True if bootstrap is None else bootstrap,
            "vpcConfig": without_none(vpc),
            "version": args.get("version"),
            "enabledClusterLogTypes": args.get("enabledClusterLogTypes"),
            "tags": security_groups.merged_tags(
                {"Name": f"{name}-eksCluster"}, args.get("clusterTags"), args.get("tags")
            ),
            "encryptionConfig": encryption(args),
            "accessConfig": access if mode else None,
            "upgradePolicy": args.get("upgradePolicy"),
            "deletionProtection": args.get("deletionProtection"),
        },
        ("arn", "certificateAuthority", "endpoint", "identities", "name", "version", "vpcConfig"),
        pulumi.ResourceOptions(
            parent=parent,
            # Both are read at creation alone; older stacks have other values.
            ignore_changes=[
                "accessConfig.bootstrapClusterCreatorAdminPermissions",
                "bootstrapSelfManagedAddons",
            ],
            depends_on=[role.role, *role.attachments] if role else [],
        ),
    )


def encryption(args: Inputs) -> dict[str, Any] | None:
    """Envelope encryption of Kubernetes' secrets with the given KMS key, if one is given."""
    key = args.get("encryptionConfigKeyArn")
    return {"provider": {"keyArn": key}, "resources": ["secrets"]} if given(key) else None


def _network(args: Inputs) -> Any:
    cidr, family = args.get("kubernetesServiceIpAddressRange"), args.get("ipFamily")
    if not given(cidr) and not given(family):
        return None

    def network(values: list[Any]) -> dict[str, Any]:
        known = values[1] or "ipv4"
        return without_none({"serviceIpv4Cidr": values[0] if known == "ipv4" else None, "ipFamily": known})

    return pulumi.Output.all(cidr, family).apply(network)


def _public_access_cidrs(args: Inputs) -> Any:
    def check(values: list[Any]) -> Any:
        if values[1] is False and values[0]:
            raise ProviderError("`publicAccessCidrs` can only be set when `endpointPublicAccess` is true. Drop one.")
        return values[0]

    cidrs = args.get("publicAccessCidrs")
    return pulumi.Output.all(cidrs, args.get("endpointPublicAccess")).apply(check) if given(cidrs) else None
