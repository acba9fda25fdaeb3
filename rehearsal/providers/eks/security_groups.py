"""The security groups that the component makes for control plane and nodes, with their rules.

They are made even without a default node group, unless
`skipDefaultSecurityGroups`; names, ports and texts as in pulumi-eks 4.4.0
(nodejs/eks/cluster/cluster.ts, nodes/securitygroup.ts).
"""

from __future__ import annotations

from typing import Any

import pulumi

from rehearsal.providers.eks.children import Child

_ANYWHERE = {
    "description": "Allow internet access.",
    "type": "egress",
    "fromPort": 0,
    "toPort": 0,
    "protocol": "-1",
    "cidrBlocks": ["0.0.0.0/0"],
}


def _group(name: str, vpc_id: Any, tags: pulumi.Output[dict[str, str]], parent: pulumi.Resource) -> Child:
    return Child(
        "aws:ec2/securityGroup:SecurityGroup",
        name,
        {"vpcId": vpc_id, "revokeRulesOnDelete": True, "tags": tags},
        (),
        pulumi.ResourceOptions(parent=parent),
    )


def _rule(name: str, inputs: dict[str, Any], parent: pulumi.Resource) -> Child:
    return Child(
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        name,
        inputs,
        ("securityGroupRuleId",),
        pulumi.ResourceOptions(parent=parent),
    )


def merged_tags(base: Any, extra: Any, own: Any) -> pulumi.Output[dict[str, str]]:
    """`own` over `extra` over `base`; each a map, None, or an output of either."""
    merge = pulumi.Output.all(base, extra, own)
    return merge.apply(lambda maps: {key: value for tags in maps for key, value in (tags or {}).items()})


def cluster_group(name: str, vpc_id: Any, group_tags: Any, tags: Any, parent: pulumi.Resource) -> Child:
    """The control plane's additional security group, with its way out."""
    named = {"Name": f"{name}-eksClusterSecurityGroup"}
    group = _group(f"{name}-eksClusterSecurityGroup", vpc_id, merged_tags(named, group_tags, tags), parent)
    _rule(f"{name}-eksClusterInternetEgressRule", {**_ANYWHERE, "securityGroupId": group.id}, parent)
    return group


def node_group(
    name: str,
    vpc_id: Any,
    cluster: Child,
    cluster_group_id: Any,
    group_tags: Any,
    tags: Any,
    parent: pulumi.Resource,
) -> tuple[Child, Child]:
    """The nodes' security group, and the rule that lets pods reach the API server."""
    named = cluster.get("name").apply(
        lambda cluster_name: {
            "Name": f"{name}-nodeSecurityGroup",
            f"kubernetes.io/cluster/{cluster_name}": "owned",
        }
    )
    group = _group(f"{name}-nodeSecurityGroup", vpc_id, merged_tags(named, group_tags, tags), parent)
    from_control_plane = {"securityGroupId": group.id, "sourceSecurityGroupId": cluster_group_id}
    _rule(
        f"{name}-eksNodeIngressRule",
        {
            "description": "Allow nodes to communicate with each other",
            "type": "ingress",
            "fromPort": 0,
            "toPort": 0,
            "protocol": "-1",
            "securityGroupId": group.id,
            "self": True,
        },
        parent,
    )
    _rule(
        f"{name}-eksNodeClusterIngressRule",
        {
            "description": "Allow worker Kubelets and pods to receive communication from the cluster control plane",
            "type": "ingress",
            "fromPort": 1025,
            "toPort": 65535,
            "protocol": "tcp",
            **from_control_plane,
        },
        parent,
    )
    _rule(
        f"{name}-eksExtApiServerClusterIngressRule",
        {
            "description": "Allow pods running extension API servers on port 443 "
            "to receive communication from cluster control plane",
            "type": "ingress",
            "fromPort": 443,
            "toPort": 443,
            "protocol": "tcp",
            **from_control_plane,
        },
        parent,
    )
    _rule(f"{name}-eksNodeInternetEgressRule", {**_ANYWHERE, "securityGroupId": group.id}, parent)
    ingress = _rule(
        f"{name}-eksClusterIngressRule",
        {
            "description": "Allow pods to communicate with the cluster API Server",
            "type": "ingress",
            "fromPort": 443,
            "toPort": 443,
            "protocol": "tcp",
            "securityGroupId": cluster_group_id,
            "sourceSecurityGroupId": group.id,
        },
        parent,
    )
    return group, ingress
