"""`kubernetesVersion` changed in a standing lab: cluster, add-ons and nodes go up in turn, and nothing is replaced.

And K10, whose weakness only the older version has: it is played before, and solved by the upgrade.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from exercises.catalogue import EXERCISES
from exercises.judge import FULL
from exercises.shared.gates import OPERATOR
from grading import audit_log
from grading.grade import Verdict
from tests.rehearsal.conftest import Lab
from tests.rehearsal.owasp import k10
from tests.rehearsal.owasp.case import Case
from tests.rehearsal.owasp.stand import Stand, changed, told

BEFORE, AFTER = "1.34", "1.35"
K10 = EXERCISES["k10"]
HOUR = 3600.0
CLUSTER, GROUP = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"


def resources(lab: Lab) -> dict[str, dict[str, Any]]:
    """What the engine's state holds of the cluster and its node group, by type."""
    return {one["type"]: one for one in lab.state()["resources"] if one["type"] in (CLUSTER, GROUP)}


def kubelets(lab: Lab) -> list[str]:
    nodes = json.loads(lab.sh("kubectl get nodes -o json"))["items"]
    return [node["status"]["nodeInfo"]["kubeletVersion"].rpartition(".")[0] for node in nodes]


@pytest.fixture(scope="module")
def stand(lab: Lab) -> Stand:
    """A lab of the oldest version, in which K10 stands open."""
    lab.set(kubernetesVersion=BEFORE, supportType="EXTENDED")
    return Stand(lab, (K10,), BEFORE)


@pytest.fixture(scope="module")
def up(lab: Lab, stand: Stand) -> Lab:
    """The same, as a user sees it."""
    assert stand
    return lab


def test_what_only_this_version_lets_through_is_begun(up: Lab, stand: Stand) -> None:
    up("play", "k10")
    score = stand.score(K10, lambda found: found.points == 0 and found.goals["use"] is Verdict.PASSED)
    assert score.points == 0, told(score)
    assert all(each.allowed for each in score.of("attack")), told(score)
    assert {score.goals["use"], score.goals["intact"]} == {Verdict.PASSED}, told(score)


@pytest.mark.parametrize("case", k10.BROKEN, ids=lambda case: case.name)
def test_a_repair_that_is_none_misses_its_goal(stand: Stand, case: Case) -> None:
    with changed(stand, K10, "closed", case):
        score = stand.score(K10, lambda found: found.goals[case.hurts] is Verdict.FAILED if case.hurts else False)
    assert case.hurts
    assert score.goals[case.hurts] is Verdict.FAILED, told(score)
    assert score.points < FULL


@pytest.mark.parametrize("case", [Case("the-labs-own"), *k10.REPAIRS], ids=lambda case: case.name)
def test_any_right_repair_counts(stand: Stand, case: Case) -> None:
    stage = "open" if case.apply else "closed"
    with changed(stand, K10, stage, case):
        score = stand.score(K10, lambda found: found.passed)
    assert score.passed, told(score)


def test_who_deletes_everything_has_nothing(stand: Stand) -> None:
    everything = stand.objects(K10, "open")
    stand.take(each for each in everything if "namespace" not in each["metadata"])
    assert stand.score(K10, lambda found: found.points == 0).points == 0
    stand.put(K10, "open")


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


def test_the_upgrade_repairs_it_and_nobody_begins_it_any_more(up: Lab) -> None:
    (score,) = up.json("check", "k10")["summary"]["played"]
    assert (score["points"], score["passed"]) == (FULL, True)
    said = up("play", "k10", code=2).stderr
    assert f"needs Kubernetes {BEFORE}, and this lab is of {AFTER}" in said


def test_what_was_done_is_in_a_signed_report(up: Lab, stand: Stand, tmp_path: Path) -> None:
    """And each Audit-Id in it leads to the request of that row in the lab's audit log."""
    file = tmp_path / "report.html"
    up("report", "--name", "Kim Ha-neul", "--out", str(file))
    told = up.json("report", "verify", str(file))
    assert told["intact"]
    assert told["data"]["lab"]["kubernetes"] == AFTER
    (exercise,) = (each for each in told["data"]["exercises"] if each["exercise"] == "k10")
    assert (exercise["points"], exercise["passed"], exercise["played"]) == (FULL, True, True)
    assert {row["verdict"] for row in exercise["rows"]} == {"passed"}
    ids = [row["audit_id"] for row in exercise["rows"] if row["audit_id"]]
    assert ids
    assert len(set(ids)) == len(ids), "each request has its own"
    with stand.inside() as here:
        for row in (each for each in exercise["rows"] if each["audit_id"]):
            events = audit_log.events_of(here, row["audit_id"], time.time() - HOUR)
            assert isinstance(events, tuple), (row["name"], events)
            found = audit_log.told(audit_log.last(events))
            asked = f"system:serviceaccount:owasp-k10:{row['subject']}"
            assert row["subject"] == OPERATOR or found["user"] == asked, (row["name"], found)
    (progress,) = (each for each in told["data"]["progress"] if each["exercise"] == "k10")
    assert progress["state"] == "passed"
    file.write_text(file.read_text().replace("Kim Ha-neul", "Lee"))
    assert "learner: It was changed." in up("report", "verify", str(file), code=1).stdout


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
