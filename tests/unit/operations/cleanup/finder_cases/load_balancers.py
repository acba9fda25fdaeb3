"""Load balancers and the records that lead to them."""

from operations.cleanup import Resource
from tests.unit.operations.cleanup.finder_cases.facts import AT, BALANCER, CLASSIC, LAB, OWNED, TAG, TAGS, TARGET, Cases
from tests.unit.operations.cleanup.stubbed import Call

CASES: Cases = [
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
]
