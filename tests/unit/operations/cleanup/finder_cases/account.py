"""What has no network: IAM, logs, keys, schedules and secrets."""

from operations.cleanup import Resource
from tests.unit.operations.cleanup.finder_cases.facts import (
    AT,
    KEY,
    LAB,
    LOGS,
    MILLIS,
    POLICY,
    PROVIDER,
    ROLE,
    SECRET,
    TAG,
    TAGS,
    USER,
    Cases,
    role,
)
from tests.unit.operations.cleanup.stubbed import Call

CASES: Cases = [
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
]
