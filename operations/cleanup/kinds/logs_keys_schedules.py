"""Log groups, KMS keys and the schedules of the lab's end: one small service each."""

from __future__ import annotations

from collections.abc import Iterator

from clients.aws_responses import if_there, pages, tags, when
from operations.cleanup import ownership
from operations.cleanup.model import Client, Kind, Lab, Says, Thing

_PREFIXES = ("/aws/eks/", "/aws/containerinsights/")
_KEY_WINDOW_DAYS = 7
"""The shortest that KMS takes."""

_GONE_KEYS = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


def _log_groups(client: Client, lab: Lab) -> Iterator[Thing]:
    logs = client("logs")
    for prefix in _PREFIXES:
        for group in pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=f"{prefix}{lab.cluster}/"):
            kept = group.get("retentionInDays")
            arn = group["arn"].removesuffix(":*")
            answer = if_there(lambda arn=arn: logs.list_tags_for_resource(resourceArn=arn))
            if answer is None:
                continue
            yield Thing(
                id=group["logGroupName"],
                name=group["logGroupName"],
                tags=answer["tags"],
                size=f"{group.get('storedBytes', 0) / 1e6:.1f} MB, kept {f'{kept} days' if kept else 'for ever'}",
                created=when(group.get("creationTime")),
            )


def _aliases(client: Client, lab: Lab) -> Iterator[Thing]:
    del lab
    for alias in pages(client("kms"), "list_aliases", "Aliases"):
        if not alias["AliasName"].startswith("alias/aws/"):
            yield Thing(id=alias["AliasName"], name=alias["AliasName"], created=when(alias.get("CreationDate")))


def _keys(client: Client, lab: Lab) -> Iterator[Thing]:
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
        yield Thing(
            id=key["KeyId"],
            name=key.get("Description", ""),
            tags=tags(mapping.get("Tags")),
            created=when(key.get("CreationDate")),
            state=key["KeyState"],
        )


def _schedules(client: Client, lab: Lab) -> Iterator[Thing]:
    found = pages(client("scheduler"), "list_schedules", "Schedules", NamePrefix=f"{lab.cluster}-expiry-")
    for schedule in found:
        group = schedule.get("GroupName", "default")
        yield Thing(
            id=schedule["Name"],
            name=schedule["Name"],
            created=when(schedule.get("CreationDate")),
            state=schedule.get("State", ""),
            owner=group,
            recorded_id=f"{group}/{schedule['Name']}",
        )


def _delete_log_group(client: Client, thing: Thing) -> None:
    client("logs").delete_log_group(logGroupName=thing.id)


def _delete_key(client: Client, thing: Thing) -> None:
    client("kms").schedule_key_deletion(KeyId=thing.id, PendingWindowInDays=_KEY_WINDOW_DAYS)


def _delete_schedule(client: Client, thing: Thing) -> None:
    client("scheduler").delete_schedule(Name=thing.id, GroupName=thing.owner)


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
    lambda client, thing: client("kms").delete_alias(AliasName=thing.id),
    ownership.key_alias,
    "aws:kms/alias:Alias",
    names=Says.LAB,
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
    names=Says.NOTHING,
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
    names=Says.LAB,
)
