"""IAM: the roles and policies of the stack, its OIDC provider, testuser and testuser's access keys.

Lists of IAM hold no tags, so each role and policy is asked for its own. IAM has no region, and the engine chooses the
names: only the lab's tag says whose they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from clients.aws_responses import if_there, pages, tags, when
from operations.cleanup import ownership
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, Resource

TESTUSER: Final = "testuser"
"""As `exercises.identity_mapping.component` names the user."""

_WORKERS: Final = 4
_NOT_OURS: Final = "/aws-service-role/"
"""Path of the roles that belong to a service."""


def _tagged(found: list[Any], ask: Callable[[Any], Any]) -> Iterator[tuple[Any, dict[str, str]]]:
    """Each with its tags; what is gone by now is left out."""

    def one(each: Any) -> Any:
        return each, if_there(lambda: ask(each))

    with ThreadPoolExecutor(_WORKERS) as pool:
        for each, answer in pool.map(one, found):
            if answer is not None:
                yield each, tags(answer["Tags"])


def _roles(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    iam = client("iam")
    found = [each for each in pages(iam, "list_roles", "Roles") if not each["Path"].startswith(_NOT_OURS)]
    for role, known in _tagged(found, lambda role: iam.list_role_tags(RoleName=role["RoleName"])):
        yield Resource(
            id=role["RoleName"], name=role.get("Description", ""), tags=known, created=when(role.get("CreateDate"))
        )


def _policies(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    iam = client("iam")
    found = list(pages(iam, "list_policies", "Policies", Scope="Local"))
    for policy, known in _tagged(found, lambda policy: iam.list_policy_tags(PolicyArn=policy["Arn"])):
        yield Resource(id=policy["Arn"], name=policy["PolicyName"], tags=known, created=when(policy.get("CreateDate")))


def _profiles(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    iam = client("iam")
    found = list(pages(iam, "list_instance_profiles", "InstanceProfiles"))
    for profile, known in _tagged(
        found, lambda profile: iam.list_instance_profile_tags(InstanceProfileName=profile["InstanceProfileName"])
    ):
        yield Resource(
            id=profile["InstanceProfileName"], tags=known, created=when(profile.get("CreateDate")), raw=profile
        )


def _providers(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    iam = client("iam")
    found = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    for provider, known in _tagged(
        found, lambda provider: iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=provider["Arn"])
    ):
        arn: str = provider["Arn"]
        yield Resource(id=arn, name=arn.partition("oidc-provider/")[2], tags=known)


def _users(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    answer = if_there(lambda: client("iam").get_user(UserName=TESTUSER))
    if answer is not None:
        user = answer["User"]
        yield Resource(
            id=user["UserName"], name=user["UserName"], tags=tags(user.get("Tags")), created=when(user["CreateDate"])
        )


def _keys(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    iam = client("iam")
    for user in _users(client, lab):
        for key in (
            if_there(lambda user=user: list(pages(iam, "list_access_keys", "AccessKeyMetadata", UserName=user.id)))
            or []
        ):
            yield Resource(
                id=key["AccessKeyId"],
                name=user.id,
                # A key bears no tags: it is whose its user is.
                tags=user.tags,
                created=when(key.get("CreateDate")),
                state=key.get("Status", ""),
                owner=user.id,
            )


def _delete_role(client: ClientFactory, resource: Resource) -> None:
    iam, role = client("iam"), resource.id
    for policy in pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=role):
        iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
    for name in pages(iam, "list_role_policies", "PolicyNames", RoleName=role):
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    for profile in pages(iam, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=role):
        iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=role)
    iam.delete_role(RoleName=role)


def _delete_policy(client: ClientFactory, resource: Resource) -> None:
    """Of what it is attached to, everything was the lab's and is gone; what is not keeps it."""
    iam = client("iam")
    for version in pages(iam, "list_policy_versions", "Versions", PolicyArn=resource.id):
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=resource.id, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=resource.id)


def _delete_profile(client: ClientFactory, resource: Resource) -> None:
    iam = client("iam")
    for role in resource.raw.get("Roles", []):
        iam.remove_role_from_instance_profile(InstanceProfileName=resource.id, RoleName=role["RoleName"])
    iam.delete_instance_profile(InstanceProfileName=resource.id)


def _delete_user(client: ClientFactory, resource: Resource) -> None:
    iam, user = client("iam"), resource.id
    for policy in pages(iam, "list_attached_user_policies", "AttachedPolicies", UserName=user):
        iam.detach_user_policy(UserName=user, PolicyArn=policy["PolicyArn"])
    for name in pages(iam, "list_user_policies", "PolicyNames", UserName=user):
        iam.delete_user_policy(UserName=user, PolicyName=name)
    for group in pages(iam, "list_groups_for_user", "Groups", UserName=user):
        iam.remove_user_from_group(UserName=user, GroupName=group["GroupName"])
    if_there(lambda: iam.delete_login_profile(UserName=user))
    iam.delete_user(UserName=user)


ROLES = Kind(
    "role",
    "roles",
    "iam",
    ("iam:ListRoles", "iam:ListRoleTags"),
    "costs nothing; whom it trusts keeps its rights",
    _roles,
    _delete_role,
    ownership.nameless,
    "aws:iam/role:Role",
    everywhere=True,
)
POLICIES = Kind(
    "policy",
    "policies",
    "iam",
    ("iam:ListPolicies", "iam:ListPolicyTags"),
    "costs nothing; an account takes 1,500",
    _policies,
    _delete_policy,
    ownership.nameless,
    "aws:iam/policy:Policy",
    everywhere=True,
)
PROFILES = Kind(
    "instance profile",
    "instance profiles",
    "iam",
    ("iam:ListInstanceProfiles", "iam:ListInstanceProfileTags"),
    "costs nothing; keeps its role",
    _profiles,
    _delete_profile,
    ownership.nameless,
    "aws:iam/instanceProfile:InstanceProfile",
    everywhere=True,
)
PROVIDERS = Kind(
    "OIDC provider",
    "OIDC providers",
    "iam",
    ("iam:ListOpenIDConnectProviders", "iam:ListOpenIDConnectProviderTags"),
    "costs nothing; trusts a cluster that is gone",
    _providers,
    lambda client, resource: client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=resource.id),
    ownership.nameless,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    everywhere=True,
)
ACCESS_KEYS = Kind(
    "access key",
    "access keys",
    "iam",
    ("iam:GetUser", "iam:ListAccessKeys"),
    "costs nothing; a way in, and keeps the user",
    _keys,
    lambda client, resource: client("iam").delete_access_key(UserName=resource.owner, AccessKeyId=resource.id),
    ownership.nameless,
    everywhere=True,
)
USERS = Kind(
    "user",
    "users",
    "iam",
    ("iam:GetUser",),
    "costs nothing; a way into the account",
    _users,
    _delete_user,
    ownership.nameless,
    "aws:iam/user:User",
    everywhere=True,
)
