"""Why a gate failed: what belongs to the cluster is named, with the command that mends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.exercises import user_facing_roles_cases
from tests.unit.grading.fake_lab import lab
from tests.unit.operations.diagnosis.test_diagnosis import Thing, causes


def test_a_role_of_the_cluster_is_mended_by_a_command() -> None:
    ((cause, remedy),) = causes(lab(), "k03-closed-gate-cluster-admin", allowed=True)
    assert cause.startswith("ClusterRole cluster-admin is not as Kubernetes makes it.")
    assert remedy.startswith("kubectl create clusterrole cluster-admin ")
    assert remedy.endswith("| kubectl auth reconcile --remove-extra-permissions -f -")


AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"


def wrong_roles(change: Callable[[dict[str, Thing]], object]) -> list[tuple[str, str]]:
    """What is told of the ClusterRoles view, edit and admin, when they are changed so."""
    roles = user_facing_roles_cases.roles()
    change(roles)
    here = lab()
    here.api.on("GET", "/clusterroles", 200, {"items": [*roles.values()]})
    return causes(here, "k03-closed-gate-user-facing-roles", allowed=True)


def own_rules(role: Thing) -> None:
    role.update(rules=[], aggregationRule=None)


def test_a_role_of_people_that_was_emptied_is_made_again() -> None:
    ((cause, remedy),) = wrong_roles(lambda roles: own_rules(roles["view"]))
    assert cause.startswith("ClusterRole view does not give get pods. It is no exercise's")
    assert remedy == (
        f"kubectl create clusterrole view --aggregation-rule={AGGREGATE}view=true --dry-run=client -o yaml"
        f" | kubectl label --local -f - kubernetes.io/bootstrapping=rbac-defaults {AGGREGATE}edit=true -o yaml"
        " | kubectl auth reconcile -f -"
    )
    found = wrong_roles(lambda roles: (roles.pop("view"), roles.pop("admin")))
    assert [cause.partition(".")[0] for cause, _ in found] == [
        "ClusterRole view is not there",
        "ClusterRole admin is not there",
    ]
    assert f"{AGGREGATE}edit=true" not in found[1][1]


def test_what_came_into_a_role_of_people_is_taken_out() -> None:
    more = [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]

    def widen(roles: dict[str, Thing]) -> None:
        roles["view"]["rules"] += more
        roles["mine"] = {"metadata": {"name": "mine", "labels": {f"{AGGREGATE}view": "true"}}, "rules": more}

    assert wrong_roles(widen) == [
        (
            "ClusterRole view gives get secrets, by ClusterRole mine",
            f"kubectl label clusterrole mine {AGGREGATE}view-",
        )
    ]
    ((cause, remedy),) = wrong_roles(lambda roles: roles["view"]["rules"].extend(more))
    assert cause.endswith(f"a ClusterRole with the label {AGGREGATE}view was changed")
    assert "./lab down" in remedy


@pytest.mark.parametrize(
    ("labels", "cause", "remedy"),
    [
        (
            {"pod-security.kubernetes.io/enforce": "restricted"},
            "has the label pod-security.kubernetes.io/enforce=restricted",
            "kubectl label namespace kube-system pod-security.kubernetes.io/enforce-",
        ),
        *(
            (labels, "The API server said to a pod in kube-system: seen", "./lab reset k03 -s dev takes back policies")
            for labels in ({}, {"pod-security.kubernetes.io/enforce": "privileged"})
        ),
    ],
)
def test_what_keeps_the_clusters_own_pods_out_is_told(labels: Thing, cause: str, remedy: str) -> None:
    here = lab()
    here.api.on("GET", "/api/v1/namespaces/kube-system", 200, {"metadata": {"labels": labels}})
    ((told, mends),) = causes(here, "k03-closed-gate-kube-system", allowed=False, option=" -s dev")
    assert cause in told
    assert mends.startswith(remedy)
