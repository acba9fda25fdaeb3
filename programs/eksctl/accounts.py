"""iamserviceaccount: a service account with an IAM role by the cluster's OIDC provider (IRSA)."""

import argparse
from collections.abc import Mapping
from typing import Any, Final

from programs import text
from programs.cluster import Stopped
from programs.eksctl import roles
from programs.eksctl.client import Client
from programs.eksctl.output import Column, Log, printed, tasks

ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
COLUMNS: Final[tuple[Column, ...]] = (
    ("NAMESPACE", lambda one: one["metadata"]["namespace"]),
    ("NAME", lambda one: one["metadata"]["name"]),
    ("ROLE ARN", lambda one: one["status"]["roleARN"]),
)


def stack_name(cluster: str, account: str) -> str:
    """The name of eksctl's stack for NAMESPACE/NAME, of which the role's name is made."""
    return f"eksctl-{cluster}-addon-iamserviceaccount-{account.replace('/', '-')}"


def trust(provider: str, issuer: str, account: str) -> dict[str, Any]:
    """Who may take the role: the service account's token, made for STS."""
    subject = f"system:serviceaccount:{account.replace('/', ':')}"
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": {"StringEquals": {f"{issuer}:sub": subject, f"{issuer}:aud": "sts.amazonaws.com"}},
    }


def get(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Print the service accounts whose roles eksctl made."""
    del log
    client.cluster(given.cluster)
    wanted = (given.name or given.name_argument, given.namespace)
    records: list[dict[str, Any]] = []
    for role in roles.found(client, given.cluster, roles.ACCOUNT_TAG):
        namespace, _, name = role.account.partition("/")
        if wanted[0] in ("", name) and wanted[1] in ("", namespace):
            records.append(
                {
                    "metadata": {"name": name, "namespace": namespace},
                    "wellKnownPolicies": dict.fromkeys(_WELL_KNOWN, False),
                    "status": {"roleARN": role.arn, "tags": dict(role.tags)},
                }
            )
    text.write(printed("iamserviceaccounts", records, COLUMNS, given.output))


_WELL_KNOWN: Final = (
    "imageBuilder",
    "autoScaler",
    "awsLoadBalancerController",
    "externalDNS",
    "certManager",
    "ebsCSIController",
    "efsCSIController",
)


def create(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Make role and service account; without --approve only say so."""
    account = f"{given.namespace}/{_name(given)}"
    _insist(given)
    cluster = client.cluster(given.cluster)
    issuer, provider = _provider(client, cluster)
    if not provider:
        log.warning(
            "no IAM OIDC provider associated with cluster, try 'eksctl utils associate-iam-oidc-provider "
            f"--region={client.region} --cluster={given.cluster}'"
        )
        raise Stopped("unable to create iamserviceaccount(s) without IAM OIDC provider enabled")
    with client.kubernetes(cluster) as api:
        existing = {role.account for role in roles.found(client, given.cluster, roles.ACCOUNT_TAG)}
        overrides = given.override_existing_serviceaccounts
        if not overrides and not given.role_only and roles.service_account(api, account) is not None:
            existing.add(account)
        if existing:
            log.info(f"{len(existing)} existing iamserviceaccount(s) ({','.join(sorted(existing))}) will be excluded")
        is_left_out = account in existing
        log.info(_chosen(account, "excluded" if is_left_out else "included"))
        _warn(given, log)
        steps = [] if is_left_out else _steps(given, account)
        log.info(tasks(steps))
        if not given.approve:
            if steps:
                log.warning("no changes were applied, run again with '--approve' to apply the changes")
            return
        if not steps:
            return
        arn = given.attach_role_arn
        if not arn:
            arn = roles.make(
                client,
                given.role_name or roles.role_name(stack_name(given.cluster, account)),
                trust(provider, issuer, account),
                policies=given.attach_policy_arn,
                tags=roles.tags_of(given.cluster, roles.ACCOUNT_TAG, account, roles.pairs(given.tags)),
            )
            log.info(f'made IAM role "{arn.rpartition("/")[2]}" without CloudFormation, which the lab does not play')
        if not given.role_only:
            roles.make_service_account(api, account, {ROLE_ANNOTATION: arn}, log)


def delete(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Delete the role, and the service account if eksctl made it."""
    account = f"{given.namespace}/{_name(given)}"
    cluster = client.cluster(given.cluster)
    if not _provider(client, cluster)[1]:
        raise Stopped("unable to delete iamserviceaccount(s) without IAM OIDC provider enabled")
    log.info(_chosen(account, "included"))
    role = next((one for one in roles.found(client, given.cluster, roles.ACCOUNT_TAG) if one.account == account), None)
    steps = [f'delete IAM role for serviceaccount "{account}"'] if role else []
    log.info(tasks([*steps, f'delete serviceaccount "{account}"']))
    if role:
        roles.remove(client, role.name)
        log.info(f'deleted IAM role "{role.name}"')
    with client.kubernetes(cluster) as api:
        roles.delete_service_account(api, account, log)


def _name(given: argparse.Namespace) -> str:
    if given.name and given.name_argument:
        raise Stopped(f"--name={given.name} and argument {given.name_argument} cannot be used at the same time")
    name: str = given.name or given.name_argument
    if not name:
        raise Stopped("--name must be set")
    return name


def _insist(given: argparse.Namespace) -> None:
    """Raise Stopped, in eksctl's words, for flags that do not go together."""
    if not given.attach_policy_arn and not given.attach_role_arn:
        raise Stopped("--attach-policy-arn or --attach-role-arn must be set")
    if given.attach_role_arn and (given.role_only or given.role_name):
        raise Stopped("cannot provide --role-name or --role-only when --attach-role-arn is configured")
    if given.attach_role_arn and given.attach_policy_arn:
        raise Stopped("cannot provide --attach-role-arn and specify polices to attach")


def _steps(given: argparse.Namespace, account: str) -> list[str]:
    role = [] if given.attach_role_arn else [f'create IAM role for serviceaccount "{account}"']
    return [*role, *([] if given.role_only else [f'create serviceaccount "{account}"'])]


def _warn(given: argparse.Namespace, log: Log) -> None:
    if given.role_only:
        log.warning(
            "serviceaccounts in Kubernetes will not be created or modified, since the option --role-only is used"
        )
    elif given.override_existing_serviceaccounts:
        log.warning(
            "metadata of serviceaccounts that exist in Kubernetes will be updated, as "
            "--override-existing-serviceaccounts was set"
        )
    else:
        log.warning(
            "serviceaccounts that exist in Kubernetes will be excluded, use --override-existing-serviceaccounts to "
            "override"
        )


def _chosen(account: str, how: str) -> str:
    return f"1 iamserviceaccount ({account}) was {how} (based on the include/exclude rules)"


def _provider(client: Client, cluster: Mapping[str, Any]) -> tuple[str, str]:
    """The cluster's issuer without https://, and the ARN of its provider in IAM; empty where there is none."""
    issuer = cluster["identity"]["oidc"]["issuer"].removeprefix("https://")
    listed = client.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    arns = (one["Arn"] for one in listed)
    return issuer, next((arn for arn in arns if arn.partition(":oidc-provider/")[2] == issuer), "")
