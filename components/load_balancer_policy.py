"""What the AWS Load Balancer Controller may do: the rights that its project publishes, one statement a
purpose.

Source: docs/install/iam_policy.json of kubernetes-sigs/aws-load-balancer-controller at v3.5.0, compared
2026-11 with v2.11.0: four actions were added since (ec2:DescribeIpamPools, ec2:DescribeRouteTables,
elasticloadbalancing:ModifyIpPools, elasticloadbalancing:SetRulePriorities). Where the published text names
any region and account, this one names the lab's own. The tag `elbv2.k8s.aws/cluster` marks what a controller
made.
"""

from __future__ import annotations

from components.policies import Statement

_OWN = "aws:ResourceTag/elbv2.k8s.aws/cluster"
_NEW = "aws:RequestTag/elbv2.k8s.aws/cluster"
_ELB = "arn:{partition}:elasticloadbalancing:{region}:{account}"
_BALANCERS = (f"{_ELB}:targetgroup/*/*", f"{_ELB}:loadbalancer/net/*/*", f"{_ELB}:loadbalancer/app/*/*")
_LISTENERS = (
    f"{_ELB}:listener/net/*/*/*",
    f"{_ELB}:listener/app/*/*/*",
    f"{_ELB}:listener-rule/net/*/*/*",
    f"{_ELB}:listener-rule/app/*/*/*",
)
_SECURITY_GROUPS = "arn:{partition}:ec2:{region}:{account}:security-group/*"

_RANDOM_NAMES = "EC2 and ELB choose the ids when the controller makes the resources."

STATEMENTS: tuple[Statement, ...] = (
    Statement(
        sid="ServiceLinkedRole",
        actions=["iam:CreateServiceLinkedRole"],
        conditions={"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        wildcard="The role's path is AWS's own; the condition admits the one for load balancing alone.",
    ),
    Statement(
        sid="LookAround",
        actions=[
            "ec2:DescribeAccountAttributes",
            "ec2:DescribeAddresses",
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeCoipPools",
            "ec2:DescribeInstances",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeIpamPools",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeTags",
            "ec2:DescribeVpcPeeringConnections",
            "ec2:DescribeVpcs",
            "ec2:GetCoipPoolUsage",
            "ec2:GetSecurityGroupsForVpc",
            "elasticloadbalancing:DescribeCapacityReservation",
            "elasticloadbalancing:DescribeListenerAttributes",
            "elasticloadbalancing:DescribeListenerCertificates",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeSSLPolicies",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
            "elasticloadbalancing:DescribeTrustStores",
        ],
        wildcard="Almost all of these only read, and AWS lets none of the Describe actions be narrowed.",
    ),
    Statement(
        sid="CertificatesAndFirewalls",
        actions=[
            "acm:DescribeCertificate",
            "acm:ListCertificates",
            "cognito-idp:DescribeUserPoolClient",
            "iam:GetServerCertificate",
            "iam:ListServerCertificates",
            "shield:CreateProtection",
            "shield:DeleteProtection",
            "shield:DescribeProtection",
            "shield:GetSubscriptionState",
            "waf-regional:AssociateWebACL",
            "waf-regional:DisassociateWebACL",
            "waf-regional:GetWebACL",
            "waf-regional:GetWebACLForResource",
            "wafv2:AssociateWebACL",
            "wafv2:DisassociateWebACL",
            "wafv2:GetWebACL",
            "wafv2:GetWebACLForResource",
        ],
        wildcard="Annotations of an Ingress may name any certificate or web ACL of the account.",
    ),
    Statement(
        sid="OpenNodePorts",
        actions=["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
        wildcard="The groups of nodes and pods are not the controller's own and bear no tag of it.",
    ),
    Statement(
        sid="MakeSecurityGroups",
        actions=["ec2:CreateSecurityGroup"],
        wildcard="It names both the VPC and a group that has no id yet.",
    ),
    Statement(
        sid="TagNewSecurityGroups",
        actions=["ec2:CreateTags"],
        resources=[_SECURITY_GROUPS],
        conditions={"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup"}, "Null": {_NEW: "false"}},
        wildcard=_RANDOM_NAMES,
    ),
    Statement(
        sid="TagOwnSecurityGroups",
        actions=["ec2:CreateTags", "ec2:DeleteTags"],
        resources=[_SECURITY_GROUPS],
        conditions={"Null": {_NEW: "true", _OWN: "false"}},
        wildcard=_RANDOM_NAMES,
    ),
    Statement(
        sid="ChangeOwnSecurityGroups",
        actions=[
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:DeleteSecurityGroup",
            "ec2:RevokeSecurityGroupIngress",
        ],
        conditions={"Null": {_OWN: "false"}},
        wildcard="The condition admits only what bears a controller's tag.",
    ),
    Statement(
        sid="MakeLoadBalancers",
        actions=["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"],
        conditions={"Null": {_NEW: "false"}},
        wildcard="The condition admits only what is born with the controller's tag.",
    ),
    Statement(
        sid="ChangeListeners",
        actions=[
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:CreateRule",
            "elasticloadbalancing:DeleteListener",
            "elasticloadbalancing:DeleteRule",
        ],
        wildcard="Listeners and rules of older controllers bear no tag, so the project cannot ask for one.",
    ),
    Statement(
        sid="TagOwnLoadBalancers",
        actions=["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"],
        resources=_BALANCERS,
        conditions={"Null": {_NEW: "true", _OWN: "false"}},
        wildcard=_RANDOM_NAMES,
    ),
    Statement(
        sid="TagListeners",
        actions=["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"],
        resources=_LISTENERS,
        wildcard=_RANDOM_NAMES,
    ),
    Statement(
        sid="ChangeOwnLoadBalancers",
        actions=[
            "elasticloadbalancing:DeleteLoadBalancer",
            "elasticloadbalancing:DeleteTargetGroup",
            "elasticloadbalancing:ModifyCapacityReservation",
            "elasticloadbalancing:ModifyIpPools",
            "elasticloadbalancing:ModifyListenerAttributes",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:SetIpAddressType",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:SetSubnets",
        ],
        conditions={"Null": {_OWN: "false"}},
        wildcard="The condition admits only what bears a controller's tag.",
    ),
    Statement(
        sid="TagNewLoadBalancers",
        actions=["elasticloadbalancing:AddTags"],
        resources=_BALANCERS,
        conditions={
            "StringEquals": {"elasticloadbalancing:CreateAction": ["CreateTargetGroup", "CreateLoadBalancer"]},
            "Null": {_NEW: "false"},
        },
        wildcard=_RANDOM_NAMES,
    ),
    Statement(
        sid="RegisterTargets",
        actions=["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"],
        resources=[f"{_ELB}:targetgroup/*/*"],
        wildcard=_RANDOM_NAMES,
    ),
    Statement(
        sid="ServeListeners",
        actions=[
            "elasticloadbalancing:AddListenerCertificates",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:ModifyRule",
            "elasticloadbalancing:RemoveListenerCertificates",
            "elasticloadbalancing:SetRulePriorities",
            "elasticloadbalancing:SetWebAcl",
        ],
        wildcard="Listeners and rules of older controllers bear no tag, so the project cannot ask for one.",
    ),
)
"""Every statement of the controller's policy."""
