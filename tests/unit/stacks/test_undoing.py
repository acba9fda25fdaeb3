"""What was done by hand to an exercise's own objects, from what the lab asked for and what the API server has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from exercises.crypto.component import MANAGER
from stacks.cluster_facts import NotThere
from stacks.cluster_objects import Objects
from stacks.exercise_state import Held
from stacks.undoing import changed

MAPS = "/api/v1/namespaces/owasp-crypto/configmaps"
KINDS = {"name": "configmaps", "kind": "ConfigMap", "namespaced": True, "verbs": ["list", "delete"]}
DATA = {"orders": "replicas: 3", "users": "replicas: 5"}
LAB = "pulumi-kubernetes-1a2b3c4d"


def said(asked: Mapping[str, str] | None, stands: Mapping[str, str] | None, *managers: str) -> list[str]:
    """What is said of a ConfigMap: the data that the lab asked for, those that stand, and who manages fields of it."""
    meta = {"name": "files", "namespace": "owasp-crypto"}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, **({"data": asked} if asked else {})}
    live = {**manifest, "metadata": {**meta, "managedFields": [{"manager": each} for each in managers]}}
    if stands:
        live["data"] = stands
    else:
        live.pop("data", None)
    answers: dict[str, Any] = {"/apis": {}, "/api/v1": {"resources": [KINDS]}}
    if managers:
        answers[f"{MAPS}/files"] = live

    def ask(method: str, path: str, body: Any) -> dict[str, Any]:
        if method == "POST":
            return body
        if path not in answers:
            raise NotThere(path)
        return answers[path]

    state = {"type": "kubernetes:core/v1:ConfigMap", "custom": True, "inputs": manifest}
    return list(changed(Objects(ask), Held((state,), ())))


def test_what_is_as_the_lab_made_it_is_not_told():
    assert said(DATA, DATA, LAB) == []


def test_what_a_hook_of_the_labs_own_has_written_is_not_by_hand():
    assert said(None, DATA, LAB, MANAGER) == []


@pytest.mark.parametrize(
    ("asked", "stands", "managers"),
    [
        (DATA, {**DATA, "orders": "replicas: 4"}, (LAB, "kubectl-patch")),
        (DATA, {**DATA, "more": "yes"}, (LAB, "kubectl-patch")),
        (None, DATA, (LAB, MANAGER, "kubectl-patch")),
        # What was taken away has no manager any more.
        (DATA, {"orders": "replicas: 3"}, (LAB,)),
        (DATA, None, (LAB,)),
    ],
)
def test_what_was_changed_by_hand_is_told(
    asked: Mapping[str, str] | None, stands: Mapping[str, str] | None, managers: tuple[str, ...]
):
    assert said(asked, stands, *managers) == ["ConfigMap owasp-crypto/files was changed"]


def test_what_was_deleted_is_told():
    assert said(DATA, DATA) == ["ConfigMap owasp-crypto/files is gone"]
