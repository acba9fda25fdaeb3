"""What `stage off` and `down` take away first, and with whose consent."""

from types import SimpleNamespace
from typing import Any

import pytest

from stacks import exercise_obstacles, traces_on_aws
from stacks.console import Progress
from stacks.errors import CannotAsk
from tests.unit.stacks.test_traces import ADMISSION, BEGUN, STATE, Cluster

POLICIES = f"{ADMISSION}/validatingadmissionpolicies"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    made.add("/api/v1/namespaces", "owasp-k03", finalizers=["example.com/kept"])
    made.add("/api/v1/namespaces/owasp-k03/configmaps", "a", finalizers=["example.com/kept"])
    made.add("/api/v1/namespaces/default/configmaps", "b", finalizers=["example.com/kept"])
    made.add(POLICIES, "mine")
    made.add("/apis/rbac.authorization.k8s.io/v1/clusterroles", "mine")
    monkeypatch.setattr(traces_on_aws, "on_aws", lambda *_: [])
    return made


def cleared(cluster: Cluster, *, agrees: bool, names: tuple[Any, ...] = ("k03",)) -> list[str]:
    """What of the cluster has finalizers, and which policies stand."""
    asked: list[str] = []

    def agree(question: str) -> bool:
        asked.append(question)
        return agrees

    lab: Any = SimpleNamespace(
        ask=cluster.ask,
        client=None,
        lab=SimpleNamespace(cluster="myeks"),
        recorded=SimpleNamespace(kubeconfig="{}"),
    )
    exercise_obstacles.clear(lab, lambda: STATE, names, Progress(), agree=agree, since=BEGUN)
    held = [path for path, each in cluster.objects.items() if each["metadata"].get("finalizers")]
    return [*held, *(path for path in cluster.objects if path.startswith(POLICIES)), *asked]


def test_what_keeps_the_exercise_goes_and_nothing_else(cluster: Cluster):
    other = "/api/v1/namespaces/default/configmaps/b"
    assert cleared(cluster, agrees=True) == [other, "Delete them first?"]
    assert "/apis/rbac.authorization.k8s.io/v1/clusterroles/mine" in cluster.objects


def test_without_consent_nothing_is_touched(cluster: Cluster):
    before = list(cluster.objects)
    assert len(cleared(cluster, agrees=False)) == 5
    assert list(cluster.objects) == before


def test_an_exercise_that_does_not_stand_is_not_asked_about(cluster: Cluster):
    cleared(cluster, agrees=True, names=("irsa",))
    assert cluster.asked == []


def test_a_cluster_that_does_not_answer_is_left_to_the_engine(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    def refuses(*_: object) -> dict[str, Any]:
        raise CannotAsk("no answer")

    monkeypatch.setattr(cluster, "ask", refuses)
    cleared(cluster, agrees=True)
