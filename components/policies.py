"""IAM policy documents as data, so that a test can judge each statement and ask why a wildcard is there.

A statement that names a resource by a wildcard cannot be made without saying why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

Conditions = Mapping[str, Mapping[str, Any]]
"""IAM conditions: operator → condition key → value or values. Keys and values may be outputs inside."""


@dataclass(frozen=True)
class Scope:
    """Where the lab stands, as ARNs write it."""

    partition: pulumi.Input[str]
    """`aws`, or another partition such as `aws-cn`."""

    region: pulumi.Input[str]
    account: pulumi.Input[str]
    """Twelve digits."""

    def arn(self, service: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
        """ARN of a resource of this region and account, such as `("eks", "cluster/myeks")`."""
        return pulumi.Output.format(
            "arn:{0}:{1}:{2}:{3}:{4}", self.partition, service, self.region, self.account, resource
        )


@dataclass(frozen=True)
class Statement:
    """One allowing statement of an identity policy."""

    sid: str
    """Letters and digits; names the statement in the document and in tests."""

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]] = ("*",)
    """ARNs. In a text, `{partition}`, `{region}` and `{account}` are filled in by `document`."""

    conditions: Conditions = field(default_factory=dict[str, Mapping[str, Any]])

    wildcard: str = ""
    """Why a resource or an action is named by a wildcard; needed when one is."""

    def __post_init__(self) -> None:
        """Refuse an unexplained wildcard.

        Raises:
            ValueError: a resource or an action holds `*` and `wildcard` is empty.
        """
        names = (*self.resources, *self.actions)
        if not self.wildcard and any(isinstance(name, str) and "*" in name for name in names):
            raise ValueError(f"Statement {self.sid} names a wildcard and gives no reason. Say it in `wildcard`.")


def document(statements: Sequence[Statement], scope: Scope) -> pulumi.Output[str]:
    """The identity policy of these statements, as JSON text in a fixed order."""
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [_statement(statement, scope) for statement in statements]}
    )


def _statement(statement: Statement, scope: Scope) -> dict[str, Any]:
    written: dict[str, Any] = {
        "Sid": statement.sid,
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": [_resource(resource, scope) for resource in statement.resources],
    }
    if statement.conditions:
        written["Condition"] = statement.conditions
    return written


def _resource(resource: pulumi.Input[str], scope: Scope) -> pulumi.Input[str]:
    if not isinstance(resource, str) or "{" not in resource:
        return resource
    return pulumi.Output.format(resource, partition=scope.partition, region=scope.region, account=scope.account)


def managed_policy(partition: pulumi.Input[str], name: str) -> pulumi.Output[str]:
    """ARN of a policy that AWS manages, such as `AmazonS3ReadOnlyAccess` or `service-role/NAME`."""
    return pulumi.Output.format("arn:{0}:iam::aws:policy/{1}", partition, name)


def service_trust(service: str) -> str:
    """Trust policy that lets one AWS service, such as `ec2.amazonaws.com`, take the role."""
    trust: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [trust]})


def pod_identity_trust(namespace: str, service_account: str, *, any_account: bool = False) -> str:
    """Trust policy for EKS Pod Identity, for one service account alone.

    The two request tags are set by EKS when it takes the role for a pod; without them any association in the
    account could hand the role out (EKS User Guide, "Create IAM role with trust policy required by EKS Pod
    Identity", seen 2026-11).

    Args:
        namespace: namespace of the service account.
        service_account: name of the service account.
        any_account: do not look at the tags: the mistake that exercise pod-identity is about.
    """
    trust: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    if not any_account:
        trust["Condition"] = {
            "StringEquals": {
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": service_account,
            }
        }
    return json.dumps({"Version": "2012-10-17", "Statement": [trust]})


def web_identity_trust(
    provider_arn: pulumi.Input[str],
    issuer: pulumi.Input[str],
    namespace: str,
    service_account: str,
    *,
    any_account: bool = False,
) -> pulumi.Output[str]:
    """Trust policy for IRSA, for one service account alone: both `sub` and `aud` must be equal, not alike.

    Args:
        provider_arn: ARN of the cluster's IAM OIDC provider.
        issuer: the cluster's issuer without `https://`.
        namespace: namespace of the service account.
        service_account: name of the service account.
        any_account: let in every service account of the cluster instead: the mistake that exercise irsa is about.
    """
    one = {"sub": f"system:serviceaccount:{namespace}:{service_account}"}

    def write(values: Sequence[str]) -> str:
        arn, host = values
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{host}:{claim}": value
                    for claim, value in {"aud": "sts.amazonaws.com", **({} if any_account else one)}.items()
                },
                **({"StringLike": {f"{host}:sub": "system:serviceaccount:*:*"}} if any_account else {}),
            },
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [trust]})

    return pulumi.Output.all(provider_arn, issuer).apply(write)
