"""podidentityassociation: a service account with an IAM role by EKS Pod Identity."""

import argparse
from typing import Any, Final

from programs import text
from programs.cluster import Stopped
from programs.eksctl import roles
from programs.eksctl.client import Client
from programs.eksctl.output import Column, Log, printed, tasks

AGENT: Final = "eks-pod-identity-agent"
TRUST: Final = {
    "Effect": "Allow",
    "Principal": {"Service": ["pods.eks.amazonaws.com"]},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
}
COLUMNS: Final[tuple[Column, ...]] = (
    ("ASSOCIATION ARN", lambda one: one["AssociationARN"]),
    ("NAMESPACE", lambda one: one["Namespace"]),
    ("SERVICE ACCOUNT NAME", lambda one: one["ServiceAccountName"]),
    ("IAM ROLE ARN", lambda one: one["RoleARN"]),
    ("OWNER ARN", lambda one: one["OwnerARN"]),
)


def stack_name(cluster: str, account: str) -> str:
    """The name of eksctl's stack for NAMESPACE/NAME, of which the role's name is made."""
    return f"eksctl-{cluster}-podidentityrole-{account.replace('/', '-')}"


def get(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Print the associations."""
    del log
    if given.service_account_name and not given.namespace:
        raise Stopped("--namespace must be set in order to specify --service-account-name")
    client.cluster(given.cluster)
    records: list[dict[str, str]] = []
    for one in _listed(given, client):
        told = client.aws("eks").describe_pod_identity_association(
            clusterName=given.cluster, associationId=one["associationId"]
        )["association"]
        records.append(
            {
                "AssociationARN": told["associationArn"],
                "Namespace": told["namespace"],
                "ServiceAccountName": told["serviceAccount"],
                "RoleARN": told["roleArn"],
                "OwnerARN": told.get("ownerArn") or "",
            }
        )
    text.write(printed("podidentityassociations", records, COLUMNS, given.output))


def create(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Make the association, and before it the role and the service account that were asked for."""
    account = _account(given)
    if not given.role_arn and not given.permission_policy_arns:
        raise Stopped(
            "at least one of the following flags must be specified: --role-arn, --permission-policy-arns, "
            "--well-known-policies"
        )
    if given.role_arn and given.permission_policy_arns:
        raise Stopped("--permission-policy-arns cannot be specified when --role-arn is set")
    cluster = client.cluster(given.cluster)
    eks = client.aws("eks")
    try:
        eks.describe_addon(clusterName=given.cluster, addonName=AGENT)
    except eks.exceptions.ResourceNotFoundException as error:
        raise Stopped(
            f'the "{AGENT}" addon must be installed to create pod identity associations; please enable it using '
            f"`eksctl create addon --cluster={given.cluster} --name={AGENT}`"
        ) from error
    role = [] if given.role_arn else [f'create IAM role for pod identity association for service account "{account}"']
    made = [f'create service account "{account}", if it does not already exist']
    association = f'create pod identity association for service account "{account}"'
    log.info(tasks([*role, *(made if given.create_service_account else []), association]))
    tags = roles.pairs(given.tags)
    arn = given.role_arn
    if not arn:
        tags = {**tags, roles.ASSOCIATION_TAG: account}
        arn = roles.make(
            client,
            given.role_name or roles.role_name(stack_name(given.cluster, account)),
            TRUST,
            policies=given.permission_policy_arns,
            tags=roles.tags_of(given.cluster, roles.ASSOCIATION_TAG, account, tags),
            boundary=given.permission_boundary_arn,
        )
        log.info(f'made IAM role "{arn.rpartition("/")[2]}" without CloudFormation, which the lab does not play')
    if given.create_service_account:
        with client.kubernetes(cluster) as api:
            roles.make_service_account(api, account, {}, log)
    more: dict[str, Any] = {"targetRoleArn": given.target_role_arn} if given.target_role_arn else {}
    if given.disable_session_tags:
        more["disableSessionTags"] = True
    eks.create_pod_identity_association(
        clusterName=given.cluster,
        namespace=given.namespace,
        serviceAccount=given.service_account_name,
        roleArn=arn,
        tags=tags,
        **more,
    )
    log.info(
        f'created pod identity association for service account "{given.service_account_name}" in namespace '
        f'"{given.namespace}"'
    )
    log.info("all tasks were completed successfully")


def delete(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Delete the association, and role and service account if eksctl made them."""
    account = _account(given)
    cluster = client.cluster(given.cluster)
    found = _listed(given, client)
    if len(found) > 1:
        raise Stopped(f'expected to find only 1 pod identity association for "{account}"; got {len(found)}')
    if not found:
        log.warning(f'pod identity association "{account}" not found')
    elif owner := found[0].get("ownerArn"):
        raise Stopped(
            f"cannot delete podidentityassociation {account} as it is in use by addon {owner}; please use "
            "`eksctl update addon` or `eksctl delete addon` instead"
        )
    last = f'delete service account "{account}", if it exists and is managed by eksctl'
    log.info(tasks([f'delete pod identity association "{account}"', last]))
    for one in found:
        client.aws("eks").delete_pod_identity_association(clusterName=given.cluster, associationId=one["associationId"])
    for role in roles.found(client, given.cluster, roles.ASSOCIATION_TAG):
        if role.account == account:
            roles.remove(client, role.name)
            log.info(f'deleted IAM role "{role.name}" of pod identity association "{account}"')
    with client.kubernetes(cluster) as api:
        roles.delete_service_account(api, account, log)
    log.info("all tasks were completed successfully")


def _account(given: argparse.Namespace) -> str:
    for flag in ("namespace", "service-account-name"):
        if not getattr(given, flag.replace("-", "_")):
            raise Stopped(f"--{flag} is required")
    return f"{given.namespace}/{given.service_account_name}"


def _listed(given: argparse.Namespace, client: Client) -> list[dict[str, Any]]:
    wanted = {"namespace": given.namespace, "serviceAccount": given.service_account_name}
    pages = (
        client.aws("eks")
        .get_paginator("list_pod_identity_associations")
        .paginate(clusterName=given.cluster, **{key: value for key, value in wanted.items() if value})
    )
    return [one for page in pages for one in page["associations"]]
