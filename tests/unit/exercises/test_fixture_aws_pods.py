"""Exercises IRSA and Pod Identity: the four pods, and the role that each of two gets."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pulumi
import pytest

from components.irsa_role import OidcProvider
from components.policies import Scope
from exercises.irsa.component import IrsaExercise, IrsaExerciseArgs
from exercises.pod_identity import component
from exercises.pod_identity.checks import STRANGER
from exercises.shared import await_injected_role
from exercises.shared.await_injected_role import Variables
from exercises.shared.pods import LAST_APPLIED
from infra import versions
from tests.unit.conftest import stack
from tests.unit.mocks import ACCOUNT, ISSUER_HOST, REGION, Graph, run

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
SLEEP = {"command": ["sleep", "36000"]}


@pytest.fixture(scope="module")
def irsa() -> Graph:
    return stack({"exercises": {"irsa": True}})


@pytest.fixture(scope="module")
def irsa_alone() -> Graph:
    def program() -> None:
        IrsaExercise(
            "irsa",
            IrsaExerciseArgs(
                image="x",
                oidc_provider=OidcProvider(f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER_HOST}", ISSUER_HOST),
                scope=Scope("aws", REGION, ACCOUNT),
                kubeconfig=pulumi.Output.from_input("a kubeconfig"),
            ),
        )

    return run(program)


@pytest.fixture(scope="module")
def pod_identity() -> Graph:
    return stack({"exercises": {"podIdentity": True}})


def _spec(container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "containers": [{"name": "my-aws-cli", "image": versions.AWS_CLI_IMAGE, **container}],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        **spec,
    }


def _unapplied(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata without what is left for `kubectl apply`."""
    kept = {key: value for key, value in metadata["annotations"].items() if key != LAST_APPLIED}
    return {**metadata, "annotations": kept}


NOTE: dict[int, dict[str, Any]] = {
    1: {"containers": [{"args": ["s3", "ls"]}], "automountServiceAccountToken": False},
    2: {"containers": [{"command": ["sleep", "36000"]}]},
    3: {"containers": [{"command": ["sleep", "36000"]}], "serviceAccountName": "my-sa"},
}
"""What differs between the pods of the study note ("EKS IRSA & Pod indentify", exercises 1 to 3)."""


@pytest.mark.parametrize("number", NOTE)
def test_the_pods_are_the_note_s_to_kubectl_apply(irsa: Graph, number: int) -> None:
    """The annotation is what kubectl would have left, so that it finds nothing to change."""
    of = NOTE[number]
    container = {**of["containers"][0], "image": "amazon/aws-cli:latest", "name": "my-aws-cli"}
    spec = {**of, "containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"annotations": {}, "name": f"eks-iam-test{number}", "namespace": "default"},
        "spec": spec,
    }
    inputs = irsa.named(f"irsa-test{number}").inputs
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n"
    assert inputs["metadata"]["annotations"][LAST_APPLIED] == text
    assert inputs["spec"] == spec


def test_the_account_stands_without_the_pods(default: Graph) -> None:
    added = _added(stack({"exercises": {"irsa": "account"}}), default)
    assert added == {"irsa-sa-role", "irsa-sa-s3", "irsa-account"}


def _added(graph: Graph, default: Graph) -> set[str]:
    known = {node.urn for node in default.nodes}
    return {node.name for node in graph.nodes if node.urn not in known and node.custom}


def test_off_makes_nothing_and_each_exercise_its_own(default: Graph, irsa: Graph, pod_identity: Graph) -> None:
    assert not [node.name for node in default.nodes if node.name.startswith(("irsa", "pod-identity"))]
    assert _added(irsa, default) == {
        *("irsa-sa-role", "irsa-sa-s3", "irsa-account"),
        *(f"irsa-test{number}" for number in (1, 2, 3)),
    }
    assert _added(pod_identity, default) == {
        *("pod-identity-sa-role", "pod-identity-sa-s3", "pod-identity-sa-association"),
        *("pod-identity-account", "pod-identity-test4"),
    }


def test_the_first_pod_has_no_token_and_ends(irsa: Graph) -> None:
    inputs = irsa.named("irsa-test1").inputs
    assert _unapplied(inputs["metadata"]) == {
        "name": "eks-iam-test1",
        "namespace": "default",
        "annotations": {
            "pulumi.com/skipAwait": "true",
            "pulumi.com/deletionPropagationPolicy": "background",
        },
    }
    assert inputs["spec"] == _spec({"args": ["s3", "ls"]}, automountServiceAccountToken=False)


def test_the_second_pod_is_the_default_account(irsa: Graph) -> None:
    inputs = irsa.named("irsa-test2").inputs
    assert _unapplied(inputs["metadata"]) == {"name": "eks-iam-test2", "namespace": "default", "annotations": {}}
    assert inputs["spec"] == _spec(SLEEP)


