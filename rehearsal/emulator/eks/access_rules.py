"""What EKS refuses of access entries and access policies, as pure rules in its own words.

Sources: EKS User Guide, "Create access entries" (November 2026); the texts as they were measured against
CreateAccessEntry and AssociateAccessPolicy in September 2026 by a public rule set for CloudFormation templates, and as
they stand in public reports of users of Terraform and ACK. Where no text was seen, it says so.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from rehearsal.emulator.eks.access_policies import ARN_PREFIX, POLICIES, policy_name
from rehearsal.emulator.eks.state import bad_request, invalid, not_found

RESERVED_NAMES: Final = ("system:", "eks:", "aws:", "amazon:", "iam:")
"""How a username of one's own may not begin."""
NODE_TYPES: Final = ("EC2_LINUX", "EC2_WINDOWS")
TYPES: Final = ("STANDARD", *NODE_TYPES)
"""Types of access entries that are played."""
OTHER_TYPES: Final = ("FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX", "EC2")
NOT_STANDARD: Final = "[EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]"
PRINCIPAL: Final = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):(user|role)/.*[^/]")
FOR_CONTROLLERS: Final = re.compile(
    r"AmazonEKS(AutoNode|Hybrid|ClusterInsights|Event|(BlockStorage|Compute|LoadBalancing|Networking)(Cluster)?)Policy"
    r"|AmazonEMRJobPolicy|AmazonPrometheusScraperPolicy|AmazonSagemakerHyperpod.*Policy"
)
"""Access policies that AWS has for its own controllers."""


def check_type(kind: str) -> None:
    """A type of access entry; the text for an unknown one was not seen."""
    if kind in OTHER_TYPES:
        raise bad_request(f"The rehearsal does not play access entries of type {kind}.")
    if kind not in TYPES:
        raise invalid(f"The specified type is invalid: {kind}. Valid values are {', '.join((*TYPES, *OTHER_TYPES))}.")


def check_principal_format(arn: str) -> None:
    """The ARN of a user or role: no session's, no account's."""
    if not PRINCIPAL.fullmatch(arn):
        raise invalid("The principalArn parameter format is not valid")


def check_principal(arn: str, kind: str, account_id: str) -> None:
    """A principal that an access entry of this type may have."""
    check_principal_format(arn)
    if ":role/aws-service-role/" in arn:
        raise invalid(
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
        )
    if kind == "STANDARD":
        return
    if ":role/" not in arn:
        raise invalid(f"AccessEntry principalArn must be IAM role when using types {NOT_STANDARD}")
    if arn.split(":")[4] != account_id:
        raise invalid(
            "AccessEntry principalArn must be from the same account as the cluster when using types " + NOT_STANDARD
        )


def check_names(kind: str, params: Mapping[str, Any]) -> None:
    """Usernames and groups that an access entry may have. The text about the colon was not seen."""
    username, groups = params.get("username", ""), params.get("kubernetesGroups", [])
    for group in groups:
        if group.startswith("system:"):
            raise invalid(f"The kubernetes group name {group} is invalid, it cannot start with system:")
    for reserved in RESERVED_NAMES:
        if username.startswith(reserved):
            raise invalid(f"The username must not begin with {reserved}")
    for name, value in (("kubernetesGroups", groups), ("username", username)):
        if value and kind != "STANDARD":
            raise invalid(f'The specified {name} is invalid: setting {name} is not allowed when the type is "{kind}"')
    before, template, _ = username.partition("{{SessionName")
    if template and ":" not in before:
        raise invalid("The username must have a colon before {{SessionName}} or {{SessionNameRaw}}.")


def check_policy(kind: str, policy_arn: str, scope: Mapping[str, Any]) -> None:
    """An access policy and its scope, for an access entry of this type."""
    if kind != "STANDARD":
        raise invalid('This operation can only be performed on Access Entries with a type of "STANDARD".')
    if not re.fullmatch(r"arn:[^:]+:eks::aws:cluster-access-policy/.+", policy_arn):
        raise invalid("The policyArn parameter format is not valid")
    if policy_name(policy_arn) is None:
        name = policy_arn.removeprefix(ARN_PREFIX)
        if FOR_CONTROLLERS.fullmatch(name):
            raise invalid(
                f"The rehearsal does not play the access policy {name}. It plays {', '.join(sorted(POLICIES))}."
            )
        raise not_found("The specified policyArn could not be found.")
    if scope["type"] == "namespace" and not scope["namespaces"]:
        raise invalid("At least 1 namespace must be provided if the type is set as namespace")
    if scope["type"] == "cluster" and scope["namespaces"]:
        raise invalid("accessScope should not include namespaces if the type is not set as namespace")
