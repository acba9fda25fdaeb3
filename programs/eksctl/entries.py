"""accessentry: who comes into the cluster by EKS's own list, and as whom."""

import argparse
from collections.abc import Mapping
from typing import Any, Final

from programs import text
from programs.cluster import Stopped
from programs.eksctl.client import Client
from programs.eksctl.output import Column, Log, printed
from programs.eksctl.roles import CLUSTER_TAG

COLUMNS: Final[tuple[Column, ...]] = (
    ("PRINCIPAL ARN", lambda one: one["principalARN"]),
    ("KUBERNETES GROUPS", lambda one: str(len(one.get("kubernetesGroups", ())))),
    ("ACCESS POLICIES", lambda one: str(len(one.get("accessPolicies", ())))),
)


def get(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Print the entries, or that of one principal."""
    _insist(client.cluster(given.cluster))
    eks = client.aws("eks")
    principals = [given.principal_arn]
    if not given.principal_arn:
        pages = eks.get_paginator("list_access_entries").paginate(clusterName=given.cluster)
        principals = [one for page in pages for one in page["accessEntries"]]
    records: list[dict[str, Any]] = []
    for arn in principals:
        which = {"clusterName": given.cluster, "principalArn": arn}
        groups = eks.describe_access_entry(**which)["accessEntry"].get("kubernetesGroups") or []
        told = eks.list_associated_access_policies(**which)["associatedAccessPolicies"]
        policies = [{"policyARN": one["policyArn"], "accessScope": _scope(one["accessScope"])} for one in told]
        whole = {"principalARN": arn, "kubernetesGroups": groups, "accessPolicies": policies}
        records.append({key: value for key, value in whole.items() if value})
    if given.output == "table":
        log.info(
            "to get a detailed view of Kubernetes groups or policies associated with each access entry, use "
            "--output yaml or json"
        )
    text.write(printed("accessentries", records, COLUMNS, given.output))
    text.hint("whocan lookup")


def create(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Make an entry; one that eksctl made stays as it is."""
    if not given.principal_arn:
        raise Stopped("--principal-arn is required")
    _insist(client.cluster(given.cluster))
    eks = client.aws("eks")
    which = {"clusterName": given.cluster, "principalArn": given.principal_arn}
    try:
        tags = eks.describe_access_entry(**which)["accessEntry"].get("tags") or {}
    except eks.exceptions.ResourceNotFoundException:
        tags = {}
    if tags.get(CLUSTER_TAG) == given.cluster:
        log.info("access entries already up-to-date")
        return
    log.info(f'creating access entry for principal ARN "{given.principal_arn}"')
    asked = {"kubernetesGroups": given.kubernetes_groups, "username": given.kubernetes_username, "type": given.type}
    more = {key: value for key, value in asked.items() if value}
    eks.create_access_entry(**which, **more, tags={CLUSTER_TAG: given.cluster})
    log.info(f'created access entry for principal ARN "{given.principal_arn}"')


def delete(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Delete an entry."""
    if not given.principal_arn:
        raise Stopped("--principal-arn must be set")
    _insist(client.cluster(given.cluster))
    log.info(f"1 task: {{ delete access entry for principal ARN {given.principal_arn} }}")
    client.aws("eks").delete_access_entry(clusterName=given.cluster, principalArn=given.principal_arn)
    log.info(f'started deleting access entry with principalARN "{given.principal_arn}"')


def _scope(told: Mapping[str, Any]) -> dict[str, Any]:
    namespaces = {"namespaces": told["namespaces"]} if told.get("namespaces") else {}
    return {"type": told["type"], **namespaces}


def _insist(cluster: Mapping[str, Any]) -> None:
    if (cluster.get("accessConfig") or {}).get("authenticationMode") == "CONFIG_MAP":
        raise Stopped(
            "access entries API is not currently enabled; please enable it using `eksctl utils "
            "update-authentication-mode --cluster <> --authentication-mode=API_AND_CONFIG_MAP`"
        )
