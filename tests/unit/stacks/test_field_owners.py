"""Whose values of a set an update takes away: those of others become the lab's own first."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stacks import cluster_facts, field_owners
from stacks.errors import CannotAsk
from stacks.field_owners import as_the_labs
from stacks.stack import Stack, load
from tests.unit.stacks.test_traces import ADMISSION, Cluster

PATH = f"{ADMISSION}/validatingadmissionpolicybindings/owasp-k02-images"
WARN, DENY, AUDIT = ({"f:spec": {"f:validationActions": {f'v:"{name}"': {}}}} for name in ("Warn", "Deny", "Audit"))
LAB = {"manager": "pulumi-kubernetes-bcea47ec", "operation": "Apply", "fieldsV1": WARN}
K9S = {"manager": "k9s", "operation": "Update", "fieldsV1": DENY}
BESIDE = {"manager": "argocd", "operation": "Apply", "fieldsV1": AUDIT}
STATUS = {
    "manager": "kube-controller-manager",
    "operation": "Update",
    "subresource": "status",
    "fieldsV1": {"f:status": {}},
}
STACK: Stack = load("rehearsal")


def test_what_others_own_becomes_the_labs():
    owned, *rest = as_the_labs([K9S, LAB, STATUS, BESIDE])
    assert owned["fieldsV1"]["f:spec"]["f:validationActions"] == {'v:"Warn"': {}, 'v:"Deny"': {}, 'v:"Audit"': {}}
    assert {**owned, "fieldsV1": WARN} == LAB
    assert rest == [STATUS]


@pytest.mark.parametrize("entries", [[], [LAB], [LAB, STATUS], [K9S], [{**LAB, "operation": "Update"}, K9S]])
def test_what_is_nobody_elses_or_not_the_labs_is_left_alone(entries: list[dict[str, Any]]):
    assert as_the_labs(entries) == []


class Binding(Cluster):
    """A cluster with the binding, which keeps what it is patched with."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        super().__init__()
        collection, _, name = PATH.rpartition("/")
        self.add(collection, name, managedFields=list(entries), resourceVersion="7")
        self.patched: list[tuple[str, Any]] = []

    def ask(self, method: str, path: str, body: Any) -> dict[str, Any]:
        if method == "PATCH":
            self.patched.append((path, body))
            return {}
        return super().ask(method, path, body)


def standing(monkeypatch: pytest.MonkeyPatch, cluster: Binding) -> Binding:
    @contextmanager
    def outputs_of(_stack: Stack) -> Generator[tuple[dict[str, Any], Path]]:
        yield {}, Path()

    monkeypatch.setattr(field_owners, "outputs_of", outputs_of)
    monkeypatch.setattr(cluster_facts, "reached", lambda _outputs: cluster.ask)
    return cluster


def test_the_policies_of_the_exercises_that_move_are_looked_at(monkeypatch: pytest.MonkeyPatch):
    cluster = standing(monkeypatch, Binding(LAB, K9S))
    field_owners.take_over(STACK, ["k02"])
    ((path, change),) = cluster.patched
    assert path == PATH
    assert change == {"metadata": {"managedFields": as_the_labs([LAB, K9S]), "resourceVersion": "7"}}


def test_others_are_not_asked_about(monkeypatch: pytest.MonkeyPatch):
    cluster = standing(monkeypatch, Binding(LAB, K9S))
    field_owners.take_over(STACK, ["k03", "rbac"])
    assert cluster.asked == []
    field_owners.take_over(STACK, ["k04"])
    assert cluster.patched == []


def test_a_lab_that_is_not_up_has_nothing_to_take_over(monkeypatch: pytest.MonkeyPatch):
    def gone(_stack: Stack) -> None:
        raise CannotAsk("no lab")

    monkeypatch.setattr(field_owners, "outputs_of", gone)
    field_owners.take_over(STACK, ["k02"])