def test_the_third_pod_is_the_annotated_account(irsa: Graph) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/irsa-sa-role"
    assert irsa.named("irsa-account").inputs["metadata"] == {
        "name": "my-sa",
        "namespace": "default",
        "annotations": {"eks.amazonaws.com/role-arn": role},
    }
    pod = irsa.named("irsa-test3")
    assert _unapplied(pod.inputs["metadata"]) == {"name": "eks-iam-test3", "namespace": "default", "annotations": {}}
    assert pod.inputs["spec"] == _spec(SLEEP, serviceAccountName="my-sa")


def test_a_pod_is_made_anew_with_its_role(irsa: Graph) -> None:
    """The webhook writes the role's ARN into a pod at its creation and never again."""
    pod = irsa.named("irsa-test3")
    assert pod.options["replacementTrigger"] == f"arn:aws:iam::{ACCOUNT}:role/irsa-sa-role"
    assert pod.options["deleteBeforeReplace"] is True


def test_the_fourth_pods_account_has_no_annotation(pod_identity: Graph) -> None:
    account = pod_identity.named("pod-identity-account").inputs["metadata"]
    assert account == {"name": "pod-identity-sa", "namespace": "default"}
    pod = pod_identity.named("pod-identity-test4")
    assert _unapplied(pod.inputs["metadata"]) == {"name": "eks-iam-test4", "namespace": "default", "annotations": {}}
    assert pod.inputs["spec"] == _spec(SLEEP, serviceAccountName="pod-identity-sa")


def test_the_association_is_for_that_account_alone(pod_identity: Graph) -> None:
    association = pod_identity.named("pod-identity-sa-association").inputs
    assert association["clusterName"] == "myeks"
    assert (association["namespace"], association["serviceAccount"]) == ("default", "pod-identity-sa")
    assert association["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/pod-identity-sa-role"
    assert ISSUER_HOST not in pod_identity.named("pod-identity-sa-role").inputs["assumeRolePolicy"]


def test_the_role_that_is_too_wide_is_handed_out_twice_and_trusts_every_association(default: Graph) -> None:
    graph = stack({"exercises": {"podIdentity": "wide"}})
    on = _added(stack({"exercises": {"podIdentity": "on"}}), default)
    assert _added(graph, default) == on | {"pod-identity-stranger"}
    made = graph.named("pod-identity-stranger").inputs
    assert (made["namespace"], made["serviceAccount"]) == STRANGER == component.STRANGER
    (statement,) = json.loads(graph.named("pod-identity-sa-role").inputs["assumeRolePolicy"])["Statement"]
    assert "Condition" not in statement
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}


@pytest.mark.parametrize("exercise", ["irsa", "pod-identity"])
def test_a_role_may_read_s3_and_nothing_else(full: Graph, exercise: str) -> None:
    role = full.named(f"{exercise}-sa-role")
    attached = [node for node in full.of(":RolePolicyAttachment") if node.inputs["role"] == role.name]
    assert [node.inputs["policyArn"] for node in attached] == [READ_ONLY]
    assert not {"inlinePolicies", "managedPolicyArns"} & role.inputs.keys()


def _waits(graph: Graph, pod: str, hook: str) -> bool:
    """Whether the pod's creation waits, in no preview, and a failed wait only warns."""
    options = graph.hooks[hook].opts
    assert options is not None
    assert (options.on_dry_run, options.ignore_errors) == (False, True)
    return graph.named(pod).options["beforeCreate"] == [hook]


def test_the_fourth_pod_waits_until_the_webhook_gives_it_its_role(pod_identity: Graph) -> None:
    assert _waits(pod_identity, "pod-identity-test4", "pod-identity-role-injected")


def test_the_third_pod_waits_until_the_webhook_gives_it_its_role(irsa_alone: Graph) -> None:
    assert _waits(irsa_alone, "irsa-test3", "irsa-role-injected")
    assert [irsa_alone.named(f"irsa-test{number}").options["beforeCreate"] for number in (1, 2)] == [[], []]


def test_the_role_that_the_third_pod_waits_for_is_its_own(irsa_alone: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Variables]] = []

    def until(_manifest: object, variables: Variables, kubeconfig: str) -> None:
        asked.append((kubeconfig, variables))

    monkeypatch.setattr(await_injected_role, "_dry_runs", str)
    monkeypatch.setattr(await_injected_role, "until_injected", until)
    waited = irsa_alone.hooks["irsa-role-injected"].callback(pulumi.ResourceHookArgs("", "", "", ""))
    assert waited is not None
    asyncio.run(_done(waited))
    variables = {"AWS_WEB_IDENTITY_TOKEN_FILE": None, "AWS_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/irsa-sa-role"}
    assert asked == [("a kubeconfig", variables)]


async def _done(waited: Awaitable[None]) -> None:
    await waited


def test_every_pod_gives_up_its_name_before_another_takes_it(full: Graph) -> None:
    pods = full.of("core/v1:Pod")
    assert len(pods) == 6
    assert all(pod.options["deleteBeforeReplace"] for pod in pods)


def test_nothing_waits_for_a_pod(full: Graph) -> None:
    pods = {pod.urn for pod in full.of("core/v1:Pod")}
    for node in full.nodes:
        if node.urn not in pods:
            assert not pods & full.closure(node), node.name
