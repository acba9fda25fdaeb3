"""The IAM principals behind the cluster's users and groups, and the access policies that RBAC does not show.

On EKS an access entry gives a principal a user name and groups, and may have
access policies, which an authorizer of EKS's own reads: no object in the
cluster tells of them. The older way is the ConfigMap aws-auth. Rules: Amazon
EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries"
and "Review access policy permissions", seen 2026-11.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from exercises.access.evaluate import Grant
from exercises.access.identities import AUTHENTICATED, Identity, user_name
from exercises.access.objects import Subject
from exercises.access.reader import AT_ONCE, NotAsked
from exercises.access.requests import Request, ResourceRequest

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

    def may_be(self, identity: Identity) -> bool:
        """Whether it enters as this user, or as a member of one of these groups when no user is meant."""
        if identity.user:
            return fnmatchcase(identity.user, _pattern(self.username))
        return any(fnmatchcase(name, _pattern(own)) for own in self.groups for name in identity.groups)


def of_cluster(cluster_name: str, region: str, aws_auth: Mapping[str, str] | None) -> tuple[Principal, ...]:
    """Every principal that an access entry or aws-auth lets in, by ARN; raises NotAsked when EKS does not answer.

    `aws_auth` is the ConfigMap's data, None when it could not be read. An entry wins over aws-auth.
    """
    eks: Any = boto3.client("eks", region_name=region, config=Config(max_pool_connections=AT_ONCE))
    try:
        mode = eks.describe_cluster(name=cluster_name)["cluster"].get("accessConfig", {}).get("authenticationMode")
        entries = [] if mode == "CONFIG_MAP" else _entries(eks, cluster_name)
    except (BotoCoreError, ClientError) as error:
        raise NotAsked(
            f"EKS could not be asked for the access entries of {cluster_name}: {error}. Check the credentials and "
            "try again."
        ) from error
    known = {one.arn for one in entries}
    mapped = [] if mode == "API" else [one for one in in_aws_auth(aws_auth or {}) if one.arn not in known]
    return tuple(sorted((*entries, *mapped), key=lambda one: one.arn))


def in_aws_auth(data: Mapping[str, str]) -> tuple[Principal, ...]:
    """The users and roles that aws-auth maps; what is not written as it should be maps nobody."""
    found: list[Principal] = []
    for key, member in (("mapRoles", "rolearn"), ("mapUsers", "userarn")):
        for item in _items(data.get(key, "")):
            groups = item.get("groups") or ()
            if isinstance(groups, list | tuple) and item.get("username") and item.get(member):
                names = tuple(str(group) for group in groups)
                found.append(Principal(str(item[member]), "aws-auth", str(item["username"]), names))
    return tuple(found)


def groups_of(user: str, principals: Iterable[Principal]) -> tuple[str, ...]:
    """The groups that EKS gives a user of exactly this name."""
    return tuple(group for one in principals if user and one.username == user for group in one.groups)


def of_caller(canonical_arn: str, principals: Iterable[Principal]) -> Principal | None:
    """The principal that lets in an ARN as the cluster's authenticator tells it, a role's without its path."""
    return next((one for one in principals if _without_path(one.arn) == _without_path(canonical_arn)), None)


def behind(grants: Iterable[Grant], principals: Iterable[Principal]) -> tuple[Principal, ...]:
    """The principals that are one of the grants' users or in one of their groups.

    That everybody is in system:authenticated singles nobody out.
    """
    subjects = {grant.subject for grant in grants if grant.subject != Subject("Group", AUTHENTICATED)}
    whom = {Identity(user=user_name(one)) if user_name(one) else Identity(groups=(one.name,)) for one in subjects}
    return tuple(one for one in principals if any(one.may_be(identity) for identity in whom))


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


def _items(text: str) -> list[dict[str, Any]]:
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return []
    return [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []


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
