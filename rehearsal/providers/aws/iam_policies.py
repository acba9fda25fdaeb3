"""IAM managed policies, instance profiles and OpenID Connect providers.

Replacement and defaults: Terraform AWS provider 6, resources aws_iam_policy,
aws_iam_instance_profile, aws_iam_openid_connect_provider.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import given, pick, tag_list, tag_map
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.iam import IamResource
from rehearsal.providers.aws.iam_roles import DOCUMENT, NAME, PREFIX, check_documents, name_of, policy_text, timestamp
from rehearsal.providers.aws.naming import AutoName
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure

_VERSIONS = 5  # IAM keeps no more versions of a policy (IAM User Guide, "IAM and AWS STS quotas")


class Policy(IamResource):
    """A managed policy; each change is a new default version."""

    noun = "policy"
    parameter = "PolicyArn"
    pulumi_type = "aws:iam/policy:Policy"
    inputs: ClassVar = {
        "policy": DOCUMENT,
        "name": NAME,
        "namePrefix": PREFIX,
        "path": Input(replace=True, default="/"),
        "description": Input(replace=True),
        "delayAfterPolicyCreationInMs": Input(unread=True),
    }
    autoname = AutoName()

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        check_documents(new, failures, "policy")

    @override
    def make(self, call: Call) -> str:
        made = call.iam.create_policy(
            PolicyName=name_of(call.new),
            PolicyDocument=call.new["policy"],
            Tags=tag_list(call.new["tags"]),
            **given(call.new, "path", "description"),
        )
        return made["Policy"]["Arn"]

    @override
    def change(self, call: Call) -> None:
        if "policy" not in call.changed:
            return
        others = [version for version in self._versions(call) if not version["IsDefaultVersion"]]
        if len(others) >= _VERSIONS - 1:
            oldest = min(others, key=lambda version: version["CreateDate"])
            call.iam.delete_policy_version(PolicyArn=call.id, VersionId=oldest["VersionId"])
        call.iam.create_policy_version(PolicyArn=call.id, PolicyDocument=call.new["policy"], SetAsDefault=True)

    @staticmethod
    def _versions(call: Call) -> list[dict[str, Any]]:
        return call.all_pages("iam", "list_policy_versions", "Versions", PolicyArn=call.id)

    @override
    def describe(self, call: Call) -> Properties | None:
        policy = call.iam.get_policy(PolicyArn=call.id)["Policy"]
        version = call.iam.get_policy_version(PolicyArn=call.id, VersionId=policy["DefaultVersionId"])
        return {
            **pick(policy, "arn", "path", "policyId", "attachmentCount", name="PolicyName"),
            "description": policy.get("Description", ""),
            "policy": policy_text(version["PolicyVersion"]["Document"]),
            "tags": tag_map(policy.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        for version in self._versions(call):
            if not version["IsDefaultVersion"]:
                call.iam.delete_policy_version(PolicyArn=call.id, VersionId=version["VersionId"])
        call.iam.delete_policy(PolicyArn=call.id)


class InstanceProfile(IamResource):
    """What gives an instance its role."""

    noun = "instance_profile"
    parameter = "InstanceProfileName"
    pulumi_type = "aws:iam/instanceProfile:InstanceProfile"
    inputs: ClassVar = {
        "name": NAME,
        "namePrefix": PREFIX,
        "path": Input(replace=True, default="/"),
        "role": Input(),
    }
    autoname = AutoName()

    @override
    def make(self, call: Call) -> str:
        name = name_of(call.new)
        call.iam.create_instance_profile(
            InstanceProfileName=name, Tags=tag_list(call.new["tags"]), **given(call.new, "path")
        )
        return name

    @override
    def settle(self, call: Call) -> None:
        seen = self.describe(call) if call.unfinished else None
        if seen and not seen["role"] and call.new.get("role"):
            self._add(call)

    @staticmethod
    def _add(call: Call) -> None:
        call.iam.add_role_to_instance_profile(InstanceProfileName=call.id, RoleName=call.new["role"])

    @staticmethod
    def _take_off(call: Call, role: str) -> None:
        call.iam.remove_role_from_instance_profile(InstanceProfileName=call.id, RoleName=role)

    @override
    def change(self, call: Call) -> None:
        if call.old.get("role"):
            self._take_off(call, call.old["role"])
        if call.new.get("role"):
            self._add(call)

    @override
    def describe(self, call: Call) -> Properties | None:
        profile = call.iam.get_instance_profile(InstanceProfileName=call.id)["InstanceProfile"]
        roles = profile.get("Roles", [])
        return {
            **pick(profile, "arn", "path", name="InstanceProfileName", uniqueId="InstanceProfileId"),
            "role": roles[0]["RoleName"] if roles else "",
            "createDate": timestamp(profile.get("CreateDate")),
            "tags": tag_map(profile.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        seen = self.describe(call)
        if seen and seen["role"]:
            self._take_off(call, seen["role"])
        call.iam.delete_instance_profile(InstanceProfileName=call.id)


class OpenIdConnectProvider(IamResource):
    """An issuer of tokens that IAM trusts. Its id is its ARN."""

    noun = "open_id_connect_provider"
    parameter = "OpenIDConnectProviderArn"
    pulumi_type = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    inputs: ClassVar = {
        "url": Input(replace=True),
        "clientIdLists": Input(unordered=True),
        "thumbprintLists": Input(computed=True),
    }

    @override
    def make(self, call: Call) -> str:
        made = call.iam.create_open_id_connect_provider(
            Url=call.new["url"],
            ClientIDList=call.new["clientIdLists"],
            Tags=tag_list(call.new["tags"]),
            **given(call.new, thumbprintLists="ThumbprintList"),
        )
        return made["OpenIDConnectProviderArn"]

    @override
    def change(self, call: Call) -> None:
        provider = {"OpenIDConnectProviderArn": call.id}
        if "thumbprintLists" in call.changed and call.new.get("thumbprintLists"):
            call.iam.update_open_id_connect_provider_thumbprint(**provider, ThumbprintList=call.new["thumbprintLists"])
        was, now = set(call.old.get("clientIdLists", [])), set(call.new["clientIdLists"])
        for client in sorted(now - was):
            call.iam.add_client_id_to_open_id_connect_provider(**provider, ClientID=client)
        for client in sorted(was - now):
            call.iam.remove_client_id_from_open_id_connect_provider(**provider, ClientID=client)

    @override
    def describe(self, call: Call) -> Properties | None:
        provider = call.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=call.id)
        url = provider.get("Url", "").removeprefix("https://")
        known = call.known.get("url", "")
        return {
            "arn": call.id,
            # IAM keeps the URL without its scheme.
            "url": known if known.removeprefix("https://") == url else f"https://{url}",
            "clientIdLists": provider.get("ClientIDList", []),
            "thumbprintLists": provider.get("ThumbprintList", []),
            "tags": tag_map(provider.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        call.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=call.id)
