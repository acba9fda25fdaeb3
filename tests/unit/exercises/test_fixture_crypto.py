"""Exercise crypto: what the stack makes of it, and that the lab's own answers come from the real objects."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi
import pytest

from exercises.crypto import component, solutions
from exercises.crypto.authorities import offered
from exercises.crypto.names import (
    ACCOUNT,
    ANSWERS,
    CERTIFICATES,
    DISABLED_KEY_ID,
    ENVELOPE,
    KEY_ID,
    MALLORY,
    NAMESPACE,
    PARTS,
)
from exercises.crypto.puzzle import Puzzle
from stacks.traces import is_changed
from tests.unit.conftest import stack
from tests.unit.mocks import AUTHORITY, ISSUER_HOST, REGION, Graph

HOOK = "crypto-hand-in"


@pytest.fixture(scope="module")
def standing() -> dict[str, Graph]:
    return {stage: stack({"exercises": {"crypto": stage}}) for stage in ("open", "closed")}


def maps(graph: Graph) -> dict[str, Mapping[str, str] | None]:
    found = [each.inputs for each in graph.of("core/v1:ConfigMap")]
    return {each["metadata"]["name"]: each.get("data") for each in found if each["metadata"]["namespace"] == NAMESPACE}


@pytest.mark.parametrize("stage", ["open", "closed"])
def test_the_puzzles_are_those_of_this_cluster(standing: dict[str, Graph], stage: str):
    puzzle = Puzzle(f"https://{ISSUER_HOST}", "myeks", REGION)
    assert maps(standing[stage]) == {
        **puzzle.config_maps,
        CERTIFICATES: offered(puzzle.issuer, base64.b64decode(AUTHORITY).decode()),
        ENVELOPE: {
            KEY_ID: "crypto-key-key",
            DISABLED_KEY_ID: "crypto-disabled-key-key",
            "context": f"lab={puzzle.context}",
            "text": puzzle.text,
        },
        ANSWERS: None if stage == "closed" else dict.fromkeys(PARTS, ""),
    }


def test_one_of_the_two_keys_is_disabled(standing: dict[str, Graph]):
    keys = {each.name: each.inputs for each in standing["open"].of("kms/key:Key") if each.name.startswith("crypto")}
    assert {name: inputs["isEnabled"] for name, inputs in keys.items()} == {
        "crypto-key": True,
        "crypto-disabled-key": False,
    }
    assert {inputs["deletionWindowInDays"] for inputs in keys.values()} == {7}


def test_there_are_two_accounts_of_which_one_has_a_role(standing: dict[str, Graph]):
    accounts = {
        each.inputs["metadata"]["name"]: each.inputs["metadata"]
        for each in standing["open"].of("core/v1:ServiceAccount")
        if each.inputs["metadata"].get("namespace") == NAMESPACE
    }
    assert set(accounts) == {ACCOUNT, MALLORY}
    assert "eks.amazonaws.com/role-arn" in accounts[ACCOUNT]["annotations"]
    assert "eks.amazonaws.com/role-arn" not in accounts[MALLORY]["annotations"]


def test_only_the_lab_s_own_answer_is_handed_in(standing: dict[str, Graph]):
    assert HOOK not in standing["open"].hooks
    options = standing["closed"].named(f"crypto-{ANSWERS}").options
    assert (options["afterCreate"], options["afterUpdate"]) == ([HOOK], [HOOK])


def test_each_stage_has_a_configmap_for_answers_of_its_own(standing: dict[str, Graph]):
    triggers = {
        stage: graph.named(f"crypto-{ANSWERS}").options["replacementTrigger"] for stage, graph in standing.items()
    }
    assert triggers["open"] != triggers["closed"]


def test_the_hook_asks_the_lab_that_the_program_made(monkeypatch: pytest.MonkeyPatch, standing: dict[str, Graph]):
    asked: list[Any] = []

    @contextmanager
    def reached(outputs: Mapping[str, Any]) -> Generator[str]:
        asked.append(outputs)
        yield "the lab"

    monkeypatch.setattr(component, "reached", reached)
    refusals = iter([solutions.Unsolved("KMS does not know the key yet.")])

    def hand_in(here: str, manager: str) -> None:
        """KMS has to hear of its key first."""
        assert not is_changed({"metadata": {"managedFields": [{"manager": manager}]}})
        for refusal in refusals:
            raise refusal
        asked.append(here)

    monkeypatch.setattr(solutions, "hand_in", hand_in)
    monkeypatch.setattr(component, "PAUSE_SECONDS", 0.0)
    waited = standing["closed"].hooks[HOOK].callback(pulumi.ResourceHookArgs("", "", "", ""))
    assert waited is not None
    asyncio.run(_done(waited))
    outputs, here = asked
    assert here == "the lab"
    assert (outputs["clusterName"], outputs["region"]) == ("myeks", REGION)
    assert outputs["oidcIssuer"] == f"https://{ISSUER_HOST}"


async def _done(waited: Any) -> None:
    await waited
