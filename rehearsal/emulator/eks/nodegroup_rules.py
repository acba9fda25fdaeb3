"""What EKS checks before it makes or changes a managed node group, as pure rules.

Texts are EKS's own, as far as they were seen in public reports of these
errors. Rules: Amazon EKS User Guide, "Customize managed nodes with launch
templates", seen 2026-11.
"""

from collections.abc import Mapping
from typing import Any, Final

from rehearsal.cluster.node_objects import Taint
from rehearsal.emulator.eks.state import bad_request, invalid

TAINTS: Final = {
    "NO_SCHEDULE": "NoSchedule",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
    "NO_EXECUTE": "NoExecute",
}
"""EKS's names of taint effects and Kubernetes'."""
AMI_TYPES: Final = {
    "AL2023_x86_64_STANDARD": "x86_64",
    "AL2023_ARM_64_STANDARD": "arm64",
    "CUSTOM": "",
}
"""AMI types that are played, and their architecture."""


def check_scaling(scaling: Mapping[str, int]) -> None:
    """Sizes in their order."""
    smallest, wanted, largest = scaling["minSize"], scaling["desiredSize"], scaling["maxSize"]
    if largest < 1:
        raise invalid("Maximum size must be at least 1")
    if smallest > largest:
        raise invalid(f"Minimum capacity {smallest} can't be greater than maximum size {largest}")
    if smallest > wanted:
        raise invalid(f"Minimum capacity {smallest} can't be greater than desired size {wanted}")
    if wanted > largest:
        raise invalid(f"Desired capacity {wanted} can't be greater than max size {largest}")


def check_combination(params: Mapping[str, Any], template: Mapping[str, Any]) -> None:
    """What may not be given together with a launch template, or in it."""
    if "launchTemplate" not in params:
        return
    if params.get("remoteAccess"):
        raise invalid("Remote access configuration cannot be specified with a launch template.")
    if "diskSize" in params:
        raise invalid("Disk size must be specified within the launch template.")
    if template.get("InstanceType") and params.get("instanceTypes"):
        raise bad_request("Cannot specify instance types in launch template and API request")
    if template.get("IamInstanceProfile"):
        raise invalid("IAM instance profile cannot be specified in the launch template, use the node role instead.")
    if any(interface.get("SubnetId") for interface in template.get("NetworkInterfaces", [])):
        raise invalid("Subnets cannot be specified in the launch template, specify them in the node group.")
    if template.get("InstanceMarketOptions"):
        raise invalid("Instance market options cannot be specified in the launch template, use capacityType instead.")
    if template.get("ImageId") and params.get("amiType", "CUSTOM") != "CUSTOM":
        raise invalid(
            "You cannot specify an AMI Type other than CUSTOM when specifying an image id in your launch template."
        )
    if template.get("ImageId") and (params.get("version") or params.get("releaseVersion")):
        raise invalid("You cannot specify the field version or releaseVersion when using a custom AMI.")


def check_version(nodes: str, cluster: str) -> None:
    """Nodes are not newer than their cluster."""
    if tuple(map(int, nodes.split("."))) > tuple(map(int, cluster.split("."))):
        raise invalid(f"Nodegroup Kubernetes version {nodes} cannot be newer than the cluster's {cluster}")


def check_version_change(current: str, wanted: str) -> None:
    """Nodes do not go back."""
    if tuple(map(int, wanted.split("."))) < tuple(map(int, current.split("."))):
        allowed = f"Allowed kubernetes version - {current}"
        raise invalid(f"Requested Nodegroup Kubernetes version {wanted} is invalid. {allowed}")


def check_upgrade_of_cluster(cluster: str, nodegroups: Mapping[str, str]) -> None:
    """Managed nodes have the cluster's minor version before the cluster gets the next one.

    `nodegroups` maps a group's name to its version. Rule: Amazon EKS User Guide, "Update existing cluster to new
    Kubernetes version"; text as in hashicorp/terraform-provider-aws issue 19478; both seen 2026-11.
    """
    behind = sorted(name for name, version in nodegroups.items() if version != cluster)
    if behind:
        raise bad_request(
            f"Nodegroups {', '.join(behind)} must be updated to match cluster version {cluster} before updating "
            "cluster version"
        )


def check_labels(labels: Mapping[str, str]) -> None:
    """Labels that belong to Kubernetes or EKS are not given by users."""
    for key in labels:
        domain = key.partition("/")[0] if "/" in key else ""
        if domain.endswith(("kubernetes.io", "k8s.io", "eks.amazonaws.com")) and not domain.startswith("node."):
            raise invalid(
                f"Label cannot contain reserved prefixes [kubernetes.io/, k8s.io/, eks.amazonaws.com/]: {key}"
            )


def taints_of(view: Mapping[str, Any]) -> tuple[Taint, ...]:
    """A node group's taints in Kubernetes' words."""
    return tuple(Taint(each["key"], TAINTS[each["effect"]], each.get("value", "")) for each in view.get("taints", []))


def spread(subnets: list[str], present: list[str]) -> str:
    """The subnet for the next node: the one with the fewest, the first of those."""
    return min(subnets, key=lambda subnet: (present.count(subnet), subnets.index(subnet)))


def to_remove(subnets: list[str], nodes: Mapping[str, str]) -> str:
    """The node to take away: the newest in the fullest subnet. `nodes` are subnets by node, oldest first."""
    present = list(nodes.values())
    fullest = max(subnets, key=lambda subnet: (present.count(subnet), subnets.index(subnet)))
    there = [node for node, subnet in nodes.items() if subnet == fullest]
    return there[-1] if there else list(nodes)[-1]
