"""Takes away the log group that EKS made again after an earlier lab was gone, so that the new lab can make its own.

The last lines of a control plane reach CloudWatch Logs minutes after the cluster is gone, and EKS makes the group for
them again: without tags, kept for ever (terraform-aws-eks issues 2446 and 2763 tell it from CloudTrail, seen 2026-11).
No teardown order helps against that, and the next evening's lab could not create a group of that name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi
from botocore.exceptions import BotoCoreError, ClientError

from clients.aws import ClientFactory, clients
from clients.aws_responses import if_there
from infra.lab_tag import LAB_TAG


def hook(profile: str | None, region: str) -> pulumi.ResourceHook:
    """A hook to be run before a log group is created.

    What it cannot ask or delete it leaves: the creation itself then tells what is in the way.

    Args:
        profile: AWS profile, as the engine's provider has it; None: the environment's.
        region: AWS region of the group.
    """

    async def clear(args: pulumi.ResourceHookArgs) -> None:
        inputs: Mapping[str, Any] = args.new_inputs or {}
        # In a thread: the program's other resources go on.
        await asyncio.to_thread(delete_remains, clients(profile, region), str(inputs["name"]))

    return pulumi.ResourceHook("log-group-remains", clear, pulumi.ResourceHookOptions(ignore_errors=True))


def delete_remains(client: ClientFactory, name: str) -> bool:
    """Delete the group of that name if EKS left it: no tag of a lab, no retention, which every lab's has, no cluster.

    Args:
        client: makes clients.
        name: of the group, `/aws/eks/CLUSTER/cluster`.

    Returns whether there was one. Raises nothing for what AWS refuses.
    """
    logs = client("logs")
    try:
        found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        group = next((one for one in found if one["logGroupName"] == name), None)
        if group is None or "retentionInDays" in group:
            return False
        # The ARN for tags is the one without the streams.
        arn = group["arn"].removesuffix(":*")
        if logs.list_tags_for_resource(resourceArn=arn)["tags"].get(LAB_TAG):
            return False
        # A cluster that stands writes into it: the group may be a colleague's.
        if if_there(lambda: client("eks").describe_cluster(name=name.split("/")[3])):
            return False
        logs.delete_log_group(logGroupName=name)
    except (BotoCoreError, ClientError) as error:
        pulumi.log.info(f"The log group {name} could not be looked at: {error}")
        return False
    pulumi.log.info(f"The log group {name} that EKS left behind after an earlier lab is deleted.")
    return True
