"""The IAM principals behind the cluster's users and groups, and the access policies that RBAC does not show.

On EKS an access entry gives a principal a user name and groups, and may have
access policies, which an authorizer of EKS's own reads: no object in the
cluster tells of them. The older way is the ConfigMap aws-auth. Rules: Amazon
EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries"
and "Review access policy permissions", seen 2026-11.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from grading.requests import Request, ResourceRequest
from operations.rbac.aws_auth import accounts, mappings
from operations.rbac.cluster_reader import AT_ONCE, NotAsked
from operations.rbac.evaluator import Grant
from operations.rbac.identities import AUTHENTICATED, Identity, user_name
from operations.rbac.objects import Subject

READ_ONLY: Final = frozenset({"AmazonEKSViewPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSSecretReaderPolicy"})
"""Access policies that allow get, list and watch of resources alone."""
SECRETS_ALONE: Final = "AmazonEKSSecretReaderPolicy"
NO_SECRETS: Final = "AmazonEKSViewPolicy"
READS: Final = frozenset({"get", "list", "watch"})
ALLOWS_URLS: Final = "AmazonEKSClusterAdminPolicy"
"""The one policy that allows paths that are no resource."""


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """An access policy of an access entry."""

    name: str
    """AmazonEKSViewPolicy: the end of its ARN."""
    namespaces: tuple[str, ...] | None
    """Where it holds, "*" for any part of a name; None for the whole cluster."""

    def holds_in(self, namespace: str) -> bool:
        """Whether it says anything about a namespace; "" is what is in none, and all namespaces at once."""
        if self.namespaces is None:
            return True
        return bool(namespace) and any(fnmatchcase(namespace, one.replace("[", "[[]")) for one in self.namespaces)

    def __str__(self) -> str:
        """`AmazonEKSViewPolicy on namespace default`."""
        if self.namespaces is None:
            return f"{self.name} on the cluster"
        return f"{self.name} on namespace {', '.join(self.namespaces)}"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who an IAM principal is in the cluster."""

    arn: str
    source: Literal["access entry", "aws-auth"]
    username: str
    """May hold a template, such as {{SessionName}}."""
    groups: tuple[str, ...] = ()
    policies: tuple[AccessPolicy, ...] = ()
    no_effect: str = ""
    """Why this mapping of aws-auth lets nobody in; empty for one that does."""
    whole_account: bool = False
    """Whether everybody of an account is meant (mapAccounts)."""

    def may_be(self, identity: Identity) -> bool:
        """Whether it enters as this user, or as a member of one of these groups when no user is meant."""
        if self.no_effect:
            return False
        if identity.user:
            return fnmatchcase(identity.user, _pattern(self.username))
        return any(fnmatchcase(name, _pattern(own)) for own in self.groups for name in identity.groups)


def of_cluster(cluster_name: str, region: str, aws_auth: Mapping[str, str] | None) -> tuple[Principal, ...]:
    """Every principal that an access entry or aws-auth lets in, by ARN; raises NotAsked when EKS does not answer.

    `aws_auth` is the ConfigMap's data, None when it could not be read. An entry wins over aws-auth.
    """
    eks: Any = boto3.client("eks", region_name=region, config=Config(max_pool_connections=AT_ONCE))
    try:
        cluster = eks.describe_cluster(name=cluster_name)["cluster"]
        mode = cluster.get("accessConfig", {}).get("authenticationMode")
        entries = [] if mode == "CONFIG_MAP" else _entries(eks, cluster_name)
    except (BotoCoreError, ClientError) as error:
        raise NotAsked(
            f"EKS could not be asked for the access entries of {cluster_name}: {error}. Check the credentials and "
            "try again."
        ) from error
    partition = cluster.get("arn", "").split(":")[1:2]
    mapped = [] if mode == "API" else in_aws_auth(aws_auth or {}, entries, *partition)
    return tuple(sorted((*entries, *mapped), key=lambda one: (one.arn, bool(one.no_effect))))


def in_aws_auth(
    data: Mapping[str, str], entries: Sequence[Principal] = (), partition: str = "aws"
) -> tuple[Principal, ...]:
    """What aws-auth maps, accounts among it; a mapping that lets nobody in says why (`no_effect`).

    `entries` are the principals of access entries, which win. A list that is not written as it should be maps nobody.
    """
    listed = mappings(data)
    with_entry = {_without_path(one.arn).lower() for one in entries}
    last = {(one.key, one.arn.lower()): one for one in listed if not one.with_sso}
    in_roles = {arn for key, arn in last if key == "mapRoles"}
    found: list[Principal] = []
    for one in listed:
        arn = one.arn.lower()
        why = _never(one.arn, partition)
        if one.with_sso:
            why = "it has sso beside rolearn"
        elif why:
            pass
        elif last[one.key, arn] is not one:
            why = "a later entry has the same ARN"
        elif one.key == "mapUsers" and arn in in_roles:
            why = "mapRoles has the same ARN and is searched first"
        elif arn in with_entry:
            why = "an access entry of the same principal wins"
        found.append(Principal(one.arn, "aws-auth", one.username, one.groups, no_effect=why))
    for account in dict.fromkeys(accounts(data)):
        everybody = f"arn:{partition}:iam::{account}:{{{{user or role}}}}"
        why = "" if re.fullmatch(r"\d{12}", account) else "an account has 12 digits"
        found.append(Principal(everybody, "aws-auth", everybody, (AUTHENTICATED,), no_effect=why, whole_account=True))
    return tuple(found)


