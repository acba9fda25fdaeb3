"""`eks:index:ManagedNodeGroup`: an EKS node group on the cluster of an `eks:index:Cluster`.

Follows pulumi-eks 4.4.0 (nodejs/eks/nodes/nodegroup.ts) for node groups with a
launch template of the program's own, or with none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import pulumi

from rehearsal.providers.eks import access
from rehearsal.providers.eks.children import Child, ComponentReference, CustomReference, Inputs, given
from rehearsal.providers.eks.roles import role_arn
from rehearsal.providers.protocol import ProviderError

Core = Mapping[str, Any]
"""A cluster's CoreData: values and references by camelCase name."""

_OWN = frozenset({"cluster", "clusterName", "gpu", "ignoreScalingChanges", "nodeRole", "operatingSystem"})
"""Inputs that the component reads and the node group does not have."""

_SCALING = {"desiredSize": 2, "maxSize": 2, "minSize": 1}
_INSTANCE_TYPE = re.compile(r"[a-z]+[0-9]+([a-z])?-?[a-z]*\.[a-zA-Z0-9-]+")
# Operating system and GPU, by architecture; https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
_AMI_TYPES = {
    ("AL2", False): {"x86_64": "AL2_x86_64", "arm64": "AL2_ARM_64"},
    ("AL2", True): {"x86_64": "AL2_x86_64_GPU"},
    ("AL2023", False): {"x86_64": "AL2023_x86_64_STANDARD", "arm64": "AL2023_ARM_64_STANDARD"},
    ("AL2023", True): {"x86_64": "AL2023_x86_64_NVIDIA"},
    ("Bottlerocket", False): {"x86_64": "BOTTLEROCKET_x86_64", "arm64": "BOTTLEROCKET_ARM_64"},
    ("Bottlerocket", True): {"x86_64": "BOTTLEROCKET_x86_64_NVIDIA", "arm64": "BOTTLEROCKET_ARM_64_NVIDIA"},
}


class ManagedNodeGroup(pulumi.ComponentResource):
    """The component. `state` holds its outputs."""

    def __init__(self, name: str, args: Inputs, opts: pulumi.ResourceOptions) -> None:
        _validate(args)
        super().__init__("eks:index:ManagedNodeGroup", name, {}, opts)
        core: pulumi.Output[Core] = pulumi.Output.from_input(args["cluster"]).apply(_core)
        cluster = core.apply(lambda known: cast("CustomReference", known["cluster"]))
        group_role = args["nodeRoleArn"] if args.get("nodeRoleArn") is not None else role_arn(args["nodeRole"])
        version = args.get("version")
        if not given(version) and args.get("launchTemplate") is None:
            version = cluster.apply(lambda known: known.get("version"))
        inputs = {key: value for key, value in args.items() if key not in _OWN}
        inputs |= {
            "amiType": self._ami_type(args),
            "clusterName": args.get("clusterName") or cluster.apply(lambda known: known.get("name")),
            "nodeRoleArn": _admitted(core, cluster, group_role),
            "scalingConfig": pulumi.Output.from_input(args.get("scalingConfig")).apply(
                lambda known: {**_SCALING, **(known or {})}
            ),
            "subnetIds": args.get("subnetIds") if args.get("subnetIds") is not None else core.apply(_subnets),
            "version": version,
        }
        node_group = Child(
            "aws:eks/nodeGroup:NodeGroup",
            name,
            inputs,
            (),
            pulumi.ResourceOptions(
                parent=self,
                depends_on=core.apply(_aws_auth),
                ignore_changes=["scalingConfig.desiredSize"] if args.get("ignoreScalingChanges") else None,
            ),
        )
        self.state: dict[str, Any] = {"nodeGroup": node_group, "placementGroupName": ""}
        self.register_outputs(self.state)

    @staticmethod
    def _ami_type(args: Inputs) -> Any:
        if args.get("amiType") is not None or args.get("operatingSystem") is None:
            return args.get("amiType")
        return pulumi.Output.all(args["operatingSystem"], args.get("gpu"), args.get("instanceTypes")).apply(
            lambda values: ami_type(values[0], bool(values[1]), values[2] or [])
        )


def _validate(args: Inputs) -> None:
    problems: list[tuple[str, str]] = []
    if args.get("cluster") is None:
        problems.append(("cluster", "A cluster must be provided to create a managed node group."))
    if args.get("nodeRole") is not None and args.get("nodeRoleArn") is not None:
        problems.append(
            (
                "nodeRole",
                "You cannot specify both nodeRole and nodeRoleArn when creating a managed node group.",
            )
        )
    if args.get("nodeRole") is None and args.get("nodeRoleArn") is None:
        problems.append(("nodeRole", "An IAM role, or role ARN must be provided to create a managed node group."))
    if problems:
        raise pulumi.InputPropertiesError(
            "The input properties for the managed node group are invalid.",
            [{"property_path": path, "reason": reason} for path, reason in problems],
        )


def _core(cluster: Any) -> Any:
    """The core of a cluster, given as the component or as its core already."""
    if isinstance(cluster, ComponentReference):
        return cluster.get("core")
    if isinstance(cluster, dict) and "cluster" in cluster:
        return cast("Core", cluster)
    raise ProviderError("'cluster' of a ManagedNodeGroup is neither an eks.Cluster nor its core. Pass one of them.")


def _subnets(core: Core) -> Any:
    for name in ("subnetIds", "privateSubnetIds", "publicSubnetIds"):
        if core.get(name) is not None:
            return core[name]
    return []


def _aws_auth(core: Core) -> list[pulumi.Resource]:
    return [core["eksNodeAccess"]] if core.get("eksNodeAccess") is not None else []


def _admitted(core: pulumi.Output[Core], cluster: pulumi.Output[CustomReference], arn: Any) -> pulumi.Output[str]:
    """The node role's ARN, once it is clear that the cluster will let its nodes in."""

    def check(values: list[Any]) -> str:
        config, known_arns, node_role = values
        mode = (config or {}).get("authenticationMode")
        if not access.supports_access_entries(mode) and node_role not in known_arns:
            raise pulumi.InputPropertyError(
                "nodeRole",
                "A managed node group cannot be created without first setting its role in the cluster's instanceRoles",
            )
        return node_role

    known_arns = core.apply(
        lambda known: pulumi.Output.all(*(role_arn(role) for role in known.get("instanceRoles") or []))
    )
    config = cluster.apply(lambda known: known.get("accessConfig"))
    return pulumi.Output.all(config, known_arns, arn).apply(check)


def ami_type(system: str, gpu: bool, instance_types: list[str]) -> str:
    """EKS's AMI type for an operating system on these instance types. Raises InputPropertyError."""
    architectures = {_architecture(instance_type) for instance_type in instance_types} or {"x86_64"}
    if len(architectures) > 1:
        raise pulumi.InputPropertyError(
            "instanceTypes",
            "Cannot determine architecture of instance types. The provided instance types do not share a "
            "common architecture",
        )
    architecture = architectures.pop()
    found = _AMI_TYPES.get((system, gpu), {}).get(architecture)
    if found is None:
        raise pulumi.InputPropertyError(
            "operatingSystem",
            f"No AMI type found for OS: {system}, GPU support: {gpu}, architecture: {architecture}",
        )
    return found


def _architecture(instance_type: str) -> str:
    match = _INSTANCE_TYPE.match(instance_type)
    if match is None:
        raise pulumi.InputPropertyError("instanceTypes", f"Invalid EC2 instance type: {instance_type}")
    return "arm64" if match[1] == "g" else "x86_64"
