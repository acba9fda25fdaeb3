"""The cluster, its nodes and what they store: EKS, Auto Scaling and EC2."""

from operations.cleanup import Resource
from tests.unit.operations.cleanup.finder_cases.facts import ALL_TAGS, AT, NAMED, TAG, TAGS, Cases
from tests.unit.operations.cleanup.stubbed import Call

CASES: Cases = [
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
]
