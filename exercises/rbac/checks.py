"""Rows of exercise RBAC: both teams, before and after they have their roles.

Pods are created and deleted with `--dry-run=server`: the API server authorises that like the real thing, and
nothing is left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from exercises.catalogue import EXERCISES
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import AsAccount, creating
from grading.check import Goal, Row
from grading.expectations import Allowed, Expectation, Forbidden, Says
from grading.pod_probes import InPod, Reader
from grading.refusals import AnyForbidden
from grading.requests import ResourceRequest

OTHER = {"dev": "infra", "infra": "dev"}
PROBE = "check-nginx"
RBAC = "rbac.authorization.k8s.io"


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    for team in OTHER:
        yield from _before(_Team(team, "before"))
    for team in OTHER:
        yield from _after(_Team(team, "after"))
    for team in OTHER:
        yield from _least(_Team(team, "least"))
    yield from gates(StageRows(EXERCISES["rbac"]))


class _Team:
    """Makes the rows of one team at one stage."""

    def __init__(self, team: str, stage: str) -> None:
        self.team, self.stage = team, stage
        self.own, self.other = f"{team}-team", f"{OTHER[team]}-team"
        self.account = f"{team}-k8s"
        self.user = f"system:serviceaccount:{self.own}:{self.account}"

    def row(
        self,
        name: str,
        line: str,
        asks: ResourceRequest,
        expected: Expectation,
        why: str,
        reader: Reader = "kubectl",
        goal: Goal | None = None,
    ) -> Row:
        return Row(
            exercise="rbac",
            stage=self.stage,
            name=f"rbac-{self.stage}-{self.team}-{name}",
            subject=self.account,
            question=InPod(self.own, f"{self.team}-kubectl", ("kubectl", *line.split()), reader),
            expected=expected,
            why=why,
            lags=True,
            asks=asks,
            goal=goal,
        )

    def pods(self, verb: str, namespace: str = "") -> ResourceRequest:
        """Something to be done with pods, in the team's own namespace or in this one."""
        return ResourceRequest(verb, "", "pods", namespace=namespace or self.own)

    def forbidden(self, verb: str, resource: str, namespace: str = "") -> Forbidden:
        return Forbidden(self.user, verb, resource, namespace)

    def elsewhere(self, why: str, goal: Goal | None = None) -> Iterator[Row]:
        """What is forbidden at every stage."""
        yield self.row(
            "list-pods-other-team",
            f"get pods -n {self.other}",
            self.pods("list", self.other),
            self.forbidden("list", "pods", self.other),
            f"The other team's namespace: {why}",
            goal=goal,
        )
        yield self.row(
            "list-pods-kube-system",
            "get pods -n kube-system",
            self.pods("list", "kube-system"),
            self.forbidden("list", "pods", "kube-system"),
            f"The system's namespace: {why}",
            goal=goal,
        )
        yield self.row(
            "list-nodes",
            "get nodes",
            ResourceRequest("list", "", "nodes"),
            self.forbidden("list", "nodes"),
            f"Nodes are in no namespace: {why}",
            goal=goal,
        )
        yield self.row(
            "can-i-other-team",
            f"auth can-i get pods -n {self.other}",
            self.pods("get", self.other),
            Says("no"),
            "The API server tells beforehand what it would say.",
            "can-i",
            goal,
        )


def _before(team: _Team) -> Iterator[Row]:
    why = "without a RoleBinding an account may do nothing."
    yield team.row(
        "list-pods",
        "get pods",
        team.pods("list"),
        team.forbidden("list", "pods", team.own),
        "Its own namespace gives it no right: " + why,
    )
    yield team.row(
        "create-pod",
        f"run {PROBE} --image nginx:1.20-alpine --dry-run=server",
        team.pods("create"),
        team.forbidden("create", "pods", team.own),
        "Writing is a right of its own: " + why,
    )
    yield team.row(
        "can-i",
        "auth can-i get pods",
        team.pods("get"),
        Says("no"),
        "The API server tells beforehand what it would say.",
        "can-i",
    )
    yield from team.elsewhere(why)


def _after(team: _Team) -> Iterator[Row]:
    pod = f"{team.team}-kubectl"
    yield team.row(
        "list-pods", "get pods", team.pods("list"), Allowed(), "The RoleBinding gives it the Role in its own namespace."
    )
    yield team.row(
        "create-pod",
        f"run {PROBE} --image nginx:1.20-alpine --dry-run=server",
        team.pods("create"),
        Allowed(),
        "The Role has the verb create, as all verbs.",
    )
    yield team.row(
        "delete-pod",
        f"delete pod {pod} --dry-run=server",
        team.pods("delete"),
        Allowed(),
        "The Role has the verb delete, as all verbs.",
    )
    yield team.row(
        "can-i", "auth can-i get pods", team.pods("get"), Says("yes"), "The API server tells beforehand.", "can-i"
    )
    yield team.row(
        "can-i-everything",
        "auth can-i * *",
        ResourceRequest("*", "*", "*", namespace=team.own),
        Says("yes"),
        "The Role names all API groups, resources and verbs, and the question is about its own namespace.",
        "can-i",
    )
    yield from team.elsewhere("a Role holds in its own namespace alone.")


def _least(team: _Team) -> Iterator[Row]:
    pod = f"{team.team}-kubectl"
    job = "Pods in its own namespace are what the team needs."
    more = "It is more than the team needs, and the Role does not name it."
    yield team.row("list-pods", "get pods", team.pods("list"), Allowed(), job, goal="use")
    yield team.row(
        "create-pod",
        f"run {PROBE} --image nginx:1.20-alpine --dry-run=server",
        team.pods("create"),
        Allowed(),
        job,
        goal="use",
    )
    yield team.row(
        "delete-pod",
        f"delete pod {pod} --dry-run=server",
        team.pods("delete"),
        Allowed(),
        job,
        goal="use",
    )
    yield team.row(
        "list-secrets",
        "get secrets",
        ResourceRequest("list", "", "secrets", namespace=team.own),
        team.forbidden("list", "secrets", team.own),
        "Secrets hold others' passwords. " + more,
        goal="attack",
    )
    yield replace(
        team.row(
            "create-binding",
            "",
            ResourceRequest("create", RBAC, "rolebindings", namespace=team.own),
            AnyForbidden(team.user),
            "Who may bind roles gives rights to anybody. " + more,
            goal="attack",
        ),
        # kubectl in a pod would put words of its own around the API server's.
        question=AsAccount(team.own, team.account, creating(_binding(team), "rolebindings")),
    )
    yield team.row(
        "can-i-everything",
        "auth can-i * *",
        ResourceRequest("*", "*", "*", namespace=team.own),
        Says("no"),
        more,
        "can-i",
        "attack",
    )
    yield from team.elsewhere("a Role holds in its own namespace alone.", "attack")


def _binding(team: _Team) -> dict[str, Any]:
    """A RoleBinding with which the account would make itself the administrator of its namespace."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": PROBE, "namespace": team.own},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "ServiceAccount", "name": team.account, "namespace": team.own}],
    }
