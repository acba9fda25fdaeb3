"""Each kind's question in the documented form of its API: what is asked, and what is read out of the answer."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.cleanup import KINDS, LabIdentity, Resource
from tests.unit.operations.cleanup.stubbed import Call, stubbed

LAB = LabIdentity("myeks", "ap-northeast-2", "example.com", "Z0123456789ABCDEFGHIJ")
BY_NAME = {kind.name: kind for kind in KINDS}
AT = datetime(2026, 11, 24, tzinfo=UTC)
MILLIS = int(AT.timestamp() * 1000)
TAG = [{"Key": "myeks:lab", "Value": LAB.id}]
NAMED = [*TAG, {"Key": "Name", "Value": "myeks-thing"}]
TAGS = {"myeks:lab": LAB.id}
ALL_TAGS = {**TAGS, "Name": "myeks-thing"}
ELB = "arn:aws:elasticloadbalancing:ap-northeast-2:111122223333"
BALANCER = f"{ELB}:loadbalancer/app/myeks-ingress-alb/0123456789abcdef"
CLASSIC = "a0123456789abcdef0123456789abcde"
OWNED = {"kubernetes.io/cluster/myeks": "owned"}
TARGET = f"{ELB}:targetgroup/k8s-monitori-grafana-0123456789/0123456789abcdef"
LOGS = "arn:aws:logs:ap-northeast-2:111122223333:log-group:"
ROLE = "arn:aws:iam::111122223333:role/nodes-role-1"
POLICY = "arn:aws:iam::111122223333:policy/lbc-irsa-policy-1"
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.ap-northeast-2.amazonaws.com/id/1"
KEY = "0123abcd-0123-0123-0123-0123456789ab"
SECRET = "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:myeks-payment-AbCdEf"
USER = {"User": {"UserName": "testuser", "UserId": "AIDA1234567890123456", "Arn": f"{ROLE}", "Path": "/"}}
USER["User"] |= {"CreateDate": AT, "Tags": TAG}  # pyright: ignore[reportArgumentType]  # a date among texts


def role(name: str, path: str = "/") -> dict[str, Any]:
    return {"RoleName": name, "RoleId": "AROA1234567890123456", "Arn": ROLE, "Path": path, "CreateDate": AT}


CASES: list[tuple[str, list[Call], list[Resource]]] = [
    (
        "cluster",
        [
            Call(
                "eks",
                "describe_cluster",
                {"name": "myeks"},
                {
                    "cluster": {
                        "name": "myeks",
                        "status": "DELETING",
                        "version": "1.36",
                        "createdAt": AT,
                        "tags": TAGS,
                        "resourcesVpcConfig": {"vpcId": "vpc-1"},
                    }
                },
            )
        ],
        [Resource("myeks", "myeks", TAGS, "Kubernetes 1.36", AT, "vpc-1", state="DELETING", going=True)],
    ),
    ("cluster", [Call("eks", "describe_cluster", {"name": "myeks"}, "ResourceNotFoundException")], []),
    (
        "node group",
        [
            Call("eks", "list_nodegroups", {"clusterName": "myeks"}, {"nodegroups": ["ng1", "gone"]}),
            Call(
                "eks",
                "describe_nodegroup",
                {"clusterName": "myeks", "nodegroupName": "ng1"},
                {"nodegroup": {"status": "ACTIVE", "scalingConfig": {"desiredSize": 3}, "createdAt": AT}},
            ),
            Call(
                "eks",
                "describe_nodegroup",
                {"clusterName": "myeks", "nodegroupName": "gone"},
                "ResourceNotFoundException",
            ),
        ],
        [Resource("ng1", "ng1", {}, "3 nodes", AT, state="ACTIVE", owner="myeks", recorded_id="myeks:ng1")],
    ),
    ("node group", [Call("eks", "list_nodegroups", {"clusterName": "myeks"}, "ResourceNotFoundException")], []),
    (
        "Auto Scaling group",
        [
            Call(
                "autoscaling",
                "describe_auto_scaling_groups",
                {},
                {
                    "AutoScalingGroups": [
                        {
                            "AutoScalingGroupName": "eks-ng1-0a",
                            "MinSize": 1,
                            "MaxSize": 3,
                            "DesiredCapacity": 1,
                            "DefaultCooldown": 300,
                            "AvailabilityZones": ["ap-northeast-2a"],
                            "HealthCheckType": "EC2",
                            "CreatedTime": AT,
                            "Status": "Delete in progress",
                            "Tags": [{"Key": "eks:cluster-name", "Value": "myeks"}],
                        }
                    ]
                },
            )
        ],
        [
            Resource(
                "eks-ng1-0a",
                "eks-ng1-0a",
                {"eks:cluster-name": "myeks"},
                "0 instances",
                AT,
                state="Delete in progress",
                going=True,
            )
        ],
    ),
    (
        "instance",
        [
            Call(
                "ec2",
                "describe_instances",
                {},
                {
                    "Reservations": [
                        {
                            "Instances": [
                                {"InstanceId": "i-1", "State": {"Name": "terminated"}},
                                {
                                    "InstanceId": "i-2",
                                    "State": {"Name": "shutting-down"},
                                    "InstanceType": "t3.small",
                                    "LaunchTime": AT,
                                    "VpcId": "vpc-1",
                                    "Tags": NAMED,
                                },
                            ]
                        }
                    ]
                },
            )
        ],
        [Resource("i-2", "myeks-thing", ALL_TAGS, "t3.small", AT, "vpc-1", state="shutting-down", going=True)],
    ),
    (
        "load balancer",
        [
            Call(
                "elbv2",
                "describe_load_balancers",
                {},
                {
                    "LoadBalancers": [
                        {
                            "LoadBalancerArn": BALANCER,
                            "LoadBalancerName": "myeks-ingress-alb",
                            "Type": "application",
                            "Scheme": "internet-facing",
                            "CreatedTime": AT,
                            "VpcId": "vpc-1",
                            "State": {"Code": "active"},
                            "DNSName": "myeks-ingress-alb-1.ap-northeast-2.elb.amazonaws.com",
                        }
                    ]
                },
            ),
            Call(
                "elbv2",
                "describe_tags",
                {"ResourceArns": [BALANCER]},
                {"TagDescriptions": [{"ResourceArn": BALANCER, "Tags": TAG}]},
            ),
        ],
        [Resource(BALANCER, "myeks-ingress-alb", TAGS, "application, internet-facing", AT, "vpc-1", state="active")],
    ),
    (
        "Classic load balancer",
        [
            Call(
                "elb",
                "describe_load_balancers",
                {},
                {
                    "LoadBalancerDescriptions": [
                        {
                            "LoadBalancerName": CLASSIC,
                            "Scheme": "internet-facing",
                            "CreatedTime": AT,
                            "VPCId": "vpc-1",
                            "DNSName": f"{CLASSIC}-1.ap-northeast-2.elb.amazonaws.com",
                        },
                        {"LoadBalancerName": "untagged", "VPCId": "vpc-2"},
                    ]
                },
            ),
            Call(
                "elb",
                "describe_tags",
                {"LoadBalancerNames": [CLASSIC, "untagged"]},
                {
                    "TagDescriptions": [
                        {
                            "LoadBalancerName": CLASSIC,
                            "Tags": [{"Key": "kubernetes.io/cluster/myeks", "Value": "owned"}],
                        },
                        {"LoadBalancerName": "untagged"},
                    ]
                },
            ),
        ],
        [
            Resource(CLASSIC, CLASSIC, OWNED, "classic, internet-facing", AT, "vpc-1"),
            Resource("untagged", "untagged", {}, "classic, ", vpc="vpc-2"),
        ],
    ),
    ("Classic load balancer", [Call("elb", "describe_load_balancers", {}, {"LoadBalancerDescriptions": []})], []),
    (
        "target group",
        [
            Call(
                "elbv2",
                "describe_target_groups",
                {},
                {
                    "TargetGroups": [
                        {
                            "TargetGroupArn": TARGET,
                            "TargetGroupName": "k8s-monitori-grafana-0123456789",
                            "VpcId": "vpc-1",
                        }
                    ]
                },
            ),
            Call(
                "elbv2",
                "describe_tags",
                {"ResourceArns": [TARGET]},
                {"TagDescriptions": [{"ResourceArn": TARGET, "Tags": TAG}]},
            ),
        ],
        [Resource(TARGET, "k8s-monitori-grafana-0123456789", TAGS, vpc="vpc-1")],
    ),
    (
        "record",
        [
            Call(
                "route53",
                "list_resource_record_sets",
                {"HostedZoneId": LAB.hosted_zone_id},
                {
                    "ResourceRecordSets": [
                        {
                            "Name": "a-grafana.example.com.",
                            "Type": "TXT",
                            "TTL": 300,
                            "ResourceRecords": [
                                {"Value": f'"heritage=external-dns,external-dns/owner={LAB.hosted_zone_id},more"'}
                            ],
                        }
                    ],
                    "IsTruncated": False,
                    "MaxItems": "100",
                },
            )
        ],
        [Resource("a-grafana.example.com TXT", "grafana.example.com", owner=LAB.hosted_zone_id)],
    ),
    (
        "record",
        [Call("route53", "list_resource_record_sets", {"HostedZoneId": LAB.hosted_zone_id}, "NoSuchHostedZone")],
        [],
    ),
    (
        "NAT gateway",
        [
            Call(
                "ec2",
                "describe_nat_gateways",
                {},
                {
                    "NatGateways": [
                        {"NatGatewayId": "nat-1", "State": "deleted"},
                        {
                            "NatGatewayId": "nat-2",
                            "State": "available",
                            "VpcId": "vpc-1",
                            "CreateTime": AT,
                            "Tags": NAMED,
                        },
                    ]
                },
            )
        ],
        [Resource("nat-2", "myeks-thing", ALL_TAGS, "", AT, "vpc-1", state="available")],
    ),
    (
        "VPC endpoint",
        [
            Call(
                "ec2",
                "describe_vpc_endpoints",
                {},
                {
                    "VpcEndpoints": [
                        {"VpcEndpointId": "vpce-1", "State": "deleted", "VpcId": "vpc-1"},
                        {
                            "VpcEndpointId": "vpce-2",
                            "VpcEndpointType": "Interface",
                            "ServiceName": "com.amazonaws.ap-northeast-2.guardduty-data",
                            "State": "available",
                            "VpcId": "vpc-1",
                            "SubnetIds": ["subnet-1", "subnet-2"],
                            "RequesterManaged": False,
                            "CreationTimestamp": AT,
                            "Tags": [{"Key": "GuardDutyManaged", "Value": "true"}],
                        },
                        {
                            "VpcEndpointId": "vpce-3",
                            "VpcEndpointType": "Gateway",
                            "State": "Deleting",
                            "VpcId": "vpc-1",
                        },
                    ]
                },
            )
        ],
        [
            Resource(
                "vpce-2",
                "com.amazonaws.ap-northeast-2.guardduty-data",
                {"GuardDutyManaged": "true"},
                "Interface, 2 zones",
                AT,
                "vpc-1",
                state="available",
            ),
            Resource("vpce-3", size="Gateway, 0 zones", vpc="vpc-1", state="deleting", going=True),
        ],
    ),
    (
        "network interface",
        [
            Call(
                "ec2",
                "describe_network_interfaces",
                {},
                {
                    "NetworkInterfaces": [
                        {
                            "NetworkInterfaceId": "eni-1",
                            "Description": "ELB app/myeks-ingress-alb/1",
                            "Status": "in-use",
                            "RequesterId": "amazon-elb",
                            "RequesterManaged": True,
                            "VpcId": "vpc-1",
                            "PrivateIpAddress": "192.168.1.9",
                        },
                        {
                            "NetworkInterfaceId": "eni-2",
                            "Description": "aws-K8S-i-0123456789abcdef0",
                            "Status": "available",
                            "RequesterId": "AROA1234567890123456:i-0123456789abcdef0",
                            "VpcId": "vpc-1",
                            "TagSet": [{"Key": "cluster.k8s.amazonaws.com/name", "Value": "myeks"}],
                        },
                        {
                            "NetworkInterfaceId": "eni-3",
                            "Status": "in-use",
                            "VpcId": "vpc-1",
                            "Attachment": {"DeleteOnTermination": False, "InstanceId": "i-1"},
                        },
                        {
                            "NetworkInterfaceId": "eni-4",
                            "Description": "VPC Endpoint Interface vpce-2",
                            "Status": "in-use",
                            "RequesterId": "111122223333",
                            "RequesterManaged": True,
                            "VpcId": "vpc-1",
                        },
                    ]
                },
            )
        ],
        [
            Resource(
                "eni-1", "ELB app/myeks-ingress-alb/1", {}, "192.168.1.9", vpc="vpc-1", state="in-use", going=True
            ),
            Resource(
                "eni-2",
                "aws-K8S-i-0123456789abcdef0",
                {"cluster.k8s.amazonaws.com/name": "myeks"},
                vpc="vpc-1",
                state="available",
            ),
            Resource("eni-3", vpc="vpc-1", state="in-use", holder="i-1"),
            Resource("eni-4", "VPC Endpoint Interface vpce-2", vpc="vpc-1", state="in-use", going=True),
        ],
    ),
    (
        "Elastic IP address",
        [
            Call(
                "ec2",
                "describe_addresses",
                {},
                {"Addresses": [{"AllocationId": "eipalloc-1", "PublicIp": "203.0.113.9", "Tags": NAMED}]},
            )
        ],
        [Resource("eipalloc-1", "myeks-thing", ALL_TAGS, "203.0.113.9")],
    ),
    (
        "VPC peering connection",
        [
            Call(
                "ec2",
                "describe_vpc_peering_connections",
                {},
                {
                    "VpcPeeringConnections": [
                        {"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "deleted"}},
                        {
                            "VpcPeeringConnectionId": "pcx-2",
                            "Status": {"Code": "active"},
                            "RequesterVpcInfo": {"VpcId": "vpc-2"},
                            "AccepterVpcInfo": {"VpcId": "vpc-1"},
                            "Tags": NAMED,
                        },
                    ]
                },
            )
        ],
        [Resource("pcx-2", "myeks-thing", ALL_TAGS, vpc="vpc-2", peer_vpc="vpc-1", state="active")],
    ),
    (
        "security group",
        [
            Call(
                "ec2",
                "describe_security_groups",
                {},
                {
                    "SecurityGroups": [
                        {"GroupId": "sg-1", "GroupName": "default", "VpcId": "vpc-1"},
                        {"GroupId": "sg-2", "GroupName": "myeks-ops", "VpcId": "vpc-1", "Tags": TAG},
                    ]
                },
            )
        ],
        [Resource("sg-2", "myeks-ops", TAGS, vpc="vpc-1")],
    ),
    (
        "volume",
        [
            Call(
                "ec2",
                "describe_volumes",
                {},
                {
                    "Volumes": [
                        {
                            "VolumeId": "vol-1",
                            "Size": 8,
                            "VolumeType": "gp3",
                            "State": "available",
                            "CreateTime": AT,
                            "Tags": [*TAG, {"Key": "kubernetes.io/created-for/pvc/name", "Value": "data"}],
                        },
                        {
                            "VolumeId": "vol-2",
                            "Size": 120,
                            "VolumeType": "gp3",
                            "State": "in-use",
                            "Attachments": [{"DeleteOnTermination": True, "InstanceId": "i-1"}],
                        },
                        {
                            "VolumeId": "vol-3",
                            "Size": 1,
                            "VolumeType": "gp2",
                            "State": "in-use",
                            "Attachments": [{"DeleteOnTermination": False}],
                        },
                    ]
                },
            )
        ],
        [
            Resource(
                "vol-1",
                "data",
                {**TAGS, "kubernetes.io/created-for/pvc/name": "data"},
                "8 GiB gp3",
                AT,
                state="available",
            ),
            Resource("vol-2", size="120 GiB gp3", state="in-use", going=True, holder="i-1"),
            Resource("vol-3", size="1 GiB gp2", state="in-use"),
        ],
    ),
    (
        "snapshot",
        [
            Call(
                "ec2",
                "describe_snapshots",
                {"OwnerIds": ["self"]},
                {
                    "Snapshots": [
                        {
                            "SnapshotId": "snap-1",
                            "VolumeSize": 8,
                            "StartTime": AT,
                            "State": "completed",
                            "Tags": NAMED,
                        }
                    ]
                },
            )
        ],
        [Resource("snap-1", "myeks-thing", ALL_TAGS, "8 GiB", AT, state="completed")],
    ),
    (
        "launch template",
        [
            Call(
                "ec2",
                "describe_launch_templates",
                {},
                {
                    "LaunchTemplates": [
                        {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "nodes", "CreateTime": AT, "Tags": TAG}
                    ]
                },
            )
        ],
        [Resource("lt-1", "nodes", TAGS, "", AT)],
    ),
    (
        "log group",
        [
            Call(
                "logs",
                "describe_log_groups",
                {"logGroupNamePrefix": "/aws/eks/myeks/"},
                {
                    "logGroups": [
                        {
                            "logGroupName": "/aws/eks/myeks/cluster",
                            "arn": f"{LOGS}/aws/eks/myeks/cluster:*",
                            "creationTime": MILLIS,
                            "retentionInDays": 7,
                            "storedBytes": 2_500_000,
                        }
                    ]
                },
            ),
            Call("logs", "list_tags_for_resource", {"resourceArn": f"{LOGS}/aws/eks/myeks/cluster"}, {"tags": TAGS}),
            Call(
                "logs",
                "describe_log_groups",
                {"logGroupNamePrefix": "/aws/containerinsights/myeks/"},
                {
                    "logGroups": [
                        {
                            "logGroupName": f"/aws/containerinsights/myeks/{name}",
                            "arn": f"{LOGS}/aws/containerinsights/myeks/{name}:*",
                            "creationTime": MILLIS,
                        }
                        for name in ("gone", "performance")
                    ]
                },
            ),
            Call(
                "logs",
                "list_tags_for_resource",
                {"resourceArn": f"{LOGS}/aws/containerinsights/myeks/gone"},
                "ResourceNotFoundException",
            ),
            Call(
                "logs",
                "list_tags_for_resource",
                {"resourceArn": f"{LOGS}/aws/containerinsights/myeks/performance"},
                {"tags": {}},
            ),
        ],
        [
            Resource("/aws/eks/myeks/cluster", "/aws/eks/myeks/cluster", TAGS, "2.5 MB, kept 7 days", AT),
            Resource(
                "/aws/containerinsights/myeks/performance",
                "/aws/containerinsights/myeks/performance",
                {},
                "0.0 MB, kept for ever",
                AT,
            ),
        ],
    ),
    (
        "KMS alias",
        [
            Call(
                "kms",
                "list_aliases",
                {},
                {
                    "Aliases": [
                        {"AliasName": "alias/aws/ebs"},
                        {"AliasName": "alias/myeks-eks-secrets", "CreationDate": AT},
                    ]
                },
            )
        ],
        [Resource("alias/myeks-eks-secrets", "alias/myeks-eks-secrets", {}, "", AT)],
    ),
    (
        "KMS key",
        [
            Call(
                "resourcegroupstaggingapi",
                "get_resources",
                {"ResourceTypeFilters": ["kms:key"], "TagFilters": [{"Key": "myeks:lab", "Values": [LAB.id]}]},
                {
                    "ResourceTagMappingList": [
                        {"ResourceARN": f"arn:aws:kms:ap-northeast-2:111122223333:key/{KEY}", "Tags": TAG},
                        {"ResourceARN": "arn:aws:kms:ap-northeast-2:111122223333:key/going", "Tags": TAG},
                    ]
                },
            ),
            Call(
                "kms",
                "describe_key",
                {"KeyId": KEY},
                {
                    "KeyMetadata": {
                        "KeyId": KEY,
                        "KeyState": "Enabled",
                        "Description": "of myeks",
                        "CreationDate": AT,
                    }
                },
            ),
            Call(
                "kms",
                "describe_key",
                {"KeyId": "going"},
                {"KeyMetadata": {"KeyId": "going", "KeyState": "PendingDeletion"}},
            ),
        ],
        [Resource(KEY, "of myeks", TAGS, "", AT, state="Enabled")],
    ),
    (
        "secret",
        [
            Call(
                "secretsmanager",
                "list_secrets",
                {
                    "Filters": [
                        {"Key": "tag-key", "Values": ["myeks:lab"]},
                        {"Key": "tag-value", "Values": [LAB.id]},
                    ]
                },
                {"SecretList": [{"ARN": SECRET, "Name": "myeks-payment", "CreatedDate": AT, "Tags": TAG}]},
            )
        ],
        [Resource(SECRET, "myeks-payment", TAGS, "", AT)],
    ),
    (
        "OIDC provider",
        [
            Call("iam", "list_open_id_connect_providers", {}, {"OpenIDConnectProviderList": [{"Arn": PROVIDER}]}),
            Call("iam", "list_open_id_connect_provider_tags", {"OpenIDConnectProviderArn": PROVIDER}, {"Tags": TAG}),
        ],
        [Resource(PROVIDER, "oidc.eks.ap-northeast-2.amazonaws.com/id/1", TAGS)],
    ),
    (
        "role",
        [
            Call(
                "iam",
                "list_roles",
                {},
                {"Roles": [role("nodes-role-1"), role("AWSServiceRoleForAmazonEKS", "/aws-service-role/eks/")]},
            ),
            Call("iam", "list_role_tags", {"RoleName": "nodes-role-1"}, {"Tags": TAG}),
        ],
        [Resource("nodes-role-1", "", TAGS, "", AT)],
    ),
    (
        "role",
        [
            Call("iam", "list_roles", {}, {"Roles": [role("gone")]}),
            Call("iam", "list_role_tags", {"RoleName": "gone"}, "NoSuchEntity"),
        ],
        [],
    ),
    (
        "policy",
        [
            Call(
                "iam",
                "list_policies",
                {"Scope": "Local"},
                {"Policies": [{"Arn": POLICY, "PolicyName": "lbc-irsa-policy-1", "CreateDate": AT}]},
            ),
            Call("iam", "list_policy_tags", {"PolicyArn": POLICY}, {"Tags": TAG}),
        ],
        [Resource(POLICY, "lbc-irsa-policy-1", TAGS, "", AT)],
    ),
    (
        "instance profile",
        [
            Call(
                "iam",
                "list_instance_profiles",
                {},
                {
                    "InstanceProfiles": [
                        {
                            "InstanceProfileName": "ops-profile-1",
                            "InstanceProfileId": "AIPA1234567890123456",
                            "Arn": ROLE,
                            "Path": "/",
                            "CreateDate": AT,
                            "Roles": [],
                        }
                    ]
                },
            ),
            Call("iam", "list_instance_profile_tags", {"InstanceProfileName": "ops-profile-1"}, {"Tags": TAG}),
        ],
        [Resource("ops-profile-1", "", TAGS, "", AT)],
    ),
    (
        "user",
        [Call("iam", "get_user", {"UserName": "testuser"}, USER)],
        [Resource("testuser", "testuser", TAGS, "", AT)],
    ),
    ("user", [Call("iam", "get_user", {"UserName": "testuser"}, "NoSuchEntity")], []),
    (
        "access key",
        [
            Call("iam", "get_user", {"UserName": "testuser"}, USER),
            Call(
                "iam",
                "list_access_keys",
                {"UserName": "testuser"},
                {"AccessKeyMetadata": [{"AccessKeyId": "AKIA1234567890123456", "Status": "Active", "CreateDate": AT}]},
            ),
        ],
        [Resource("AKIA1234567890123456", "testuser", TAGS, "", AT, state="Active", owner="testuser")],
    ),
    (
        "schedule",
        [
            Call(
                "scheduler",
                "list_schedules",
                {"NamePrefix": "myeks-expiry-"},
                {
                    "Schedules": [
                        {
                            "Name": "myeks-expiry-nodes",
                            "GroupName": "default",
                            "State": "ENABLED",
                            "CreationDate": AT,
                        }
                    ]
                },
            )
        ],
        [
            Resource(
                "myeks-expiry-nodes",
                "myeks-expiry-nodes",
                {},
                "",
                AT,
                state="ENABLED",
                owner="default",
                recorded_id="default/myeks-expiry-nodes",
            )
        ],
    ),
    (
        "subnet",
        [
            Call(
                "ec2",
                "describe_subnets",
                {},
                {"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "192.168.1.0/24", "Tags": NAMED}]},
            )
        ],
        [Resource("subnet-1", "myeks-thing", ALL_TAGS, "192.168.1.0/24", vpc="vpc-1")],
    ),
    (
        "route table",
        [
            Call(
                "ec2",
                "describe_route_tables",
                {},
                {
                    "RouteTables": [
                        {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": True}]},
                        {"RouteTableId": "rtb-2", "VpcId": "vpc-1", "Associations": [], "Tags": NAMED},
                    ]
                },
            )
        ],
        [Resource("rtb-2", "myeks-thing", ALL_TAGS, vpc="vpc-1")],
    ),
    (
        "internet gateway",
        [
            Call(
                "ec2",
                "describe_internet_gateways",
                {},
                {
                    "InternetGateways": [
                        {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1"}], "Tags": NAMED},
                        {"InternetGatewayId": "igw-2"},
                    ]
                },
            )
        ],
        [Resource("igw-1", "myeks-thing", ALL_TAGS, vpc="vpc-1"), Resource("igw-2")],
    ),
    (
        "VPC",
        [
            Call(
                "ec2",
                "describe_vpcs",
                {},
                {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "192.168.0.0/16", "Tags": NAMED}]},
            )
        ],
        [Resource("vpc-1", "myeks-thing", ALL_TAGS, "192.168.0.0/16")],
    ),
]


@pytest.mark.parametrize(("kind", "calls", "expected"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_an_answer_is_read(kind: str, calls: list[Call], expected: list[Resource]) -> None:
    client, stubbers = stubbed(calls)
    assert list(BY_NAME[kind].find(client, LAB)) == expected
    for stubber in stubbers:
        stubber.assert_no_pending_responses()


def test_every_kind_has_its_case() -> None:
    assert {case[0] for case in CASES} == set(BY_NAME)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_refusal_is_not_an_empty_answer(kind: Any) -> None:
    first = next(case[1][0] for case in CASES if case[0] == kind.name)
    client, _ = stubbed([first._replace(answer="AccessDeniedException")])
    with pytest.raises(ClientError):
        list(kind.find(client, LAB))


@pytest.mark.parametrize("refused", ["", "OperationNotPermitted"])
def test_the_refusal_of_an_endpoints_deletion_stands_in_the_answer(refused: str) -> None:
    error = {"Code": refused, "Message": "Operation is not allowed for requester-managed VPC endpoints"}
    answer: dict[str, Any] = {"Unsuccessful": [{"ResourceId": "vpce-1", "Error": error}] if refused else []}
    client, stubbers = stubbed([Call("ec2", "delete_vpc_endpoints", {"VpcEndpointIds": ["vpce-1"]}, answer)])
    if refused:
        with pytest.raises(ClientError, match="requester-managed"):
            BY_NAME["VPC endpoint"].delete(client, Resource("vpce-1"))
    else:
        BY_NAME["VPC endpoint"].delete(client, Resource("vpce-1"))
    stubbers[0].assert_no_pending_responses()
