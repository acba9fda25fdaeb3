"""Secrets Manager's secrets and their values.

Replacement and defaults: Terraform AWS provider 6, resources aws_secretsmanager_secret and
aws_secretsmanager_secret_version.
"""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import given, pick, tag_list, tag_map
from rehearsal.providers.aws.base import AwsResource, Strings
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.iam_roles import NAME, PREFIX, name_of
from rehearsal.providers.aws.naming import AutoName
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure

_CURRENT = "AWSCURRENT"
_DEFAULT_WINDOW_DAYS = 30


class Secret(AwsResource):
    """A secret without its value. Its id is its ARN."""

    pulumi_type = "aws:secretsmanager/secret:Secret"
    inputs: ClassVar = {
        "name": NAME,
        "namePrefix": PREFIX,
        "description": Input(),
        "kmsKeyId": Input(),
        "recoveryWindowInDays": Input(default=_DEFAULT_WINDOW_DAYS, unread=True),
    }
    autoname = AutoName(longest=512)

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        days = new.get("recoveryWindowInDays")
        if isinstance(days, int) and days and not 7 <= days <= _DEFAULT_WINDOW_DAYS:
            failures.append(
                CheckFailure("recoveryWindowInDays", f"expected to be 0 or in the range (7 - 30), got {days}")
            )

    @override
    def make(self, call: Call) -> str:
        made = call.client("secretsmanager").create_secret(
            Name=name_of(call.new), Tags=tag_list(call.new["tags"]), **given(call.new, "description", "kmsKeyId")
        )
        return made["ARN"]

    @override
    def change(self, call: Call) -> None:
        if call.changed & {"description", "kmsKeyId"}:
            call.client("secretsmanager").update_secret(
                SecretId=call.id, Description=call.new.get("description", ""), **given(call.new, "kmsKeyId")
            )

    @override
    def retag(self, call: Call, put: Strings, drop: list[str]) -> None:
        if drop:
            call.client("secretsmanager").untag_resource(SecretId=call.id, TagKeys=drop)
        if put:
            call.client("secretsmanager").tag_resource(SecretId=call.id, Tags=tag_list(put))

    @override
    def describe(self, call: Call) -> Properties | None:
        secret = call.client("secretsmanager").describe_secret(SecretId=call.id)
        if secret.get("DeletedDate"):
            return None
        return {
            **pick(secret, "name", arn="ARN"),
            "description": secret.get("Description", ""),
            "kmsKeyId": secret.get("KmsKeyId", ""),
            "tags": tag_map(secret.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        days = call.known.get("recoveryWindowInDays", _DEFAULT_WINDOW_DAYS)
        how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        call.client("secretsmanager").delete_secret(SecretId=call.id, **how)


class SecretVersion(AwsResource):
    """A secret's value. Its id is "secret's ARN|version"."""

    pulumi_type = "aws:secretsmanager/secretVersion:SecretVersion"
    inputs: ClassVar = {"secretId": Input(replace=True), "secretString": Input(replace=True)}

    @override
    def make(self, call: Call) -> str:
        made = call.client("secretsmanager").put_secret_value(
            SecretId=call.new["secretId"], SecretString=call.new["secretString"]
        )
        return f"{made['ARN']}|{made['VersionId']}"

    @override
    def describe(self, call: Call) -> Properties | None:
        secret, _, version = call.id.rpartition("|")
        found = call.client("secretsmanager").get_secret_value(SecretId=secret, VersionId=version)
        return {
            **pick(found, "versionId", "versionStages", "secretString", arn="ARN"),
            # The program may name the secret by its name, too.
            "secretId": call.known.get("secretId") or secret,
        }

    @override
    def remove(self, call: Call) -> None:
        """Take its labels off; without any, AWS drops it. The current value goes with its secret alone."""
        secret, _, version = call.id.rpartition("|")
        manager = call.client("secretsmanager")
        listed = manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
        for label in listed.get(version, ()):
            if label != _CURRENT:
                manager.update_secret_version_stage(SecretId=secret, VersionStage=label, RemoveFromVersionId=version)
