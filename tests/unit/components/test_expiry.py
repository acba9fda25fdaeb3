"""The lab's end: one schedule for each thing that costs by the hour, with rights on that thing alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from parliament import analyze_policy_string

from components.expiry import Expiry, ExpiryArgs
from components.policies import Scope
from tests.unit.mocks import ACCOUNT, REGION, Graph, run

SEOUL = timezone(timedelta(hours=9))
ENDS = datetime(2026, 11, 25, 6, 5, tzinfo=SEOUL)  # 21:05 UTC the day before


def graph(**changes: Any) -> Graph:
    args: dict[str, Any] = {
        "expires": ENDS,
        "scope": Scope("aws", REGION, ACCOUNT),
        "cluster_name": "myeks",
        "node_group_name": "ng1",
        "instance_ids": ["i-1", "i-2"],
        "nat_gateway_ids": ["nat-1"],
        "address_ids": ["eipalloc-1"],
        **changes,
    }

    def program() -> None:
        Expiry("expiry", ExpiryArgs(**args))

    return run(program)


@pytest.fixture(scope="module")
def ends() -> Graph:
    return graph()


def test_everything_that_costs_by_the_hour_has_its_schedule(ends: Graph) -> None:
    calls = {
        node.name: (node.inputs["target"]["arn"].rpartition("aws-sdk:")[2], json.loads(node.inputs["target"]["input"]))
        for node in ends.of(":Schedule")
    }
    assert calls == {
        "expiry-nodes": ("eks:deleteNodegroup", {"ClusterName": "myeks", "NodegroupName": "ng1"}),
        "expiry-cluster": ("eks:deleteCluster", {"Name": "myeks"}),
        "expiry-instance-1": ("ec2:terminateInstances", {"InstanceIds": ["i-1"]}),
        "expiry-instance-2": ("ec2:terminateInstances", {"InstanceIds": ["i-2"]}),
        "expiry-nat-1": ("ec2:deleteNatGateway", {"NatGatewayId": "nat-1"}),
        "expiry-address-1": ("ec2:releaseAddress", {"AllocationId": "eipalloc-1"}),
    }


def test_they_begin_at_the_end_of_the_lab_in_utc_and_go_on_for_six_hours(ends: Graph) -> None:
    for node in ends.of(":Schedule"):
        assert node.inputs["startDate"] == "2026-11-24T21:05:00Z"
        assert node.inputs["endDate"] == "2026-11-25T03:05:00Z"
        assert node.inputs["scheduleExpression"] == "rate(15 minutes)"
        assert node.inputs["flexibleTimeWindow"] == {"mode": "OFF"}


def test_the_role_may_delete_these_things_and_nothing_else(ends: Graph) -> None:
    policy = json.loads(ends.one(":RolePolicy").inputs["policy"])
    rights = {(s["Action"][0], s["Resource"][0]) for s in policy["Statement"]}
    arn = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:{{}}"
    assert rights == {
        ("eks:DeleteNodegroup", arn.format("eks", "nodegroup/myeks/ng1/*")),
        ("eks:DeleteCluster", arn.format("eks", "cluster/myeks")),
        ("ec2:TerminateInstances", arn.format("ec2", "instance/i-1")),
        ("ec2:TerminateInstances", arn.format("ec2", "instance/i-2")),
        ("ec2:DeleteNatGateway", arn.format("ec2", "natgateway/nat-1")),
        ("ec2:ReleaseAddress", arn.format("ec2", "elastic-ip/eipalloc-1")),
    }
    findings = analyze_policy_string(json.dumps(policy)).findings
    assert findings == []


def test_only_schedules_of_this_account_take_the_role(ends: Graph) -> None:
    (statement,) = json.loads(ends.one("iam/role:Role").inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_schedules_stand_while_their_rights_do(ends: Graph) -> None:
    rights = ends.one(":RolePolicy")
    assert all(ends.outlives(rights, schedule) for schedule in ends.of(":Schedule"))


def test_what_is_not_there_has_no_schedule() -> None:
    cluster = graph(nat_gateway_ids=[], instance_ids=[], address_ids=[])
    assert {node.name for node in cluster.of(":Schedule")} == {"expiry-nodes", "expiry-cluster"}
    more = graph(more_node_groups=["own"])
    own = json.loads(more.one(":Schedule", "expiry-nodes-own").inputs["target"]["input"])
    assert own == {"ClusterName": "myeks", "NodegroupName": "own"}
    assert "nodegroup/myeks/own/*" in more.one(":RolePolicy").inputs["policy"]
    servers = graph(node_group_name="", nat_gateway_ids=[])
    assert {node.name.rpartition("-")[0] for node in servers.of(":Schedule")} == {"expiry-instance", "expiry-address"}


def test_utc_stays_utc() -> None:
    at_utc = graph(expires=datetime(2026, 11, 24, 21, 5, tzinfo=UTC))
    assert at_utc.one(":Schedule", "expiry-cluster").inputs["startDate"] == "2026-11-24T21:05:00Z"
