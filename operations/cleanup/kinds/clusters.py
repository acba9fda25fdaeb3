"""EKS's node groups and clusters, and the Auto Scaling groups that EKS makes for them."""

from __future__ import annotations

from collections.abc import Iterator

from clients.aws_responses import if_there, pages, tags, when
from operations.cleanup import ownership
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, NameEvidence, Resource

_MINUTES = 60.0


def _node_groups(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    eks = client("eks")
    for name in if_there(lambda: list(pages(eks, "list_nodegroups", "nodegroups", clusterName=lab.cluster))) or []:
        answer = if_there(lambda name=name: eks.describe_nodegroup(clusterName=lab.cluster, nodegroupName=name))
        if answer is None:
            continue
        group = answer["nodegroup"]
        yield Resource(
            id=name,
            name=name,
            tags=group.get("tags", {}),
            size=f"{group.get('scalingConfig', {}).get('desiredSize', 0)} nodes",
            created=when(group.get("createdAt")),
            state=group["status"],
            going=group["status"] == "DELETING",
            owner=lab.cluster,
            recorded_id=f"{lab.cluster}:{name}",
        )


def _clusters(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    answer = if_there(lambda: client("eks").describe_cluster(name=lab.cluster))
    if answer is None:
        return
    found = answer["cluster"]
    yield Resource(
        id=found["name"],
        name=found["name"],
        tags=found.get("tags", {}),
        size=f"Kubernetes {found.get('version', '')}",
        created=when(found.get("createdAt")),
        state=found["status"],
        going=found["status"] == "DELETING",
        vpc=found.get("resourcesVpcConfig", {}).get("vpcId", ""),
    )


def _scaling_groups(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for group in pages(client("autoscaling"), "describe_auto_scaling_groups", "AutoScalingGroups"):
        yield Resource(
            id=group["AutoScalingGroupName"],
            name=group["AutoScalingGroupName"],
            tags=tags(group.get("Tags")),
            size=f"{len(group.get('Instances', []))} instances",
            created=when(group.get("CreatedTime")),
            state=group.get("Status", ""),
            going=bool(group.get("Status")),
        )


def _delete_node_group(client: ClientFactory, resource: Resource) -> None:
    client("eks").delete_nodegroup(clusterName=resource.owner, nodegroupName=resource.id)


def _delete_cluster(client: ClientFactory, resource: Resource) -> None:
    client("eks").delete_cluster(name=resource.id)


def _delete_scaling_group(client: ClientFactory, resource: Resource) -> None:
    client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=resource.id, ForceDelete=True)


NODE_GROUPS = Kind(
    "node group",
    "node groups",
    "eks",
    ("eks:ListNodegroups", "eks:DescribeNodegroup"),
    "its nodes are billed by the hour",
    _node_groups,
    _delete_node_group,
    ownership.of_cluster,
    "aws:eks/nodeGroup:NodeGroup",
    patience=20 * _MINUTES,
)
CLUSTERS = Kind(
    "cluster",
    "clusters",
    "eks",
    ("eks:DescribeCluster",),
    "billed by the hour",
    _clusters,
    _delete_cluster,
    ownership.cluster,
    "aws:eks/cluster:Cluster",
    names=NameEvidence.NOTHING,
    patience=20 * _MINUTES,
)
SCALING_GROUPS = Kind(
    "Auto Scaling group",
    "Auto Scaling groups",
    "autoscaling",
    ("autoscaling:DescribeAutoScalingGroups",),
    "starts a new instance for each that ends",
    _scaling_groups,
    _delete_scaling_group,
    ownership.nameless,
    patience=10 * _MINUTES,
)
KINDS = (NODE_GROUPS, CLUSTERS, SCALING_GROUPS)
