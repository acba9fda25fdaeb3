"""The figures of `kubectl top`: made from requests, and of a node as much as of its pods together."""

from typing import Any

import pytest

from rehearsal.cluster.kubelet.metrics import amount, node_metrics, pod_metrics

Object = dict[str, Any]


def pod(name: str, requests: Object | None = None, **spec: Any) -> Object:
    container = {"name": "main", "resources": {"requests": requests} if requests else {}}
    return {
        "metadata": {"name": name, "namespace": "dev-team", "uid": f"uid-{name}", "labels": {"app": name}},
        "spec": {"nodeName": "one", "containers": [container], **spec},
        "status": {"phase": "Running"},
    }


def figures(usage: Object) -> tuple[float, float]:
    """Millicores and MiB."""
    assert usage["cpu"].endswith("n")
    assert usage["memory"].endswith("Ki")
    return int(usage["cpu"][:-1]) / 1e6, int(usage["memory"][:-2]) / 1024


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("100m", 0.1), ("2", 2), ("1.5", 1.5), ("1k", 1000), ("200Mi", 200 << 20), ("1Gi", 1 << 30), ("1G", 1e9)],
)
def test_quantities_are_read(quantity: str, expected: float) -> None:
    assert amount(quantity) == pytest.approx(expected)


def test_a_container_uses_a_part_of_what_it_requests_and_always_the_same() -> None:
    shown = [pod_metrics(pod(f"web-{n}", {"cpu": "1", "memory": "1000Mi"})) for n in range(20)]
    used = [figures(each["containers"][0]["usage"]) for each in shown]
    assert all(200 <= cpu <= 800 and 200 <= memory <= 800 for cpu, memory in used)
    assert len(set(used)) == 20
    assert shown[0]["metadata"]["labels"] == {"app": "web-0"}
    assert (shown[0]["kind"], shown[0]["metadata"]["namespace"]) == ("PodMetrics", "dev-team")
    again = pod_metrics(pod("web-0", {"cpu": "1", "memory": "1000Mi"}))
    assert again["containers"] == shown[0]["containers"]


def test_init_containers_count_only_as_sidecars() -> None:
    init = [{"name": "once"}, {"name": "beside", "restartPolicy": "Always"}]
    shown = pod_metrics(pod("web", initContainers=init))
    main, beside = shown["containers"]
    assert (main["name"], beside["name"]) == ("main", "beside")
    assert main["usage"] != beside["usage"]


def test_a_node_uses_what_its_own_pods_use_and_something_for_itself() -> None:
    pods = [pod(f"web-{n}", {"cpu": "500m", "memory": "256Mi"}) for n in range(3)]
    elsewhere = pod("far", {"cpu": "64", "memory": "256Gi"}, nodeName="two")
    node = {"metadata": {"name": "one", "labels": {}}}
    used = [figures(pod_metrics(each)["containers"][0]["usage"]) for each in pods]
    idle = figures(node_metrics(node, [])["usage"])
    assert min(idle) > 0
    cpu, memory = figures(node_metrics(node, [*pods, elsewhere])["usage"])
    assert cpu == pytest.approx(idle[0] + sum(each[0] for each in used))
    assert memory == pytest.approx(idle[1] + sum(each[1] for each in used), abs=0.01)
