"""Real Helm with charts of our own: installed, changed, undone, uninstalled, and recorded when they cannot be had."""

import base64
import gzip
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from rehearsal import world
from rehearsal.charts.repository import Pin
from rehearsal.environment import environment
from rehearsal.outcome import RunFailed
from rehearsal.stack import RehearsalStack
from rehearsal.toolchain.cache import ensure
from stacks import cluster_facts
from tests.charts import Repository, packed, repository
from tests.rehearsal.conftest import Lab

PLACE = "charts"
SECONDS = 20
"""Timeout of a release that cannot get ready."""


@dataclass(frozen=True)
class Applied:
    """How a run ended that did not fail."""

    changes: dict[str, int]
    said: list[str]

    @property
    def changed(self) -> bool:
        return set(self.changes) - {"same"} != set()


def applied(root: Path, repository_url: str, outputs: dict[str, Any], releases: dict[str, Any] | None) -> Applied:
    """Bring a stack of its own to these releases, or take it away; raises RunFailed."""
    said: list[str] = []

    def program() -> None:
        kubeconfig = outputs["kubeconfig"]
        text = kubeconfig if isinstance(kubeconfig, str) else json.dumps(kubeconfig)
        options = pulumi.ResourceOptions(provider=Provider("cluster", kubeconfig=text))
        place = Namespace("place", metadata=ObjectMetaArgs(name=PLACE), opts=options)
        for name, values in (releases or {}).items():
            Release(
                name,
                name=name,
                chart=name,
                version="1.0.0",
                repository_opts=RepositoryOptsArgs(repo=repository_url),
                namespace=place.metadata.apply(lambda metadata: metadata.name or ""),
                values=values,
                atomic=True,
                timeout=SECONDS,
                opts=options,
            )

    here = world.attach()
    assert here
    stack = RehearsalStack(
        here,
        ensure(print),
        project_file=root / "Pulumi.yaml",
        stack_file=root / "Pulumi.trial.yaml",
        program=program,
        charts=[Pin("web", "1.0.0", repository_url)],
        tell=said.append,
    )
    if releases is not None:
        return Applied(stack.up().changes, said)
    if stack.exists():
        stack.destroy()
    return Applied({}, said)


class Helm:
    """Releases in the cluster of a standing lab."""

    def __init__(self, lab: Lab, root: Path, served: Repository) -> None:
        self.lab, self.served, self._root = lab, served, root
        (root / "Pulumi.yaml").write_text("name: charts\nruntime: python\n")
        (root / "Pulumi.trial.yaml").write_text("config: {}\n")
        self.outputs = next(r for r in lab.state()["resources"] if r["type"] == "pulumi:pulumi:Stack")["outputs"]
        here = world.attach()
        assert here
        self.world = here

    def up(self, **releases: dict[str, Any]) -> Applied:
        """Bring the cluster to these releases: name, which is the chart's too, and values."""
        return self._apply(releases)

    def down(self) -> None:
        self._apply(None)

    def _apply(self, releases: dict[str, Any] | None) -> Applied:
        # Each in a process of its own, as each ./lab is.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(applied, self._root, self.served.url, self.outputs, releases).result(120)

    def seen(self, name: str) -> cluster_facts.Release:
        """What the cluster has of a release."""
        wanted = {"name": name, "namespace": PLACE, "chart": name, "version": "1.0.0"}
        with environment(self.world.env(), self.world.unset()):
            return cluster_facts.releases(cluster_facts.entered(self.outputs), {"releases": [wanted]})[0]

    def keep(self, name: str, archive: bytes | None = None) -> None:
        """Put a chart into the directory."""
        (self.lab.charts / f"{name}-1.0.0.tgz").write_bytes(archive or packed(name))

    def kubectl(self, command: str, code: int = 0) -> str:
        return self.lab.sh(f"kubectl -n {PLACE} {command}", code=code)


@pytest.fixture(scope="module")
def lab_up(lab: Lab) -> Lab:
    """A lab that stands, with few releases of its own."""
    # Later it would be started with this lab's variables, and be taken for one of its processes.
    resource_tracker.ensure_running()
    lab.set(monitoring=False, kubeOpsView=True, opsServers={"enabled": False})
    lab("up")
    return lab


@pytest.fixture
def helm(lab_up: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Helm]:
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(lab_up.world))
    monkeypatch.setenv("MYEKS_LAB_CHARTS", str(lab_up.charts))
    monkeypatch.delenv("MYEKS_LAB_OFFLINE", raising=False)
    with repository() as served:
        made = Helm(lab_up, tmp_path, served)
        yield made
        made.down()
    for file in lab_up.charts.iterdir():
        file.unlink()
    for file in (lab_up.world / "charts").rglob("*-1.0.0.tgz"):
        file.unlink()


def test_a_chart_is_installed_kept_and_upgraded(helm: Helm):
    helm.keep("web")
    helm.up(web={"replicas": 2})
    found = helm.seen("web")
    assert (found.state, found.revision, found.pods_ready, found.pods) == ("deployed", 1, 2, 2)
    assert helm.kubectl("get service web -o jsonpath={.spec.ports[0].port}") == "80"
    assert not helm.up(web={"replicas": 2}).changed
    assert helm.seen("web").revision == 1
    helm.up(web={"replicas": 3})
    assert (helm.seen("web").revision, helm.seen("web").pods_ready) == (2, 3)
    # Another archive under the same name.
    helm.keep(
        "web", packed("web", **{"templates/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"})
    )
    helm.up(web={"replicas": 3})
    assert helm.seen("web").revision == 3
    assert "configmap/more" in helm.kubectl("get configmap more -o name")
    helm.up()
    assert helm.kubectl("get deployment,service,secret -o name") == ""


