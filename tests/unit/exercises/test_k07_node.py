"""The node that exercise K07 has for itself: like the lab's, but for how far its metadata service answers."""

from __future__ import annotations

import pytest

from exercises.k07.names import NAMESPACE, NODE_GROUP
from exercises.objects import at_stage
from tests.unit.conftest import stack
from tests.unit.mocks import Graph

TAINT = {"key": "lab.myeks/exercise", "value": "k07", "effect": "NO_SCHEDULE"}
GROUP = "eks:index:ManagedNodeGroup"


@pytest.fixture(scope="module")
def stages() -> dict[str, Graph]:
    return {stage: stack({"exercises": {"k07": stage}, "expires": "2099-01-01T00:00Z"}) for stage in ("open", "closed")}


@pytest.mark.parametrize(("stage", "hops"), [("open", 2), ("closed", 1)])
def test_the_stages_differ_in_how_far_the_token_goes(stages: dict[str, Graph], stage: str, hops: int):
    graph = stages[stage]
    own, labs = (graph.named(name).inputs for name in ("k07-node-template", "nodes-template"))
    assert own["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": hops,
    }
    assert labs["metadataOptions"]["httpPutResponseHopLimit"] == 2
    assert own["userData"] == labs["userData"]


def test_it_is_one_node_that_nobody_else_s_pods_come_to(stages: dict[str, Graph]):
    for graph in stages.values():
        own, labs = (graph.one(GROUP, name).inputs for name in ("k07-node", "nodes"))
        assert own["nodeGroupName"] == NODE_GROUP
        assert own["scalingConfig"] == {"minSize": 1, "desiredSize": 1, "maxSize": 2}
        assert own["taints"] == [TAINT]
        assert "taints" not in labs
        same = ("nodeRoleArn", "instanceTypes", "subnetIds", "version", "capacityType")
        assert {key: own[key] for key in same} == {key: labs[key] for key in same}


def test_its_pods_run_there_alone():
    for stage in ("open", "closed"):
        deployments = [each for each in at_stage("k07", stage) if each["kind"] == "Deployment"]
        assert len(deployments) == 3
        for each in deployments:
            spec = each["spec"]["template"]["spec"]
            assert spec["nodeSelector"] == {"eks.amazonaws.com/nodegroup": NODE_GROUP}
            (tolerated,) = spec["tolerations"]
            assert (tolerated["key"], tolerated["value"]) == (TAINT["key"], TAINT["value"])


def test_nobody_comes_in_by_ssh(stages: dict[str, Graph]):
    rules = [rule.name for rule in stages["open"].of(":SecurityGroupIngressRule")]
    assert not [name for name in rules if name.startswith("k07-")]


def test_its_pods_come_after_the_node_and_the_role(stages: dict[str, Graph]):
    pods = stages["open"].named(f"k07-deployment-{NAMESPACE}-orders")
    before = {urn.rpartition("::")[2] for urn in stages["open"].closure(pods)}
    assert {"k07-node", "k07-orders-association"} <= before


def test_the_end_of_the_lab_takes_its_node_too(stages: dict[str, Graph]):
    """EKS deletes no cluster that has a node group."""
    ends = {one.name for one in stages["open"].of(":Schedule")}
    assert {"cluster-expiry-nodes", f"cluster-expiry-nodes-{NODE_GROUP}", "cluster-expiry-cluster"} <= ends


def test_without_the_exercise_there_is_no_such_node(default: Graph):
    assert default.one(GROUP).name == "nodes"
