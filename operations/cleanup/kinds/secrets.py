"""Secrets in Secrets Manager: one for exercise K08, with an invented value."""

from __future__ import annotations

from collections.abc import Iterator

from clients.aws_responses import pages, tags, when
from operations.cleanup import ownership
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, NameEvidence, Resource


def _secrets(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    named = [{"Key": "tag-key", "Values": [ownership.LAB_TAG]}, {"Key": "tag-value", "Values": [lab.id]}]
    for secret in pages(client("secretsmanager"), "list_secrets", "SecretList", Filters=named):
        yield Resource(
            id=secret["ARN"],
            name=secret["Name"],
            tags=tags(secret.get("Tags")),
            created=when(secret.get("CreatedDate")),
        )


def _delete(client: ClientFactory, resource: Resource) -> None:
    # A deletion that can be taken back keeps the name for a week at least: a new lab could not take it.
    client("secretsmanager").delete_secret(SecretId=resource.id, ForceDeleteWithoutRecovery=True)


SECRETS = Kind(
    "secret",
    "secrets",
    "secretsmanager",
    ("secretsmanager:ListSecrets",),
    "billed by the month; a new lab could not take its name",
    _secrets,
    _delete,
    ownership.nameless,
    "aws:secretsmanager/secret:Secret",
    names=NameEvidence.NOTHING,
)
