"""What a cluster is found to have of nodes and Helm releases."""

import base64
import gzip
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rehearsal.charts.archive import empty, read
from stacks import cluster_facts
from stacks.cluster_facts import MISSING, RECORDED, Release, nodes, releases
from stacks.errors import CannotAsk

MANIFEST = """---
# Source: web/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: web
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec: {replicas: 2}
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  namespace: elsewhere
"""
OUTPUTS = {"releases": [{"name": "web", "namespace": "apps", "chart": "web", "version": "1.0.0"}]}
PLAIN = {"name": "web", "version": "1.0.0"}


def secret(
    revision: int, status: str = "deployed", metadata: object = PLAIN, namespace: str = "apps"
) -> dict[str, Any]:
    """As Helm keeps a release."""
    release = {
        "name": "web",
        "namespace": namespace,
        "version": revision,
        "info": {"status": status},
        "chart": {"metadata": metadata},
        "manifest": MANIFEST,
    }
    data = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    labels = {"owner": "helm", "name": "web", "status": status, "version": str(revision)}
    return {"metadata": {"namespace": namespace, "labels": labels}, "data": {"release": data}}


def cluster(*secrets: dict[str, Any], deployment: int | None = 2, agents: int = 3):
    """A way to ask a cluster with these secrets, ready pods of web and of the agent."""
    found = {"metadata": {"name": "web", "namespace": "apps"}, "spec": {"replicas": 2}}
    deployments = (
        [] if deployment is None else [{**found, "status": {"readyReplicas": deployment} if deployment else {}}]
    )
    agent = {
        "metadata": {"name": "agent", "namespace": "elsewhere"},
        "spec": {},
        "status": {"numberReady": agents, "desiredNumberScheduled": 3},
    }
    answers = {
        "/apis/apps/v1/deployments": deployments,
        "/apis/apps/v1/daemonsets": [agent],
        "/api/v1/secrets": secrets,
    }

    def get(path: str) -> dict[str, Any]:
        if path.startswith("/api/v1/secrets"):
            assert parse_qs(urlsplit(path).query)["labelSelector"] == ["owner=helm,status!=superseded"]
        return {"items": answers[urlsplit(path).path]}

    return get


def one(*secrets: dict[str, Any], option: str = "", **pods: Any) -> Release:
    (found,) = releases(cluster(*secrets, **pods), OUTPUTS, option)
    assert (found.name, found.namespace, found.chart, found.version) == ("web", "apps", "web", "1.0.0")
    return found


@pytest.mark.parametrize(
    ("pods", "ready"), [({}, 5), ({"deployment": 0}, 3), ({"deployment": None}, 3), ({"agents": 1}, 3)]
)
def test_a_deployed_release_has_revision_and_ready_pods(pods: dict[str, Any], ready: int):
    found = one(secret(3), **pods)
    assert (found.state, found.revision, found.pods_ready, found.change) == ("deployed", 3, ready, "")
    assert found.pods == (4 if pods == {"deployment": None} else 5)
    assert found.told == f"deployed, revision 3, {ready} of {found.pods} pods ready"


def test_an_empty_chart_is_told_as_recorded():
    found = one(secret(1, metadata=dict(read(empty("web", "1.0.0")).metadata)))
    assert (found.state, found.pods, found.change) == (RECORDED, 0, "./lab up")
    assert found.told == "recorded: its chart could not be had"


def test_the_last_revision_counts_as_a_number():
    assert one(secret(9), secret(10, "failed"), option=" -s dev") == Release(
        "web", "apps", "web", "1.0.0", "failed", 10, change="./lab up -s dev"
    )


def test_a_release_that_helm_does_not_have_is_missing():
    found = one(secret(1, namespace="elsewhere"))
    assert (found.state, found.change) == (MISSING, "./lab up --refresh")


def test_without_releases_nobody_is_asked():
    assert releases(lambda _path: pytest.fail("asked"), {"releases": []}) == ()


def test_nodes_come_by_zone():
    def node(name: str, zone: str, ready: str) -> dict[str, Any]:
        labels = {"topology.kubernetes.io/zone": zone, "node.kubernetes.io/instance-type": "t3.medium"}
        return {
            "metadata": {"name": name, "labels": labels},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }

    given = [node("b", "z2", "True"), node("c", "z1", "Unknown"), {"metadata": {"name": "new"}}]
    found = nodes(lambda _path: {"items": given})
    assert [(each.name, each.zone, each.ready) for each in found] == [
        ("new", "", False),
        ("c", "z1", False),
        ("b", "z2", True),
    ]


def test_an_update_is_not_undone_by_nobody_answering(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def entered(_outputs: object) -> None:
        raise CannotAsk("The API server did not answer: too busy. Try again in a moment.")

    monkeypatch.setattr(cluster_facts, "entered", entered)
    assert cluster_facts.after_up({}) is None
    assert "too busy" in capsys.readouterr().err


def test_outputs_without_a_cluster_cannot_be_entered():
    with pytest.raises(CannotAsk, match="kubeconfig"):
        cluster_facts.entered({"region": "ap-northeast-2", "clusterName": "myeks"})
