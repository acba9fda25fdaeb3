"""An engine that is killed, with its plug-ins or without: the next command takes over what it had begun.

In each kind of resource: AWS's, a component's child, an object in the cluster, a Helm release; in `up`, in a change of
stage and in `down`.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.versions import CHARTS
from tests.charts import tgz
from tests.rehearsal.conftest import Lab

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: '{{ .Release.Name }}-stuck'}
spec:
  selector: {matchLabels: {app: '{{ .Release.Name }}'}}
  template:
    metadata: {labels: {app: '{{ .Release.Name }}'}}
    spec:
      nodeSelector: {kubernetes.io/os: NODES}
      containers: [{name: stuck, image: nothing}]
"""


def until(what: str, seen: Callable[[], object], within: float = 90) -> None:
    end = time.monotonic() + within
    while not seen():
        if time.monotonic() > end:
            pytest.fail(f"waited {within} s for {what}")
        time.sleep(0.002)


def pids(lab: Lab, *programs: str) -> list[int]:
    """Processes of this lab with one of these programs."""
    # One that is just ending, or beginning, has no command line.
    lines = [line.split() for line in lab.processes()]
    return [int(words[0]) for words in lines if len(words) > 1 and Path(words[1]).name in programs]


def begun(lab: Lab, operation: str, name: str) -> bool:
    """Whether the engine's state says that this operation is under way on the resource of that name."""
    for file in (lab.world / "pulumi/backend/.pulumi/stacks").rglob("rehearsal.json"):
        try:
            text = file.read_text()
            # An object in the cluster is made in some hundredths of a second: only what may say so is parsed.
            if f"::{name}" not in text[text.rfind('"pending_operations"') :]:
                return False
            pending = json.loads(text)["checkpoint"]["latest"].get("pending_operations") or []
        except (ValueError, KeyError, FileNotFoundError):
            return False  # it is being written
        return any(one["type"] == operation and one["resource"]["urn"].endswith(f"::{name}") for one in pending)
    return False


def kill(lab: Lab, *more: str) -> None:
    """Kill the engine, and the plug-ins named."""
    for pid in pids(lab, "pulumi", *more):
        os.kill(pid, signal.SIGKILL)


def killed(lab: Lab, command: str, operation: str, name: str, standing: str = "") -> None:
    """Run ./lab COMMAND and kill the engine while it is at that, once the cluster has what `standing` names."""
    running = lab.start(*command.split())

    def reached() -> bool:
        return begun(lab, operation, name) and (
            not standing or bool(lab.sh(f"kubectl get {standing} --ignore-not-found -o name"))
        )

    until(f"{name} to be {operation}", lambda: reached() or running.poll() is not None)
    assert running.poll() is None, running.communicate()[0]
    kill(lab)
    running.communicate(timeout=60)
    assert running.returncode == 1


def stands(lab: Lab) -> None:
    """The lab is as its settings say, and everything in the state is there."""
    assert set(lab.json("preview")["counts"]) == {"same"}
    assert not lab.state().get("pending_operations")


def test_up_goes_on_wherever_it_was_killed(lab: Lab):
    killed(lab, "up", "creating", "network-vpc")
    killed(lab, "up", "creating", "cluster-eksCluster")
    # Its successor finds the VPC, which has no other name than its tag.
    killed(lab, "up", "creating", "cluster-nodeAccess")
    killed(lab, "up", "creating", "monitoring-namespace")
    # Helm may have begun, and goes on with it for a moment.
    killed(lab, "up", "creating", "monitoring-release")
    ended = lab("up")
    assert "Release monitoring-release: creating; the cluster" in ended.stderr
    assert list((lab.world / "pulumi/backend").rglob("*.attrs")) == []  # not written whole or not at all
    stands(lab)
    vpcs = lab.sh("aws ec2 describe-vpcs --query 'Vpcs[?!IsDefault].VpcId' --output text").split()
    assert len(vpcs) == 2
    left = json.loads(lab("sweep", "--json", code=None).stdout)["left"]
    unknown = [each for each in left if each["claim"] == "tag" and not each["recorded"] and not each["goesByItself"]]
    # The node group's instances are EKS's.
    assert [each["name"] for each in unknown if each["name"] != "myeks-ng1-Node"] == []


