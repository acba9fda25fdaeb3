"""`kubernetesVersion` changed in a standing lab: cluster, add-ons and nodes go up in turn, and nothing is replaced."""

import json
from typing import Any

import pytest

from tests.rehearsal.conftest import Lab

BEFORE, AFTER = "1.35", "1.36"
CLUSTER, GROUP = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"


def resources(lab: Lab) -> dict[str, dict[str, Any]]:
    """What the engine's state holds of the cluster and its node group, by type."""
    return {one["type"]: one for one in lab.state()["resources"] if one["type"] in (CLUSTER, GROUP)}


def kubelets(lab: Lab) -> list[str]:
    nodes = json.loads(lab.sh("kubectl get nodes -o json"))["items"]
    return [node["status"]["nodeInfo"]["kubeletVersion"].rpartition(".")[0] for node in nodes]


@pytest.fixture(scope="module")
def up(lab: Lab) -> Lab:
    """A lab of the version before the newest."""
    lab.set(kubernetesVersion=BEFORE)
    lab("up")
    return lab


def test_a_standing_lab_goes_up_by_one_version(up: Lab) -> None:
    before = resources(up)
    assert set(kubelets(up)) == {f"v{BEFORE}"}
    up.sh("kubectl create configmap kept --from-literal=still=here")
    up.set(kubernetesVersion=AFTER)
    planned = up.json("preview")["counts"]
    up("up")
    after = resources(up)
    for kind in (CLUSTER, GROUP):
        assert after[kind]["outputs"]["version"] == AFTER
        assert after[kind]["id"] == before[kind]["id"]
    assert after[CLUSTER]["outputs"]["createdAt"] == before[CLUSTER]["outputs"]["createdAt"]
    assert after[GROUP]["outputs"]["arn"] == before[GROUP]["outputs"]["arn"], "not made anew"
    assert planned["update"] >= 2
    assert set(kubelets(up)) == {f"v{AFTER}"}
    assert up.sh("kubectl get configmap kept -o jsonpath={.data.still}") == "here"
    shown = json.loads(up.sh("aws eks describe-cluster --name $CLUSTER_NAME"))["cluster"]
    assert (shown["version"], shown["status"]) == (AFTER, "ACTIVE")
    assert set(up.json("up")["changes"]) == {"same"}


def test_it_does_not_go_back(up: Lab) -> None:
    up.set(kubernetesVersion=BEFORE)
    said = up("up", code=None)
    assert said.returncode != 0
    assert f"Unsupported Kubernetes minor version update from {AFTER} to {BEFORE}" in said.stdout + said.stderr
    up.set(kubernetesVersion=AFTER)
    # What had changed beside the cluster, such as the version of kubectl on the ops servers, is taken back.
    up("up")
    assert resources(up)[CLUSTER]["outputs"]["version"] == AFTER
    assert set(up.json("up")["changes"]) == {"same"}
    up("down")
    assert not up.world.exists() or up.left_running() == []
