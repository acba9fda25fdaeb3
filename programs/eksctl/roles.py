"""The IAM roles that eksctl makes, and the service accounts that they are for.

On AWS a stack of CloudFormation has the role: it chooses the role's name, and the stack's tags are the role's too. The
rehearsal has no CloudFormation, so name and tags are given here, and the tags alone tell whose a role is.
"""

import json
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from programs.cluster import Stopped
from programs.eksctl.client import Client, Kubernetes
from programs.eksctl.output import Log

CLUSTER_TAG: Final = "alpha.eksctl.io/cluster-name"
ACCOUNT_TAG: Final = "alpha.eksctl.io/iamserviceaccount-name"
ASSOCIATION_TAG: Final = "alpha.eksctl.io/podidentityassociation-name"
_OLD_CLUSTER_TAG: Final = "eksctl.cluster.k8s.io/v1alpha1/cluster-name"
_VERSION_TAG: Final = "alpha.eksctl.io/eksctl-version"
VERSION: Final = "0.215.0"

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_LONGEST: Final = 64
_DRAWN: Final = 12


@dataclass(frozen=True)
class Role:
    """A role that eksctl made for a service account."""

    name: str
    arn: str
    account: str
    """NAMESPACE/NAME."""
    tags: Mapping[str, str]


def role_name(stack: str) -> str:
    """A name as CloudFormation draws it for the resource Role1 of a stack: at most 64 characters."""
    end = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_DRAWN))
    return f"{stack[: _LONGEST - _DRAWN - len('-Role1-')]}-Role1-{end}"


def found(client: Client, cluster: str, tag: str) -> list[Role]:
    """The roles of a cluster with that tag, by service account."""
    iam = client.aws("iam")
    roles: list[Role] = []
    for page in iam.get_paginator("list_roles").paginate():
        for one in page["Roles"]:
            if one["Path"].startswith("/aws-service-role/"):
                continue
            told = iam.list_role_tags(RoleName=one["RoleName"])["Tags"]
            tags = {pair["Key"]: pair["Value"] for pair in told}
            if tags.get(CLUSTER_TAG) == cluster and tag in tags:
                roles.append(Role(one["RoleName"], one["Arn"], tags[tag], tags))
    return sorted(roles, key=lambda role: role.account)


def make(
    client: Client,
    name: str,
    trust: Mapping[str, Any],
    *,
    policies: Sequence[str],
    tags: Mapping[str, str],
    boundary: str = "",
) -> str:
    """Make a role with these policies, or nothing; its ARN."""
    iam = client.aws("iam")
    more = {"PermissionsBoundary": boundary} if boundary else {}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=given, **more)["Role"]["Arn"]
    try:
        for policy in policies:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    except BaseException:
        remove(client, name)
        raise
    return arn


def tags_of(cluster: str, tag: str, account: str, own: Mapping[str, str]) -> dict[str, str]:
    """The tags that eksctl gives a stack, and with it the role."""
    return {**own, CLUSTER_TAG: cluster, _OLD_CLUSTER_TAG: cluster, _VERSION_TAG: VERSION, tag: account}


def remove(client: Client, name: str) -> None:
    """Delete a role with what is attached to it."""
    iam = client.aws("iam")
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
        for policy in page["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
        for policy in page["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def service_account(api: Kubernetes, account: str) -> dict[str, Any] | None:
    """The object of NAMESPACE/NAME; None where there is none."""
    return api.get(_path(account))


def make_service_account(api: Kubernetes, account: str, annotations: Mapping[str, str], log: Log) -> None:
    """Make NAMESPACE/NAME, its namespace too, or put eksctl's label and these annotations on the one that stands."""
    namespace, _, name = account.partition("/")
    if api.get(f"/api/v1/namespaces/{namespace}") is None:
        api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        log.info(f'created namespace "{namespace}"')
    own: dict[str, Any] = {"labels": {MANAGED_BY: "eksctl"}, "annotations": dict(annotations)}
    current = service_account(api, account)
    if current is None:
        meta = {"name": name, "namespace": namespace, **own}
        api.create(
            f"/api/v1/namespaces/{namespace}/serviceaccounts",
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        )
        log.info(f'created serviceaccount "{account}"')
        return
    log.info(f'serviceaccount "{account}" already exists')
    meta = current["metadata"]
    merged = {key: {**(meta.get(key) or {}), **values} for key, values in own.items()}
    if all(merged[key] == (meta.get(key) or {}) for key in merged):
        log.info(f'serviceaccount "{account}" is already up-to-date')
        return
    api.replace(_path(account), {**current, "metadata": {**meta, **merged}})
    log.info(f'updated serviceaccount "{account}"')


def delete_service_account(api: Kubernetes, account: str, log: Log) -> None:
    """Delete NAMESPACE/NAME if eksctl made it."""
    current = service_account(api, account)
    if current is None:
        log.info(f'serviceaccount "{account}" was already deleted')
    elif (current["metadata"].get("labels") or {}).get(MANAGED_BY) != "eksctl":
        log.info(f'serviceaccount "{account}" was not created by eksctl; will not be deleted')
    else:
        api.delete(_path(account))
        log.info(f'deleted serviceaccount "{account}"')


def pairs(given: Sequence[str]) -> dict[str, str]:
    """`--tags k1=v1,k2=v2`. Raises Stopped."""
    found: dict[str, str] = {}
    for one in given:
        key, sign, value = one.partition("=")
        if not sign or not key:
            raise Stopped(f"{one} must be formatted as key=value")
        found[key] = value
    return found


def _path(account: str) -> str:
    namespace, _, name = account.partition("/")
    return f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