def test_a_change_of_stage_goes_on(lab: Lab):
    lab("stage", "rbac", "off")
    # A pod that no node takes is not ready, so the engine is still at it when it is killed.
    lab.sh("kubectl get nodes -o name | xargs kubectl cordon")
    killed(lab, "stage rbac after", "creating", "rbac-infra-pod", standing="pod infra-kubectl -n infra-team")
    lab.sh("kubectl get nodes -o name | xargs kubectl uncordon")
    ended = lab("up")
    assert "Pod rbac-infra-pod: creating; the cluster has it; it is taken over." in ended.stderr
    stands(lab)
    # By the same manager as before, or this would be a conflict.
    managers = lab.sh("kubectl get pod -n infra-team infra-kubectl -o jsonpath='{.metadata.managedFields[*].manager}'")
    state = next(one for one in lab.state()["resources"] if one["urn"].endswith("::rbac-infra-pod"))
    assert state["outputs"]["__fieldManager"] in managers.split()
    lab("stage", "rbac", "off")
    stands(lab)


VALUES = {
    "kube-ops-view": ["service"],
    "aws-load-balancer-controller": [
        *("clusterName", "vpcId", "region", "serviceAccount", "enableServiceMutatorWebhook", "defaultTags")
    ],
}
"""Charts and the values that the lab gives them."""


def put(lab: Lab, name: str, *, ready: bool, edition: int = 1) -> None:
    """Put a chart into the directory whose pod becomes ready, or never does; each edition is another archive."""
    (version,) = (chart.version for chart in CHARTS if chart.name == name)
    files: dict[str, str | bytes] = {
        "Chart.yaml": json.dumps({"apiVersion": "v2", "name": name, "version": version, "appVersion": str(edition)}),
        "values.yaml": json.dumps(dict.fromkeys(VALUES[name])),
        "templates/stuck.yaml": DEPLOYMENT.replace("NODES", "linux" if ready else "windows"),
    }
    (lab.charts / f"{name}-{version}.tgz").write_bytes(tgz(files, name))


def ready_replicas(lab: Lab, release: str) -> str:
    """Of the Deployment in such a chart."""
    return lab.sh(f"kubectl get deployment {release}-stuck -n kube-system -o jsonpath='{{.status.readyReplicas}}'")


def status_of(lab: Lab, release: str) -> list[str]:
    """Helm's status of each revision of a release."""
    query = f"kubectl get secret -A -l owner=helm,name={release} -o jsonpath='{{.items[*].metadata.labels.status}}'"
    return lab.sh(query).split()


def killed_in_helm(lab: Lab, command: str, release: str, status: str) -> None:
    """Kill engine and provider while Helm stands at that status with a release."""
    running = lab.start(*command.split())
    until(f"{release} to be {status}", lambda: status in status_of(lab, release) or running.poll() is not None)
    assert running.poll() is None, running.communicate()[0]
    kill(lab, "pulumi-resource-kubernetes")
    running.communicate(timeout=60)
    assert running.returncode == 1
    assert status in status_of(lab, release)


def test_a_release_that_was_cut_off_in_helm_is_brought_to_an_end(lab: Lab):
    lab.set(kubeOpsView=False)
    lab("up")
    assert status_of(lab, "kube-ops-view") == []

    put(lab, "kube-ops-view", ready=False)
    lab.set(kubeOpsView=True)
    killed_in_helm(lab, "up", "kube-ops-view", "pending-install")
    put(lab, "kube-ops-view", ready=True)
    ended = lab("up")
    assert "Half made, so deleted first and then made anew: ops-view-release" in ended.stderr
    assert status_of(lab, "kube-ops-view") == ["deployed"]
    assert ready_replicas(lab, "kube-ops-view") == "1"
    stands(lab)

    put(lab, "aws-load-balancer-controller", ready=True)
    lab("up")
    put(lab, "aws-load-balancer-controller", ready=False)
    killed_in_helm(lab, "up", "aws-load-balancer-controller", "pending-upgrade")
    # Helm takes over what the revision that was cut off had made.
    put(lab, "aws-load-balancer-controller", ready=True, edition=2)
    ended = lab("up")
    assert "Release lbc-release: Helm stood at pending-upgrade in revision 2, which is forgotten" in ended.stderr
    assert status_of(lab, "aws-load-balancer-controller") == ["superseded", "deployed"]
    assert ready_replicas(lab, "aws-load-balancer-controller") == "1"
    stands(lab)


def test_down_goes_on_wherever_it_was_killed(lab: Lab):
    killed(lab, "down", "deleting", "monitoring-release")
    killed(lab, "down", "deleting", "monitoring-namespace")
    killed(lab, "down", "deleting", "nodes")
    assert "Nothing is left" in lab("down").stderr
    assert not lab.world.exists()


def test_down_after_an_up_that_was_killed(lab: Lab):
    killed(lab, "up", "creating", "storage-gp3")
    assert "Nothing is left" in lab("down").stderr
