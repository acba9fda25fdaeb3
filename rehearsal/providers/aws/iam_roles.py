"""IAM roles, users, and the policies attached to them.

Replacement and defaults: Terraform AWS provider 6, resources aws_iam_role,
aws_iam_role_policy, aws_iam_role_policy_attachment, aws_iam_user, aws_iam_user_policy_attachment.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import given, pick, tag_list, tag_map
from rehearsal.providers.aws.base import AwsResource
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.iam import IamResource
from rehearsal.providers.aws.naming import AutoName, with_prefix
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure, ProviderError

LONGEST_ROLE_NAME = 64
NAME = Input(replace=True, computed=True)
PREFIX = Input(replace=True, computed=True, unread=True)
DOCUMENT = Input(document=True)


def timestamp(when: Any) -> str:
    """A time as the provider shows it: RFC 3339, in UTC."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(when, datetime) else str(when or "")


def policy_text(document: Any) -> str:
    """A policy document as text; boto3 gives it parsed, or as IAM has it."""
    return document if isinstance(document, str) else json.dumps(document)


def check_documents(new: Properties, failures: list[CheckFailure], *names: str) -> None:
    """Add a failure for each document that is not a JSON object."""
    for name in names:
        value = new.get(name)
        if isinstance(value, str) and not _is_object(value):
            failures.append(CheckFailure(name, "contains an invalid JSON policy: it must be a JSON object"))


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def name_of(new: Properties) -> str:
    """The object's name: given, or begun by the prefix."""
    return new.get("name") or with_prefix(new["namePrefix"])


class Role(IamResource):
    """An IAM role. Its policies are resources of their own."""

    noun = "role"
    parameter = "RoleName"
    pulumi_type = "aws:iam/role:Role"
    inputs: ClassVar = {
        "assumeRolePolicy": DOCUMENT,
        "name": NAME,
        "namePrefix": PREFIX,
        "path": Input(replace=True, default="/"),
        "description": Input(),
        "maxSessionDuration": Input(default=3600),
        "permissionsBoundary": Input(),
        "forceDetachPolicies": Input(default=False, unread=True),
    }
    autoname = AutoName(longest=LONGEST_ROLE_NAME)

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        check_documents(new, failures, "assumeRolePolicy")

    @override
    def make(self, call: Call) -> str:
        name = name_of(call.new)
        call.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=call.new["assumeRolePolicy"],
            Tags=tag_list(call.new["tags"]),
            **given(call.new, "path", "description", "maxSessionDuration", "permissionsBoundary"),
        )
        return name

    @override
    def change(self, call: Call) -> None:
        new, changed, role = call.new, call.changed, {"RoleName": call.id}
        if "assumeRolePolicy" in changed:
            call.iam.update_assume_role_policy(**role, PolicyDocument=new["assumeRolePolicy"])
        if changed & {"description", "maxSessionDuration"}:
            call.iam.update_role(
                **role,
                Description=new.get("description", ""),
                MaxSessionDuration=new["maxSessionDuration"],
            )
        if "permissionsBoundary" in changed:
            if new.get("permissionsBoundary"):
                call.iam.put_role_permissions_boundary(**role, PermissionsBoundary=new["permissionsBoundary"])
            else:
                call.iam.delete_role_permissions_boundary(**role)

    @override
    def describe(self, call: Call) -> Properties | None:
        role = call.iam.get_role(RoleName=call.id)["Role"]
        inline = call.all_pages("iam", "list_role_policies", "PolicyNames", RoleName=call.id)
        attached = call.all_pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=call.id)
        return {
            **pick(role, "arn", "path", name="RoleName", uniqueId="RoleId"),
            "assumeRolePolicy": policy_text(role["AssumeRolePolicyDocument"]),
            "description": role.get("Description", ""),
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            "createDate": timestamp(role.get("CreateDate")),
            "inlinePolicies": [self._inline(call, name) for name in inline],
            "managedPolicyArns": sorted(policy["PolicyArn"] for policy in attached),
            "tags": tag_map(role.get("Tags")),
        }

    @staticmethod
    def _inline(call: Call, name: str) -> Properties:
        document = call.iam.get_role_policy(RoleName=call.id, PolicyName=name)["PolicyDocument"]
        return {"name": name, "policy": policy_text(document)}

    @override
    def remove(self, call: Call) -> None:
        profiles = call.all_pages("iam", "list_instance_profiles_for_role", "InstanceProfiles", RoleName=call.id)
        for profile in profiles:
            call.iam.remove_role_from_instance_profile(
                InstanceProfileName=profile["InstanceProfileName"], RoleName=call.id
            )
        if call.known.get("forceDetachPolicies"):
            self._detach_all(call)
        call.iam.delete_role(RoleName=call.id)

    @staticmethod
    def _detach_all(call: Call) -> None:
        role = {"RoleName": call.id}
        for policy in call.all_pages("iam", "list_attached_role_policies", "AttachedPolicies", **role):
            call.iam.detach_role_policy(**role, PolicyArn=policy["PolicyArn"])
        for name in call.all_pages("iam", "list_role_policies", "PolicyNames", **role):
            call.iam.delete_role_policy(**role, PolicyName=name)


