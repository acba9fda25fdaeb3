"""What stands, told to a person: reachable is only what answers, no name is cut off, and nobody waits in silence."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli import facts, status, summary
from cli.console import Progress
from cli.facts import Facts, Node, Release

NODE = "ip-192-168-1-49.ap-northeast-2.compute.internal"
FORWARD = "kubectl port-forward --namespace monitoring service/grafana 3000:80"
RECORDED = Release("grafana", "monitoring", "kube-prometheus-stack", "88.5.3", "recorded")
FACTS = Facts(
    stack="rehearsal",
    region="ap-northeast-2",
    cluster="myeks",
    status="ACTIVE",
    version="1.36",
    endpoint="https://127.0.0.1:1",
    up_for_seconds=60,
    nodes=(Node(NODE, "ap-northeast-2a", "t3.medium", ready=True, max_pods=100),),
    max_pods=100,
    addons=(),
    releases=(RECORDED,),
    pages={"grafana": {"portForward": FORWARD}},
    expires="",
)


def heads(capsys: pytest.CaptureFixture[str]) -> str:
    return next(line for line in capsys.readouterr().out.splitlines() if "reach it by" in line)


def test_pages_of_releases_that_are_only_recorded_are_reached_on_aws_alone(capsys: pytest.CaptureFixture[str]):
    summary.standing(FACTS)
    assert "on AWS, reach it by" in heads(capsys)
    summary.standing(replace(FACTS, releases=(replace(RECORDED, state="installed"),)))
    assert "on AWS" not in heads(capsys)
    told = {"name": "grafana", "namespace": "monitoring", "chart": "kube-prometheus-stack", "version": "88.5.3"}
    cluster = {"clusterName": "myeks", "region": "ap-northeast-2", "kubernetesVersion": "1.36"}
    summary.stood_up({**cluster, "releases": [told], "pages": FACTS.pages})
    assert "on AWS, reach it by" in heads(capsys)


def test_a_node_that_holds_another_number_of_pods_is_told(capsys: pytest.CaptureFixture[str]):
    summary.standing(FACTS)
    assert "nodeGroup.maxPods" not in capsys.readouterr().out
    summary.standing(replace(FACTS, nodes=(*FACTS.nodes, replace(FACTS.nodes[0], name="ip-other", max_pods=17))))
    said = capsys.readouterr().out
    assert "nodeGroup.maxPods is 100" in said
    assert "ip-other (17)." in said
    assert f"{NODE} (" not in said


def test_names_are_folded_on_a_narrow_terminal_and_not_cut_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(summary, "out", Console(width=60, highlight=False))
    summary.standing(FACTS)
    said = capsys.readouterr().out
    assert "…" not in said
    node, rest = said[said.index("ip-") :].splitlines()[:2]
    assert node.split()[0] + rest.split()[0] == NODE


def test_what_is_waited_for_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    told: list[str] = []

    @contextmanager
    def outputs_of(_stack: object) -> Generator[tuple[dict[str, Any], Path]]:
        assert "outputs of stack rehearsal" in told[-1]
        yield {}, Path()

    def collect(_stack: str, _outputs: object, *, rehearsal: bool) -> Facts:
        assert rehearsal
        assert "EKS and the API server" in told[-1]
        return FACTS

    monkeypatch.setattr(Progress, "waiting", lambda _self, text: told.append(text))
    monkeypatch.setattr(status, "outputs_of", outputs_of)
    monkeypatch.setattr(facts, "collect", collect)
    status.status()
    assert len(told) == 2
    assert NODE in capsys.readouterr().out