def test_a_recorded_chart_is_replaced_by_the_one_that_its_repository_has_later(helm: Helm):
    first = helm.up(kinds={"size": 7})
    recorded = helm.seen("kinds")
    assert (recorded.state, recorded.revision, recorded.pods) == (cluster_facts.RECORDED, 1, 0)
    assert "is recorded only" in first.said[0]
    kept = helm.kubectl("get secret sh.helm.release.v1.kinds.v1 -o jsonpath={.data.release}")
    assert json.loads(gzip.decompress(base64.b64decode(base64.b64decode(kept))))["config"] == {"size": 7}
    assert not helm.up(kinds={"size": 7}).changed
    helm.served.offer("kinds", "1.0.0", packed("kinds"))
    assert helm.up(kinds={"size": 7}).changes["replace"] == 1
    assert helm.seen("kinds").state == "deployed"
    # Its kind came with it, which Helm leaves out of an upgrade.
    assert helm.kubectl("get widget kinds -o jsonpath={.spec.size}") == "7"
    assert not helm.up(kinds={"size": 7}).changed
    # Lost by the directory and the repository, it stays.
    (helm.lab.charts / "kinds-1.0.0.tgz").unlink()
    helm.served.files.clear()
    assert not helm.up(kinds={"size": 7}).changed
    # A later change of a value is an upgrade again.
    assert "replace" not in helm.up(kinds={"size": 8}).changes
    assert helm.kubectl("get widget kinds -o jsonpath={.spec.size}") == "8"


def test_hooks_run_to_their_end_and_one_that_fails_undoes_the_release(helm: Helm):
    helm.keep("hooks")
    with pytest.raises(RunFailed, match="pre-install"):
        helm.up(hooks={"command": "exit 3"})
    assert helm.seen("hooks").state == cluster_facts.MISSING
    helm.kubectl("delete job --all")
    helm.up(hooks={"command": "exit 0"})
    assert helm.seen("hooks").state == "deployed"
    done = json.loads(helm.kubectl("get jobs -o json"))["items"]
    assert {job["metadata"]["name"]: job["status"].get("succeeded") for job in done} == {
        "hooks-pre-install": 1,
        "hooks-post-install": 1,
    }


def test_a_webhook_that_fails_closed_closes_what_it_names_and_goes_with_its_release(helm: Helm):
    helm.keep("gate")
    helm.up(gate={"namespace": PLACE})
    said = helm.kubectl("create configmap one", code=1)
    assert "failed calling webhook" in said
    assert "gate.rehearsal.invalid" in said
    helm.lab.sh("kubectl -n default create configmap one && kubectl -n default delete configmap one")
    helm.up()
    helm.kubectl("create configmap one")


def test_what_never_gets_ready_is_undone_and_the_rest_stays(helm: Helm):
    helm.keep("never")
    helm.keep("web")
    began = time.monotonic()
    with pytest.raises(RunFailed, match="never"):
        helm.up(web={"replicas": 1}, never={})
    assert time.monotonic() - began >= SECONDS
    assert helm.seen("never").state == cluster_facts.MISSING
    assert helm.kubectl("get deployment,configmap -o name").splitlines() == [
        "deployment.apps/web",
        "configmap/kube-root-ca.crt",
    ]
    assert helm.seen("web").state == "deployed"


def test_a_value_that_the_chart_does_not_know_stops_all_before_anything_is_made(helm: Helm):
    helm.keep("web")
    helm.keep("kinds")
    with pytest.raises(RunFailed) as refused:
        helm.up(kinds={}, web={"replica": 1})
    assert str(refused.value) == (
        "Release web: the chart web 1.0.0 does not know the value replica. "
        "Write it as the chart's values.yaml has it, or leave it out."
    )
    assert PLACE not in helm.lab.sh("kubectl get ns -o name")


def test_the_labs_own_releases_go_from_recorded_to_deployed(lab_up: Lab):
    name = "kube-ops-view"

    def view() -> dict[str, Any]:
        return next(one for one in lab_up.json("status")["releases"] if one["name"] == name)

    assert view()["state"] == "recorded: its chart could not be had"
    said = lab_up("status").stdout
    assert "recorded: its chart could not be had" in said
    assert f"into {lab_up.charts}" in said
    assert "run ./lab up" in said
    file = lab_up.charts / f"{name}-8.3.3.tgz"
    # The release sets service.type, which our chart does not have.
    file.write_bytes(packed("web", name, "8.3.3"))
    assert (
        f"Release {name}: the chart {name} 8.3.3 does not know the value service.type." in lab_up("up", code=1).stderr
    )
    more = {
        "values.yaml": "replicas: 2\nimage: none\nannotations: {}\nservice: {port: 80, type: ClusterIP, labels: {}}\n"
    }
    file.write_bytes(packed("web", name, "8.3.3", **more))
    made = lab_up.json("up")
    assert made["changes"]["replace"] == 1
    (told,) = [one for one in made["releases"] if one["name"] == name]
    assert (told["state"], told["revision"], told["pods_ready"], told["pods"]) == ("deployed", 1, 2, 2)
    assert view() == told
    assert "deployed, revision 1, 2 of 2 pods ready" in lab_up("up").stdout
    assert set(lab_up.json("preview")["counts"]) == {"same"}
    assert "Nothing is left" in lab_up("down").stderr
    assert lab_up.left_running() == []
    assert not os.path.lexists(lab_up.world)
