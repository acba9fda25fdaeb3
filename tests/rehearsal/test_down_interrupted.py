"""Ctrl-C in `down` while what was asked to go is on its way: the next `up` makes it again."""

import signal
import time

import pytest

from tests.rehearsal.conftest import Lab

THERE = (
    "namespace dev-team infra-team monitoring",
    "storageclass gp3",
    "-n dev-team pod/dev-kubectl serviceaccount/dev-k8s role/role-dev-team rolebinding/roleB-dev-team",
    "-n infra-team pod/infra-kubectl serviceaccount/infra-k8s role/role-infra-team rolebinding/roleB-infra-team",
)


def until_deleting(lab: Lab, name: str, within: float = 90) -> None:
    """Wait until the engine is deleting the resource of that name."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            pending = lab.state().get("pending_operations") or []
        except ValueError:
            continue  # it is being written
        if any(one["type"] == "deleting" and one["resource"]["urn"].endswith(f"::{name}") for one in pending):
            return
        time.sleep(0.01)
    pytest.fail(f"{name} was not deleted within {within} s")


def stop_down_at(lab: Lab, name: str) -> None:
    first = lab.start("down")
    until_deleting(lab, name)
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=90)
    assert first.returncode == 130, said


def all_is_there(lab: Lab) -> None:
    assert set(lab.json("preview")["counts"]) == {"same"}
    for each in THERE:
        lab.sh(f"kubectl get {each}")


@pytest.fixture(scope="module", autouse=True)
def lab_up(lab: Lab) -> None:
    lab.set(exercises={"rbac": "after"})
    lab("up")


@pytest.mark.parametrize("name", ["rbac-infra-pod", "cluster-eksCluster"])
def test_up_after_an_interrupted_down_makes_again_what_went(lab: Lab, name: str):
    stop_down_at(lab, name)
    lab("up")
    all_is_there(lab)


def test_up_waits_for_what_is_still_going(lab: Lab):
    finalizers = """kubectl patch configmap held -n infra-team --type merge -p '{"metadata": {"finalizers": %s}}'"""
    lab.sh("kubectl create configmap held -n infra-team")
    lab.sh(finalizers % '["kubernetes.io/held"]')  # a controller's: down does not take it off
    stop_down_at(lab, "rbac-infra-namespace")
    assert "Terminating" in lab.sh("kubectl get namespace infra-team")
    second = lab.start("up")
    said: list[str] = []
    for line in second.stdout or ():
        said.append(line)
        if "Namespace rbac-infra-namespace is being deleted" in line:
            lab.sh(finalizers % "null")
    assert second.wait(timeout=90) == 0, "".join(said)
    assert any("is being deleted" in line for line in said)
    all_is_there(lab)


def test_down_after_all_that_leaves_nothing(lab: Lab):
    assert "Nothing is left" in lab("down").stderr
