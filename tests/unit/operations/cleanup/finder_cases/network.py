"""The VPC and what is in it."""

from operations.cleanup import Resource
from tests.unit.operations.cleanup.finder_cases.facts import ALL_TAGS, AT, NAMED, TAG, TAGS, Cases
from tests.unit.operations.cleanup.stubbed import Call

CASES: Cases = [
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