def _never(arn: str, partition: str) -> str:
    """Why no identity has this ARN as the authenticator compares it; empty when one can."""
    if "*" in arn or "?" in arn:
        return "an ARN is compared as it stands, without wildcards"
    parts = arn.split(":")
    if len(parts) == 6 and parts[1].lower() != partition:
        return f"the cluster's ARNs are of the partition {partition}"
    if re.fullmatch(r"arn:[^:]+:iam::\d{12}:role/.+/[^/]+", arn, re.IGNORECASE):
        return f"a role's ARN has no path here: write {_without_path(arn)}"
    known = r"arn:[^:]+:(iam::\d{12}:(user/.*[^/]|role/[^/]+|root)|sts::\d{12}:federated-user/.+)"
    return "" if re.fullmatch(known, arn, re.IGNORECASE) else "this is no ARN of a user or role"


def groups_of(user: str, principals: Iterable[Principal]) -> tuple[str, ...]:
    """The groups that EKS gives a user of exactly this name."""
    return tuple(
        group for one in principals if user and one.username == user and not one.no_effect for group in one.groups
    )


def of_caller(canonical_arn: str, principals: Iterable[Principal]) -> Principal | None:
    """The principal that lets in an ARN as the cluster's authenticator tells it, a role's without its path."""
    wanted = _without_path(canonical_arn).lower()
    letting_in = [one for one in principals if not one.no_effect]
    for one in letting_in:
        if not one.whole_account and _without_path(one.arn).lower() == wanted:
            return one
    return next((one for one in letting_in if one.whole_account and one.may_be(Identity(canonical_arn))), None)


def behind(grants: Iterable[Grant], principals: Iterable[Principal]) -> tuple[Principal, ...]:
    """The principals that are one of the grants' users or in one of their groups.

    That everybody is in system:authenticated singles nobody out, but for accounts that are let in whole.
    """
    grants = tuple(grants)
    everybody = any(grant.subject == Subject("Group", AUTHENTICATED) for grant in grants)
    subjects = {grant.subject for grant in grants if grant.subject != Subject("Group", AUTHENTICATED)}
    whom = {Identity(user=user_name(one)) if user_name(one) else Identity(groups=(one.name,)) for one in subjects}
    return tuple(
        one
        for one in principals
        if any(one.may_be(identity) for identity in whom) or (everybody and one.whole_account and not one.no_effect)
    )


def beyond(
    principals: Iterable[Principal], request: Request, *, anywhere: bool = False
) -> tuple[tuple[Principal, AccessPolicy], ...]:
    """The access policies that could allow a request: in its namespace, and not read-only for a request that writes.

    What a policy allows within its scope is AWS's to say, so "could" is all that this tells. `anywhere` takes
    policies on any namespace.
    """
    return tuple((one, policy) for one in principals for policy in one.policies if _could(policy, request, anywhere))


def _could(policy: AccessPolicy, request: Request, anywhere: bool) -> bool:
    if not isinstance(request, ResourceRequest):
        return policy.name == ALLOWS_URLS and policy.namespaces is None
    if policy.name in READ_ONLY and request.verb not in READS:
        return False
    is_secret = (request.group, request.resource) == ("", "secrets")
    if policy.name == NO_SECRETS and is_secret:
        return False
    if policy.name == SECRETS_ALONE and not is_secret and request.resource != "*":
        return False
    return anywhere or policy.holds_in(request.namespace)


def _entries(eks: Any, cluster_name: str) -> list[Principal]:
    pages = eks.get_paginator("list_access_entries").paginate(clusterName=cluster_name)
    arns = [arn for page in pages for arn in page["accessEntries"]]

    def entry(arn: str) -> Principal | None:
        try:
            view = eks.describe_access_entry(clusterName=cluster_name, principalArn=arn)["accessEntry"]
            associations = [
                one
                for page in eks.get_paginator("list_associated_access_policies").paginate(
                    clusterName=cluster_name, principalArn=arn
                )
                for one in page["associatedAccessPolicies"]
            ]
        except eks.exceptions.ResourceNotFoundException:
            # Deleted since the list was made.
            return None
        groups = tuple(view.get("kubernetesGroups") or ())
        return Principal(
            arn, "access entry", view.get("username", ""), groups, tuple(_policy(one) for one in associations)
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [one for one in pool.map(entry, arns) if one]


def _policy(association: Mapping[str, Any]) -> AccessPolicy:
    scope = association["accessScope"]
    name = association["policyArn"].rpartition("/")[2]
    return AccessPolicy(name, tuple(scope.get("namespaces") or ()) if scope["type"] == "namespace" else None)


def _without_path(arn: str) -> str:
    head, role, tail = arn.partition(":role/")
    return f"{head}{role}{tail.rpartition('/')[2]}"


def _pattern(template: str) -> str:
    """A user name with its templates ({{SessionName}} ...) as stars."""
    literal = template.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
    while "{{" in literal and "}}" in literal:
        before, _, rest = literal.partition("{{")
        literal = f"{before}*{rest.partition('}}')[2]}"
    return literal
