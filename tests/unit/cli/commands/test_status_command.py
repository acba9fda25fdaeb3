"""What stands, told to a person: reachable is only what answers, no name is cut off, and nobody waits in silence."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.commands import status
from cli.views import summary
from stacks import status as facts
from stacks.cluster_facts import RECORDED, Node, Release
from stacks.console import Progress
from stacks.stack import Stack
from stacks.status import Facts
from tests.unit.cli.narrow import narrow

NODE = "ip-192-168-1-49.ap-northeast-2.compute.internal"
FORWARD = "kubectl port-forward --namespace monitoring service/grafana 3000:80"
GRAFANA = Release("grafana", "monitoring", "kube-prometheus-stack", "88.5.3", RECORDED, 1, change="./lab up")
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
    releases=(GRAFANA,),
    pages={"grafana": {"portForward": FORWARD}},
    expires="",
)


def heads(capsys: pytest.CaptureFixture[str]) -> str:
    return next(line for line in capsys.readouterr().out.splitlines() if "reach it by" in line)


def test_nothing_runs_behind_a_page_of_the_rehearsal(capsys: pytest.CaptureFixture[str]):
    summary.standing(FACTS)
    assert "on AWS, reach it by" in heads(capsys)
    summary.standing(replace(FACTS, stack="dev"))
    assert "on AWS" not in heads(capsys)
    cluster = {"clusterName": "myeks", "region": "ap-northeast-2", "kubernetesVersion": "1.36"}
    summary.stood_up({**cluster, "pages": FACTS.pages}, (GRAFANA,))
    assert "on AWS, reach it by" in heads(capsys)


def test_a_node_that_holds_another_number_of_pods_is_told(capsys: pytest.CaptureFixture[str]):
    summary.standing(FACTS)
    assert "nodeGroup.maxPods" not in capsys.readouterr().out
    summary.standing(replace(FACTS, nodes=(*FACTS.nodes, replace(FACTS.nodes[0], name="ip-other", max_pods=17))))
    said = capsys.readouterr().out
    assert "nodeGroup.maxPods is 100" in said
    assert "ip-other (17)." in said
    assert f"{NODE} (" not in said


def test_each_release_is_told_with_what_changes_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MYEKS_LAB_CHARTS", "/srv/charts")
    summary.helm([GRAFANA])
    said = capsys.readouterr().out
    assert "recorded: its chart could not be had" in said
    assert "NAME-VERSION.tgz, into /srv/charts" in said
    assert "./lab up" in said
    summary.helm([replace(GRAFANA, state="deployed", revision=2, pods_ready=3, pods=4, change="")])
    said = capsys.readouterr().out
    assert "deployed, revision 2, 3 of 4 pods ready" in said
    assert "./lab" not in said
    summary.helm([replace(GRAFANA, state="failed", change="./lab up -s dev")])
    assert "grafana is failed. To bring it to deployed: ./lab up -s dev" in capsys.readouterr().out


@pytest.mark.parametrize("width", [60, 80])
def test_names_are_whole_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, width: int):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    narrow(monkeypatch, console)
    summary.standing(FACTS)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "…" not in said
    for word in (NODE, "ap-northeast-2a", "t3.medium", GRAFANA.chart, GRAFANA.name):
        assert word in said


def test_what_is_waited_for_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    told: list[str] = []

    @contextmanager
    def outputs_of(_stack: object) -> Generator[tuple[dict[str, Any], Path]]:
        assert "outputs of stack rehearsal" in told[-1]
        yield {}, Path()

    def collect(stack: Stack, _outputs: object) -> Facts:
        assert stack.is_rehearsal
        assert "EKS and the API server" in told[-1]
        return FACTS

    monkeypatch.setattr(Progress, "waiting", lambda _self, text: told.append(text))
    monkeypatch.setattr(status, "outputs_of", outputs_of)
    monkeypatch.setattr(facts, "collect", collect)
    status.status()
    assert len(told) == 2
    assert NODE in capsys.readouterr().out
