"""Which inputs each component takes: an input that is not read must be refused, or a setting would be lost.

Checked on the request itself, before any value is wrapped in an output, so
that every wrong name is reported at once and before any child is registered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rehearsal.providers.properties import ResourceReference, Secret


@dataclass(frozen=True)
class Fields:
    """An object of these names. `unplayed`: names that the real component takes and this one does not."""

    known: Mapping[str, Shape]
    unplayed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ListOf:
    """A list; every item has this shape."""

    item: Shape


@dataclass(frozen=True)
class MapOf:
    """A map with keys of the user's own; every value has this shape."""

    value: Shape


Shape: TypeAlias = Fields | ListOf | MapOf | None
"""None: any value, which whoever receives it checks."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one input, and where: `path` as `accessEntries.admin.principal`."""

    path: str
    reason: str


def leaves(names: str, **nested: Shape) -> dict[str, Shape]:
    """Names without a shape of their own, in one string with spaces, and some with one."""
    return {**dict.fromkeys(names.split()), **nested}


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_CNI_SETTINGS = (
    "addonVersion cniConfigureRpfilter cniCustomNetworkCfg cniExternalSnat configurationValues "
    "customNetworkConfig disableTcpEarlyDemux enableNetworkPolicy enablePodEni enablePrefixDelegation "
    "eniConfigLabelDef eniMtu externalSnat logFile logLevel nodePortSupport resolveConflictsOnCreate "
    "resolveConflictsOnUpdate serviceAccountRoleArn vethPrefix warmEniTarget warmIpTarget "
    "warmPrefixTarget"
)
# It patches the DaemonSet aws-node, which is not there: no container runs in the rehearsal.
_CNI_UNPLAYED = frozenset({"securityContextPrivileged"})

_ADDON_OPTIONS = Fields(leaves("enabled version configurationValues resolveConflictsOnCreate resolveConflictsOnUpdate"))
_MAPPING = {kind: ListOf(Fields(leaves(f"{kind}Arn username groups"))) for kind in ("role", "user")}
_ACCESS_ENTRY = Fields(
    leaves(
        "principalArn username kubernetesGroups tags type",
        accessPolicies=MapOf(
            Fields(
                leaves(
                    "policyArn",
                    accessScope=Fields(leaves("type namespaces")),
                )
            ),
        ),
    )
)
_STORAGE_CLASS = Fields(
    leaves(
        "type zones iopsPerGb encrypted kmsKeyId default allowVolumeExpansion mountOptions reclaimPolicy "
        "volumeBindingMode metadata",
    )
)

CLUSTER = Fields(
    leaves(
        "authenticationMode bootstrapSelfManagedAddons clusterSecurityGroup clusterSecurityGroupTags "
        "clusterTags createInstanceRole createOidcProvider deletionProtection enableConfigMapMutable "
        "enabledClusterLogTypes encryptionConfigKeyArn endpointPrivateAccess endpointPublicAccess "
        "instanceRole instanceRoles ipFamily kubernetesServiceIpAddressRange name nodeSecurityGroupTags "
        "privateSubnetIds proxy publicAccessCidrs publicSubnetIds serviceRole skipDefaultNodeGroup "
        "skipDefaultSecurityGroups subnetIds tags useDefaultVpcCni version vpcId",
        accessEntries=MapOf(_ACCESS_ENTRY),
        corednsAddonOptions=_ADDON_OPTIONS,
        kubeProxyAddonOptions=_ADDON_OPTIONS,
        providerCredentialOpts=Fields(leaves("roleArn profileName")),
        roleMappings=_MAPPING["role"],
        storageClasses=MapOf(_STORAGE_CLASS),
        upgradePolicy=Fields(leaves("supportType")),
        userMappings=_MAPPING["user"],
        vpcCniOptions=Fields(leaves(_CNI_SETTINGS), _CNI_UNPLAYED),
    ),
    _set(
        "autoMode creationRoleProvider desiredCapacity fargate gpu instanceProfileName instanceType "
        "maxSize minSize nodeAmiId nodeAssociatePublicIpAddress nodeGroupOptions nodePublicKey "
        "nodeRootVolumeEncrypted nodeRootVolumeSize nodeSubnetIds nodeUserData"
    ),
)

MANAGED_NODE_GROUP = Fields(
    leaves(
        "amiType capacityType cluster clusterName diskSize forceUpdateVersion gpu ignoreScalingChanges "
        "instanceTypes labels nodeGroupName nodeGroupNamePrefix nodeRole nodeRoleArn operatingSystem "
        "releaseVersion subnetIds tags version",
        launchTemplate=Fields(leaves("id name version")),
        remoteAccess=Fields(leaves("ec2SshKey sourceSecurityGroupIds")),
        scalingConfig=Fields(leaves("desiredSize maxSize minSize")),
        taints=ListOf(Fields(leaves("key value effect"))),
    ),
    # Each of them makes the component write a launch template of its own.
    _set(
        "amiId bootstrapExtraArgs bottlerocketSettings enableEfaSupport enableIMDSv2 kubeletExtraArgs "
        "nodeadmExtraOptions placementGroupAvailabilityZone userData"
    ),
)

ADDON = Fields(
    leaves(
        "addonName addonVersion cluster configurationValues preserve resolveConflictsOnCreate "
        "resolveConflictsOnUpdate serviceAccountRoleArn tags",
    )
)

VPC_CNI_ADDON = Fields(leaves(f"{_CNI_SETTINGS} clusterName clusterVersion tags"), _CNI_UNPLAYED)


def problems(inputs: Mapping[str, Any], shape: Fields) -> list[Problem]:
    """Every input that the shape has no place for. `inputs` as `properties.decode` gives them."""
    return list(_problems(inputs, shape, ""))


def _problems(value: Any, shape: Shape, path: str) -> Iterator[Problem]:
    if isinstance(value, Secret):
        value = value.value
    if shape is None or value is None or isinstance(value, ResourceReference):
        return
    if isinstance(shape, ListOf):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _problems(item, shape.item, f"{path}[{index}]")
        return
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        where = f"{path}.{name}" if path else name
        if isinstance(shape, MapOf):
            yield from _problems(item, shape.value, where)
        elif name in shape.known:
            yield from _problems(item, shape.known[name], where)
        elif item is not None:
            yield Problem(where, _reason(name, shape))


def _reason(name: str, shape: Fields) -> str:
    if name in shape.unplayed:
        return f"The rehearsal does not play '{name}'. Leave it out, or run this stack on AWS."
    return f"'{name}' is not an input of the component. Known are {', '.join(sorted(shape.known))}."
