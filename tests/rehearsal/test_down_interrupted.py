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


@pytest.mark.parametrize("name", ["rbac-infra-pod", "rbac-infra-namespace", "cluster-eksCluster"])
def test_up_after_an_interrupted_down_makes_again_what_went(lab: Lab, name: str):
    lab.set(exercises={"rbac": "after"})
    lab("up")
    first = lab.start("down")
    until_deleting(lab, name)
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=90)
    assert first.returncode == 130, said
    lab("up")
    assert set(lab.json("preview")["counts"]) == {"same"}
    for each in THERE:
        lab.sh(f"kubectl get {each}")


def test_down_after_all_that_leaves_nothing(lab: Lab):
    assert "Nothing is left" in lab("down").stderr
