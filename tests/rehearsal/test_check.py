"""`lab check` as a user drives it, on a lab that stands."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest

from exercises.catalogue import EXERCISES
from exercises.registry import ROWS
from tests.rehearsal.conftest import Lab

OFF: dict[str, Any] = {one.key: "off" for one in EXERCISES.values()}
ALL: dict[str, Any] = {
    **OFF,
    "rbac": "before",
    "identityMapping": "masters",
    "irsa": "on",
    "podIdentity": "on",
    "k02": "watched",
}


@pytest.fixture(scope="module")
def up(lab: Lab) -> Lab:
    lab.set(exercises=OFF)
    lab("check", code=3)  # it is not up
    lab("up")
    return lab


def stands(lab: Lab) -> dict[str, Any]:
    (stack,) = (one for one in lab.state()["resources"] if one["type"] == "pulumi:pulumi:Stack")
    return {name: at for name, at in stack["outputs"]["exercises"].items() if name != "testuserBoundary"}


def keys(lab: Lab) -> list[Any]:
    return json.loads(lab.sh("aws iam list-access-keys --user-name testuser"))["AccessKeyMetadata"]


def test_what_is_off_is_told(up: Lab):
    told = up("check").stdout
    for name in EXERCISES:
        assert f"{name} is off. Turn it on: ./lab stage {name}" in told
    assert up("check", "rbac", "--json", code=3).stdout
    assert "There is no exercise rbca" in up("check", "rbca", code=2).stderr


def test_every_stage_comes_out_right_and_the_lab_comes_back(up: Lab):
    settings = up.settings_file.read_text()
    began = time.monotonic()
    ended = up("check", "--every-stage", "--json", timeout=600)
    print(f"check --every-stage: {time.monotonic() - began:.1f} s")
    told = json.loads(ended.stdout)
    assert {row["name"]: row["verdict"] for row in told["rows"]} == {
        row.name: None if row.boundary is False else "passed" for row in ROWS
    }
    assert "your own settings again" in ended.stderr
    assert stands(up) == OFF
    assert up.settings_file.read_text() == settings
    assert set(up.json("preview")["counts"]) == {"same"}


@pytest.fixture(scope="module")
def standing(up: Lab) -> Lab:
    up.set(exercises=ALL)
    up("up")
    return up


def test_everything_that_stands_comes_out_right(standing: Lab):
    began = time.monotonic()
    told = standing("check")
    print(f"check: {time.monotonic() - began:.1f} s")
    for line in ("rbac before: 14 passed", "identity-mapping masters: 7 passed", "irsa on: 17 passed"):
        assert line in told.stdout
    assert "pod-identity on: 18 passed" in told.stdout
    assert "failed" not in told.stdout
    assert keys(standing) == []


def test_a_table_on_stdout_and_json_tell_the_same(standing: Lab):
    told = standing.json("check", "irsa")
    assert told["summary"]["stages"] == [
        {"exercise": "irsa", "stage": "on", "passed": 17, "failed": 0, "could_not_be_asked": 0}
    ]
    (trust,) = (row for row in told["rows"] if row["name"] == "irsa-trust")
    assert trust["verdict"] == "passed"
    assert "oidc-provider" in trust["observed"]


def test_what_is_broken_is_told_with_exit_code_1(standing: Lab):
    grant = "kubectl create rolebinding broken --clusterrole=view --serviceaccount=dev-team:dev-k8s -n kube-system"
    standing.sh(grant)
    try:
        told = json.loads(standing("check", "--json", code=1).stdout)
        shown = standing("check", "rbac", code=1).stdout.splitlines()
    finally:
        standing.sh("kubectl delete rolebinding broken -n kube-system")
    remedy = "kubectl delete rolebinding broken -n kube-system"
    assert shown[0] == f"RoleBinding broken in kube-system, made by hand, gives it (ClusterRole view): {remedy}"
    assert shown[1].startswith("✗ dev-k8s  kubectl get pods -n kube-system")
    failed = {row["name"]: row for row in told["rows"] if row["verdict"] not in ("passed", None)}
    assert set(failed) == {"rbac-before-dev-list-pods-kube-system"}
    assert failed["rbac-before-dev-list-pods-kube-system"]["verdict"] == "failed"
    assert failed["rbac-before-dev-list-pods-kube-system"]["wrong"] == "it has to be refused with 403"


def test_an_annotation_that_is_taken_away_fails_and_comes_back_by_the_way_that_is_told(standing: Lab):
    standing.sh("kubectl annotate sa my-sa eks.amazonaws.com/role-arn-")
    ended = standing("check", "irsa", code=1)
    assert ended.stdout.startswith(
        "ServiceAccount my-sa has no annotation eks.amazonaws.com/role-arn: ./lab up --refresh puts it back\n"
    )
    assert "irsa on: 12 passed, 5 failed" in ended.stdout
    looked = standing("up")
    assert "Nothing changed: up compares with the settings only." in looked.stdout
    standing("check", "irsa", code=1)
    standing("up", "--refresh")
    standing("check", "irsa")


def test_what_cannot_be_asked_is_told_with_exit_code_3(standing: Lab):
    standing.sh("kubectl delete pod infra-kubectl -n infra-team --now")
    told = json.loads(standing("check", "rbac", "--json", code=3).stdout)
    silent = {row["name"] for row in told["rows"] if row["verdict"] == "could-not-be-asked"}
    assert silent == {row.name for row in ROWS if row.name.startswith("rbac-before-infra")}
    # The way back that the message names.
    (one,) = (row for row in told["rows"] if row["name"] == "rbac-before-infra-list-pods")
    assert "./lab stage rbac off and back" in one["observed"]
    standing("stage", "rbac", "off")
    standing("stage", "rbac", "before")
    standing("check", "rbac")


def test_a_pod_that_has_ended_comes_back_by_the_way_that_is_told(standing: Lab):
    over = 'kubectl get pod eks-iam-test2 -o json | sed \'s/"36000"/"0"/\' | kubectl replace --force -f -'
    standing.sh(over)
    standing.sh("kubectl wait pod eks-iam-test2 --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s")
    told = json.loads(standing("check", "irsa", "--json", code=3).stdout)
    silent = {row["name"]: row["observed"] for row in told["rows"] if row["verdict"] == "could-not-be-asked"}
    assert set(silent) == {"irsa-test2-s3-list", "irsa-test2-token"}
    assert "has ended (Succeeded). ./lab stage irsa off and back" in silent["irsa-test2-token"]
    standing("stage", "irsa", "off")
    standing("stage", "irsa", "on")
    standing("check", "irsa")


def test_an_interrupted_walk_brings_the_lab_back(standing: Lab):
    settings = standing.settings_file.read_text()
    process = standing.start("check", "rbac", "identity-mapping", "irsa", "pod-identity", "--every-stage")
    lines: list[str] = []
    assert process.stdout
    for line in process.stdout:
        lines.append(line)
        if "update 2 of 4" in line:
            process.send_signal(signal.SIGINT)
            break
    rest, _ = process.communicate(timeout=240)
    told = "".join(lines) + rest
    assert process.returncode == 130, told
    assert "the lab stands at your own settings again" in told
    assert stands(standing) == ALL
    assert standing.settings_file.read_text() == settings
    assert keys(standing) == []
    standing("check")


def test_a_stage_comes_also_where_somebody_else_owns_its_policy_s_values(standing: Lab):
    """As a GitOps agent does: it applies what stands, and then `Warn` would stay beside `Deny`, which is refused."""
    name = "owasp-k02-images"
    get = f"kubectl get validatingadmissionpolicybinding {name} -o json"
    mine = "metadata: {name: .metadata.name}, spec: (.spec | {policyName, validationActions})"
    apply = "kubectl apply --server-side --field-manager=somebody-else -f -"
    standing.sh(f"{get} | jq '{{apiVersion, kind, {mine}}}' | {apply}")
    assert json.loads(standing.sh(get))["spec"]["validationActions"] == ["Warn", "Audit"]
    standing("stage", "k02", "closed")
    assert json.loads(standing.sh(get))["spec"]["validationActions"] == ["Deny"]
    standing("check", "k02")