class RolePolicy(AwsResource):
    """A policy written into a role. Its id is "role:name"."""

    pulumi_type = "aws:iam/rolePolicy:RolePolicy"
    inputs: ClassVar = {
        "role": Input(replace=True),
        "policy": DOCUMENT,
        "name": NAME,
        "namePrefix": PREFIX,
    }
    autoname = AutoName()

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        check_documents(new, failures, "policy")

    @override
    def make(self, call: Call) -> str:
        name = name_of(call.new)
        self._put(call, call.new["role"], name)
        return f"{call.new['role']}:{name}"

    @staticmethod
    def _put(call: Call, role: str, name: str) -> None:
        call.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=call.new["policy"])

    @override
    def change(self, call: Call) -> None:
        role, _, name = call.id.partition(":")
        self._put(call, role, name)

    @override
    def describe(self, call: Call) -> Properties | None:
        role, _, name = call.id.partition(":")
        policy = call.iam.get_role_policy(RoleName=role, PolicyName=name)
        return {"role": role, "name": name, "policy": policy_text(policy["PolicyDocument"])}

    @override
    def remove(self, call: Call) -> None:
        role, _, name = call.id.partition(":")
        call.iam.delete_role_policy(RoleName=role, PolicyName=name)


class _Attachment(AwsResource):
    """A managed policy attached to somebody. Its id is "who/arn"."""

    who: ClassVar[str]
    delete_before_replace = True

    def _parts(self, call: Call) -> dict[str, str]:
        who, separator, policy = call.id.partition("/arn:")
        if not separator:
            raise ProviderError(f"unexpected format of ID ({call.id}), expected <{self.who}-name>/<policy_arn>")
        return {f"{self.who.capitalize()}Name": who, "PolicyArn": f"arn:{policy}"}

    @override
    def make(self, call: Call) -> str:
        identity = f"{call.new[self.who]}/{call.new['policyArn']}"
        call.id = identity
        getattr(call.iam, f"attach_{self.who}_policy")(**self._parts(call))
        return identity

    @override
    def describe(self, call: Call) -> Properties | None:
        parts = self._parts(call)
        policy = parts.pop("PolicyArn")
        listed = call.all_pages("iam", f"list_attached_{self.who}_policies", "AttachedPolicies", **parts)
        if not any(attached["PolicyArn"] == policy for attached in listed):
            return None
        return {self.who: next(iter(parts.values())), "policyArn": policy}

    @override
    def remove(self, call: Call) -> None:
        getattr(call.iam, f"detach_{self.who}_policy")(**self._parts(call))


class RolePolicyAttachment(_Attachment):
    """A managed policy attached to a role."""

    pulumi_type = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    who = "role"
    inputs: ClassVar = {"role": Input(replace=True), "policyArn": Input(replace=True)}


class UserPolicyAttachment(_Attachment):
    """A managed policy attached to a user."""

    pulumi_type = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
    who = "user"
    inputs: ClassVar = {"user": Input(replace=True), "policyArn": Input(replace=True)}


class User(IamResource):
    """An IAM user; its keys are nobody's business here."""

    noun = "user"
    parameter = "UserName"
    pulumi_type = "aws:iam/user:User"
    inputs: ClassVar = {
        # AWS can rename a user, but the name is the resource's id, and the engine keeps an id for good.
        "name": Input(replace=True, computed=True),
        "path": Input(default="/"),
        "permissionsBoundary": Input(),
        "forceDestroy": Input(default=False, unread=True),
    }
    autoname = AutoName(prefix_property="name")

    @override
    def make(self, call: Call) -> str:
        name = call.new["name"]
        call.iam.create_user(
            UserName=name, Tags=tag_list(call.new["tags"]), **given(call.new, "path", "permissionsBoundary")
        )
        return name

    @override
    def change(self, call: Call) -> None:
        new, changed = call.new, call.changed
        if "permissionsBoundary" in changed:
            if new.get("permissionsBoundary"):
                call.iam.put_user_permissions_boundary(UserName=call.id, PermissionsBoundary=new["permissionsBoundary"])
            else:
                call.iam.delete_user_permissions_boundary(UserName=call.id)
        if "path" in changed:
            call.iam.update_user(UserName=call.id, NewPath=new["path"])

    @override
    def describe(self, call: Call) -> Properties | None:
        user = call.iam.get_user(UserName=call.id)["User"]
        return {
            **pick(user, "arn", "path", name="UserName", uniqueId="UserId"),
            "permissionsBoundary": user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            "tags": tag_map(user.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        if call.known.get("forceDestroy"):
            keys = call.all_pages("iam", "list_access_keys", "AccessKeyMetadata", UserName=call.id)
            for key in keys:
                call.iam.delete_access_key(UserName=call.id, AccessKeyId=key["AccessKeyId"])
        call.iam.delete_user(UserName=call.id)
