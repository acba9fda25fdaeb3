"""KMS keys and aliases, and CloudWatch log groups.

Replacement and defaults: Terraform AWS provider 6, resources aws_kms_key,
aws_kms_alias, aws_cloudwatch_log_group.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import given, pick
from rehearsal.providers.aws.base import AwsResource, Strings
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.iam_roles import NAME, PREFIX, check_documents, name_of
from rehearsal.providers.aws.naming import AutoName
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure

_ALIAS = "alias/"
_DEFAULT_WINDOW_DAYS = 30


class Key(AwsResource):
    """A KMS key. Deleting it only schedules the deletion, as on AWS."""

    pulumi_type = "aws:kms/key:Key"
    inputs: ClassVar = {
        "description": Input(computed=True),
        "policy": Input(document=True, computed=True),
        "keyUsage": Input(replace=True, default="ENCRYPT_DECRYPT"),
        "customerMasterKeySpec": Input(replace=True, default="SYMMETRIC_DEFAULT"),
        "multiRegion": Input(replace=True, computed=True),
        "isEnabled": Input(default=True),
        "enableKeyRotation": Input(default=False),
        "rotationPeriodInDays": Input(computed=True),
        "deletionWindowInDays": Input(unread=True),
        "bypassPolicyLockoutSafetyCheck": Input(default=False, unread=True),
    }

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        check_documents(new, failures, "policy")
        window = new.get("deletionWindowInDays", _DEFAULT_WINDOW_DAYS)
        if isinstance(window, int) and not 7 <= window <= _DEFAULT_WINDOW_DAYS:
            failures.append(CheckFailure("deletionWindowInDays", f"expected to be in the range (7 - 30), got {window}"))

    @override
    def make(self, call: Call) -> str:
        made = call.client("kms").create_key(
            KeyUsage=call.new["keyUsage"],
            KeySpec=call.new["customerMasterKeySpec"],
            Tags=_key_tags(call.new["tags"]),
            **given(call.new, "description", "policy", "multiRegion"),
        )
        return made["KeyMetadata"]["KeyId"]

    @override
    def settle(self, call: Call) -> None:
        if not call.unfinished:
            return
        if call.new["enableKeyRotation"]:
            self._rotate(call)
        if not call.new["isEnabled"]:
            call.client("kms").disable_key(KeyId=call.id)

    @staticmethod
    def _rotate(call: Call) -> None:
        kms = call.client("kms")
        if call.new["enableKeyRotation"]:
            kms.enable_key_rotation(KeyId=call.id, **given(call.new, "rotationPeriodInDays"))
        else:
            kms.disable_key_rotation(KeyId=call.id)

    @override
    def change(self, call: Call) -> None:
        kms, new, changed = call.client("kms"), call.new, call.changed
        if "isEnabled" in changed and new["isEnabled"]:
            kms.enable_key(KeyId=call.id)
        if changed & {"enableKeyRotation", "rotationPeriodInDays"}:
            self._rotate(call)
        if "description" in changed:
            kms.update_key_description(KeyId=call.id, Description=new.get("description", ""))
        if "policy" in changed:
            kms.put_key_policy(
                KeyId=call.id,
                PolicyName="default",
                Policy=new["policy"],
                BypassPolicyLockoutSafetyCheck=new["bypassPolicyLockoutSafetyCheck"],
            )
        if "isEnabled" in changed and not new["isEnabled"]:
            kms.disable_key(KeyId=call.id)

    @override
    def retag(self, call: Call, put: Strings, drop: list[str]) -> None:
        if drop:
            call.client("kms").untag_resource(KeyId=call.id, TagKeys=drop)
        if put:
            call.client("kms").tag_resource(KeyId=call.id, Tags=_key_tags(put))

    @override
    def describe(self, call: Call) -> Properties | None:
        kms = call.client("kms")
        key = kms.describe_key(KeyId=call.id)["KeyMetadata"]
        if key["KeyState"] == "PendingDeletion":
            return None
        rotation = kms.get_key_rotation_status(KeyId=call.id)
        tags = call.all_pages("kms", "list_resource_tags", "Tags", KeyId=call.id)
        return {
            **pick(key, "arn", "keyId", "description", "keyUsage", customerMasterKeySpec="KeySpec"),
            "isEnabled": key["Enabled"],
            "multiRegion": key.get("MultiRegion", False),
            "enableKeyRotation": rotation["KeyRotationEnabled"],
            "rotationPeriodInDays": rotation.get("RotationPeriodInDays", 0),
            "policy": kms.get_key_policy(KeyId=call.id, PolicyName="default")["Policy"],
            "tags": {tag["TagKey"]: tag["TagValue"] for tag in tags},
        }

    @override
    def remove(self, call: Call) -> None:
        days = call.known.get("deletionWindowInDays") or _DEFAULT_WINDOW_DAYS
        call.client("kms").schedule_key_deletion(KeyId=call.id, PendingWindowInDays=days)


def _key_tags(tags: Strings) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in sorted(tags.items())]


class Alias(AwsResource):
    """A name for a key. Its id is the name."""

    pulumi_type = "aws:kms/alias:Alias"
    inputs: ClassVar = {"name": NAME, "namePrefix": PREFIX, "targetKeyId": Input()}
    autoname = AutoName(longest=238, begins=_ALIAS)

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        for name in ("name", "namePrefix"):
            if isinstance(new.get(name), str) and not new[name].startswith(_ALIAS):
                failures.append(CheckFailure(name, f"must begin with '{_ALIAS}'"))

    @override
    def make(self, call: Call) -> str:
        name = name_of(call.new)
        call.client("kms").create_alias(AliasName=name, TargetKeyId=call.new["targetKeyId"])
        return name

    @override
    def change(self, call: Call) -> None:
        call.client("kms").update_alias(AliasName=call.id, TargetKeyId=call.new["targetKeyId"])

    @override
    def describe(self, call: Call) -> Properties | None:
        aliases = call.all_pages("kms", "list_aliases", "Aliases")
        alias: dict[str, Any] | None = next((a for a in aliases if a["AliasName"] == call.id), None)
        if alias is None:
            return None
        key = call.client("kms").describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]
        known = call.known.get("targetKeyId")
        return {
            "name": alias["AliasName"],
            "arn": alias["AliasArn"],
            "targetKeyArn": key["Arn"],
            # The program may name the key by its id or its ARN.
            "targetKeyId": known if known in (key["Arn"], key["KeyId"]) else key["KeyId"],
        }

    @override
    def remove(self, call: Call) -> None:
        call.client("kms").delete_alias(AliasName=call.id)


class LogGroup(AwsResource):
    """A log group. Its id is its name; retention 0 means for ever."""

    pulumi_type = "aws:cloudwatch/logGroup:LogGroup"
    inputs: ClassVar = {
        "name": NAME,
        "namePrefix": PREFIX,
        "retentionInDays": Input(default=0),
        "kmsKeyId": Input(),
        "logGroupClass": Input(replace=True, computed=True),
        "skipDestroy": Input(default=False, unread=True),
    }
    autoname = AutoName()

    @override
    def make(self, call: Call) -> str:
        name = name_of(call.new)
        call.client("logs").create_log_group(
            logGroupName=name,
            tags=call.new["tags"],
            **given(call.new, kmsKeyId="kmsKeyId", logGroupClass="logGroupClass"),
        )
        return name

    @override
    def settle(self, call: Call) -> None:
        if call.unfinished and call.new["retentionInDays"]:
            self._retain(call)

    @staticmethod
    def _retain(call: Call) -> None:
        days = call.new["retentionInDays"]
        if days:
            call.client("logs").put_retention_policy(logGroupName=call.id, retentionInDays=days)
        else:
            call.client("logs").delete_retention_policy(logGroupName=call.id)

    @override
    def change(self, call: Call) -> None:
        if "retentionInDays" in call.changed:
            self._retain(call)
        if "kmsKeyId" in call.changed:
            if call.new.get("kmsKeyId"):
                call.client("logs").associate_kms_key(logGroupName=call.id, kmsKeyId=call.new["kmsKeyId"])
            else:
                call.client("logs").disassociate_kms_key(logGroupName=call.id)

    @override
    def retag(self, call: Call, put: Strings, drop: list[str]) -> None:
        arn = call.outputs["arn"]
        if drop:
            call.client("logs").untag_resource(resourceArn=arn, tagKeys=drop)
        if put:
            call.client("logs").tag_resource(resourceArn=arn, tags=put)

    @override
    def describe(self, call: Call) -> Properties | None:
        groups = call.all_pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=call.id)
        group: dict[str, Any] | None = next((g for g in groups if g["logGroupName"] == call.id), None)
        if group is None:
            return None
        arn = group["arn"].removesuffix(":*")
        return {
            "name": call.id,
            "arn": arn,
            "retentionInDays": group.get("retentionInDays", 0),
            "kmsKeyId": group.get("kmsKeyId", ""),
            "logGroupClass": group.get("logGroupClass", "STANDARD"),
            "tags": call.client("logs").list_tags_for_resource(resourceArn=arn).get("tags", {}),
        }

    @override
    def remove(self, call: Call) -> None:
        if call.known.get("skipDestroy"):
            call.ctx.log(f"{call.id} stays in AWS, as skipDestroy says.")
            return
        call.client("logs").delete_log_group(logGroupName=call.id)
