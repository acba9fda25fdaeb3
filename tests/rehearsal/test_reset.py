"""Whatever was done to an exercise by hand, `lab reset` brings it back, `lab stage off` takes it away, and `lab down`
leaves nothing.

One lab takes the whole table (`hand_damage`), in rounds in which nothing excludes anything else.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from exercises.catalogue import EXERCISES
from exercises.objects import at_stage
from grading.check import ExerciseName
from rehearsal.environment import environment
from rehearsal.world import attach
from stacks import cluster_facts
from stacks.cluster_facts import Ask
from stacks.cluster_objects import Objects
from tests.rehearsal import hand_damage, lab_states
from tests.rehearsal.conftest import Lab
from tests.rehearsal.hand_damage import HELD, Damage

STAGES: dict[ExerciseName, str] = {
    "rbac": "before",
    "irsa": "account",
    "pod-identity": "wide",
    "k03": "open",
    "identity-mapping": "entry",
}
"""Exercise → where it begins; one that is played begins where the catalogue says."""

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@pytest.fixture(scope="module")
def played(lab: Lab) -> Lab:
    """A lab with exercises at the stages at which they begin."""
    begins = {name: EXERCISES[name].play.start for name in STAGES}
    lab.set(exercises={EXERCISES[name].key: at for name, at in begins.items()})
    lab("up")
    return lab


def outputs(lab: Lab) -> dict[str, Any]:
    (stack,) = (each for each in lab.state()["resources"] if each["type"] == "pulumi:pulumi:Stack")
    return stack["outputs"]


@contextmanager
def asked(lab: Lab) -> Generator[Ask]:
    """The lab's API server; in the block AWS is the lab's too."""
    with environment({"MYEKS_LAB_WORLD": str(lab.world)}, set()):
        world = attach()
        assert world is not None
        with environment(world.env(), world.unset()):
            yield cluster_facts.reached(outputs(lab))


def damaged(lab: Lab, table: Iterable[Damage]) -> None:
    with asked(lab) as ask:
        served = {each.kind for each in Objects(ask).kinds}
        for each in table:
            for method, path, body in each.does:
                # Not every version of Kubernetes has policies that change objects.
                if not body or body.get("kind", "Pod") in served:
                    ask(method, path, body)


def left_over(lab: Lab, table: Iterable[Damage]) -> list[str]:
    with asked(lab) as ask:
        objects = Objects(ask)
        return [path for each in table for path in each.stays if objects.get(path)]


def facts(lab: Lab) -> dict[str, Any]:
    return lab_states.parts(lab_states.facts(lab))


def reset(lab: Lab, exercise: str) -> list[str]:
    """What was taken back."""
    return json.loads(lab("reset", exercise, "--yes", "--json", timeout=400).stdout)["taken_back"]


def test_the_table_is_long_enough() -> None:
    assert len(hand_damage.TABLE) >= 20
    assert len({each.name for each in hand_damage.TABLE}) == len(hand_damage.TABLE)


def test_it_comes_back_from_everything_that_is_done_to_it(played: Lab) -> None:
    before = facts(played)
    damaged(played, hand_damage.TABLE)
    assert len(left_over(played, hand_damage.TABLE)) > 10
    told = reset(played, "rbac")
    assert {"ClusterRoleBinding mine", "ServiceAccount dev-team/dev-k8s is gone"} <= set(told)
    assert left_over(played, hand_damage.TABLE) == []
    assert not list(lab_states.differences(facts(played), before))
    assert played.json("check", "rbac")["summary"]["verdict"] == "passed"


def test_every_object_of_an_exercise_comes_back(played: Lab) -> None:
    """Half of those that manifests make are deleted, half are changed and held; and nodes take no pods."""
    with asked(played) as ask:
        objects = Objects(ask)
        paths = [objects.path_of(each) for each in at_stage("k03", "open") if each["kind"] != "Namespace"]
        before = {path: told(objects, path) for path in paths}
        assert len(paths) > 6
        for number, path in enumerate(paths):
            if number % 2:
                ask("DELETE", path, None)
            else:
                ask("PATCH", path, {"metadata": {"labels": {"mine": "yes"}, **HELD["metadata"]}})
        nodes = [each["metadata"]["name"] for each in (objects.get("/api/v1/nodes") or {})["items"]]
        taint = {"key": "mine", "value": "yes", "effect": "NoSchedule"}
        ask("PATCH", f"/api/v1/nodes/{nodes[0]}", {"spec": {"unschedulable": True}})
        ask("PATCH", f"/api/v1/nodes/{nodes[1]}", {"spec": {"taints": [taint]}})
        other = "/api/v1/namespaces/dev-team/serviceaccounts/dev-k8s"
        ask("PATCH", other, {"metadata": {"labels": {"repaired": "yes"}}})
        # By its other name too.
        taken_back = reset(played, "permissions")
        assert {f"Node {name} takes no pods" for name in nodes[:2]} <= set(taken_back)
        assert {path: told(objects, path) for path in paths} == before
        assert not [each for each in (objects.get("/api/v1/nodes") or {})["items"] if each["spec"].get("taints")]
        # What is repaired by hand in another exercise stays.
        assert (objects.get(other) or {})["metadata"]["labels"]["repaired"] == "yes"
    assert set(played.json("preview")["counts"]) == {"same"}


def told(objects: Objects, path: str) -> Any:
    """An object without what is drawn by lot and without how it is doing."""
    found = objects.get(path) or {}
    meta = {key: found.get("metadata", {}).get(key) for key in ("name", "labels", "annotations", "finalizers")}
    for each in (meta.get("annotations") or {}).copy():
        if each.startswith("deployment."):
            del meta["annotations"][each]
    return {**{key: value for key, value in found.items() if key not in ("metadata", "status")}, "metadata": meta}


def test_what_is_done_on_aws_is_taken_back(played: Lab) -> None:
    before = facts(played)
    made = outputs(played)
    role, user = made["exerciseRoleArns"]["irsa"], made["testuserArn"]
    of_role, of_user = {"RoleName": role.rpartition("/")[2]}, {"UserName": "testuser"}
    entry = {"clusterName": made["clusterName"], "principalArn": user}
    with asked(played) as ask:
        iam, eks = (boto3.client(each, region_name=made["region"]) for each in ("iam", "eks"))
        iam.attach_role_policy(**of_role, PolicyArn=ADMINISTRATOR)
        iam.put_role_policy(**of_role, PolicyName="mine", PolicyDocument=EVERYTHING)
        trust = iam.get_role(**of_role)["Role"]["AssumeRolePolicyDocument"]
        trust["Statement"][0].pop("Condition")
        iam.update_assume_role_policy(**of_role, PolicyDocument=json.dumps(trust))
        account = {"namespace": "default", "serviceAccount": "my-sa", "clusterName": made["clusterName"]}
        eks.create_pod_identity_association(**account, roleArn=role)
        ask("PATCH", "/api/v1/namespaces/default/serviceaccounts/my-sa", {"metadata": {"annotations": None}})
        ask("PATCH", "/api/v1/namespaces/default/serviceaccounts/default", {"automountServiceAccountToken": False})
        ask(
            "PATCH",
            "/api/v1/namespaces/default",
            {"metadata": {"labels": {"pod-security.kubernetes.io/warn": "baseline"}}},
        )
        iam.put_user_policy(**of_user, PolicyName="mine", PolicyDocument=EVERYTHING)
        iam.delete_user_permissions_boundary(**of_user)
        if outputs(played)["exercises"]["identityMapping"] != "entry":
            eks.create_access_entry(**entry)
        eks.associate_access_policy(
            **entry,
            policyArn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            accessScope={"type": "cluster"},
        )
        stranger = {"namespace": "kube-public", "serviceAccount": "default", "clusterName": made["clusterName"]}
        (own,) = eks.list_pod_identity_associations(**stranger)["associations"]
        eks.delete_pod_identity_association(clusterName=made["clusterName"], associationId=own["associationId"])
        eks.create_pod_identity_association(**stranger, roleArn=role)
        of_pods = {"RoleName": made["exerciseRoleArns"]["podIdentity"].rpartition("/")[2]}
        trust = iam.get_role(**of_pods)["Role"]["AssumeRolePolicyDocument"]
        trust["Statement"][0]["Condition"] = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "default"}}
        iam.update_assume_role_policy(**of_pods, PolicyDocument=json.dumps(trust))
    assert len(reset(played, "irsa")) == 6
    assert len(reset(played, "pod-identity")) == 1
    assert len(reset(played, "identity-mapping")) == 2
    with asked(played):
        # Only where it came with the exercise's stage.
        entries = boto3.client("eks", region_name=made["region"]).list_access_entries(clusterName=made["clusterName"])
        assert (user in entries["accessEntries"]) == (made["exercises"]["identityMapping"] == "entry")
    assert not list(lab_states.differences(facts(played), before))


def test_it_goes_and_nothing_is_left(played: Lab) -> None:
    """Without a reset before."""
    damaged(played, hand_damage.TABLE)
    played("stage", "rbac", "off", "--yes", timeout=400)
    assert played.sh("kubectl get namespaces -o name").count("-team") == 0
    with asked(played) as ask:
        path = "/api/v1/namespaces/owasp-k03/serviceaccounts/ci-bot"
        ask("PATCH", path, HELD)
        ask("DELETE", path, None)
    damaged(played, hand_damage.REFUSING)
    said = played("down", "--yes", timeout=400).stderr
    assert "Nothing is left" in said
    assert played.left_running() == []
    assert played.json("progress")["exercises"][0]["state"] == "not begun"
