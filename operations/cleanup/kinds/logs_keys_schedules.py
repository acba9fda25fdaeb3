"""Log groups, KMS keys and the schedules of the lab's end: one small service each."""

from __future__ import annotations

from collections.abc import Iterator

from clients.aws_responses import if_there, pages, tags, when
from operations.cleanup import ownership
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, NameEvidence, Resource

_PREFIXES = ("/aws/eks/", "/aws/containerinsights/")
_KEY_WINDOW_DAYS = 7
"""The shortest that KMS takes."""

_GONE_KEYS = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


def _log_groups(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    logs = client("logs")
    for prefix in _PREFIXES:
        for group in pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=f"{prefix}{lab.cluster}/"):
            kept = group.get("retentionInDays")
            arn = group["arn"].removesuffix(":*")
            answer = if_there(lambda arn=arn: logs.list_tags_for_resource(resourceArn=arn))
            if answer is None:
                continue
            yield Resource(
                id=group["logGroupName"],
                name=group["logGroupName"],
                tags=answer["tags"],
                size=f"{group.get('storedBytes', 0) / 1e6:.1f} MB, kept {f'{kept} days' if kept else 'for ever'}",
                created=when(group.get("creationTime")),
            )


def _aliases(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for alias in pages(client("kms"), "list_aliases", "Aliases"):
        if not alias["AliasName"].startswith("alias/aws/"):
            yield Resource(id=alias["AliasName"], name=alias["AliasName"], created=when(alias.get("CreationDate")))


def _keys(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    """By the tagging API: a question to each key of the account would meet key policies that refuse it."""
    mappings = pages(
        client("resourcegroupstaggingapi"),
        "get_resources",
        "ResourceTagMappingList",
        ResourceTypeFilters=["kms:key"],
        TagFilters=[{"Key": ownership.LAB_TAG, "Values": [lab.id]}],
    )
    for mapping in mappings:
        key_id = mapping["ResourceARN"].rpartition("/")[2]
        answer = if_there(lambda key_id=key_id: client("kms").describe_key(KeyId=key_id))
        if answer is None or answer["KeyMetadata"]["KeyState"] in _GONE_KEYS:
            continue
        key = answer["KeyMetadata"]
        yield Resource(
            id=key["KeyId"],
            name=key.get("Description", ""),
            tags=tags(mapping.get("Tags")),
            created=when(key.get("CreationDate")),
            state=key["KeyState"],
        )


def _schedules(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    found = pages(client("scheduler"), "list_schedules", "Schedules", NamePrefix=f"{lab.cluster}-expiry-")
    for schedule in found:
        group = schedule.get("GroupName", "default")
        yield Resource(
            id=schedule["Name"],
            name=schedule["Name"],
            created=when(schedule.get("CreationDate")),
            state=schedule.get("State", ""),
            owner=group,
            recorded_id=f"{group}/{schedule['Name']}",
        )


def _delete_log_group(client: ClientFactory, resource: Resource) -> None:
    client("logs").delete_log_group(logGroupName=resource.id)


def _delete_key(client: ClientFactory, resource: Resource) -> None:
    client("kms").schedule_key_deletion(KeyId=resource.id, PendingWindowInDays=_KEY_WINDOW_DAYS)


def _delete_schedule(client: ClientFactory, resource: Resource) -> None:
    client("scheduler").delete_schedule(Name=resource.id, GroupName=resource.owner)


LOG_GROUPS = Kind(
    "log group",
    "log groups",
    "logs",
    ("logs:DescribeLogGroups", "logs:ListTagsForResource"),
    "billed by the GB and month",
    _log_groups,
    _delete_log_group,
    ownership.log_group,
    "aws:cloudwatch/logGroup:LogGroup",
    data=True,
)
ALIASES = Kind(
    "KMS alias",
    "KMS aliases",
    "kms",
    ("kms:ListAliases",),
    "costs nothing; a new lab could not take it",
    _aliases,
    lambda client, resource: client("kms").delete_alias(AliasName=resource.id),
    ownership.key_alias,
    "aws:kms/alias:Alias",
    names=NameEvidence.LAB,
)
KEYS = Kind(
    "KMS key",
    "KMS keys",
    "kms",
    ("tag:GetResources", "kms:DescribeKey"),
    "billed by the month, until its deletion is asked for",
    _keys,
    _delete_key,
    ownership.nameless,
    "aws:kms/key:Key",
    names=NameEvidence.NOTHING,
)
SCHEDULES = Kind(
    "schedule",
    "schedules",
    "scheduler",
    ("scheduler:ListSchedules",),
    "costs nothing; would end a new lab of this name",
    _schedules,
    _delete_schedule,
    ownership.schedule,
    "aws:scheduler/schedule:Schedule",
    names=NameEvidence.LAB,
)
