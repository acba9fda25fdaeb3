"""What EKS left of an earlier lab's log group goes; a group that is anybody's stays."""

from typing import Any

import pytest

from infra.log_group_hook import delete_remains
from tests.unit.mocks import Graph
from tests.unit.operations.cleanup.stubbed import Call, stubbed

NAME = "/aws/eks/myeks/cluster"
ARN = f"arn:aws:logs:ap-northeast-2:111122223333:log-group:{NAME}"
LIST = {"logGroupNamePrefix": NAME}
TAGS = {"resourceArn": ARN}


def groups(*found: dict[str, Any]) -> Call:
    return Call("logs", "describe_log_groups", LIST, {"logGroups": list(found)})


def group(name: str = NAME, **more: Any) -> dict[str, Any]:
    return {"logGroupName": name, "arn": f"{ARN.replace(NAME, name)}:*", **more}


def tags(**found: str) -> Call:
    return Call("logs", "list_tags_for_resource", TAGS, {"tags": found})


GONE = Call("eks", "describe_cluster", {"name": "myeks"}, "ResourceNotFoundException")
STANDS = Call("eks", "describe_cluster", {"name": "myeks"}, {"cluster": {"name": "myeks", "status": "ACTIVE"}})
DELETE = {"logGroupName": NAME}


@pytest.mark.parametrize(
    ("calls", "deleted"),
    [
        ([groups(group(), group(f"{NAME}-two")), tags(), GONE, Call("logs", "delete_log_group", DELETE, {})], True),
        ([groups()], False),
        ([groups(group(f"{NAME}-two"))], False),
        ([groups(group(retentionInDays=7))], False),
        ([groups(group()), tags(**{"myeks:lab": "ap-northeast-2/myeks"})], False),
        # A colleague's cluster of the same name writes into it.
        ([groups(group()), tags(), STANDS], False),
        ([groups(group()), tags(), Call("eks", "describe_cluster", {"name": "myeks"}, "AccessDeniedException")], False),
        ([Call("logs", "describe_log_groups", LIST, "AccessDeniedException")], False),
        ([groups(group()), Call("logs", "list_tags_for_resource", TAGS, "AccessDeniedException")], False),
        ([groups(group()), tags(), GONE, Call("logs", "delete_log_group", DELETE, "AccessDeniedException")], False),
    ],
)
def test_only_a_group_of_eks_own_is_deleted(calls: list[Call], deleted: bool) -> None:
    client, stubbers = stubbed(calls)
    assert delete_remains(client, NAME) is deleted
    for stubber in stubbers:
        stubber.assert_no_pending_responses()


def test_the_clusters_log_group_is_made_after_that(default: Graph) -> None:
    group = default.one(":LogGroup")
    assert group.inputs["name"] == NAME
    assert group.options["beforeCreate"] == ["log-group-remains"]
    assert "log-group-remains" in default.hooks
